// What the store should hold, in the plainest way: every message in one list, every question answered by walking all of it.
import { makeMessage } from '../../src/message.ts'
import { RecordReader, recordSizeMax, writeRecord } from '../../src/store/record.ts'
import { GAIN_MIN } from '../../src/store/round.ts'
import type { CursorRow, DestinationLimits, Drop, ReadResult, Segment, Store } from '../../src/store/store.ts'

export const NO_LIMITS: DestinationLimits = { bytesMax: Infinity, countMax: Infinity, ageMsMax: Infinity, whenFull: 'drop-oldest' }

export const member = (destination: number) =>
  ({ destination, qos: 1, upgrade: false, retainAsPublished: false, subscriptionIdentifiers: [] }) as const

type TopicOf = (sequence: number) => string

/** A segment with one message of `payloadBytes` for each sequence. */
export function segment(audience: number, sequences: readonly number[], payloadBytes = 20, storedAtMs = Date.UTC(2026, 10, 21), topicOf: TopicOf = () => 'site/a'): Segment {
  const first = sequences[0]!
  const messages = sequences.map((sequence) => makeMessage(topicOf(sequence), `${sequence}`.padEnd(payloadBytes, '.'), { qos: 1 }))
  const bytes = Buffer.alloc(messages.reduce((sum, m) => sum + recordSizeMax(m), 0))
  let at = 0
  for (let i = 0; i < messages.length; i++) at = writeRecord(bytes, at, messages[i]!, sequences[i]! - first, 0)
  return { audience, first, last: sequences[sequences.length - 1]!, count: sequences.length, storedAtMs, data: bytes.subarray(0, at) }
}

interface Found {
  readonly sequence: number
  readonly bytes: number
  readonly topic: string
}

export function records(segment: Segment): Found[] {
  const reader = new RecordReader(segment.data, segment.first)
  const list: Found[] = []
  while (reader.next()) list.push({ sequence: reader.sequence, bytes: reader.length, topic: reader.topicKey() })
  return list
}

/** What a reader takes of an answer. */
export function taken(result: ReadResult, after: number): number[] {
  return result.segments
    .flatMap((s) => records(s).map((r) => r.sequence))
    .filter((sequence) => sequence > after && sequence <= result.upTo)
    .sort((a, b) => a - b)
}

/** Reads a destination to its end as a session does. */
export async function readAll(store: Store, destination: number, after = 0, bytesMax = 300): Promise<number[]> {
  const all: number[] = []
  for (;;) {
    const result = await store.read(destination, after, bytesMax)
    all.push(...taken(result, after))
    if (result.end) return all
    if (result.upTo <= after) throw new Error(`no progress after ${after}`)
    after = result.upTo
  }
}

interface Stored extends Found {
  readonly storedAtMs: number
  readonly members: Set<number>
}

export class ModelDestination {
  limits: DestinationLimits
  cursor = 0
  ahead = new Set<number>()
  mayHaveSent = 0
  holeFrom = 0
  holeTo = 0
  readUpTo = 0
  sentUpTo = 0
  /** Messages that must come before it is thinned out again. */
  wait = 0

  constructor(limits: DestinationLimits) {
    this.limits = limits
  }
}

export class Model {
  readonly destinations = new Map<number, ModelDestination>()
  messages: Stored[] = []

  /** Stored for `id`, beyond its cursor and not dropped; what is settled ahead is still stored. */
  stored(id: number, after = 0): Stored[] {
    const d = this.destinations.get(id)!
    return this.messages.filter(
      (m) => m.members.has(id) && m.sequence > Math.max(after, d.cursor) && !(m.sequence > d.holeFrom && m.sequence <= d.holeTo),
    )
  }

  queued(id: number): Stored[] {
    const { ahead } = this.destinations.get(id)!
    return this.stored(id).filter((m) => !ahead.has(m.sequence))
  }

  size(id: number): { count: number; bytes: number } {
    const queued = this.queued(id)
    return { count: queued.length, bytes: queued.reduce((sum, m) => sum + m.bytes, 0) }
  }

  settle({ destination, cursor, ahead, mayHaveSent }: CursorRow): void {
    const d = this.destinations.get(destination)!
    d.mayHaveSent = mayHaveSent
    for (const sequence of ahead) d.ahead.add(sequence)
    this.advance(d, cursor)
  }

  advance(d: ModelDestination, cursor: number): void {
    if (d.holeTo > 0 && cursor >= d.holeFrom) {
      cursor = Math.max(cursor, d.holeTo)
      d.holeFrom = 0
      d.holeTo = 0
    }
    d.cursor = Math.max(d.cursor, cursor)
    for (const sequence of d.ahead) if (sequence <= d.cursor || (sequence > d.holeFrom && sequence <= d.holeTo)) d.ahead.delete(sequence)
  }

  append(s: Segment, members: readonly number[], drops: Drop[]): void {
    const all = records(s)
    const takers = new Set<number>()
    for (const id of members) {
      const d = this.destinations.get(id)
      if (d === undefined) continue
      const wanted = all.filter((r) => r.sequence > d.cursor && !d.ahead.has(r.sequence))
      const bytes = wanted.reduce((sum, r) => sum + r.bytes, 0)
      const size = this.size(id)
      const tooMany = size.count + wanted.length > d.limits.countMax
      if (wanted.length > 0 && d.limits.whenFull === 'drop-newest' && (tooMany || size.bytes + bytes > d.limits.bytesMax)) {
        drops.push({ destination: id, reason: tooMany ? 'queue-count' : 'queue-bytes', count: wanted.length, bytes, upTo: 0 })
      } else {
        takers.add(id)
        d.wait -= wanted.length
      }
    }
    for (const r of all) this.messages.push({ ...r, storedAtMs: s.storedAtMs, members: new Set(takers) })
    this.messages.sort((a, b) => a.sequence - b.sequence)
  }

  /** Applies a destination's limits as the contract says; `given` are the store's own drops, for where its regions end. */
  limit(id: number, batchFirst: number, drops: Drop[], given: readonly Drop[]): void {
    const { whenFull } = this.destinations.get(id)!.limits
    if (whenFull === 'drop-oldest') this.#dropOldest(id, batchFirst, drops, given)
    else if (whenFull !== 'drop-newest') this.#thinOut(id, typeof whenFull === 'object' ? whenFull.thin : 0, batchFirst, drops, given)
  }

  /** `thin` is 0 when the last message of each topic stays. */
  #thinOut(id: number, thin: number, batchFirst: number, drops: Drop[], given: readonly Drop[]): void {
    const d = this.destinations.get(id)!
    for (;;) {
      const size = this.size(id)
      const by = size.count > d.limits.countMax ? 'count' : 'bytes'
      if (by === 'bytes' && size.bytes <= d.limits.bytesMax) return
      const free = this.queued(id).filter((m) => m.sequence > this.#dropFrom(d))
      const part = thin === 0 ? free : free.slice(0, Math.ceil(free.length / 2))
      const gain = { count: 0, bytes: 0 }
      const goes: Stored[] = []
      for (const list of Map.groupBy(part, (m) => m.topic).values()) {
        const going = list.filter((_, i) => i < list.length - 1 && (thin === 0 || (list.length - 1 - i) % thin !== 0))
        goes.push(...going)
        gain.count += going.length
        gain.bytes += thin === 0 ? sumOf(going) : Math.floor((sumOf(list) * going.length) / list.length)
      }
      const scanned = { count: part.length, bytes: sumOf(part) }
      if (d.wait > 0 || gain.count === 0 || gain[by] < GAIN_MIN * scanned[by]) {
        if (d.wait <= 0) d.wait = size.count >> 3
        this.#dropOldest(id, batchFirst, drops, given)
        return
      }
      for (const m of goes) m.members.delete(id)
      drops.push({ destination: id, reason: `queue-${by}`, count: goes.length, bytes: sumOf(goes), upTo: 0 })
    }
  }

  #dropFrom(d: ModelDestination): number {
    return Math.max(d.cursor, d.holeTo, d.readUpTo, d.sentUpTo)
  }

  #dropOldest(id: number, batchFirst: number, drops: Drop[], given: readonly Drop[]): void {
    const d = this.destinations.get(id)!
    for (const by of ['count', 'bytes'] as const) {
      const max = by === 'count' ? d.limits.countMax : d.limits.bytesMax
      const excess = (): number => this.size(id)[by] - max
      const from = this.#dropFrom(d)
      if (from > d.cursor) {
        this.#drop(id, `queue-${by}`, from, this.#enough(id, by, excess(), from, batchFirst - 1), drops, given)
        if (excess() > 0 && d.holeTo > 0) this.#drop(id, `queue-${by}`, d.cursor, d.holeFrom, drops, given)
      }
      if (excess() > 0) this.#drop(id, `queue-${by}`, d.cursor, this.#enough(id, by, excess(), d.cursor, Infinity), drops, given)
    }
  }

  /** The last of the fewest messages to drop after `from`. */
  #enough(id: number, by: 'count' | 'bytes', excess: number, from: number, bound: number): number {
    let upTo = from
    for (const m of this.queued(id)) {
      if (excess <= 0 || m.sequence > bound) break
      if (m.sequence <= from) continue
      excess -= by === 'count' ? 1 : m.bytes
      upTo = m.sequence
    }
    return upTo
  }

  #drop(id: number, reason: Drop['reason'], from: number, upTo: number, drops: Drop[], given: readonly Drop[]): void {
    const d = this.destinations.get(id)!
    if (upTo <= from) return
    const before = this.size(id)
    // The store's region may reach on over numbers that nobody waits for.
    const nth = drops.filter((d) => d.destination === id).length
    const theirs = given.filter((g) => g.destination === id)[nth]?.upTo ?? upTo
    if (theirs > upTo && !this.queued(id).some((m) => m.sequence > upTo && m.sequence <= theirs)) upTo = theirs
    if (from > d.cursor && d.holeTo > 0 && from !== d.holeTo) this.advance(d, d.holeFrom)
    if (from <= d.cursor) this.advance(d, upTo)
    else {
      if (d.holeTo === 0) d.holeFrom = from
      d.holeTo = upTo
      this.advance(d, d.cursor)
    }
    const after = this.size(id)
    if (before.count > after.count) drops.push({ destination: id, reason, count: before.count - after.count, bytes: before.bytes - after.bytes, upTo: Math.max(upTo, d.cursor) })
  }
}

function sumOf(list: readonly Stored[]): number {
  return list.reduce((sum, m) => sum + m.bytes, 0)
}
