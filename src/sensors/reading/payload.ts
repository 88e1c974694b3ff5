// A reading → a payload, as the configuration wants it. Pure.
// Rules:
// - What a payload cannot say is not published: a plain value and SenML have no word for a bad quality, nor for no value (`says`). An empty
//   payload would clear what is retained.
// - JSON has its keys in the order of the configuration; without one the values, `time`, and `quality` and `clock` only when they are not
//   good and synced: on most links every byte costs. A value that is called like one of these stands for it: no key stands twice.
//   Keys of one's own are all there each time, with null for what was not read.
// - A time that is not known yet is told as the clock has it, with a mark of where it stands: it is put right in the queue (mqtt/time-mark.ts).
import type { PayloadConfig } from '../../config/config.ts'
import { type TimeForm, type TimeMark, timeText } from '../../mqtt/time-mark.ts'
import type { Stamp } from '../../timekeeper.ts'
import type { Reading } from './reading.ts'

export interface Payload {
  readonly text: string
  /** Times in the text that may be put right later; null for none. */
  readonly marks: readonly TimeMark[] | null
}

export interface PayloadNames {
  readonly site: string
  readonly sensor: string
  /** The only value of the message is its topic's: it is called `value`. */
  readonly isSingle: boolean
}

export interface PayloadMaker {
  /** Whether the payload can tell this reading. */
  says(reading: Reading): boolean
  make(reading: Reading, stamp: Stamp, sequence: number): Payload
}

export function makePayload(config: PayloadConfig, names: PayloadNames): PayloadMaker {
  switch (config.kind) {
    case 'plain':
      return { says: ({ values, quality }) => quality === 'good' && (values[0]?.value ?? null) !== null, make: ({ values }) => ({ text: String(values[0]?.value), marks: null }) }
    case 'json':
      return config.keys === null ? { says: () => true, make: (reading, stamp) => defaultJson(reading, stamp, names) } : templateJson(config.keys, names)
    case 'senml':
      return { says: ({ values, quality }) => quality === 'good' && values.some(({ value }) => value !== null), make: (reading, stamp) => senml(reading, stamp, config.baseName) }
  }
}

function defaultJson(reading: Reading, stamp: Stamp, { isSingle }: PayloadNames): Payload {
  const marks: TimeMark[] = []
  const members = reading.values.map(({ name, value }) => `${JSON.stringify(isSingle ? 'value' : name)}:${JSON.stringify(value)}`)
  const isFree = (word: string): boolean => isSingle || !reading.values.some(({ name }) => name === word)
  if (isFree('time')) members.push(timeMember('time', 'iso', stamp, marks))
  if (reading.quality !== 'good' && isFree('quality')) members.push(`"quality":"${reading.quality}"`)
  if (!stamp.isSynced && isFree('clock')) members.push(timeMember('clock', 'clock', stamp, marks))
  return { text: `{${members.join(',')}}`, marks: marks.length === 0 ? null : marks }
}

const TIME_FORMS: ReadonlyMap<string, TimeForm> = new Map([['time', 'iso'], ['timeMs', 'ms'], ['timeSec', 'sec'], ['clock', 'clock']])

function templateJson(keys: readonly { readonly key: string; readonly word: string }[], names: PayloadNames): PayloadMaker {
  const hasQuality = keys.some(({ word }) => word === 'quality')
  return {
    says: ({ quality }) => hasQuality || quality === 'good',
    make(reading, stamp, sequence) {
      const marks: TimeMark[] = []
      const members = keys.map(({ key, word }) => {
        const form = TIME_FORMS.get(word)
        return form === undefined ? `${JSON.stringify(key)}:${JSON.stringify(wordOf(word, reading, sequence, names))}` : timeMember(key, form, stamp, marks)
      })
      return { text: `{${members.join(',')}}`, marks: marks.length === 0 ? null : marks }
    },
  }
}

function wordOf(word: string, { values, quality }: Reading, sequence: number, { site, sensor }: PayloadNames): unknown {
  const named = values.find(({ name }) => name === word)
  if (named !== undefined) return named.value
  switch (word) {
    case 'value':
      return values[0]?.value ?? null
    case 'unit':
      return values[0]?.unit ?? null
    case 'quality':
      return quality
    case 'name':
      return sensor
    case 'site':
      return site
    case 'sequence':
      return sequence
    default:
      return word.startsWith('unit.') ? (values.find(({ name }) => `unit.${name}` === word)?.unit ?? null) : null
  }
}

/** `"key":text`, and a mark of it where the time may have to be put right. */
function timeMember(key: string, form: TimeForm, stamp: Stamp, marks: TimeMark[]): string {
  const text = `${JSON.stringify(key)}:${timeText(form, stamp.wallMs, stamp.isSynced)}`
  if (stamp.sinceBoot !== null) marks.push({ ...stamp.sinceBoot, form, text })
  return text
}

/** Units that the registry for SenML calls something else (RFC 8428, section 12.1; RFC 8798). */
const SENML_UNITS: ReadonlyMap<string, string> = new Map([['°C', 'Cel'], ['Ω', 'Ohm'], ['°', 'deg'], ['m³', 'm3'], ['L', 'l'], ['m/s²', 'm/s2'], ['µg/m³', 'ug/m3'], ['rpm', '1/min']])

/** A value's name in SenML, which has letters without accents, digits, - : . / and _ only (RFC 8428, section 4.5.1). */
export function senmlName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9:./_-]/gu, '_')
}

/** RFC 8428: a base name and time, then a record for each value. A time of 0 is "now" (section 4.5.3): so is one that is not known yet. */
function senml({ values }: Reading, stamp: Stamp, baseName: string): Payload {
  const base = `"bt":${stamp.isSynced ? timeText('sec', stamp.wallMs, true) : '0'}`
  const records = values.filter(({ value }) => value !== null).map(({ name, value, unit }, i) => {
    const members = [`"n":"${senmlName(name)}"`]
    if (unit !== null) members.push(`"u":${JSON.stringify(SENML_UNITS.get(unit) ?? unit)}`)
    members.push(`${typeof value === 'number' ? '"v"' : typeof value === 'boolean' ? '"vb"' : '"vs"'}:${JSON.stringify(value)}`)
    return `{${i === 0 ? `"bn":${JSON.stringify(senmlName(baseName))},${base},` : ''}${members.join(',')}}`
  })
  return { text: `[${records.join(',')}]`, marks: stamp.sinceBoot === null ? null : [{ ...stamp.sinceBoot, form: 'sec', text: base }] }
}
