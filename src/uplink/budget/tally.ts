// Bytes of the current period, a day or a billing month, and when the next one begins. Pure: times come in, what is to be kept goes out.
//
//   the clock says a later period      the next one begins, when its row is on flash
//   the clock has jumped there         what was spent in the time that the new period has lasted goes along: it was wrong, not earlier
//   the clock is not set, or says      the same period goes on: nothing is given twice. When it has been used up for as long as
//   an earlier period than ours        no period lasts, a new one must have begun, whatever the clock says: nobody is locked out for ever
//
// Always true: `row` covers what is spent and what may be spent before the next row is kept; after a crash the count is too high by
// what was ahead, and never too low.
import type { Period } from './billing-period.ts'
import { RecentBytes } from './recent-bytes.ts'

/** As it is kept: plain numbers. */
export interface TallyRow {
  /** Of `Period`; 0 as long as the clock has never been set. */
  readonly key: number
  /** Spent, and what may be spent until the next row. */
  readonly bytes: number
  /** Of the period before. */
  readonly lastBytes: number
  /** Wall time of the first byte that was counted, or of the period's start. */
  readonly sinceMs: number
  /** What the operator was told: see budget.ts. */
  readonly told: number
  /** So long it has been used up, while the gateway ran and the clock could not be believed. */
  readonly blockedMs: number
}

export const ROW_FIELDS = ['key', 'bytes', 'lastBytes', 'sinceMs', 'told', 'blockedMs'] as const satisfies readonly (keyof TallyRow)[]

const EMPTY: TallyRow = { key: 0, bytes: 0, lastBytes: 0, sinceMs: 0, told: 0, blockedMs: 0 }

/** A row of what was stored, which may be anything. */
export function tallyRow(valueOf: (field: keyof TallyRow) => number | undefined): TallyRow {
  const row: Record<string, number> = { ...EMPTY }
  for (const field of ROW_FIELDS) {
    const value = valueOf(field)
    if (value !== undefined && Number.isFinite(value) && value >= 0) row[field] = value
  }
  return row as unknown as TallyRow
}

export class Tally {
  readonly limitBytes: number
  /** What is not for one class only. */
  readonly commonBytes: number
  readonly #longestMs: number
  readonly #recent: RecentBytes
  #key: number
  #bytes: number
  #lastBytes: number
  #sinceMs: number
  #blockedMs: number
  told: number
  /** The period that begins when its row is on flash. */
  #next: { readonly key: number; readonly sinceMs: number; bytes: number } | null = null
  /** Up to here it may be spent: a row that says so is on flash. */
  #safeBytes: number
  #seenAtMs = -1

  /** `longestMs`: no period of this kind is longer. */
  constructor(limitBytes: number, reserveShare: number, longestMs: number, row: TallyRow) {
    this.limitBytes = limitBytes
    this.commonBytes = Number.isFinite(limitBytes) ? Math.floor(limitBytes * (1 - reserveShare)) : Infinity
    this.#longestMs = longestMs
    this.#recent = new RecentBytes(longestMs)
    this.#key = row.key
    this.#bytes = row.bytes
    this.#safeBytes = row.bytes
    this.#lastBytes = row.lastBytes
    this.#sinceMs = row.sinceMs
    this.#blockedMs = row.blockedMs
    this.told = row.told
  }

  get bytes(): number {
    return this.#bytes
  }

  get key(): number {
    return this.#key
  }

  get lastBytes(): number {
    return this.#lastBytes
  }

  get blockedMs(): number {
    return this.#blockedMs
  }

  /** What may be spent without another row. */
  get safeBytes(): number {
    return this.#safeBytes - this.#bytes
  }

  /** A new period waits for its row to be kept. */
  get turns(): boolean {
    return this.#next !== null
  }

  add(bytes: number, nowMs: number): void {
    this.#bytes += bytes
    this.#recent.add(bytes, nowMs)
    if (this.#next !== null) this.#next.bytes += bytes
  }

  /**
   * What time it is. `period`: what the clock says, null when it is not set. `wallMs`: of the clock. `jumped`: it was set since the last
   * call. `usedUpFrom`: with so many bytes nothing but the reserve is left.
   */
  observe(period: Period | null, wallMs: number, nowMs: number, jumped: boolean, usedUpFrom: number): void {
    const elapsedMs = this.#seenAtMs < 0 ? 0 : nowMs - this.#seenAtMs
    this.#seenAtMs = nowMs
    if (period !== null && this.#next === null) {
      if (this.#key === 0) this.#adopt(period.key, wallMs)
      else if (period.key > this.#key) this.#turnTo(period.key, period.startMs, jumped ? this.#recent.within(wallMs - period.startMs, nowMs) : 0)
    }
    if (this.#next !== null) return
    const believed = period !== null && period.key === this.#key
    this.#blockedMs = believed || this.#bytes < usedUpFrom ? 0 : this.#blockedMs + elapsedMs
    // What brought it there is older than any period; what came on top of it may be of the new one.
    if (this.#blockedMs >= this.#longestMs) this.#turnTo(period?.key ?? this.#key, wallMs, this.#bytes - usedUpFrom)
  }

  /** What is to be kept now, so that `aheadBytes` more may be spent. */
  row(aheadBytes: number): TallyRow {
    if (this.#next !== null) {
      const { key, bytes, sinceMs } = this.#next
      return { key, bytes: bytes + aheadBytes, lastBytes: this.#bytes, sinceMs, told: 0, blockedMs: 0 }
    }
    return { key: this.#key, bytes: this.#bytes + aheadBytes, lastBytes: this.#lastBytes, sinceMs: this.#sinceMs, told: this.told, blockedMs: this.#blockedMs }
  }

  /** `row` is on flash; `turned`: it was that of the next period, and true comes back: it has begun. */
  kept(row: TallyRow, turned: boolean): boolean {
    if (turned && this.#next !== null) {
      this.#lastBytes = this.#bytes
      this.#key = this.#next.key
      this.#bytes = this.#next.bytes
      this.#sinceMs = this.#next.sinceMs
      this.#blockedMs = 0
      this.told = 0
      this.#next = null
      this.#safeBytes = row.bytes
      return true
    }
    this.#safeBytes = row.bytes
    return false
  }

  /**
   * What it will be at the end of `period` when it goes on like this; null when nobody can say. Early in a period the one before
   * counts for more than the little that is known of this one.
   */
  forecast({ key, startMs, endMs }: Period, wallMs: number): number | null {
    if (key !== this.#key) return null
    const lengthMs = endMs - startMs
    const knownMs = wallMs - Math.max(startMs, this.#sinceMs)
    const own = knownMs <= 0 ? 0 : this.#bytes / knownMs
    if (this.#lastBytes === 0) return knownMs < lengthMs / 24 ? null : Math.round(this.#bytes + own * (endMs - wallMs))
    const trust = Math.min(1, Math.max(0, knownMs) / (lengthMs / 4))
    const rate = own * trust + (this.#lastBytes / lengthMs) * (1 - trust)
    return Math.round(this.#bytes + rate * (endMs - wallMs))
  }

  /** The first time that the clock is set: what was spent before that counts. */
  #adopt(key: number, wallMs: number): void {
    this.#key = key
    this.#sinceMs = wallMs
  }

  #turnTo(key: number, sinceMs: number, bytes: number): void {
    this.#next = { key, sinceMs, bytes }
  }
}
