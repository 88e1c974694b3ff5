// What only the ring in SQLite does: its file, how large that gets, what is written, and what happens when it is damaged or the card is full.
import DatabaseFile from 'better-sqlite3'
import * as fs from 'node:fs'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Block, joinParts, RingError, type RingFault } from '../../../src/store/ring.ts'
import { ringPath, SqliteRing } from '../../../src/store/sqlite-ring.ts'
import { SqliteStore } from '../../../src/store/sqlite.ts'
import { FakeClock } from '../../support/fake-clock.ts'

vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  return { ...real, statfsSync: vi.fn<typeof fs.statfsSync>(real.statfsSync) }
})

const BYTES_MAX = 1_000_000
const LOG_BYTES_MAX = 600_000

let folder: string
let ring: SqliteRing

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ring-'))
  ring = new SqliteRing(folder)
})
afterEach(() => {
  ring.close()
  rmSync(folder, { recursive: true })
})

/** Noise, as of a hundred series. */
function block(sequence: number, bytes = 10_000): Block {
  const noise = Uint8Array.from({ length: bytes }, (_, i) => (i * 2_654_435_761 + sequence * 97) >>> 11)
  return { sequence, startedAtMs: sequence * 900_000, stepMs: 60_000, steps: 15, data: joinParts([{ number: 1, bytes: noise }]) }
}

function write(...blocks: readonly Block[]): number {
  return ring.write({ series: [{ number: 1, id: 'sensor/a/b', unit: null, seen: 1 }], gone: [], blocks, keepFrom: 0 })
}

function faultOf(fn: () => unknown): RingFault | null {
  try {
    fn()
    return null
  } catch (error) {
    if (error instanceof RingError) return error.fault
    throw error
  }
}

const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0)

test('its file stays below its bound however much is written, and what is there is the newest', () => {
  ring.open(BYTES_MAX)
  for (let n = 1; n <= 500; n++) write(block(n, 5_000 + ((n * 7919) % 10_000)))
  expect(sizeOf(ringPath(folder))).toBeLessThanOrEqual(BYTES_MAX)
  expect(sizeOf(`${ringPath(folder)}-wal`)).toBeLessThanOrEqual(LOG_BYTES_MAX)
  const left = ring.read([1], 0, 1000).map(({ sequence }) => sequence)
  expect(left.at(-1)).toBe(500)
  expect(left.length).toBeGreaterThan(50)
})

test('another bound holds from the next write on', () => {
  ring.open(4 * BYTES_MAX)
  for (let n = 1; n <= 200; n++) write(block(n))
  expect(ring.read([1], 0, 1000)).toHaveLength(200)
  ring.open(BYTES_MAX)
  expect(write(block(201))).toBeGreaterThan(100)
})

test('a commit that was cut off is not there, those before it are', () => {
  ring.open(BYTES_MAX)
  write(block(1))
  write(block(2))
  const log = `${ringPath(folder)}-wal`
  const copies = [ringPath(folder), log].map((path) => [path, readFileSync(path)] as const)
  ring.close()
  for (const [path, bytes] of copies) writeFileSync(path, bytes) // as they were in the middle of it
  truncateSync(log, copies[1]![1].length - 3000)
  expect(ring.open(BYTES_MAX)).toMatchObject({ setAside: null, blocks: [{ sequence: 1 }] })
})

describe('a file that is no good', () => {
  const damages: Readonly<Record<string, (path: string) => void>> = {
    garbage: (path) => writeFileSync(path, Buffer.alloc(50_000, 'garbage')),
    'a page of garbage at its beginning': (path) => writeFileSync(path, Buffer.alloc(1024, 0xa5), { flag: 'r+' }),
    'cut short': (path) => truncateSync(path, 100 * 1024),
    'of another program': (path) => {
      rmSync(path)
      const db = new DatabaseFile(path)
      db.exec('CREATE TABLE block (name TEXT); PRAGMA user_version = 1')
      db.close()
    },
    'of a later release': (path) => {
      const db = new DatabaseFile(path)
      db.pragma('user_version = 99')
      db.close()
    },
  }

  test.each(Object.keys(damages))('%s: is set aside, and a new one begun', (name) => {
    ring.open(BYTES_MAX)
    for (let n = 1; n <= 50; n++) write(block(n))
    ring.close()
    damages[name]!(ringPath(folder))
    expect(ring.open(BYTES_MAX)).toMatchObject({ series: [], blocks: [], setAside: { path: `${ringPath(folder)}.damaged`, cause: expect.stringMatching(/./) } })
    expect(existsSync(`${ringPath(folder)}.damaged`)).toBe(true)
    write(block(51))
    expect(ring.read([1], 0, 99)).toMatchObject([{ sequence: 51 }])
  })

  test('cut short while it is open: that is told, and the next opening begins anew', () => {
    ring.open(BYTES_MAX)
    for (let n = 1; n <= 50; n++) write(block(n))
    truncateSync(ringPath(folder), 20 * 1024)
    expect(faultOf(() => ring.read([1], 0, 99))).toBe('damaged')
    expect(faultOf(() => ring.read([1], 0, 99))).toBe('failed') // it is closed
    expect(ring.open(BYTES_MAX)).toMatchObject({ blocks: [], setAside: { path: `${ringPath(folder)}.damaged` } })
  })

  test('only the last that was set aside is there', () => {
    for (const text of ['first', 'second']) {
      ring.close()
      writeFileSync(ringPath(folder), Buffer.alloc(50_000, text))
      ring.open(BYTES_MAX)
    }
    expect(readFileSync(`${ringPath(folder)}.damaged`, 'latin1')).toMatch(/^second/)
  })

  test('empty: as if there were none', () => {
    writeFileSync(ringPath(folder), '')
    expect(ring.open(BYTES_MAX)).toEqual({ series: [], blocks: [], lastNumber: 0, setAside: null })
  })
})

test('of a card that is nearly full it takes nothing: that is for messages; with room again it goes on', () => {
  ring.open(BYTES_MAX)
  write(block(1))
  const written = sizeOf(`${ringPath(folder)}-wal`)
  vi.mocked(fs.statfsSync).mockReturnValue({ bavail: 500, bsize: 4096 } as ReturnType<typeof fs.statfsSync>)
  expect(faultOf(() => write(block(2)))).toBe('full')
  expect(sizeOf(`${ringPath(folder)}-wal`)).toBe(written)
  expect(ring.read([1], 0, 9)).toHaveLength(1)
  vi.mocked(fs.statfsSync).mockReset()
  write(block(2))
  expect(ring.read([1], 0, 9)).toHaveLength(2)
})

test('where no file can be, it says so, again and again', () => {
  mkdirSync(ringPath(folder))
  expect(faultOf(() => ring.open(BYTES_MAX))).toBe('failed')
  expect(faultOf(() => ring.open(BYTES_MAX))).toBe('failed')
})

test('a store whose ring is damaged while it runs goes on', async () => {
  const clock = new FakeClock()
  const store = new SqliteStore({ folder, bytesMax: 1e9, clock })
  await store.open()
  await store.ring.open(BYTES_MAX)
  for (let n = 1; n <= 50; n++) await store.ring.write({ series: [], gone: [], blocks: [block(n)], keepFrom: 0 })
  await store.ring.open(BYTES_MAX) // the log is in the file
  truncateSync(ringPath(folder), 20 * 1024)
  expect(await store.ring.read([1], 0, 99).catch((error: unknown) => error)).toMatchObject({ fault: 'damaged' })
  expect(await store.commit({ audiences: [], changes: [{ kind: 'value', key: 'a', value: 1 }], segments: [] })).toMatchObject({ refused: null })
  expect(await store.ring.open(BYTES_MAX)).toMatchObject({ blocks: [], setAside: { path: `${ringPath(folder)}.damaged` } })
  expect(await store.ring.write({ series: [], gone: [], blocks: [block(51)], keepFrom: 0 })).toBe(51)
  await store.close()
  const again = new SqliteStore({ folder, bytesMax: 1e9, clock })
  expect((await again.open()).values).toEqual([{ key: 'a', value: 1 }])
  await again.close()
})
