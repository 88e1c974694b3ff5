// What only the store in SQLite does: its files, its lock, its versions, and what it does when it fails.
import DatabaseFile from 'better-sqlite3'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { giveUpReserve, hasRoom, keepReserve, markDamaged } from '../../../src/store/folder.ts'
import { MIGRATIONS, PAGE_BYTES, VERSION } from '../../../src/store/schema.ts'
import { SqliteStore } from '../../../src/store/sqlite.ts'
import { member, readAll, segment } from '../../contract/store.model.ts'
import { destination } from '../../contract/store.suite.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const VERSIONS = new URL('./versions/', import.meta.url)
const clock = new FakeClock()
const opened: SqliteStore[] = []
let folder: string

function make(path = folder): SqliteStore {
  const store = new SqliteStore({ folder: path, bytesMax: 1e9, clock })
  opened.push(store)
  return store
}

async function fill(store: SqliteStore, sequences: readonly number[], payloadBytes = 20): Promise<void> {
  for (const n of sequences) {
    const audiences = [{ id: 1, members: [member(1)] }]
    await store.commit({ audiences, changes: n === 1 ? [destination(1)] : [], segments: [segment(1, [n], payloadBytes)] })
  }
}

const failure = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => null, (error: unknown) => error)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'store-'))
})

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
  rmSync(folder, { recursive: true })
})

describe('opening', () => {
  it('makes the folder and all above it', async () => {
    const path = join(folder, 'a', 'b')
    expect((await make(path).open()).lastSequence).toBe(0)
    expect(existsSync(join(path, 'store.db'))).toBe(true)
  })

  it('says which folder cannot be made, and why', async () => {
    writeFileSync(join(folder, 'file'), '')
    expect(await failure(make(join(folder, 'file', 'store')).open())).toMatchObject({
      code: 'E_STORE_FOLDER',
      message: expect.stringMatching(/file\/store.*ENOTDIR/) as string,
    })
  })

  it('says which folder cannot be written', async () => {
    // /proc takes no new files from anybody, root neither; the mode of a folder would not keep root out.
    expect(await failure(make('/proc/self').open())).toMatchObject({ code: 'E_STORE_FOLDER', message: expect.stringContaining('/proc/self') as string })
  })

  it('refuses a folder that another store has open', async () => {
    await make().open()
    expect(await failure(make().open())).toMatchObject({ code: 'E_STORE_LOCKED', message: `the store in ${folder} is in use` })
  })

  it('is possible again after the thread has ended without closing', async () => {
    const first = make()
    await first.open()
    await fill(first, [1, 2, 3])
    await first.abandon()
    expect(await failure(first.commit({ audiences: [], changes: [], segments: [] }))).toMatchObject({ code: 'E_STORE_FAILED' })
    const second = make()
    await second.open()
    expect(await readAll(second, 1)).toEqual([1, 2, 3])
  })

  it('rejects everything that waits when the thread ends', async () => {
    const store = make()
    await store.open()
    const waiting = [store.read(1, 0, 100), store.commit({ audiences: [], changes: [destination(1)], segments: [] })].map(failure)
    await store.abandon()
    const errors = (await Promise.all(waiting)).filter((error) => error !== null) // it may have answered just before
    expect(errors.every((error) => (error as { code: string }).code === 'E_STORE_FAILED')).toBe(true)
    expect(await failure(store.read(1, 0, 100))).toMatchObject({ code: 'E_STORE_FAILED' })
  })
})

describe('a damaged database', () => {
  const aside = (): string[] => readdirSync(folder).filter((name) => name.includes('.aside-')).sort()

  it('that is no database is set aside with its log, and a new one is opened', async () => {
    writeFileSync(join(folder, 'store.db'), 'not a database at all, but long enough to be looked at'.repeat(100))
    const { setAside, lastSequence } = await make().open()
    expect(lastSequence).toBe(0)
    expect(setAside?.cause).toMatch(/SQLITE_NOTADB/)
    expect(setAside?.path).toBe(join(folder, aside()[0]!))
    expect(aside()).toHaveLength(1)
  })

  it('that was torn inside is set aside when opening meets the damage', async () => {
    const store = make()
    await store.open()
    await fill(store, [1, 2, 3])
    await store.close()
    const path = join(folder, 'store.db')
    const bytes = readFileSync(path)
    bytes.fill(0xa5, PAGE_BYTES) // all but the first page
    writeFileSync(path, bytes)
    const again = make()
    expect((await again.open()).setAside?.cause).toMatch(/SQLITE_CORRUPT/)
    await fill(again, [1])
    expect(await readAll(again, 1)).toEqual([1])
  })

  it('found while running fails the store, and is set aside by the next start', async () => {
    const store = make()
    await store.open()
    for (let n = 1; n <= 60; n++) await fill(store, [n], 5000)
    await store.close()
    const path = join(folder, 'store.db')
    const bytes = readFileSync(path)
    // Leave the ends of the queue, which opening looks at, and damage the middle.
    const pages = bytes.length / PAGE_BYTES
    bytes.fill(0xa5, Math.floor(pages * 0.3) * PAGE_BYTES, Math.floor(pages * 0.7) * PAGE_BYTES)
    writeFileSync(path, bytes)
    const damaged = make()
    expect((await damaged.open()).setAside).toBe(null)
    expect(await failure(readAll(damaged, 1))).toMatchObject({ code: 'E_STORE_FAILED' })
    await damaged.close()
    expect((await make().open()).setAside?.cause).toMatch(/malformed/)
    expect(aside()).toHaveLength(1)
  })

  it('keeps what was set aside before', async () => {
    for (let n = 1; n <= 3; n++) {
      const store = make()
      expect((await store.open()).setAside === null).toBe(n === 1)
      await store.close()
      markDamaged(folder, 'SQLITE_CORRUPT: found while running')
    }
    expect(aside()).toHaveLength(2)
  })
})

describe('versions', () => {
  it('has a file of each that was released', () => {
    expect(readdirSync(VERSIONS).toSorted()).toEqual(MIGRATIONS.map((_, i) => `${i + 1}.sql`))
  })

  it.each(MIGRATIONS.map((_, i) => i + 1))('opens version %i', async (version) => {
    const db = new DatabaseFile(join(folder, 'store.db'))
    db.exec(readFileSync(new URL(`${version}.sql`, VERSIONS), 'utf8'))
    db.close()
    const store = make()
    const { setAside, ...snapshot } = await store.open()
    expect(setAside).toBe(null)
    expect(snapshot.destinations).toMatchObject([
      { id: 1, kind: 'session', tenant: version < 3 ? '' : 'acme', name: 'client-1', cursor: { cursor: 3, ahead: [5], mayHaveSent: version === 1 ? 0 : 2 }, queued: { count: 3 } },
      { id: 2, kind: 'uplink', tenant: '', name: 'cloud', limits: { whenFull: version < 4 ? 'drop-oldest' : { thin: 10 } }, cursor: { cursor: 0, ahead: [] }, queued: { count: 4 } },
    ])
    expect(await readAll(store, 1)).toEqual([4, 5, 8, 9]) // 5 is settled ahead, which the reader knows
    expect(await readAll(store, 2)).toEqual([4, 5, 8, 9])
    expect(snapshot.sessions).toMatchObject([{ owner: version < 3 ? null : 'pump' }])
    expect(snapshot.subscriptions).toHaveLength(1)
    expect(snapshot.inflight).toEqual([{ destination: 1, packetIdentifier: 7, first: version < 4 ? 5 : 4, sequence: 5, qos: 2, phase: 'released' }])
    expect(snapshot.received).toHaveLength(1)
    expect(snapshot.retained.map((r) => [r.tenant, r.topic])).toEqual(version < 3 ? [['', 'a/1']] : [['', 'a/1'], ['acme', 'a/1']])
    expect(snapshot.unpacked).toEqual(version < 4 ? [] : [{ stream: '5f0c01aa3b22', sequence: 17 }])
    expect(snapshot.values).toEqual([{ key: 'pulses', value: 12 }])
    await store.close()
    const after = new DatabaseFile(join(folder, 'store.db'))
    expect(after.pragma('user_version', { simple: true })).toBe(VERSION)
    expect(after.pragma('integrity_check', { simple: true })).toBe('ok')
    after.close()
  })

  it('refuses a newer one and leaves it alone', async () => {
    await make().open()
    await opened.pop()!.close()
    const db = new DatabaseFile(join(folder, 'store.db'))
    db.pragma(`user_version = ${VERSION + 1}`)
    db.close()
    const error = await failure(make().open())
    expect(error).toMatchObject({ code: 'E_STORE_VERSION', message: expect.stringContaining(`version ${VERSION + 1}`) as string })
    expect(readdirSync(folder).some((name) => name.includes('aside'))).toBe(false)
  })
})

describe('the file', () => {
  it('is set for flash', async () => {
    const store = make()
    await store.open()
    await store.close()
    const db = new DatabaseFile(join(folder, 'store.db'))
    expect(db.pragma('page_size', { simple: true })).toBe(PAGE_BYTES)
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
    db.close()
  })

  it('tells what was written: in the log, in the database, and a block for each commit', async () => {
    const empty = make(join(folder, 'empty'))
    const store = make(join(folder, 'filled'))
    for (const s of [empty, store]) await s.open()
    await fill(store, [1, 2, 3], 100_000)
    for (const s of [empty, store]) await s.close()
    const written = store.bytesWritten - empty.bytesWritten
    expect(written).toBeGreaterThan(2 * 300_000 + 3 * 4096)
    expect(written).toBeLessThan(2 * 300_000 * 1.1 + 3 * 4096)
  })

  it('loses settled rows a bounded number at a time, and all of them in the end', async () => {
    const store = make()
    await store.open()
    const audiences = [{ id: 1, members: [member(1)] }]
    const segments = Array.from({ length: 3500 }, (_, i) => segment(1, [i + 1], 200))
    const { bytesUsed: full } = await store.commit({ audiences, changes: [destination(1)], segments })
    const settled = { kind: 'cursor', row: { destination: 1, cursor: 3500, ahead: [], mayHaveSent: 0 } } as const
    const { bytesUsed: first } = await store.commit({ audiences: [], changes: [settled], segments: [] })
    expect(first).toBeGreaterThan(full * 0.6)
    let left = first
    for (let i = 0; i < 20 && left > full * 0.1; i++) ({ bytesUsed: left } = await store.commit({ audiences: [], changes: [settled], segments: [] }))
    expect(left).toBeLessThan(full * 0.1)
  })

  it('has a reserve, which a full disk takes', () => {
    keepReserve(folder)
    expect(readFileSync(join(folder, 'store.reserve'))).toHaveLength(1024 * 1024)
    giveUpReserve(folder)
    expect(readdirSync(folder)).toEqual([])
    expect(hasRoom(folder, 0)).toBe(true)
    expect(hasRoom(folder, 1e15)).toBe(false)
  })
})
