// The carrier over a satellite modem, against the simulated modem at the end of a cable in this process, in virtual time. The same over a real
// serial port is in test/system/sbd.test.ts.
import { describe, expect, test } from 'vitest'
import { SbdBed } from '../../../support/sbd-bed.ts'

const frames = (count: number): string[] => Array.from({ length: count }, (_, i) => `frame ${i}`.padEnd(40 + ((i * 37) % 300), '.'))

describe('messages', () => {
  test('go up in order and come down once; what they cost is what the ground bills', async () => {
    const bed = await new SbdBed().resting()
    bed.queue.push(...frames(20))
    await bed.until(() => bed.queue.settled === 20)
    for (let i = 0; i < 5; i++) bed.ground.send(`down ${i}`.padEnd(60 * i, '.'))
    await bed.until(() => bed.inbox.length === 5 && bed.link!.phase === 'resting')
    expect(bed.ground.arrived.map(({ bytes }) => bytes.toString())).toEqual(frames(20))
    expect(bed.ground.arrived.map(({ momsn }) => momsn)).toEqual(Array.from({ length: 20 }, (_, i) => i))
    expect(bed.inbox.map(String)).toEqual(Array.from({ length: 5 }, (_, i) => `down ${i}`.padEnd(60 * i, '.')))
    expect([bed.queue.givenBack, bed.queue.faults, bed.accepted]).toEqual([0, [], 1])
    const { messagesUp, messagesDown, sessions, sessionsFailed, credits, bytesUp, bytesDown } = bed.record
    expect({ messagesUp, messagesDown, sessions, sessionsFailed }).toEqual({ messagesUp: 20, messagesDown: 5, sessions: 25, sessionsFailed: 0 })
    expect([bytesUp, bytesDown]).toEqual([frames(20).join('').length, bed.inbox.join('').length])
    expect([credits, bed.spentBytes]).toEqual([bed.ground.credits, bed.ground.credits * 50])
  })

  test('both ways go in one session', async () => {
    const bed = await new SbdBed().resting()
    bed.ground.queue.push(Buffer.from('down'))
    bed.queue.push('up')
    await bed.until(() => bed.queue.settled === 1 && bed.inbox.length === 1)
    expect(bed.modem.sessions).toBe(1)
  })

  test('any bytes are carried, in pieces of any size', async () => {
    const bed = new SbdBed()
    bed.cable.pieceBytes = 3
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    await bed.resting()
    bed.queue.push(all, Buffer.from('\r\nOK\r\n\r\nERROR\r\nSBDRING\r\nAT\r'))
    bed.ground.queue.push(all, Buffer.from('\r\nOK\r\n\r\nERROR\r\n'))
    await bed.until(() => bed.inbox.length === 2)
    expect(bed.ground.arrived.map(({ bytes }) => bytes)).toEqual([all, Buffer.from('\r\nOK\r\n\r\nERROR\r\nSBDRING\r\nAT\r')])
    expect(bed.inbox).toEqual([all, Buffer.from('\r\nOK\r\n\r\nERROR\r\n')])
  })

  test('too large for the network: smaller ones are asked for', async () => {
    const bed = new SbdBed({ bytesMax: 1960 })
    bed.queue.push(Buffer.alloc(1960, 'x'))
    bed.dial()
    await bed.until(() => bed.queue.settled === 1)
    expect(bed.ground.arrived[0]!.bytes).toHaveLength(245)
    expect(new Set(bed.queue.asked)).toEqual(new Set([1960, 980, 490, 245]))
    expect(bed.log.filter((line) => line.includes('made smaller'))).toHaveLength(3)
  })
})

describe('the modem as it is found', () => {
  test.each([
    ['repeating, in numbers', { echo: true, verbose: false }],
    ['quiet', { quiet: true }],
    ['quiet and in numbers', { quiet: true, verbose: false, echo: false }],
  ])('%s', async (_, profile) => {
    const bed = new SbdBed()
    bed.modem.store(profile)
    bed.queue.push('frame')
    bed.dial()
    await bed.until(() => bed.queue.settled === 1, 10_000)
    expect(bed.record).toMatchObject({ imei: bed.modem.imei, model: 'IRIDIUM 9600 Family SBD Transceiver' })
  })

  test('waiting for the rest of a message of an earlier process: not for a minute', async () => {
    const bed = new SbdBed()
    bed.modem.receive(Buffer.from('AT+SBDWB=300\rabc'))
    bed.queue.push('frame')
    bed.dial()
    await bed.until(() => bed.queue.settled === 1, 10_000)
    expect(bed.arrivedOnce).toEqual(['frame'])
  })

  test('in a session of an earlier process: what it brought is read', async () => {
    const bed = new SbdBed({}, { sessionMs: 20_000 })
    bed.ground.queue.push(Buffer.from('down'))
    bed.modem.receive(Buffer.from('AT+SBDIX\r'))
    bed.dial()
    await bed.until(() => bed.inbox.length === 1, 60_000)
    expect(bed.modem.sessions).toBe(1)
  })

  test('holding a message up that was sent or not: it is cleared, and what goes is what the queue has', async () => {
    const bed = new SbdBed({ checkMs: 3_600_000 })
    bed.modem.receive(Buffer.from('AT+SBDWT=old\r'))
    await bed.resting()
    expect([bed.modem.sessions, bed.ground.arrived]).toEqual([1, []])
  })

  test('rung while nobody listened: it is answered', async () => {
    const bed = new SbdBed()
    bed.modem.receive(Buffer.from('AT+SBDIX\r'))
    await bed.until(() => bed.modem.momsn === 1)
    bed.ground.send('down')
    bed.modem.powerCycle()
    bed.dial()
    await bed.until(() => bed.inbox.length === 1, 10_000)
    expect(bed.modem.heard).toContain('AT+SBDIXA')
  })

  test('it starts anew while nothing is to be done, and is set up again', async () => {
    const bed = await new SbdBed().resting()
    bed.modem.powerCycle('\xff\xfe\r\nHARDWARE FAILURE: 7,0002\r\n')
    await bed.until(() => bed.modem.heard.filter((line) => line === 'AT+CIER=1,1,0').length === 2, 400_000)
    expect(bed.log.some((line) => line.includes('fault of its hardware'))).toBe(true)
    expect([bed.ends, bed.accepted]).toEqual([[], 1])
  })
})

describe('signal', () => {
  test('no session below the bars that are asked for; the modem says when there are enough', async () => {
    const bed = new SbdBed()
    bed.modem.signal = 1
    bed.queue.push('frame')
    bed.dial()
    await bed.until(() => bed.link!.phase === 'resting')
    expect(bed.record.lastError).toBe('the signal is too weak, 1 of 2 bars: the antenna needs a clear view of the sky')
    await bed.pass(1_000_000)
    expect([bed.modem.sessions, bed.link!.phase]).toEqual([0, 'resting'])
    bed.modem.signal = 3
    await bed.until(() => bed.queue.settled === 1, 1000)
    expect(bed.record).toMatchObject({ lastError: null, signal: 3 })
  })

  test('a modem that does not say it is asked every half minute', async () => {
    const bed = new SbdBed()
    bed.modem.signal = 0
    bed.queue.push('frame')
    await bed.resting()
    bed.modem.receive(Buffer.from('AT+CIER=0\r'))
    bed.modem.signal = 5
    await bed.until(() => bed.queue.settled === 1, 31_000)
    expect(bed.modem.sessions).toBe(1)
  })
})

describe('sessions that fail', () => {
  test('are tried again as Iridium advises: soon, later, every five minutes; one that works starts over', async () => {
    const bed = await new SbdBed({ signalMin: 0 }).resting()
    const atMs: number[] = []
    bed.modem.nextFault = () => {
      atMs.push(bed.clock.now())
      return atMs.length < 8 ? { status: 18 } : null
    }
    bed.queue.push('frame')
    await bed.until(() => bed.queue.settled === 1, 3_600_000)
    const gaps = atMs.slice(1).map((ms, i) => Math.round((ms - atMs[i]!) / 1000))
    expect(gaps).toEqual([3, 3, 15, 15, 330, 330, 330])
    expect(bed.record.memory.failures).toBe(0)
    expect([bed.record.sessionsFailed, bed.ground.arrived.length, bed.queue.givenBack]).toEqual([7, 1, 7])
    expect(bed.record.credits, 'failures cost nothing').toBe(1)
  })

  test('wait three minutes where the network says so, whoever carries on', async () => {
    const bed = await new SbdBed().resting()
    bed.modem.faults.push({ status: 36 })
    bed.queue.push('frame')
    await bed.until(() => bed.link!.phase === 'resting')
    const failedMs = bed.clock.now()
    bed.link!.stop()
    await bed.link!.closed
    await bed.resting()
    await bed.until(() => bed.modem.sessions === 2)
    expect(bed.clock.now() - failedMs).toBeGreaterThanOrEqual(180_000)
    expect(bed.clock.now() - failedMs).toBeLessThan(200_000)
  })

  test('for what a person must mend end the carrier; for half an hour the next one ends at once', async () => {
    const bed = await new SbdBed().resting()
    bed.modem.faults.push({ status: 33 })
    bed.queue.push('frame')
    await bed.until(() => bed.ends.length === 1)
    bed.dial()
    await bed.until(() => bed.ends.length === 2)
    expect(bed.ends).toEqual(Array(2).fill('the antenna is faulty: check its plug and its cable'))
    bed.clock.advance(33 * 60_000)
    bed.dial()
    await bed.until(() => bed.queue.settled === 1)
    expect(bed.modem.sessions).toBe(2)
  })

  test('although the message arrived: it arrives twice, and none is lost', async () => {
    const bed = await new SbdBed().resting()
    bed.modem.faults.push({ status: 13, arrived: true }, { status: null, arrived: true })
    bed.queue.push('one', 'two')
    await bed.until(() => bed.queue.settled === 2)
    expect(bed.ground.arrived.map(({ bytes }) => String(bytes))).toEqual(['one', 'one', 'one', 'two'])
    expect(bed.record).toMatchObject({ sessionsFailed: 1, sessionsUnknown: 1, lastError: null })
    expect(bed.spentBytes / 50, 'what is not known is counted').toBe(3)
  })

  test('a modem without power just before the session: nothing was sent, and nothing is settled', async () => {
    const bed = await new SbdBed().resting()
    bed.queue.push('frame')
    await bed.reach('calling')
    bed.modem.powerCycle()
    await bed.until(() => bed.queue.settled === 1)
    expect([bed.queue.givenBack, bed.arrivedOnce]).toEqual([1, ['frame']])
  })

  test('the same with a modem whose stored settings do not repeat commands', async () => {
    const bed = new SbdBed()
    bed.modem.store({ echo: false })
    await bed.resting()
    bed.queue.push('frame')
    await bed.reach('calling')
    bed.modem.powerCycle()
    await bed.until(() => bed.queue.settled === 1)
    expect([bed.queue.givenBack, bed.arrivedOnce]).toEqual([1, ['frame']])
  })

  test('a message that the modem read wrong is written again', async () => {
    const bed = await new SbdBed().resting()
    bed.modem.writeAnswers.push(2, 1)
    bed.queue.push('frame')
    await bed.until(() => bed.queue.settled === 1, 1000)
    expect([bed.modem.sessions, bed.arrivedOnce]).toEqual([1, ['frame']])
  })
})

describe('the mailbox', () => {
  test('is looked into at the start and then as often as configured, and with every message up', async () => {
    const bed = await new SbdBed({ checkMs: 3_600_000 }).resting()
    expect(bed.modem.sessions).toBe(1)
    await bed.pass(1_800_000)
    bed.queue.push('frame')
    await bed.until(() => bed.queue.settled === 1)
    const checkedMs = bed.clock.now()
    await bed.until(() => bed.record.sessions === 3, 4_000_000)
    expect(Math.round((bed.clock.now() - checkedMs) / 60_000)).toBe(60)
    expect(bed.record.credits).toBe(3)
  })

  test('never, where only rings count; a ring costs one session', async () => {
    const bed = await new SbdBed().resting()
    bed.queue.push('registers')
    await bed.until(() => bed.queue.settled === 1)
    await bed.pass(8_000_000)
    expect(bed.modem.sessions).toBe(1)
    bed.ground.send('down')
    await bed.until(() => bed.inbox.length === 1, 1000)
    expect(bed.modem.sessions).toBe(2)
  })

  test('a message too large for the modem stays where it is, and costs no session after the other', async () => {
    const bed = await new SbdBed().resting()
    bed.queue.push('registers')
    await bed.until(() => bed.queue.settled === 1)
    bed.ground.send(Buffer.alloc(271))
    await bed.pass(8_000_000)
    expect([bed.modem.sessions, bed.ground.queue.length, bed.inbox.length]).toEqual([2, 1, 0])
  })

  test('that cannot be opened is tried again, and the ring is not forgotten', async () => {
    const bed = await new SbdBed().resting()
    bed.queue.push('registers')
    await bed.until(() => bed.queue.settled === 1)
    bed.modem.faults.push({ status: 0, mailboxOnly: true }, { status: 32 })
    bed.ground.send('down')
    await bed.until(() => bed.inbox.length === 1, 60_000)
    expect(bed.modem.sessions).toBe(4)
  })

  test('what may not be paid for is not asked for', async () => {
    const bed = new SbdBed({ checkMs: 3_600_000 })
    bed.mayCheck = false
    await bed.resting()
    await bed.pass(8_000_000)
    expect(bed.modem.sessions).toBe(0)
    bed.mayCheck = true
    await bed.until(() => bed.modem.sessions === 1, 600_000)
  })
})
