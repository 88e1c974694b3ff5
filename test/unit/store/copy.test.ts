// A copy of the database is that of the moment it was begun, whatever is committed while it is read.
import DatabaseFile from 'better-sqlite3'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Engine } from '../../../src/store/engine.ts'
import { LOG_BYTES } from '../../../src/store/schema.ts'
import { SqliteStore } from '../../../src/store/sqlite.ts'
import type { Batch } from '../../../src/store/store.ts'
import { member, segment } from '../../contract/store.model.ts'
import { destination } from '../../contract/store.suite.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const PAYLOAD_BYTES = 40_000
let folder: string
let engine: Engine
let last: number

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'copy-'))
  engine = new Engine({ folder, bytesMax: 1e9 }, 0)
  last = 0
})

afterEach(() => {
  engine.close()
  rmSync(folder, { recursive: true })
})

const audiences = [{ id: 1, members: [member(1)] }]

function commit(batch: Partial<Batch>): void {
  engine.commit([{ batch: { audiences, changes: [], segments: [], ...batch }, nowWallMs: 0 }])
}

function append(count: number): void {
  const changes = last === 0 ? [destination(1)] : []
  commit({ changes, segments: Array.from({ length: count }, () => segment(1, [++last], PAYLOAD_BYTES)) })
}

function settle(upTo: number): void {
  commit({ changes: [{ kind: 'cursor', row: { destination: 1, cursor: upTo, ahead: [], mayHaveSent: 0 } }] })
  while (engine.hasRest) engine.sweep()
}

/** Read to its end; `between` happens after each piece. */
function copied(between: (piece: number) => void = () => {}): Buffer {
  const pieces: Buffer[] = []
  for (let piece = engine.readCopy(), n = 1; piece !== null; piece = engine.readCopy(), n++) {
    pieces.push(Buffer.from(piece))
    between(n)
  }
  return Buffer.concat(pieces)
}

/** What is in all tables of a database, in the order of its rows. */
function contentOf(bytes: Buffer): { readonly integrity: unknown; readonly tables: Record<string, unknown[]> } {
  const path = join(folder, 'copied.db')
  writeFileSync(path, bytes)
  const db = new DatabaseFile(path)
  const names = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all() as string[]
  const tables = Object.fromEntries(names.map((name) => [name, db.prepare(`SELECT * FROM ${name}`).safeIntegers().all()]))
  const integrity = db.pragma('integrity_check', { simple: true })
  db.close()
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
  return { integrity, tables }
}

describe('what is committed while it is read', () => {
  test('is not in it: new messages, settled ones, and pages that take the place of both', () => {
    append(150)
    settle(30)
    engine.beginCopy()
    const still = contentOf(copied())
    engine.endCopy()
    expect(still.tables['segment']).toHaveLength(120)

    const bytes = engine.beginCopy()
    let logsFull = 0
    const copy = copied((piece) => {
      if (piece % 8 !== 0 || piece > 80) return
      append(20) // 800 kB
      settle(30 + piece)
      logsFull += (20 * PAYLOAD_BYTES) / LOG_BYTES
    })
    expect(logsFull).toBeGreaterThan(3) // the log was copied into the database meanwhile
    expect(copy).toHaveLength(bytes)
    expect(contentOf(copy)).toEqual({ ...still, integrity: 'ok' })
    engine.endCopy()
  })

  test('is there after it, as ever', () => {
    append(100)
    engine.beginCopy()
    copied((piece) => void (piece <= 8 && append(25)))
    engine.endCopy()
    expect(existsSync(join(folder, 'store.copy'))).toBe(false)
    const { snapshot } = engine
    expect(snapshot.destinations[0]!.queued.count).toBe(last)
    engine.close()
    engine = new Engine({ folder, bytesMax: 1e9 }, 0)
    expect(engine.snapshot.destinations[0]!.queued.count).toBe(last)
    expect(engine.read(1, last - 1, 1e6).segments).toHaveLength(1)
  })
})

test('free pages are not read: a store that was full once is copied as zeros', () => {
  append(150)
  settle(140)
  engine.beginCopy()
  const copy = copied()
  expect(copy.length).toBeGreaterThan(6_000_000)
  let zeros = 0
  for (let page = 0; page < copy.length; page += 1024) if (copy.subarray(page, page + 1024).every((byte) => byte === 0)) zeros++
  expect(zeros).toBeGreaterThan((copy.length / 1024) * 0.8)
  expect(contentOf(copy)).toMatchObject({ integrity: 'ok', tables: { segment: { length: 10 } } })
})

describe('one that is not read', () => {
  test('fails when more has been overwritten than is laid aside, and the store goes on', () => {
    engine.close()
    engine = new Engine({ folder, bytesMax: 1e9, copyAsideBytesMax: 2 * 1024 * 1024 }, 0)
    append(200) // 8 MB
    engine.beginCopy()
    for (let upTo = 20; upTo <= 200; upTo += 20) {
      settle(upTo)
      append(20)
    }
    expect(() => copied()).toThrow(/read so slowly that 2 MB/)
    expect(statSync(join(folder, 'store.db-wal')).size).toBeLessThan(3 * LOG_BYTES)
    append(1)
    engine.endCopy()
    engine.beginCopy()
    expect(contentOf(copied()).integrity).toBe('ok')
  })

  test('is ended by the next one', () => {
    append(10)
    engine.beginCopy()
    engine.readCopy()
    engine.beginCopy()
    expect(contentOf(copied())).toMatchObject({ integrity: 'ok', tables: { segment: { length: 10 } } })
  })
})

test('a copy never takes the lock from the store', async () => {
  append(10)
  engine.beginCopy()
  copied()
  engine.endCopy()
  const other = new SqliteStore({ folder, bytesMax: 1e9, clock: new FakeClock() })
  await expect(other.open()).rejects.toMatchObject({ code: 'E_STORE_LOCKED' })
})

test('what a kill has left of one goes with the next opening', () => {
  engine.close()
  writeFileSync(join(folder, 'store.copy'), 'pages')
  engine = new Engine({ folder, bytesMax: 1e9 }, 0)
  expect(existsSync(join(folder, 'store.copy'))).toBe(false)
})
