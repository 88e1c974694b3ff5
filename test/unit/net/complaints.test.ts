import { expect, test } from 'vitest'
import { Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import { Complaints, INTERVAL_MS, LINES_MAX } from '../../../src/net/complaints.ts'
import { FakeClock } from '../../support/fake-clock.ts'

interface Line {
  readonly fields: Readonly<Record<string, unknown>>
  readonly text: string
}

function setUp() {
  const clock = new FakeClock()
  const lines: Line[] = []
  const complaints = new Complaints(clock, { warn: (fields, text) => void lines.push({ fields: { ...fields }, text }) })
  const note = (count: number, reason: ReasonCode = Reason.malformedPacket): void => {
    for (let i = 0; i < count; i++) complaints.note({ clientId: 'pump', peer: '192.0.2.1:4711', reason, offset: 42, why: 'packet ends in the middle of a field' })
  }
  return { clock, lines, complaints, note }
}

test('one mistake: one line with client, address, reason and offset', () => {
  const { clock, lines, note } = setUp()
  note(1)
  expect(lines).toEqual([
    {
      fields: { client: 'pump', peer: '192.0.2.1:4711', reason: '0x81', offset: 42, why: 'packet ends in the middle of a field' },
      text: 'a client was refused: its connection is closed',
    },
  ])
  clock.advance(INTERVAL_MS)
  expect(lines).toHaveLength(1)
})

test('before CONNECT there is no client', () => {
  const { lines, complaints } = setUp()
  complaints.note({ clientId: null, peer: '192.0.2.1:4711', reason: Reason.protocolError, offset: 0, why: 'first packet is not CONNECT' })
  expect(lines[0]!.fields).toMatchObject({ client: null, reason: '0x82', offset: 0 })
})

test('more than the lines of an interval are counted, and told in one line at its end, by reason', () => {
  const { clock, lines, note } = setUp()
  note(LINES_MAX)
  expect(lines).toHaveLength(LINES_MAX)
  note(900)
  note(100, Reason.protocolError)
  expect(lines).toHaveLength(LINES_MAX)
  clock.advance(INTERVAL_MS - 1)
  expect(lines).toHaveLength(LINES_MAX)
  clock.advance(1)
  expect(lines.slice(LINES_MAX)).toEqual([{ fields: { suppressed: 1000, reasons: { '0x81': 900, '0x82': 100 } }, text: 'more clients were refused, not told one by one' }])
})

test('a storm is told in as many lines per interval, for as long as it lasts', () => {
  const { clock, lines, note } = setUp()
  for (let second = 0; second < 60; second++) {
    note(50)
    clock.advance(1000)
  }
  expect(lines).toHaveLength(6 * (LINES_MAX + 1))
  const told = lines.reduce((sum, { fields }) => sum + ((fields.suppressed as number | undefined) ?? 1), 0)
  expect(told).toBe(60 * 50)
})

test('the interval begins with the first mistake, and nothing ticks without one', () => {
  const { clock, lines, note } = setUp()
  expect(clock.pending).toBe(0)
  note(LINES_MAX + 1)
  clock.advance(INTERVAL_MS)
  expect(clock.pending).toBe(0)
  clock.advance(INTERVAL_MS / 2)
  note(LINES_MAX + 1)
  clock.advance(INTERVAL_MS - 1)
  expect(lines).toHaveLength(2 * LINES_MAX + 1)
  clock.advance(1)
  expect(lines).toHaveLength(2 * LINES_MAX + 2)
  expect(clock.pending).toBe(0)
})

test('closing tells what was only counted, and leaves no timer', () => {
  const { clock, lines, complaints, note } = setUp()
  note(LINES_MAX + 3)
  complaints.close()
  expect(lines.at(-1)!.fields).toMatchObject({ suppressed: 3 })
  expect(clock.pending).toBe(0)
  complaints.close()
  expect(lines).toHaveLength(LINES_MAX + 1)
})

test('what a client put into it is cut', () => {
  const { lines, complaints } = setUp()
  complaints.note({ clientId: 'x'.repeat(65_535), peer: 'p', reason: Reason.badAuthenticationMethod, offset: 0, why: `method "${'y'.repeat(60_000)}"` })
  const { client, why } = lines[0]!.fields as { client: string; why: string }
  expect(client).toMatch(/^x{199}…$/)
  expect(why).toMatch(/^method "y{191}…$/)
})
