// Tells of clients whose input was refused, without filling the log: a port scanner, or a device that tries again at once, makes thousands
// a second.
//
// What is always true, per listener:
//   1. In an interval at most LINES_MAX are told one by one; the others are counted, and told in one line at its end, by reason code.
//   2. Every one is in exactly one line, also when the listener stops.
//   3. The first one begins the interval: a listener without mistakes has no timer.
//   4. A line is short, whatever the client put into it.
import type { Clock, Timer } from '../clock.ts'
import type { ReasonCode } from '../mqtt/reason.ts'

export const INTERVAL_MS = 10_000
export const LINES_MAX = 10
/** Of a client identifier, and of what is said about a packet: both may have 64 KB of the client's own. */
const TEXT_CHARS_MAX = 200

export interface ComplaintLog {
  warn(fields: object, text: string): void
}

/** What is known of a refused packet. */
export interface Complaint {
  /** null before CONNECT. */
  readonly clientId: string | null
  readonly peer: string
  readonly reason: ReasonCode
  /** Where the packet begins: bytes since the connection was opened. */
  readonly offset: number
  readonly why: string
}

export class Complaints {
  readonly #clock: Clock
  readonly #log: ComplaintLog
  #interval: Timer | null = null
  #told = 0
  /** Those not told, by reason code. */
  readonly #suppressed = new Map<ReasonCode, number>()

  constructor(clock: Clock, log: ComplaintLog) {
    this.#clock = clock
    this.#log = log
  }

  note(complaint: Complaint): void {
    this.#interval ??= this.#clock.after(INTERVAL_MS, () => this.#end())
    if (this.#told === LINES_MAX) {
      this.#suppressed.set(complaint.reason, (this.#suppressed.get(complaint.reason) ?? 0) + 1)
      return
    }
    this.#told++
    const { clientId, peer, reason, offset } = complaint
    const why = clip(complaint.why)
    this.#log.warn({ client: clientId === null ? null : clip(clientId), peer, reason: name(reason), offset, why }, 'a client was refused: its connection is closed')
  }

  /** Tells what was only counted, and lets the timer go. */
  close(): void {
    this.#interval?.cancel()
    this.#end()
  }

  #end(): void {
    this.#interval = null
    this.#told = 0
    if (this.#suppressed.size === 0) return
    const reasons = Object.fromEntries([...this.#suppressed].map(([reason, count]) => [name(reason), count]))
    const suppressed = [...this.#suppressed.values()].reduce((sum, count) => sum + count, 0)
    this.#suppressed.clear()
    this.#log.warn({ suppressed, reasons }, 'more clients were refused, not told one by one')
  }
}

function name(reason: ReasonCode): string {
  return `0x${reason.toString(16).padStart(2, '0')}`
}

function clip(text: string): string {
  return text.length <= TEXT_CHARS_MAX ? text : `${text.slice(0, TEXT_CHARS_MAX - 1)}…`
}
