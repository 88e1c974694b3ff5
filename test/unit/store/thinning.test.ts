// What thinning out costs, and what it leaves behind: counted in rows, time would depend on the machine.
import DatabaseFile from 'better-sqlite3'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Engine } from '../../../src/store/engine.ts'
import { TOPICS_MAX } from '../../../src/store/round.ts'
import { SqliteSegments } from '../../../src/store/segments.ts'
import type { Change, CommitResult, DestinationLimits, Drop, Segment } from '../../../src/store/store.ts'
import { member, records, segment } from '../../contract/store.model.ts'
import { destination } from '../../contract/store.suite.ts'

const WALL_MS = Date.UTC(2026, 10, 21)

let folder: string
let engine: Engine
let sequence: number

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'store-'))
  engine = new Engine({ folder, bytesMax: 1e9 }, WALL_MS)
  sequence = 0
})

afterEach(() => {
  vi.restoreAllMocks()
  engine.close()
  rmSync(folder, { recursive: true })
})

function commit(changes: readonly Change[], segments: readonly Segment[] = [], nowWallMs = WALL_MS): CommitResult {
  const audiences = [{ id: 1, members: [member(1)] }, { id: 2, members: [member(1), member(2)] }]
  return engine.commit([{ batch: { audiences, changes, segments }, nowWallMs }])[0]!
}

const add = (id: number, limits: Partial<DestinationLimits> = {}): CommitResult => commit([destination(id, limits)])

/** Commits many rows at once: what a store holds that a test begins with. */
function fill(audience: number, count: number, topics: number): void {
  const segments = Array.from({ length: count }, () => segment(audience, [++sequence], 20, WALL_MS, (s) => `t/${s % topics}`))
  commit([], segments)
}

/** Commits `count` messages to `audience`, `topics` topics in turn. */
function give(audience: number, count: number, topics: number, payloadBytes = 20): Drop[] {
  const sequences = Array.from({ length: count }, () => ++sequence)
  return [...commit([], [segment(audience, sequences, payloadBytes, WALL_MS, (s) => `t/${s % topics}`)]).drops]
}

const total = (drops: readonly Drop[]): number => drops.reduce((sum, drop) => sum + drop.count, 0)

function left(id: number): number[] {
  const all: number[] = []
  for (let after = 0; ; ) {
    const { segments, upTo, end } = engine.read(id, after, 1e6)
    all.push(...segments.flatMap(records).map((r) => r.sequence).filter((s) => s > after && s <= upTo))
    if (end) return all.sort((a, b) => a - b)
    after = upTo
  }
}

/** Rows whose data has been fetched since it was asked last. */
function countFetches(): () => number {
  const spy = vi.spyOn(SqliteSegments.prototype, 'data')
  return () => {
    const calls = spy.mock.calls.length
    spy.mockClear()
    return calls
  }
}

describe('the work of a commit', () => {
  it('is bounded while a queue of many rows is thinned out, and the queue hardly grows meanwhile', () => {
    add(1, { countMax: 6000, whenFull: 'keep-latest' })
    let dropped = 0
    let most = 0
    let fetched = 0
    const fetches = countFetches()
    fill(1, 5990, 10)
    for (let n = 0; n < 100; n++) {
      dropped += total(give(1, 1, 10))
      const now = fetches()
      expect(now).toBeLessThanOrEqual(1100)
      fetched += now
      most = Math.max(most, sequence - dropped)
    }
    expect(most).toBeGreaterThan(6003)
    expect(most).toBeLessThanOrEqual(6050)
    expect(fetched).toBeGreaterThan(11_900) // each row is looked at, and then moved
    expect(left(1)).toHaveLength(sequence - dropped)
    expect(dropped).toBeGreaterThanOrEqual(5990)
  })

  it('is little where thinning out takes nothing: a look at the queue for each eighth of it that is new', () => {
    add(1, { countMax: 800, whenFull: { thin: 10 } })
    fill(1, 800, 1e9)
    const fetches = countFetches()
    for (let n = 0; n < 400; n++) expect(total(give(1, 1, 1e9))).toBe(1)
    expect(fetches()).toBeLessThan(400 * 8)
    expect(left(1)).toEqual(Array.from({ length: 800 }, (_, i) => 401 + i))
  })

  it('leaves what is read out before its turn came', () => {
    add(1, { countMax: 4990, whenFull: 'keep-latest' })
    fill(1, 4990, 10)
    let dropped = 0
    while (dropped === 0) dropped += total(give(1, 1, 10))
    const moved = dropped + 10
    const inFlight = engine.read(1, moved, 3000).segments.flatMap(records).map((r) => r.sequence)
    expect(inFlight.length).toBeGreaterThan(50)
    expect(inFlight.length).toBeLessThan(500)
    for (let n = 0; n < 10; n++) dropped += total(give(1, 1, 10))
    const all = left(1)
    expect(all).toHaveLength(sequence - dropped)
    expect(all.slice(0, inFlight.length + 100)).toEqual(expect.arrayContaining(inFlight))
    expect(all.length).toBeLessThan(1500)
  })

  it('goes on where rows that were to be moved have gone meanwhile: too old, or settled', () => {
    add(1, { countMax: 4990, ageMsMax: 1000, whenFull: 'keep-latest' })
    fill(1, 4990, 10)
    expect(engine.read(1, 0, 1).segments).toHaveLength(1)
    let dropped = 0
    while (dropped === 0) dropped += total(give(1, 1, 10))
    expect(engine.snapshot.destinations[0]!.queued.count).toBe(sequence - dropped)
    const late = segment(1, Array.from({ length: 4000 }, () => ++sequence), 20, WALL_MS + 2000, (s) => `t/${s % 10}`)
    const { drops } = commit([], [late], WALL_MS + 2000)
    expect(drops.map((drop) => drop.reason)).toContain('queue-age')
    dropped += total(drops)
    dropped += total(commit([{ kind: 'cursor', row: { destination: 1, cursor: 1, ahead: [], mayHaveSent: 0 } }]).drops)
    for (let n = 0; n < 5; n++) dropped += total(commit([]).drops)
    expect(left(1)).toHaveLength(sequence - dropped - 1)
    expect(engine.snapshot.destinations[0]!.queued.count).toBe(sequence - dropped - 1)
  })

  it('goes to one queue after the other', () => {
    add(1, { countMax: 2000, whenFull: 'keep-latest' })
    add(2, { countMax: 2000, whenFull: { thin: 2 } })
    let dropped = { 1: 0, 2: 0 }
    fill(2, 1990, 10)
    for (let n = 0; n < 100; n++) {
      for (const drop of give(2, 1, 10)) dropped = { ...dropped, [drop.destination]: dropped[drop.destination as 1 | 2] + drop.count }
    }
    expect(left(1)).toHaveLength(sequence - dropped[1])
    expect(left(2)).toHaveLength(sequence - dropped[2])
    expect(left(1).length).toBeLessThan(110)
    expect(left(2).length).toBeLessThan(1600)
    expect(left(1).slice(-10)).toEqual(left(2).slice(-10))
  })
})

describe('what is left behind', () => {
  function rows(table: string): number {
    engine.close()
    const db = new DatabaseFile(join(folder, 'store.db'))
    const count = db.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get()!
    db.close()
    engine = new Engine({ folder, bytesMax: 1e9 }, WALL_MS)
    return count
  }

  it('is a lane for each audience, however many rounds there were', () => {
    add(1, { countMax: 100, whenFull: { thin: 2 } })
    add(2)
    for (let n = 0; n < 200; n++) {
      give(1 + (n % 2), 30, 7)
      commit([{ kind: 'cursor', row: { destination: 2, cursor: sequence, ahead: [], mayHaveSent: 0 } }])
    }
    expect(rows('lane')).toBeLessThanOrEqual(4)
    expect(rows('moved')).toBeLessThanOrEqual(2)
    const queued = engine.snapshot.destinations[0]!.queued.count
    expect(queued).toBeLessThanOrEqual(100)
    commit([1, 2].map((id) => ({ kind: 'cursor', row: { destination: id, cursor: sequence, ahead: [], mayHaveSent: 0 } })))
    expect(rows('segment')).toBe(0)
    expect(rows('moved')).toBe(0)
    expect(rows('lane')).toBe(0)
  })

  it('is who the members of an audience are, however many others come and go', () => {
    add(1, { countMax: 3, whenFull: 'keep-latest' })
    add(2)
    give(2, 4, 2)
    commit([{ kind: 'cursor', row: { destination: 2, cursor: 4, ahead: [], mayHaveSent: 0 } }])
    const audiences = Array.from({ length: 1100 }, (_, i) => ({ id: 10 + i, members: [member(2)] }))
    const segments = audiences.map(({ id }) => segment(id, [++sequence]))
    engine.commit([{ batch: { audiences, changes: [], segments }, nowWallMs: WALL_MS }])
    for (let n = 0; n < 3; n++) commit([{ kind: 'cursor', row: { destination: 2, cursor: sequence, ahead: [], mayHaveSent: 0 } }])
    expect(rows('segment')).toBe(1)
    expect(engine.snapshot.audiences).toEqual([{ id: 2, members: [member(1), member(2)] }])
    expect(left(1)).toEqual([3, 4])
  })

  it('is nothing of a destination that ends', () => {
    add(1, { countMax: 50, whenFull: 'keep-latest' })
    add(2)
    for (let n = 0; n < 20; n++) give(2, 10, 5)
    expect(rows('moved')).toBe(1)
    commit([{ kind: 'destination-end', destination: 1 }])
    commit([])
    expect(rows('moved')).toBe(0)
    expect(rows('lane')).toBe(1)
    expect(left(2)).toHaveLength(200)
  })
})

it('tells a bounded number of topics apart: messages of others stay', () => {
  const topics = TOPICS_MAX + 1000
  add(1, { countMax: 2 * topics, whenFull: 'keep-latest' })
  for (let n = 0; n < 2; n++) for (let given = 0; given < topics; given += topics / 8) give(1, topics / 8, topics, 1)
  let dropped = 0
  for (let n = 0; n < 60; n++) dropped += total(give(1, 1, 1))
  expect(dropped).toBeGreaterThanOrEqual(TOPICS_MAX)
  expect(dropped).toBeLessThanOrEqual(TOPICS_MAX + 60)
  const kept = new Set(left(1))
  expect(kept.size).toBe(sequence - dropped)
  // The last of each topic is there.
  const lasts = Array.from({ length: topics - 2 }, (_, i) => topics + 1 + i)
  expect(lasts.filter((s) => !kept.has(s))).toEqual([])
}, 30_000)

it('counts what cannot be read of a damaged row as gone, and loses nothing else', () => {
  add(1, { countMax: 10, whenFull: 'keep-latest' })
  give(1, 4, 2)
  const torn = segment(1, [5, 6, 7], 20, WALL_MS, (s) => `t/${s % 2}`)
  sequence = 7
  const [first] = records(torn)
  commit([], [{ ...torn, data: Buffer.concat([torn.data.subarray(0, first!.bytes), Buffer.alloc(torn.data.length - first!.bytes, 0xff)]) }])
  const drops = give(1, 6, 2)
  expect(total(drops)).toBe(11)
  expect(left(1)).toEqual([12, 13])
  expect(engine.snapshot.destinations[0]!.queued).toEqual({ count: 2, bytes: 2 * first!.bytes })
})

it('keeps a message whose topic cannot be read', () => {
  add(1, { countMax: 5, whenFull: 'keep-latest' })
  const given = segment(1, [1, 2, 3], 20, WALL_MS)
  const data = Buffer.from(given.data)
  data[records(given)[0]!.bytes + 2] = 0xff // the flags of the second
  commit([], [{ ...given, data }])
  sequence = 3
  const drops = commit([], [segment(1, [4, 5, 6], 20, WALL_MS)]).drops
  expect(total(drops)).toBe(4)
  expect(engine.snapshot.destinations[0]!.queued.count).toBe(2)
})
