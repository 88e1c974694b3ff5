// What a carrier over a satellite modem survives, and how it ends: messages down that are kept late, pulled plugs, stops, killed processes, and all
// of that at random. Against the simulated modem at the end of a cable in this process, in virtual time.
import { describe, expect, test } from 'vitest'
import { STOP_MS } from '../../../../src/uplink/sbd/link.ts'
import type { SbdPhase } from '../../../../src/uplink/sbd/state.ts'
import { SbdBed } from '../../../support/sbd-bed.ts'
import { disturb, type Disturbance } from '../../../support/sbd-disturbance.ts'

const frames = (count: number): string[] => Array.from({ length: count }, (_, i) => `frame ${i}`.padEnd(40 + ((i * 37) % 300), '.'))

describe('a message down is kept before the modem lets go of it', () => {
  async function told(bed: SbdBed): Promise<SbdBed> {
    bed.keepsAtOnce = false
    await bed.resting()
    bed.ground.queue.push(Buffer.from('down'))
    bed.queue.push('up')
    await bed.until(() => bed.told.length === 1)
    return bed
  }

  test('until it is, nothing else is sent', async () => {
    const bed = await told(new SbdBed())
    bed.queue.push('next')
    await bed.pass(8_000_000)
    expect([bed.modem.sessions, bed.queue.settled, bed.modem.mt?.bytes.toString()]).toEqual([1, 1, 'down'])
    bed.keep()
    await bed.until(() => bed.queue.settled === 2, 10_000)
    expect(bed.inbox.map(String)).toEqual(['down'])
  })

  test('one that cannot be kept is told again after a minute, and nothing is sent meanwhile', async () => {
    const bed = await told(new SbdBed())
    bed.queue.push('next')
    bed.told[0]!.refused()
    bed.told[0]!.done()
    await bed.until(() => bed.told.length === 2, 61_000)
    expect([bed.modem.sessions, bed.modem.mt?.bytes.toString(), bed.inbox]).toEqual([1, 'down', []])
    bed.keep()
    await bed.until(() => bed.queue.settled === 2, 10_000)
    expect([bed.inbox.map(String), bed.record.messagesDown]).toEqual([['down'], 1])
  })

  test('the carrier ends meanwhile: the next one finds it and does not tell it twice', async () => {
    const bed = await told(new SbdBed())
    bed.cable.unplug()
    bed.cable.plug()
    bed.dial()
    await bed.until(() => bed.link!.phase === 'keeping')
    expect(bed.told).toHaveLength(1)
    bed.keep()
    await bed.until(() => bed.link!.phase === 'resting')
    expect([bed.inbox.map(String), bed.modem.mt, bed.record.messagesDown]).toEqual([['down'], null, 1])
  })

  test('kept after the carrier has ended: the next one only clears it', async () => {
    const bed = await told(new SbdBed())
    bed.cable.unplug()
    bed.keep()
    bed.cable.plug()
    await bed.resting()
    expect([bed.told.length, bed.modem.mt, bed.record.kept]).toEqual([1, null, null])
  })

  test('the process ends after it was durable and before the modem knew: told again, marked, with the same number', async () => {
    const bed = await told(new SbdBed())
    bed.keep(false)
    bed.keepsAtOnce = true
    bed.crash()
    await bed.until(() => bed.link!.phase === 'resting')
    expect(bed.told.map(({ message }) => [message.mayBeKept, message.mtmsn, message.imei])).toEqual([[false, 1, bed.modem.imei], [true, 1, bed.modem.imei]])
    expect(bed.inbox.map(String)).toEqual(['down'])
  })

  test('the process ends before it was durable: it is still there', async () => {
    const bed = await told(new SbdBed())
    bed.keepsAtOnce = true
    bed.crash()
    await bed.until(() => bed.link!.phase === 'resting')
    expect(bed.inbox.map(String)).toEqual(['down'])
  })

  test('a damaged one is read again', async () => {
    const bed = await new SbdBed().resting()
    bed.modem.damagedBlocks = 4
    bed.ground.queue.push(Buffer.from('down'))
    bed.queue.push('up')
    await bed.until(() => bed.inbox.length === 1)
    expect(bed.inbox.map(String)).toEqual(['down'])
  })

  test('a modem that loses it before it is read is the only way to lose one, and it is counted', async () => {
    const bed = await new SbdBed().resting()
    bed.ground.queue.push(Buffer.from('down'))
    bed.queue.push('up')
    await bed.reach('reading')
    bed.modem.powerCycle()
    await bed.until(() => bed.link!.phase === 'resting')
    expect([bed.inbox, bed.counters.droppedByModem, bed.queue.settled]).toEqual([[], 1, 1])
  })
})

describe('the port', () => {
  test('one that does not open: the end says why', async () => {
    const bed = new SbdBed()
    bed.cable.node = null
    await bed.dial().closed
    expect(bed.ends).toEqual(['no such file /dev/modem: plug the device in, or correct sbd.port; no USB serial device is plugged in (nothing in /dev/serial/by-id)'])
    bed.cable.node = 'a'
    bed.cable.refuse = new Error('Error: Permission denied, cannot open /dev/modem')
    await bed.dial().closed
    expect(bed.ends[1]).toContain('dialout')
    expect(bed.clock.pending).toBe(0)
  })

  test.each([['that is told', false], ['that nobody tells', true]])('unplugged in the middle of a session, in a way %s: the frame goes again', async (_, silently) => {
    const bed = await new SbdBed({}, { sessionMs: 10_000 }).resting()
    bed.queue.push('frame')
    await bed.reach('calling')
    bed.cable.unplug(silently)
    await bed.until(() => bed.ends.length === 1, 2000)
    expect(bed.ends[0]).toMatch(/^no device answers behind .*sbd\.port$/)
    expect([bed.queue.givenBack, bed.record.sessionsUnknown]).toEqual([1, 1])
    bed.cable.plug()
    bed.dial()
    await bed.until(() => bed.queue.settled === 1)
    expect(bed.arrivedOnce).toEqual(['frame'])
  })

  test('nobody answers at it: the end says so, after three minutes', async () => {
    const bed = new SbdBed()
    bed.modem.powerOff()
    bed.dial()
    await bed.until(() => bed.ends.length === 1)
    expect(bed.ends[0]).toContain('no modem answers at /dev/modem')
    expect(bed.clock.now()).toBeGreaterThan(180_000)
    expect([bed.accepted, bed.clock.pending]).toEqual([0, 0])
  })

  test('hardware flow control and the rate are those of the configuration', async () => {
    const bed = await new SbdBed({ hardwareFlow: true, baud: 9600 }).resting()
    expect(bed.cable.settings).toEqual({ path: '/dev/modem', baud: 9600, dataBits: 8, parity: 'none', stopBits: 1, rtscts: true })
    expect(bed.modem.heard).toContain('AT&K3')
  })
})

describe('stop', () => {
  test('ends at once when nothing is under way, and leaves nothing behind', async () => {
    const bed = await new SbdBed({ checkMs: 3_600_000 }).resting()
    expect(bed.link!.up).toBe(true)
    bed.link!.stop()
    bed.link!.stop()
    await bed.link!.closed
    expect([bed.ends, bed.clock.pending, bed.link!.up]).toEqual([['stopped'], 0, false])
  })

  test('before the port is open', async () => {
    const bed = new SbdBed()
    const link = bed.dial()
    link.stop()
    await link.closed
    expect([bed.ends, bed.clock.pending, bed.modem.heard]).toEqual([['stopped'], 0, []])
  })

  test('lets a session end, and nothing new begin', async () => {
    const bed = await new SbdBed({}, { sessionMs: 20_000 }).resting()
    bed.queue.push('one', 'two')
    await bed.reach('calling')
    bed.link!.stop()
    expect(bed.link!.up).toBe(false)
    await bed.until(() => bed.ends.length === 1, STOP_MS)
    expect([bed.ends, bed.queue.settled, bed.modem.sessions, bed.modem.mo]).toEqual([['stopped'], 1, 1, null])
  })

  test('does not wait for longer than its deadline: the frame goes again', async () => {
    const bed = await new SbdBed({}, { sessionMs: 60_000 }).resting()
    bed.queue.push('frame')
    await bed.reach('calling')
    bed.link!.stop()
    bed.clock.advance(STOP_MS)
    expect([bed.ends.length, bed.queue.givenBack]).toEqual([1, 1])
  })
})

describe('a process that is killed loses nothing', () => {
  const PHASES: readonly SbdPhase[] = ['syncing', 'setting', 'asking', 'measuring', 'writing', 'calling', 'reading', 'keeping', 'clearing']

  test.each(PHASES)('in the phase %s', async (phase) => {
    const bed = new SbdBed({}, { sessionMs: 5000, signalMs: 1000 })
    bed.queue.push(...frames(3))
    bed.ground.queue.push(Buffer.from('down 0'), Buffer.from('down 1'))
    bed.keepsAtOnce = phase !== 'keeping'
    bed.dial()
    await bed.reach(phase)
    bed.keepsAtOnce = true
    bed.crash()
    await bed.until(() => bed.queue.settled === 3 && bed.ground.queue.length === 0 && bed.link!.phase === 'resting')
    expect([bed.arrivedOnce, bed.inbox.map(String), bed.queue.faults]).toEqual([frames(3), ['down 0', 'down 1'], []])
  })
})

describe('everything at random', () => {
  const ALL: Disturbance = { sessions: 0.3, line: 0.004, crashes: 0.0005, plug: 0.0003, signal: 0.001, power: 0 }

  test.each([20_261_121, 2, 3, 4])('seed %s: every frame arrives, in order, and every message down, once', { timeout: 60_000 }, async (seed) => {
    const bed = new SbdBed({ checkMs: 3_600_000 }, { sessionMs: 8000 })
    const sent = frames(120)
    const down = Array.from({ length: 30 }, (_, i) => `down ${i}`)
    const disturbance = disturb(bed, seed, ALL, down)
    bed.queue.push(...sent)
    bed.dial()
    await bed.until(() => disturbance.step() && bed.queue.settled === sent.length, 1e9)
    expect(bed.arrivedOnce).toEqual(sent)
    expect(bed.inbox.map(String)).toEqual(down)
    expect(bed.queue.faults).toEqual([])
    const { crashes, unplugged, faults } = disturbance
    expect(Math.min(crashes, unplugged, faults), 'it was disturbed').toBeGreaterThan(0)
    expect(bed.spentBytes / 50, 'the money is counted').toBeGreaterThanOrEqual(bed.ground.credits - crashes * 13)
  })

  test('a modem without power now and then, too: no frame is lost, and at most what it held of those down', { timeout: 60_000 }, async () => {
    const bed = new SbdBed({ checkMs: 3_600_000 }, { sessionMs: 8000 })
    const sent = frames(120)
    const down = Array.from({ length: 30 }, (_, i) => `down ${i}`)
    const disturbance = disturb(bed, 5, { ...ALL, power: 0.002 }, down)
    bed.queue.push(...sent)
    bed.dial()
    await bed.until(() => disturbance.step() && bed.queue.settled === sent.length, 1e9)
    expect(bed.arrivedOnce).toEqual(sent)
    const inbox = bed.inbox.map(String)
    expect(inbox).toEqual(down.filter((text) => inbox.includes(text)))
    expect(disturbance.powerCycles).toBeGreaterThan(5)
    expect(down.length - inbox.length).toBeLessThanOrEqual(disturbance.powerCycles)
  })
})
