// Has a broker taken over its new configuration? Asked of what it does: a client sends itself a message that the rules deny to it.
import { bytes, Client } from './client.ts'
import type { MayJob } from './jobs.ts'
import { pause } from './wait.ts'

const TRY_MS_MAX = 10_000
const EVERY_MS = 20
const PUBLISH = Buffer.concat([Buffer.from([0x30, 6, 0, 4]), Buffer.from('self')])
const PINGREQ = Buffer.from([0xc0, 0])

/** Knows a message from the answers. */
class Self extends Client {
  received = 0
  onPong: (() => void) | null = null

  /** Does the message come back before the answer to the ping behind it? */
  async may(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.onPong = resolve
    this.onClose = resolve
    const packets = Buffer.concat([PUBLISH, PINGREQ])
    this.write(packets, 0, packets.length)
    await promise
    return this.received > 0
  }

  protected packets(start: number, end: number): number {
    let at = start
    while (end - at >= 2 && at + 2 + bytes[at + 1]! <= end) {
      const next = at + 2 + bytes[at + 1]!
      const type = bytes[at]! >> 4
      if (type === 3) this.received++
      else if (type === 13) this.onPong?.()
      else this.control(at, next)
      at = next
    }
    return at
  }
}

/** True when it came to be as expected. */
export async function untilItMay({ port, expected }: MayJob): Promise<boolean> {
  const from = performance.now()
  while ((await mayNow(port)) !== expected) {
    if (performance.now() - from > TRY_MS_MAX) return false
    await pause(EVERY_MS)
  }
  return true
}

/** A connection for each try: where rules come into force, a broker may end one that has what it may not have any more. */
async function mayNow(port: number): Promise<boolean> {
  const self = await Client.open((socket) => new Self(socket), { port, clientId: 'self', clean: true })
  try {
    await self.subscribe('self', 0)
    return await self.may()
  } catch {
    return false // not even the subscription
  } finally {
    await self.end()
  }
}
