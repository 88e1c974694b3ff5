import { describe, expect, test } from 'vitest'
import { makeMessage } from '../../../src/message.ts'
import { PropertyId } from '../../../src/mqtt/properties.ts'
import { correctTimes, type TimeMark, timeMarkProperties, timeText } from '../../../src/mqtt/time-mark.ts'

const WALL_MS = Date.UTC(2026, 10, 21, 12)
const MARK: TimeMark = { boot: 'b007b007', sinceBootMs: 5000, form: 'iso', text: '"time":"1970-01-01T00:00:05.000Z"' }
const known = ({ boot, sinceBootMs }: { boot: string; sinceBootMs: number }): number | null => (boot === 'b007b007' ? WALL_MS + sinceBootMs : null)

const contentType = Buffer.from([PropertyId.contentType, 0, 1, 0x6a])

describe('times that are put right', () => {
  test('one, and its mark goes', () => {
    const message = makeMessage('t', '{"v":1,"time":"1970-01-01T00:00:05.000Z"}', { qos: 1, retain: true, properties: timeMarkProperties([MARK]), expiresAtMs: 77 })
    const right = correctTimes(message, known)
    expect(right.payload.toString()).toBe('{"v":1,"time":"2026-11-21T12:00:05.000Z"}')
    expect([right.properties, right.topic, right.qos, right.retain, right.expiresAtMs]).toEqual([null, message.topic, 1, true, 77])
  })

  test('all forms, under keys that look like times', () => {
    const payload = '{"v":5000,"a\\":b":"x","ms":5000,"sec":5,"clock":"since-boot"}'
    const marks: TimeMark[] = [
      { ...MARK, form: 'ms', text: '"ms":5000' },
      { ...MARK, form: 'sec', text: '"sec":5' },
      { ...MARK, form: 'clock', text: '"clock":"since-boot"' },
    ]
    const right = correctTimes(makeMessage('t', payload, { properties: timeMarkProperties(marks) }), known)
    expect(right.payload.toString()).toBe(`{"v":5000,"a\\":b":"x","ms":${WALL_MS + 5000},"sec":${WALL_MS / 1000 + 5},"clock":"synced"}`)
  })

  test('other properties stay, in order', () => {
    const other = Buffer.from([PropertyId.userProperty, 0, 1, 0x61, 0, 1, 0x62])
    const properties = Buffer.concat([contentType, timeMarkProperties([MARK]), other])
    expect(correctTimes(makeMessage('t', '{}', { properties }), known).properties).toEqual(Buffer.concat([contentType, other]))
  })
})

test('all forms tell the same millisecond, also where the clock has fractions of one', () => {
  const wallMs = WALL_MS + 4999.6
  expect([timeText('iso', wallMs, true), timeText('ms', wallMs, true), timeText('sec', wallMs, true)]).toEqual(['"2026-11-21T12:00:05.000Z"', String(WALL_MS + 5000), String(WALL_MS / 1000 + 5)])
})

test('what stands in a payload is no pattern', () => {
  const text = '"$&":"1970-01-01T00:00:05.000Z"'
  const right = correctTimes(makeMessage('t', `{"a":"$&$1",${text}}`, { properties: timeMarkProperties([{ ...MARK, text }]) }), known)
  expect(right.payload.toString()).toBe('{"a":"$&$1","$&":"2026-11-21T12:00:05.000Z"}')
})

describe('the very message comes back', () => {
  test.each<[string, Buffer | null]>([
    ['without properties', null],
    ['with others only', contentType],
    ['of a start whose time is not known', timeMarkProperties([{ ...MARK, boot: 'deadbeef' }])],
    ['with something else under our name', Buffer.concat([Buffer.from([PropertyId.userProperty, 0, 14]), Buffer.from('sandpiper-time'), Buffer.from([0, 1, 0x62])])],
  ])('%s', (_, properties) => {
    const message = makeMessage('t', '{"time":"1970-01-01T00:00:05.000Z"}', { properties })
    expect(correctTimes(message, known)).toBe(message)
  })
})
