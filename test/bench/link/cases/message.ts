// How many readings fit into one short message of a satellite modem: the encoder alone, no link.
//
// A recording goes through one stream, message by message as full as they get; each is taken as arrived before the next one is made, as a modem
// tells. The first messages teach the dictionary; counted are those after the first tenth of the recording, and the first one by itself.
import { type FrameMessage, FrameDecoder, FrameEncoder, STREAM_BYTES, TimeQuality } from '../../../../src/frame/frame.ts'
import { Arrivals, FRAME_TOPIC } from '../arrivals.ts'
import { record, SET_NAMES, type SetName } from '../readings.ts'
import { START_MS } from '../sets/device.ts'
import { type Case, fraction, type Options, type Outcome, whole } from './case.ts'

const MESSAGE_BYTES_MAX = 340
const READINGS = 12_000
/** Offered to the encoder at a time: more than fits. */
const OFFERED = 2000

interface Result {
  readonly first: number
  readonly mean: number
  readonly min: number
  readonly messages: number
  readonly faults: readonly string[]
}

function measure(set: SetName, count: number): Result {
  const { readings } = record(set, count)
  const arrivals = new Arrivals(readings)
  const messages = readings.map(({ atMs, topic, payload }, sequence): FrameMessage => ({
    topic, payload: Buffer.from(payload), qos: 1, retain: false, properties: null, timeMs: START_MS + atMs, timeQuality: TimeQuality.synced, sequence: sequence + 1, expiresAfterSec: null,
  }))
  const encoder = new FrameEncoder(Buffer.alloc(STREAM_BYTES, 7))
  const decoder = new FrameDecoder()
  const counts: number[] = []
  let settled = 0
  for (let at = 0; at < messages.length; ) {
    const encoded = encoder.encode(messages.slice(at, at + OFFERED), MESSAGE_BYTES_MAX)
    if (encoded === null) return { first: 0, mean: 0, min: 0, messages: 0, faults: [`${set}: a reading alone does not fit`] }
    if (encoded.frame.length > MESSAGE_BYTES_MAX) throw new Error(`${encoded.frame.length} bytes are more than asked for`)
    decoder.decode(encoded.frame)
    arrivals.saw(FRAME_TOPIC, encoded.frame)
    if (encoded.dictionary !== null) encoder.delivered(encoded.dictionary)
    at += encoded.count
    if (at < messages.length) counts.push(encoded.count) // the last one is not full
    if (at < messages.length / 10) settled = counts.length
  }
  const steady = counts.slice(settled)
  const mean = steady.reduce((sum, n) => sum + n, 0) / steady.length
  return { first: counts[0] ?? 0, mean, min: Math.min(...steady), messages: counts.length, faults: arrivals.faults().map((fault) => `${set}: ${fault}`) }
}

function run({ quick, say }: Options): Promise<Outcome> {
  const results = SET_NAMES.map((set) => ({ set, ...measure(set, quick ? READINGS / 4 : READINGS) }))
  for (const { set, mean, messages } of results) say(`  ${set}: ${fraction(mean)} readings in each of ${messages} messages`)
  const row = (name: string, of: (result: Result) => number): string[] => [name, ...results.map((r) => whole(of(r))), '']
  return Promise.resolve({
    head: [`readings in one message of ${MESSAGE_BYTES_MAX} bytes`, ...SET_NAMES, 'asked'],
    rows: [['mean', ...results.map((r) => fraction(r.mean)), '≥ 200'], row('least', (r) => r.min), row('the very first, with all it has to say', (r) => r.first)],
    notes: ['The encoder alone. Every message is decoded again and compared.'],
    faults: results.flatMap((r) => r.faults),
  })
}

export const message: Case = { name: 'message', title: 'readings in one short message', run }
