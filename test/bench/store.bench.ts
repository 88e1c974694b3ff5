// How fast the store is, and what it writes: node test/bench/store.bench.ts [folder]
//
// Three loads of 100-byte messages, one commit after another: 2 per commit, 200 per commit, and segments of 64 KB. Then the time
// to open a store with a million messages queued, and how fast they are read.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { makeMessage } from '../../src/message.ts'
import { recordSizeMax, writeRecord } from '../../src/store/record.ts'
import { SqliteStore } from '../../src/store/sqlite.ts'
import type { Segment } from '../../src/store/store.ts'

const PAYLOAD_BYTES = 100
const MILLION = 1_000_000
const PER_SEGMENT = 520 // fills 64 KB
const message = makeMessage('site/device-17/temperature', Buffer.alloc(PAYLOAD_BYTES, 'x'), { qos: 1 })
const members = [{ destination: 1, qos: 1, upgrade: false, retainAsPublished: false, subscriptionIdentifiers: [] }] as const
const limits = { bytesMax: 1e12, countMax: 1e12, ageMsMax: Infinity, whenFull: 'drop-oldest' } as const
const root = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'store-bench-'))

function segment(first: number, count: number): Segment {
  const bytes = Buffer.allocUnsafeSlow(count * recordSizeMax(message))
  let at = 0
  for (let i = 0; i < count; i++) at = writeRecord(bytes, at, message, i, 0)
  return { audience: 1, first, last: first + count - 1, count, storedAtMs: systemClock.wall(), data: bytes.subarray(0, at) }
}

/** Bytes that reached the file system's blocks, of all threads. */
const written = (): number => Number(/write_bytes: (\d+)/.exec(readFileSync('/proc/self/io', 'latin1'))?.[1])

async function open(name: string): Promise<SqliteStore> {
  const store = new SqliteStore({ folder: join(root, name), bytesMax: 1e12, clock: systemClock })
  await store.open()
  const row = { id: 1, kind: 'uplink', tenant: '', name: 'bench', limits } as const
  await store.commit({ audiences: [], changes: [{ kind: 'destination', row }], segments: [] })
  return store
}

/** `depth` commits are on their way at a time. */
async function load(name: string, perCommit: number, commits: number, depth: number): Promise<void> {
  const store = await open(name)
  let next = 1
  const before = written()
  const started = performance.now()
  const lane = async (): Promise<void> => {
    while (next <= perCommit * commits) {
      const given = segment(next, perCommit)
      next += perCommit
      await store.commit({ audiences: [{ id: 1, members }], changes: [], segments: [given] })
    }
  }
  await Promise.all(Array.from({ length: depth }, lane))
  const seconds = (performance.now() - started) / 1000
  const bytes = written() - before
  const rate = Math.round(commits / seconds)
  const kb = (bytes / commits / 1024).toFixed(1)
  const perMessage = Math.round(bytes / commits / perCommit)
  console.log(`${name.padEnd(24)} ${rate} commits/s, ${rate * perCommit} messages/s, ${kb} KB per commit, ${perMessage} B per message`)
  await store.close()
}

async function million(name: string, perCommit: number): Promise<void> {
  const store = await open(name)
  const commits: Promise<unknown>[] = []
  for (let first = 1; first <= MILLION; first += perCommit) {
    commits.push(store.commit({ audiences: [{ id: 1, members }], changes: [], segments: [segment(first, perCommit)] }))
    if (commits.length === 256) await Promise.all(commits.splice(0))
  }
  await Promise.all(commits)
  await store.close()

  const again = new SqliteStore({ folder: join(root, name), bytesMax: 1e12, clock: systemClock })
  let started = performance.now()
  const { destinations, lastSequence } = await again.open()
  const openMs = Math.round(performance.now() - started)
  started = performance.now()
  let after = 0
  let reads = 0
  for (let end = false; !end; reads++) ({ upTo: after, end } = await again.read(1, after, 64 * 1024))
  const seconds = (performance.now() - started) / 1000
  console.log(
    `${name.padEnd(24)} ${destinations[0]!.queued.count} queued: opens in ${openMs} ms, read at ${Math.round(lastSequence / seconds)} messages/s in ${reads} reads`,
  )
  started = performance.now()
  await again.commit({ audiences: [], changes: [{ kind: 'cursor', row: { destination: 1, cursor: lastSequence, ahead: [], mayHaveSent: 0 } }], segments: [] })
  console.log(`${' '.repeat(24)} settled at once in ${Math.round(performance.now() - started)} ms`)
  await again.close()
}

try {
  await load('2 per commit', 2, 3000, 1)
  await load('200 per commit', 200, 3000, 1)
  await load('64 KB segments', PER_SEGMENT, 4000, 1)
  await load('64 KB segments, 4 deep', PER_SEGMENT, 4000, 4)
  await million('million, 64 KB segments', PER_SEGMENT)
  await million('million, 10 per commit', 10)
} finally {
  rmSync(root, { recursive: true })
}
