// The contract of src/store/ring.ts, for both implementations of it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MemoryStore } from '../../src/store/memory.ts'
import { type Block, joinParts, partsOf, type RingError } from '../../src/store/ring.ts'
import { SqliteStore } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { FakeClock } from '../support/fake-clock.ts'

const BYTES_MAX = 1_000_000
const START_MS = Date.UTC(2026, 10, 21)

/** One part for each of the series: bytes of its number. */
function block(sequence: number, series: readonly number[] = [1, 2], bytes = 10): Block {
  return { sequence, startedAtMs: START_MS + sequence * 900_000, stepMs: 60_000, steps: 15, data: joinParts(series.map((number) => ({ number, bytes: new Uint8Array(bytes).fill(number) }))) }
}

const row = (number: number, seen = 1) => ({ number, id: `sensor/s/${number}`, unit: number === 1 ? '°C' : null, seen })
const write = (store: Store, blocks: readonly Block[], more: object = {}) => store.ring.write({ series: [], gone: [], blocks, keepFrom: 0, ...more })

describe.each([
  ['memory', () => new MemoryStore({ bytesMax: 1e9, clock: new FakeClock() })],
  ['SQLite', (folder: string) => new SqliteStore({ folder, bytesMax: 1e9, clock: new FakeClock() })],
])('the ring: %s', (_, make) => {
  let folder: string
  let store: Store

  async function reopen(): Promise<void> {
    await store.close()
    if (store instanceof SqliteStore) store = make(folder)
    await store.open()
  }

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ring-'))
    store = make(folder)
    await store.open()
  })
  afterEach(async () => {
    await store.close()
    rmSync(folder, { recursive: true })
  })

  test('begins empty', async () => {
    expect(await store.ring.open(BYTES_MAX)).toEqual({ series: [], blocks: [], lastNumber: 0, setAside: null })
  })

  test('has what was written, also after the store was closed', async () => {
    await store.ring.open(BYTES_MAX)
    expect(await write(store, [block(1), block(2)], { series: [row(1), row(2)] })).toBe(1)
    await reopen()
    const snapshot = await store.ring.open(BYTES_MAX)
    expect(snapshot).toEqual({ series: [row(1), row(2)], blocks: [block(1), block(2)].map(({ data: _data, ...rest }) => rest), lastNumber: 2, setAside: null })
  })

  test('gives the parts that are asked for, in that order', async () => {
    await store.ring.open(BYTES_MAX)
    await write(store, [block(1, [1, 2, 3]), block(2, [2]), block(3, [1])])
    const read = await store.ring.read([3, 1], 1, 2)
    expect(read).toEqual([{ sequence: 1, parts: [new Uint8Array(10).fill(3), new Uint8Array(10).fill(1)] }, { sequence: 2, parts: [null, null] }])
  })

  test('writes over what is not to be kept, and says what is left', async () => {
    await store.ring.open(BYTES_MAX)
    await write(store, [block(1), block(2), block(3)])
    expect(await write(store, [block(4)], { keepFrom: 3 })).toBe(3)
    expect((await store.ring.read([1], 0, 9)).map(({ sequence }) => sequence)).toEqual([3, 4])
  })

  test('never gives a number twice, though its series is gone', async () => {
    await store.ring.open(BYTES_MAX)
    await write(store, [block(1)], { series: [row(1), row(7)] })
    await write(store, [], { gone: [7] })
    await reopen()
    expect(await store.ring.open(BYTES_MAX)).toMatchObject({ series: [row(1)], lastNumber: 7 })
  })

  test('a series that is written again is another row of the same number', async () => {
    await store.ring.open(BYTES_MAX)
    await write(store, [block(1)], { series: [row(1, 1)] })
    await write(store, [block(2)], { series: [row(1, 2)] })
    expect((await store.ring.open(BYTES_MAX)).series).toEqual([row(1, 2)])
  })

  test('the oldest go when there is no more room', async () => {
    await store.ring.open(BYTES_MAX)
    let oldest = 0
    for (let n = 1; n <= 40; n++) oldest = await write(store, [block(n, [1], 50_000)])
    const left = (await store.ring.read([1], 0, 99)).map(({ sequence }) => sequence)
    expect(left.length).toBeGreaterThan(12)
    expect(left.length).toBeLessThanOrEqual(20)
    expect(left).toEqual(Array.from({ length: left.length }, (_, i) => 41 - left.length + i))
    expect(oldest).toBe(left[0])
  })

  test('a block that is larger than all of it is refused, and nothing lost', async () => {
    await store.ring.open(BYTES_MAX)
    await write(store, [block(1)])
    const large = block(2, Array.from({ length: 30 }, (_, i) => i + 1), 60_000)
    expect(await write(store, [large]).catch((error: unknown) => error)).toMatchObject({ name: 'RingError', fault: 'full' } satisfies Partial<RingError>)
    expect(await store.ring.read([1], 0, 9)).toHaveLength(1)
  })

  test('the store’s commits go on beside it', async () => {
    await store.ring.open(BYTES_MAX)
    const all = await Promise.all([write(store, [block(1)]), store.commit({ audiences: [], changes: [{ kind: 'value', key: 'a', value: 1 }], segments: [] }), write(store, [block(2)])])
    expect(all).toMatchObject([1, { refused: null }, 1])
    await reopen()
    expect((await store.ring.open(BYTES_MAX)).blocks).toHaveLength(2)
  })

  test('whoever asks before it is open is refused, and the store is not touched', async () => {
    expect(await store.ring.read([1], 0, 9).catch((error: unknown) => error)).toMatchObject({ fault: 'failed' })
    expect(await write(store, [block(1)]).catch((error: unknown) => error)).toMatchObject({ fault: 'failed' })
    expect(await store.commit({ audiences: [], changes: [], segments: [] })).toMatchObject({ refused: null })
  })
})

describe('the parts of a block', () => {
  test('come back, whatever their length', () => {
    const parts = [0, 1, 300, 65_535].map((bytes, i) => ({ number: 4_000_000_000 + i, bytes: new Uint8Array(bytes).fill(i) }))
    expect(partsOf(joinParts(parts), parts.map(({ number }) => number))).toEqual(parts.map(({ bytes }) => bytes))
  })

  test('of bytes that are no block are none', () => {
    const good = joinParts([{ number: 1, bytes: new Uint8Array(20).fill(7) }])
    for (let length = 0; length < good.length; length++) expect(partsOf(good.subarray(0, length), [1])).toEqual([null])
    expect(partsOf(new Uint8Array(64).fill(0xff), [1])).toEqual([null])
  })
})
