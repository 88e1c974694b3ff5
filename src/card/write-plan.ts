// When STATUS.txt is written: flash does not forget a write, and a FAT write is many. Pure: what was written, and what is now, in; yes or no out.
//
//   what matters has changed      at once; after WRITES_SOON_MAX of a day not more often than every LATER_MS
//   only figures have changed     every REFRESH_MS
import { createHash } from 'node:crypto'
import type { CardFacts } from './facts.ts'
import { verdictOf } from './verdict.ts'

const DAY_MS = 86_400_000
const WRITES_SOON_MAX = 24
const LATER_MS = 2 * 3_600_000
const REFRESH_MS = 6 * 3_600_000
/** Between two, whatever happens. */
const APART_MS = 60_000

export interface Writes {
  /** Milliseconds since the machine's start. */
  readonly atMs: readonly number[]
  /** Of what mattered when it was written last. */
  readonly substance: string
}

export const NO_WRITES: Writes = { atMs: [], substance: '' }

export function isDue({ atMs, substance }: Writes, now: string, nowMs: number): boolean {
  const last = atMs.at(-1)
  if (last === undefined) return true
  const sinceMs = nowMs - last
  if (substance === now) return sinceMs >= REFRESH_MS
  const lately = atMs.filter((at) => nowMs - at < DAY_MS).length
  return sinceMs >= (lately < WRITES_SOON_MAX ? APART_MS : LATER_MS)
}

export function written({ atMs }: Writes, substance: string, nowMs: number): Writes {
  return { atMs: [...atMs.filter((at) => nowMs - at < DAY_MS), nowMs], substance }
}

/** What matters of the facts: who reads the card would do something else for it. */
export function substanceOf(facts: CardFacts): string {
  const { applied, status, answer, devices, data, slot, version, isTrial, sshFingerprint, isTimeSynced, hostname } = facts
  const substance = [
    verdictOf(facts),
    applied?.fileDigest ?? null,
    applied?.problems.map(({ line, column, message }) => [line, column, message]) ?? null,
    applied?.failures ?? null,
    status === null ? null : [status.site, status.broker.listeners, status.store.trouble, status.lastError],
    status?.uplinks.map(({ name, connected, link, lastError, queued }) => [name, connected, link, lastError, magnitude(queued.messages)]) ?? null,
    status?.sensors.filter(({ state }) => state !== 'ok') ?? null,
    status?.alarms?.map(({ name }) => name) ?? null,
    answer?.why ?? null,
    devices.map(({ device, connection, addresses }) => [device, connection, addresses]),
    [data.trouble, slot, version, isTrial, sshFingerprint, isTimeSynced, hostname],
  ]
  return createHash('sha256').update(JSON.stringify(substance)).digest('hex')
}

/** 0, 1, 2, 3 … for none, some, more than a thousand, than a million. */
function magnitude(count: number): number {
  return count === 0 ? 0 : 1 + Math.floor(Math.log10(count) / 3)
}
