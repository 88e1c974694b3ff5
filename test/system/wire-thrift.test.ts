// What an uplink costs on the wire, in counted packets between two network namespaces, against a real Mosquitto: reconnects with and without a
// kept session, a link that says nothing, subscriptions that are there already.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { afterEach, describe, expect, test } from 'vitest'
import { Bed } from '../bench/link/bed.ts'
import { Wire } from '../bench/link/wire.ts'
import { Mosquitto } from '../support/mosquitto.ts'
import { MqttClients } from '../support/mqtt-clients.ts'
import { type GatewayProcess, Site } from '../support/process.ts'
import { until } from '../support/until.ts'

const missing = Wire.missing()
const why = missing === null ? '' : ` (not run: ${missing})`

/** PINGREQ and PINGRESP in TLS 1.3, and the acknowledgement of the second; IPv4 with time stamps. */
const PING_BYTES = 76 + 76 + 52
/** A probe of TCP's and its answer. */
const PROBE_BYTES = 52 + 52
/** Longer than any delayed acknowledgement, shorter than any Keep Alive here. */
const QUIET_MS = 700
/** For a server whose tickets are numbers in its own memory instead of everything it has to know, encrypted: they are shorter by 160 bytes. */
const SHORT_TICKETS = ['openssl_conf = all', '[all]', 'ssl_conf = ssl', '[ssl]', 'system_default = every', '[every]', 'Options = -SessionTicket', ''].join('\n')

const beds: AsyncDisposable[] = []

afterEach(async () => {
  for (const bed of beds.splice(0).toReversed()) await bed[Symbol.asyncDispose]()
})

interface Started {
  readonly bed: Bed
  readonly gateway: GatewayProcess
}

async function start(keys: { readonly tls?: object; readonly [key: string]: unknown } = {}, shortTickets = false): Promise<Started> {
  const bed = await Bed.make({ rttMs: 100 })
  beds.push(bed)
  if (shortTickets) {
    const file = join(bed.folder, 'openssl.cnf')
    await writeFile(file, SHORT_TICKETS)
    await bed.cloud.stop()
    process.env.OPENSSL_CONF = file
    await bed.cloud.start().finally(() => delete process.env.OPENSSL_CONF)
  }
  const uplink = bed.uplink as { readonly tls: object }
  const { gateway } = await bed.startGateway({ uplinks: [{ ...uplink, routes: [{ out: 'a/#' }], backoff: { min: '100ms', max: '200ms' }, ...keys, tls: { ...uplink.tls, ...keys.tls } }] })
  await isUp(gateway, 1)
  return { bed, gateway }
}

async function isUp(gateway: GatewayProcess, times: number): Promise<void> {
  await until(() => gateway.log.filter((line) => line.msg === 'uplink is up').length >= times, 'the uplink to be up', 10_000)
}

/** Until nothing has moved for a while: what was sent last is acknowledged. */
async function settled(bed: Bed): Promise<void> {
  let before = -1
  let sinceMs = 0
  await until(async () => {
    const { up, down } = await bed.bytes()
    if (up + down !== before) sinceMs = performance.now()
    before = up + down
    return performance.now() - sinceMs > QUIET_MS
  }, 'the wire to be silent', 10_000)
}

/** Bytes of each connection until it was up and silent: the first, and those after the remote has closed it for another client of that name. */
async function reconnects({ bed, gateway }: Started, times: number): Promise<number[]> {
  const costs: number[] = []
  for (let n = 1; n <= times + 1; n++) {
    await isUp(gateway, n)
    await settled(bed)
    const { up, down } = (await bed.bytes()).connections!.at(-1)!
    costs.push(up + down)
    if (n > times) break
    const other = await connectAsync(bed.cloud.url, { clientId: 'g', clean: false, protocolVersion: 5, reconnectPeriod: 0, properties: { sessionExpiryInterval: 1000 } })
    other.on('error', () => {})
    await isUp(gateway, n + 1)
    await other.endAsync(true)
  }
  return costs
}

describe.skipIf(missing !== null)(`on the wire${why}`, () => {
  test('a reconnect with TLS 1.3, a kept session, CONNECT and CONNACK: no more than 1,500 bytes, from a server with short tickets', { timeout: 60_000 }, async () => {
    const [full, ...resumed] = await reconnects(await start({}, true), 3)
    expect(Math.max(...resumed)).toBeLessThanOrEqual(1500)
    expect(full).toBeGreaterThan(1.5 * Math.max(...resumed))
  })

  test('with TLS 1.2: no more than 1,500 bytes, from any server', { timeout: 60_000 }, async () => {
    const [full, ...resumed] = await reconnects(await start({ tls: { maxVersion: 'TLSv1.2' } }), 3)
    expect(Math.max(...resumed)).toBeLessThanOrEqual(1500)
    expect(full).toBeGreaterThan(1.5 * Math.max(...resumed))
  })

  test('with TLS 1.3 and the tickets that servers have by themselves: no more than 1,800, half of what it takes where nothing is saved', { timeout: 90_000 }, async () => {
    const [, ...resumed] = await reconnects(await start(), 2)
    expect(Math.max(...resumed)).toBeLessThanOrEqual(1800)
    const [, ...unmetered] = await reconnects(await start({ metered: false }), 2)
    expect(Math.max(...resumed)).toBeLessThan(0.6 * Math.min(...unmetered))
  })

  test('a fixed Keep Alive costs 204 bytes each time', { timeout: 60_000 }, async () => {
    const { bed } = await start({ keepAlive: '5s' })
    await settled(bed)
    const before = await bed.bytes()
    const spent = async (): Promise<number> => {
      const { up, down } = await bed.bytes()
      return up + down - before.up - before.down
    }
    await until(async () => (await spent()) >= 3 * PING_BYTES, 'three pings', 20_000)
    await settled(bed)
    expect((await spent()) % PING_BYTES).toBe(0)
  })

  test('an adaptive one is half of that: the system probes, and nothing of MQTT is said', { timeout: 60_000 }, async () => {
    const { bed } = await start({ keepAlive: { min: '5s', max: '60s' } })
    await settled(bed)
    const before = await bed.bytes()
    const spent = async (): Promise<number> => {
      const { up, down } = await bed.bytes()
      return up + down - before.up - before.down
    }
    await until(async () => (await spent()) >= PROBE_BYTES, 'a probe', 20_000)
    expect(await spent()).toBe(PROBE_BYTES)
  })
})

describe('subscriptions', () => {
  test('are made once in a session: not again by a reconnect or a restart, but by a change', { timeout: 60_000 }, async () => {
    await using clients = new MqttClients()
    const { kept, connect: client, listen } = clients
    const cloud = kept(await Mosquitto.start())
    const site = kept(await Site.make())
    const configure = (routes: readonly object[]): Promise<void> =>
      site.configure({ uplinks: [{ name: 'cloud', url: cloud.url, clientId: 'gateway', backoff: { min: '100ms', max: '200ms' }, routes: [{ out: 'up/#' }, ...routes] }] })
    const said = (packet: string): number => cloud.log.split(`Received ${packet} from gateway`).length - 1
    const ups = (): number => site.gateway.log.filter((line) => line.msg === 'uplink is up').length
    const isUpAgain = async (): Promise<void> => {
      const before = ups()
      const other = await client(cloud.url, { clientId: 'gateway', clean: false, properties: { sessionExpiryInterval: 1000 } })
      await until(() => ups() > before, 'the uplink to be up again', 10_000)
      await other.endAsync(true)
    }
    const carries = async (topic: string, payload: string): Promise<void> => {
      const here = await listen(site.url, topic)
      const operator = await client(cloud.url)
      await operator.publishAsync(topic, payload, { qos: 1 })
      await until(() => here.some((g) => g.payload === payload), `${payload} by ${topic}`)
    }

    await configure([{ in: 'a/#' }, { in: 'b' }])
    await site.start()
    await until(() => said('SUBSCRIBE') === 1, 'the subscription')
    await carries('a/x', 'first')
    await isUpAgain()
    await carries('b', 'after a reconnect')
    await site.gateway.stop()
    await site.start()
    await carries('a/x', 'after a restart')
    expect(said('SUBSCRIBE')).toBe(1)

    await site.gateway.stop()
    await configure([{ in: 'b' }, { in: 'c/#' }])
    await site.start()
    await until(() => said('UNSUBSCRIBE') === 1, 'what is not wanted to be given back')
    expect(said('SUBSCRIBE')).toBe(2)
    await carries('c/x', 'after a change')
    await carries('b', 'still there')

    await cloud.stop('SIGKILL') // the session is gone with what was not written
    await cloud.start()
    await until(() => said('SUBSCRIBE') === 3, 'everything to be asked for again', 10_000)
    await carries('c/x', 'in a new session')
  })
})
