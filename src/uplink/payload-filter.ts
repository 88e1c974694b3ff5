// Which messages of a route are worth carrying (`only:`), judged for each topic against the last one that was carried.
//
//   carried when   nothing is remembered of the topic, or nothing was carried for `silenceMsMax`
//              or  `intervalMsMin` has passed, and what is in it differs: by a byte (onChange), by more than the deadband
//
// What is remembered is in memory and bounded; a topic that was forgotten, as after a restart, is carried once more than it had to be.
import type { PayloadFilterConfig } from '../config/config.ts'
import type { Message } from '../message.ts'

/** Together. The topic that has not been carried for longest is forgotten first. */
const REMEMBERED_TOPICS_MAX = 10_000
const REMEMBERED_BYTES_MAX = 4 * 1024 * 1024
/** A longer payload is always a change: a picture is not compared. */
const COMPARED_BYTES_MAX = 4096

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

interface Carried {
  /** null: too long to compare with. */
  readonly payload: Buffer | null
  /** Parsed when a deadband first asks. */
  reading: Reading | null
  readonly atMs: number
}

/** A payload as the numbers in it and the text around them. */
interface Reading {
  readonly numbers: readonly number[]
  readonly text: string
}

export class PayloadFilter {
  readonly #config: PayloadFilterConfig
  /** By topic; the one carried last is the last. */
  readonly #carried = new Map<string, Carried>()
  #bytes = 0

  constructor(config: PayloadFilterConfig) {
    this.#config = config
  }

  /** True when the message is to be carried, which is remembered. `key` names its topic, over all tenants; `nowMs` is monotonic. */
  takes(message: Message, key: string, nowMs: number): boolean {
    const last = this.#carried.get(key)
    if (last !== undefined && !this.#isWorth(last, message, nowMs)) return false
    this.#remember(key, message, nowMs)
    return true
  }

  #isWorth(last: Carried, message: Message, nowMs: number): boolean {
    const { intervalMsMin, silenceMsMax, onChange, deadband } = this.#config
    const sinceMs = nowMs - last.atMs
    if (sinceMs >= silenceMsMax) return true
    if (sinceMs < intervalMsMin) return false
    if (!onChange && deadband === null) return true
    if (last.payload === null || message.payloadLength > COMPARED_BYTES_MAX) return true
    if (last.payload.equals(message.payload)) return false
    return deadband === null || this.#leaves(deadband, (last.reading ??= readingOf(last.payload)), readingOf(message.payload))
  }

  #leaves(deadband: NonNullable<PayloadFilterConfig['deadband']>, was: Reading, is: Reading): boolean {
    if (was.text !== is.text || was.numbers.length !== is.numbers.length) return true
    return is.numbers.some((value, i) => {
      const before = was.numbers[i]!
      return !(Math.abs(value - before) <= (deadband.kind === 'absolute' ? deadband.by : deadband.by * Math.abs(before)))
    })
  }

  #remember(key: string, message: Message, nowMs: number): void {
    this.#forget(key)
    const payload = message.payloadLength > COMPARED_BYTES_MAX ? null : Buffer.from(message.payload)
    this.#carried.set(key, { payload, reading: null, atMs: nowMs })
    this.#bytes += key.length + (payload?.length ?? 0)
    while (this.#carried.size > REMEMBERED_TOPICS_MAX || this.#bytes > REMEMBERED_BYTES_MAX) this.#forget(this.#carried.keys().next().value!)
  }

  #forget(key: string): void {
    const known = this.#carried.get(key)
    if (known === undefined) return
    this.#carried.delete(key)
    this.#bytes -= key.length + (known.payload?.length ?? 0)
  }
}

function readingOf(payload: Buffer): Reading {
  const text = payload.toString('latin1')
  const numbers: number[] = []
  const around = text.replaceAll(NUMBER, (digits) => {
    numbers.push(Number(digits))
    return '#'
  })
  return { numbers, text: around }
}
