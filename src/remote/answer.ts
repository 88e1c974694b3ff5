// An answer: JSON in one line, and behind a line feed whatever bytes were asked for. Where it goes, and that it is never larger than it may be.
import { makeMessage, type Message } from '../message.ts'
import { correlationProperty, responseOf } from '../mqtt/response.ts'
import type { Cost } from './outlet.ts'

/** ok: done. refused: not, and why. expired: too late. busy, spent: not now, and when again. failed: begun, and it did not work. */
export type AnswerStatus = 'ok' | 'refused' | 'expired' | 'busy' | 'spent' | 'failed'

export interface Said {
  readonly status: AnswerStatus
  readonly words?: Readonly<Record<string, unknown>>
  readonly body?: Buffer
}

/** Where an answer goes, and what it costs there. */
export interface Way {
  readonly topic: string
  readonly correlation: Buffer | null
  /** That the command had; null for none. */
  readonly id: string | null
  cost(answer: Message): Cost
  /** Answers its number; null when it is in no queue. */
  send(answer: Message): number | null
  waits(sequence: number): boolean
}

const CORRELATION_BYTES_MAX = 64
const RESPONSE_TOPIC_BYTES_MAX = 200
const REASON_LENGTH_MAX = 160
/** A longer payload has a longer Remaining Length: two bytes more at most. */
const LENGTH_BYTES = 2

/** What the sender asks for, as far as it has a size that an answer can bear. */
export function responseAsked({ properties }: Message): { readonly topic: string | null; readonly correlation: Buffer | null } {
  const { topic, correlation } = responseOf(properties)
  return {
    topic: topic !== null && topic !== '' && Buffer.byteLength(topic) <= RESPONSE_TOPIC_BYTES_MAX ? topic : null,
    correlation: correlation !== null && correlation.length <= CORRELATION_BYTES_MAX ? correlation : null,
  }
}

/** Bytes that `words` and `body` of an ok answer may have, the line feed between them included. */
export function roomOf(way: Way, bytesMax: number): number {
  const empty = answerOf(way, { status: 'ok' })
  return bytesMax - LENGTH_BYTES - way.cost(empty).largest
}

/** At most `bytesMax` bytes as they go over an uplink; null when nothing that fits would say anything. */
export function answerWithin(way: Way, said: Said, bytesMax: number): Message | null {
  const full = answerOf(way, said)
  const { largest } = way.cost(full)
  if (largest <= bytesMax) return full
  const short = answerOf(way, said.status === 'ok' ? { status: 'refused', words: { reason: 'too-large', bytes: largest } } : { status: said.status })
  return way.cost(short).largest <= bytesMax ? short : null
}

export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, REASON_LENGTH_MAX)
}

function answerOf({ topic, correlation, id }: Way, { status, words = {}, body }: Said): Message {
  const line = JSON.stringify({ status, ...(id === null ? {} : { id }), ...words })
  const payload = body === undefined ? line : Buffer.concat([Buffer.from(`${line}\n`), body])
  return makeMessage(topic, payload, { qos: 1, properties: correlation === null ? null : correlationProperty(correlation) })
}
