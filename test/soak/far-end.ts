// What stands behind the cloud's broker in a soak: where the messages come out again, for the ledger to read.
import type { Mosquitto } from '../support/mosquitto.ts'
import { Site } from '../support/process.ts'

export interface FarEnd extends AsyncDisposable {
  /** `routes` of the gateway's uplink, whose local topics are `load/#`. */
  readonly routes: readonly object[]
  /** Where the ledger subscribes, and to what. */
  readonly url: string
  readonly filter: string
  /** Kills it, and starts it again; null when there is nothing but the broker. */
  readonly restart: ((random: () => number) => Promise<void>) | null
}

const FRAMES = 'frames'

/** Messages travel as they are, at QoS 2 all the way. */
async function plain(cloud: Mosquitto): Promise<FarEnd> {
  return {
    routes: [{ out: 'load/#', as: 'far/#', qos: 2 }],
    url: cloud.url,
    filter: 'far/#',
    restart: null,
    async [Symbol.asyncDispose]() {},
  }
}

/** They travel in frames at QoS 1; a second gateway beside the broker takes them apart, and the ledger is its client. */
async function unpack(cloud: Mosquitto): Promise<FarEnd> {
  const site = await Site.make()
  await site.configure({
    broker: { maxSessionExpiry: 'never' },
    uplinks: [{ name: 'frames', url: cloud.url, clientId: 'unpacker', backoff: { min: '100ms', max: '500ms' }, routes: [{ in: FRAMES, qos: 1, unpack: true }] }],
  })
  await site.start()
  return {
    routes: [{ out: 'load/#', qos: 1, batch: { every: '2s', maxReadings: 300, topic: FRAMES } }],
    url: site.url,
    filter: 'load/#',
    async restart(random) {
      await site.gateway.kill()
      await new Promise((resolve) => setTimeout(resolve, random() ** 2 * 3000))
      await site.start()
    },
    [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
  }
}

export const FAR_ENDS = { plain, unpack } as const satisfies Readonly<Record<string, (cloud: Mosquitto) => Promise<FarEnd>>>

export type FarEndName = keyof typeof FAR_ENDS
