// Times in payloads of the gateway's own that were written before its clock was set, put right once the time is known. Pure.
//
// A message with such times has a user property (MQTT 5.0 section 3.3.2.3.7) for each, which says where in the payload the time stands and which
// moment was meant:
//   sandpiper-time = "<boot> <milliseconds since boot> <form> <text>"
// `text` is the member of the JSON payload as it was written, from its key on. The queue puts it right when the message is taken out of it; who
// gets the message before has the property, and may do it himself.
import { Message } from '../message.ts'
import { PropertyId } from './properties.ts'

/** iso: ISO 8601 in quotes. ms, sec: since 1970, a number. clock: the word for how good the clock is. */
export const TIME_FORMS = ['iso', 'ms', 'sec', 'clock'] as const
export type TimeForm = (typeof TIME_FORMS)[number]

/** A moment by the clock that counts since the machine was started. */
export interface SinceBoot {
  /** The kernel's identifier of this start, the first 8 hexadecimal digits. */
  readonly boot: string
  readonly sinceBootMs: number
}

export interface TimeMark extends SinceBoot {
  readonly form: TimeForm
  /** `"key":…` as it stands in the payload, once. */
  readonly text: string
}

/** A time as it stands in JSON; `wallMs` is since 1970. */
export function timeText(form: TimeForm, wallMs: number, isSynced: boolean): string {
  switch (form) {
    case 'iso':
      return `"${new Date(Math.round(wallMs)).toISOString()}"`
    case 'ms':
      return String(Math.round(wallMs))
    case 'sec':
      return (wallMs / 1000).toFixed(3).replace(/\.?0+$/, '')
    case 'clock':
      return isSynced ? '"synced"' : '"since-boot"'
  }
}

const NAME = Buffer.from('sandpiper-time')
const MARK = /^([0-9a-f]{8}) (\d{1,15}) ([a-z]+) (.+)$/s

/** The properties of a message with these times in its payload, encoded. */
export function timeMarkProperties(marks: readonly TimeMark[]): Buffer {
  const values = marks.map(({ boot, sinceBootMs, form, text }) => `${boot} ${Math.max(0, Math.round(sinceBootMs))} ${form} ${text}`)
  const bytes = Buffer.allocUnsafe(values.reduce((sum, value) => sum + 5 + NAME.length + Buffer.byteLength(value), 0))
  let at = 0
  for (const value of values) {
    bytes[at] = PropertyId.userProperty
    bytes.writeUInt16BE(NAME.length, at + 1)
    NAME.copy(bytes, at + 3)
    at += 3 + NAME.length
    const length = bytes.write(value, at + 2, 'utf8')
    bytes.writeUInt16BE(length, at)
    at += 2 + length
  }
  return bytes
}

/**
 * The message with its times put right and without its marks; the very message where there is nothing to put right, or the time is not known.
 * `wallOf` gives milliseconds since 1970, null for not known.
 */
export function correctTimes(message: Message, wallOf: (moment: SinceBoot) => number | null): Message {
  const { properties } = message
  if (properties === null || properties.indexOf(NAME) < 0) return message
  const { marks, rest } = takeMarks(properties)
  if (marks.length === 0) return message
  let payload = message.payload.toString('utf8')
  for (const mark of marks) {
    const wallMs = wallOf(mark)
    if (wallMs === null) return message
    const key = mark.text.slice(0, mark.text.lastIndexOf('":') + 2)
    payload = payload.replace(mark.text, () => key + timeText(mark.form, wallMs, true))
  }
  const bytes = Buffer.from(payload, 'utf8')
  return new Message(message.topic, message.qos, message.retain, bytes, 0, bytes.length, rest, message.expiresAtMs, message.origin)
}

/** The marks in encoded properties, and the properties without them; null for none left. */
function takeMarks(properties: Buffer): { readonly marks: readonly TimeMark[]; readonly rest: Buffer | null } {
  const marks: TimeMark[] = []
  const rest: Buffer[] = []
  const field = (at: number): Buffer => properties.subarray(at + 2, at + 2 + properties.readUInt16BE(at))
  for (let at = 0; at < properties.length; ) {
    const start = at
    const id = properties[at++]!
    let mark: TimeMark | null = null
    if (id === PropertyId.payloadFormat) at++
    else {
      const first = field(at)
      at += 2 + first.length
      if (id === PropertyId.userProperty) {
        const value = field(at)
        at += 2 + value.length
        if (first.equals(NAME)) mark = parseMark(value.toString('utf8'))
      }
    }
    if (mark === null) rest.push(properties.subarray(start, at))
    else marks.push(mark)
  }
  return { marks, rest: rest.length === 0 ? null : Buffer.concat(rest) }
}

/** null for what somebody else has written under our name. */
function parseMark(value: string): TimeMark | null {
  const match = MARK.exec(value)
  const form = TIME_FORMS.find((known) => known === match?.[3])
  return match === null || form === undefined ? null : { boot: match[1]!, sinceBootMs: Number(match[2]), form, text: match[4]! }
}
