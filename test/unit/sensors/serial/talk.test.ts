// What goes out of a port, and what it means for what comes in: polls and commands, in virtual time.
import { describe, expect, test } from 'vitest'
import { COMMANDS_MAX } from '../../../../src/sensors/serial/talk.ts'
import { makeOpen, rest } from './bed.ts'

const POLL = { poll: { request: Buffer.from('READ?\r\n'), everyMs: 5000, timeoutMs: 1000 } }
const WRITE = { write: { topic: 'tank/set', prefix: Buffer.from('<'), suffix: Buffer.from('>\n') } }
/** The request on the wire, at 9600 baud 8N1. */
const REQUEST_MS = (7 * 10_000) / 9600

describe('poll', () => {
  test('asks at once and at its pace; the answer is a reading', async () => {
    const { ports, clock, send, payloads } = await makeOpen(POLL)
    expect(ports.heard()).toEqual(['READ?\r\n'])
    send('1\n')
    clock.advance(4999)
    expect(ports.heard()).toEqual([])
    clock.advance(1)
    expect(ports.heard()).toEqual(['READ?\r\n'])
    send('2\n')
    expect(payloads).toEqual(['1', '2'])
  })

  test('a frame that nobody asked for is no reading', async () => {
    const { clock, send, payloads, record } = await makeOpen(POLL)
    send('1\n2\n')
    clock.advance(1000)
    send('3\n')
    expect(payloads).toEqual(['1'])
    expect(record.snapshot.skipped.unasked).toBe(2)
  })

  test('a late answer is not taken for the next one, nor its rest', async () => {
    const { clock, send, payloads, record } = await makeOpen(POLL)
    clock.advance(1000 + REQUEST_MS)
    expect(record.snapshot.skipped['no-answer']).toBe(1)
    send('1\n77')
    clock.advance(4000)
    send('2\n')
    expect(payloads).toEqual(['2'])
  })

  test('three times without an answer it is degraded and never gone; an answer makes it well', async () => {
    const { clock, send, states, record, ports } = await makeOpen(POLL)
    clock.advance(1008)
    clock.advance(5000)
    expect(record.snapshot.status).toBe('ok')
    clock.advance(5000)
    expect(record.snapshot).toMatchObject({ status: 'degraded', skipped: { 'no-answer': 3 } })
    expect(record.snapshot.lastError).toContain('did not answer 3 requests in a row')
    clock.advance(3_600_000)
    expect(record.snapshot).toMatchObject({ status: 'degraded', skipped: { 'no-answer': 723 } })
    expect(ports.heard()).toHaveLength(723)
    clock.advance(4000)
    send('1\n')
    expect(states.map((state) => state.status)).toEqual(['ok', 'degraded', 'ok'])
  })

  test('a device that repeats what it was asked: the answer is what comes behind that', async () => {
    const { send, record, payloads } = await makeOpen(POLL)
    send('READ?\r\n7\n8\n')
    expect(payloads).toEqual(['7'])
    expect(record.snapshot.skipped).toMatchObject({ 'not-json': 1, unasked: 1 })
  })

  test('answers that are no readings are told as such', async () => {
    const { clock, send, record } = await makeOpen(POLL)
    for (let i = 0; i < 3; i++) {
      send('?\n')
      clock.advance(5000)
    }
    expect(record.snapshot).toMatchObject({ status: 'degraded', lastError: expect.stringContaining('answers, but with nothing that is a reading'), skipped: { 'not-json': 3, 'no-answer': 3 } })
  })

  test('a lost port asks nothing, and nothing is left when it stops', async () => {
    const { clock, ports, source, record } = await makeOpen(POLL)
    ports.heard()
    ports.node = null
    ports.events!.lost('Error: Input/output error')
    await rest()
    clock.advance(60_000)
    expect([ports.heard(), record.snapshot.skipped['no-answer']]).toEqual([[], 0])
    await source.stop()
    expect(clock.pending).toBe(0)
  })
})

describe('commands', () => {
  test('go out with what stands around them, one at a time and no faster than the wire', async () => {
    const { clock, ports, command } = await makeOpen(WRITE)
    command('tank/set', 'on')
    command('tank/set', 'off')
    expect(ports.heard()).toEqual(['<on>\n'])
    clock.advance((4 * 10_000) / 9600)
    expect(ports.heard()).toEqual([])
    clock.advance(2)
    expect(ports.heard()).toEqual(['<off>\n'])
  })

  test('a device that takes nothing holds back the rest, and more than the queue has are refused', async () => {
    const { clock, ports, command, record } = await makeOpen(WRITE)
    ports.onWrite = () => false
    for (let i = 0; i < COMMANDS_MAX + 4; i++) command('tank/set', `${i}`)
    clock.advance(60_000)
    expect(ports.heard()).toEqual(['<0>\n'])
    expect(record.snapshot.skipped['not-written']).toBe(3)
  })

  test('are refused while the port is gone, and so are those that waited for it', async () => {
    const { ports, command, record, source } = await makeOpen(WRITE)
    command('tank/set', '1')
    command('tank/set', '2')
    ports.events!.lost('Error: Input/output error')
    command('tank/set', '3')
    expect(record.snapshot.skipped['not-written']).toBe(2)
    await source.stop()
    command('tank/set', '4')
    expect(record.snapshot.skipped['not-written']).toBe(3)
    expect(ports.heard()).toEqual(['<1>\n'])
  })

  test('wait for the answer to a request, and a due request goes before the next of them', async () => {
    const { clock, ports, command, send, payloads } = await makeOpen({ ...POLL, ...WRITE })
    command('tank/set', 'a')
    command('tank/set', 'b')
    expect(ports.heard()).toEqual(['READ?\r\n'])
    clock.advance(500)
    send('1\n')
    expect(ports.heard()).toEqual(['<a>\n'])
    clock.advance(4500)
    expect(ports.heard()).toEqual(['<b>\n', 'READ?\r\n'])
    send('2\n')
    expect(payloads).toEqual(['1', '2'])
  })
})

describe('state', () => {
  test('nothing but garbage is degraded, and the first reading makes it well', async () => {
    const { send, record, states, log } = await makeOpen()
    for (let i = 0; i < 9; i++) send('?\n')
    expect(record.snapshot.status).toBe('ok')
    send('?\n')
    expect(record.snapshot).toMatchObject({ status: 'degraded', lastError: expect.stringContaining('compare serial.baud (9600)') })
    send('?\n1\n')
    expect(states.map((state) => state.status)).toEqual(['ok', 'degraded', 'ok'])
    expect(log).toHaveLength(2)
  })

  test('a wrong checksum is counted, and the frame is no reading', async () => {
    const { send, record, payloads } = await makeOpen({ checksum: { kind: 'xor8', from: 0, to: -3, at: -2, endian: 'big', hex: true } })
    send('12*03\n12*04\n')
    expect(payloads).toEqual([])
    expect(record.snapshot.skipped).toMatchObject({ 'wrong-checksum': 1, 'not-json': 1 })
  })

  test('values are given as fields', async () => {
    const { send, taken, payloads } = await makeOpen({ reading: {} as never })
    send('{"a":{"b":1}}\n')
    expect(taken).toEqual([{ 'a.b': 1 }])
    expect(payloads).toEqual([])
  })

  test('who else has the port, and what shares its name, is told once it is open', async () => {
    const { log, ports, clock } = await makeOpen()
    ports.others = ['agetty (process 7)']
    ports.sameName = ['/dev/serial/by-path/a', '/dev/serial/by-path/b']
    ports.events!.lost('Error: Input/output error')
    log.length = 0
    await clock.advanceAsync(3000)
    await rest()
    expect(log.slice(1)).toEqual([
      expect.stringMatching(/^warn sensor "tank": agetty \(process 7\) has \/dev\/ttyUSB0 open too.*serial-getty@ttyUSB0/),
      expect.stringMatching(/^warn sensor "tank": 2 devices have the name .*by-path\/a or \/dev\/serial\/by-path\/b/),
    ])
  })
})
