// The satellite modem at a real serial port: the real driver, a pseudo terminal, and at its other end the simulated modem. Time is the test's:
// it goes on when nothing moves on the line.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type OpenPort, type SerialPorts, serialPorts } from '../../src/serial-port.ts'
import { Pty } from '../support/pty.ts'
import { SbdBed } from '../support/sbd-bed.ts'
import { randomFrom } from '../support/sbd-disturbance.ts'
import { until } from '../support/until.ts'

/** The line counts as quiet when nothing has moved on it for so long, in real time. */
const QUIET_MS = 60

let pty: Pty
let bed: SbdBed
/** What this process holds open: a killed one lets go of it. */
let open: OpenPort[]
let moved: number

const ports: SerialPorts = {
  ...serialPorts,
  async open(settings, events) {
    const port = await serialPorts.open(settings, events)
    open.push(port)
    return port
  },
}

beforeEach(async () => {
  pty = await Pty.make()
  await pty.plug()
  open = []
  moved = 0
  bed = new SbdBed({ path: pty.path }, { sessionMs: 1000 })
  bed.ports = ports
  // One after the other: writes that overlap may change places.
  let written = Promise.resolve()
  bed.modem.connect((bytes) => {
    moved++
    written = written.then(() => pty.write(bytes)).catch(() => {}) // unplugged
  })
  pty.onData((bytes) => {
    moved++
    bed.modem.receive(bytes)
  })
})

afterEach(async () => {
  await Promise.all(open.map((port) => port.close()))
  await pty.remove()
})

/** Lets time go on while the line is quiet, until it is so; `again`: a carrier that has ended is followed by the next one. */
async function reach(condition: () => boolean, what: string, again = false): Promise<void> {
  const deadlineMs = performance.now() + 50_000
  let ends = bed.ends.length
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`${what} does not come: ${bed.link?.phase}, ${bed.ends.at(-1)}`)
    if (again && bed.ends.length > ends) {
      ends = bed.ends.length
      await bed.link!.closed
      bed.dial()
    }
    // At rest nothing is on its way; a modem that is busy waits for time; otherwise the other end may only be slow.
    const waits = bed.modem.isBusy || bed.link?.phase === 'resting'
    const before = moved
    const isQuiet = await until(() => moved !== before || condition(), '', waits ? 1 : QUIET_MS).then(() => false, () => true)
    if (isQuiet) bed.clock.advance(waits ? 1000 : 10_000)
  }
}

async function crash(): Promise<void> {
  await Promise.all(open.map((port) => port.close()))
  open = []
  bed.crash()
}

const frames = (count: number): string[] => Array.from({ length: count }, (_, i) => `frame ${i} `.padEnd(20 + ((i * 53) % 320), '.'))

test('frames go up in order, over failing sessions, and messages come down once', { timeout: 60_000 }, async () => {
  const random = randomFrom(20_261_121)
  bed.random = random
  bed.modem.nextFault = () => (random() < 0.3 ? [{ status: 18 }, { status: 13, arrived: true }, { status: null }][Math.floor(random() * 3)]! : null)
  bed.queue.push(...frames(20))
  bed.ground.queue.push(...Array.from({ length: 8 }, (_, i) => Buffer.from(`down ${i}`)))
  bed.dial()
  await reach(() => bed.queue.settled === 20 && bed.inbox.length === 8, 'the last message')
  expect(bed.arrivedOnce).toEqual(frames(20))
  expect(bed.inbox.map(String)).toEqual(Array.from({ length: 8 }, (_, i) => `down ${i}`))
  expect(bed.modem.sessions).toBeGreaterThan(21)
  expect(bed.queue.faults).toEqual([])
})

test('every byte passes the line as it is, both ways', async () => {
  const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
  bed.queue.push(all)
  bed.ground.queue.push(all)
  bed.dial()
  await reach(() => bed.inbox.length === 1, 'the message down')
  expect([bed.ground.arrived[0]!.bytes, bed.inbox[0]]).toEqual([all, all])
})

test('processes that are killed lose nothing', { timeout: 60_000 }, async () => {
  const all = frames(24)
  bed.queue.push(...all.slice(0, 12))
  bed.ground.queue.push(...Array.from({ length: 4 }, (_, i) => Buffer.from(`down ${i}`)))
  bed.dial()
  for (const [i, phase] of (['calling', 'writing', 'asking', 'calling'] as const).entries()) {
    // A short phase may be over before it is seen: there is always something to send after it.
    bed.queue.push(...all.slice(12 + i * 3, 15 + i * 3))
    await reach(() => bed.link!.phase === phase, phase)
    await crash()
  }
  await reach(() => bed.queue.settled === 24 && bed.inbox.length === 4, 'the last message')
  expect(bed.arrivedOnce).toEqual(all)
  expect(bed.inbox.map(String)).toEqual(Array.from({ length: 4 }, (_, i) => `down ${i}`))
})

test.each(['SIGTERM', 'SIGKILL'] as const)('unplugged (%s) and plugged in again, it goes on', { timeout: 60_000 }, async (signal) => {
  bed.queue.push(...frames(3))
  bed.dial()
  await reach(() => bed.queue.settled === 1 && bed.link!.phase === 'calling', 'the second session')
  await pty.unplug(signal)
  await reach(() => bed.ends.length === 1, 'the end to be told')
  expect(bed.ends[0]).toContain(pty.path)
  const { closed } = bed.link!
  await closed
  await pty.plug()
  bed.dial()
  await reach(() => bed.queue.settled === 3, 'the rest', true)
  expect(bed.arrivedOnce).toEqual(frames(3))
})

test('a port that something else of the gateway holds is told, and tried again', async () => {
  const other = await serialPorts.open({ path: pty.path, baud: 19_200, dataBits: 8, parity: 'none', stopBits: 1 }, { data: () => {}, lost: () => {} })
  await bed.dial().closed
  expect(bed.ends[0]).toMatch(/^another part of this gateway has .* open: correct sbd\.port/)
  await other.close()
  bed.queue.push('frame')
  bed.dial()
  await reach(() => bed.queue.settled === 1, 'the frame')
})
