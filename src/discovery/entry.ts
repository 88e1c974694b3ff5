// A record that a responder publishes, and when it is to be sent to everybody; what makes records the same, and which come first.
import { type DnsRecord, keyOf } from './dns.ts'
import type { Published } from './records.ts'

/** RFC 6762 section 8.3. */
const ANNOUNCEMENTS = 2

export interface Entry {
  readonly published: Published
  readonly key: string
  readonly id: string
  /** To everybody. */
  sentMs: number
  /** To be sent to everybody, and whether only this one has asked. */
  dueMs: number
  asker: string | null
  announcements: number
  announceMs: number
}

export function entryOf(published: Published): Entry {
  const { record } = published
  return { published, key: keyOf(record.name), id: idOf(record), sentMs: -Infinity, dueMs: Infinity, asker: null, announcements: 0, announceMs: Infinity }
}

export function announce(entry: Entry, nowMs: number): void {
  entry.announcements = ANNOUNCEMENTS
  entry.announceMs = nowMs
}

export function idOf({ name, type, data }: DnsRecord): string {
  return `${type} ${keyOf(name)} ${data.toString('latin1')}`
}

export function isSameSet(a: Entry, b: Entry): boolean {
  return a.key === b.key && a.published.record.type === b.published.record.type
}

/** < 0 when `own` comes first: by type, then by the bytes of their data, then by how many there are. */
export function compareSets(own: readonly DnsRecord[], theirs: readonly DnsRecord[]): number {
  const ordered = (records: readonly DnsRecord[]): DnsRecord[] => records.toSorted((a, b) => a.type - b.type || Buffer.compare(a.data, b.data))
  const [a, b] = [ordered(own), ordered(theirs)]
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = a[i]!.type - b[i]!.type || Buffer.compare(a[i]!.data, b[i]!.data)
    if (order !== 0) return order
  }
  return a.length - b.length
}
