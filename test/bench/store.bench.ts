// How fast the store is, and what it writes: node test/bench/store.bench.ts [folder]
//
// What is written is what the folder's disk counts, so of all programs: give a folder on a disk of its own (an ext4 in a file: mke2fs, mount -o
// loop,lazytime), or take the numbers for a guess. Beside it what the store itself counts (store/write-count.ts).
// Loads of 100-byte messages, one commit after another: 2 and 200 per commit, of one audience and of several, and segments of 64 KB. Then the time
// to open a store with a million messages queued, and how fast they are read. Then what a message costs when a queue of 200,000 messages
// of 1,000 topics is full, by what goes first.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { makeMessage } from '../../src/message.ts'
import { recordSizeMax, writeRecord } from '../../src/store/record.ts'
import { SqliteStore } from '../../src/store/sqlite.ts'
import type { Segment, WhenFull } from '../../src/store/store.ts'
import { diskBytesOf } from './machine.ts'

const PAYLOAD_BYTES = 100
const MILLION = 1_000_000
const PER_SEGMENT = 520 // fills 64 KB
const message = makeMessage('site/device-17/temperature', Buffer.alloc(PAYLOAD_BYTES, 'x'), { qos: 1 })
const QUEUE_COUNT_MAX = 200_000
const TOPICS = 1000
const ofTopics = Array.from({ length: TOPICS }, (_, i) => makeMessage(`site/device-${i}/temperature`, Buffer.alloc(PAYLOAD_BYTES, 'x'), { qos: 1 }))
const members = [{ destination: 1, qos: 1, upgrade: false, retainAsPublished: false, subscriptionIdentifiers: [] }] as const
const limits = { bytesMax: 1e12, countMax: 1e12, ageMsMax: Infinity, whenFull: 'drop-oldest' } as const
const root = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'store-bench-'))

function segment(first: number, count: number, messages = [message], audience = 1): Segment {
  const bytes = Buffer.allocUnsafeSlow(count * recordSizeMax(message))
  let at = 0
  for (let i = 0; i < count; i++) at = writeRecord(bytes, at, messages[(first + i) % messages.length]!, i, 0)
  return { audience, first, last: first + count - 1, count, storedAtMs: systemClock.wall(), data: bytes.subarray(0, at) }
}

const written = (): number => diskBytesOf(root)

async function open(name: string, countMax: number = limits.countMax, whenFull: WhenFull = limits.whenFull): Promise<SqliteStore> {
  const store = new SqliteStore({ folder: join(root, name), bytesMax: 1e12, clock: systemClock })
  await store.open()
  const row = { id: 1, kind: 'uplink', tenant: '', name: 'bench', limits: { ...limits, countMax, whenFull } } as const
  await store.commit({ audiences: [], changes: [{ kind: 'destination', row }], segments: [] })
  return store
}

/** `depth` commits are on their way at a time. */
async function load(name: string, perCommit: number, commits: number, depth: number, audienceCount = 1): Promise<void> {
  const store = await open(name)
  const audiences = Array.from({ length: audienceCount }, (_, i) => ({ id: i + 1, members }))
  const perSegment = Math.ceil(perCommit / audienceCount)
  let next = 1
  const before = written()
  const countedBefore = store.bytesWritten
  const started = performance.now()
  const lane = async (): Promise<void> => {
    while (next <= perCommit * commits) {
      const segments: Segment[] = []
      // Fewer messages than audiences: the next ones are the next commit's.
      for (let i = 0; i < Math.min(audienceCount, perCommit); i++, next += perSegment) {
        segments.push(segment(next, perSegment, [message], 1 + (Math.floor(next / perSegment) % audienceCount)))
      }
      await store.commit({ audiences, changes: [], segments })
    }
  }
  await Promise.all(Array.from({ length: depth }, lane))
  const seconds = (performance.now() - started) / 1000
  await store.close()
  const bytes = written() - before
  const counted = store.bytesWritten - countedBefore
  const rate = Math.round(commits / seconds)
  const kb = (bytes / commits / 1024).toFixed(1)
  const perMessage = Math.round(bytes / commits / perCommit)
  console.log(`${name.padEnd(32)} ${rate} commits/s, ${rate * perCommit} messages/s, ${kb} KB per commit (counted: ${(counted / commits / 1024).toFixed(1)}), ${perMessage} B per message`)
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

/** Three times as many messages as the queue takes: the first third fills it, the rest is measured. */
async function full(name: string, whenFull: WhenFull, perCommit: number): Promise<void> {
  const store = await open(name, QUEUE_COUNT_MAX, whenFull)
  let dropped = 0
  let longestMs = 0
  let before = 0
  let started = 0
  for (let first = 1; first <= 3 * QUEUE_COUNT_MAX; first += perCommit) {
    if (started === 0 && first > QUEUE_COUNT_MAX) {
      before = written()
      started = performance.now()
    }
    const givenAt = performance.now()
    const { drops } = await store.commit({ audiences: [{ id: 1, members }], changes: [], segments: [segment(first, perCommit, ofTopics)] })
    longestMs = Math.max(longestMs, performance.now() - givenAt)
    for (const drop of drops) dropped += drop.count
  }
  const count = 2 * QUEUE_COUNT_MAX
  const us = ((performance.now() - started) * 1000) / count
  console.log(
    `${name.padEnd(24)} ${us.toFixed(2)} us and ${Math.round((written() - before) / count)} B per message, ${dropped} dropped, longest commit ${Math.round(longestMs)} ms`,
  )
  await store.close()
}

try {
  await load('2 per commit', 2, 3000, 1)
  await load('2 per commit, of 10 audiences', 2, 3000, 1, 10)
  await load('200 per commit', 200, 3000, 1)
  await load('200 per commit, of 20 audiences', 200, 1000, 1, 20)
  await load('64 KB segments', PER_SEGMENT, 4000, 1)
  await load('64 KB segments, 4 deep', PER_SEGMENT, 4000, 4)
  await million('million, 64 KB segments', PER_SEGMENT)
  await million('million, 10 per commit', 10)
  for (const perCommit of [20, PER_SEGMENT]) {
    await full(`full, ${perCommit}, drop-oldest`, 'drop-oldest', perCommit)
    await full(`full, ${perCommit}, keep-latest`, 'keep-latest', perCommit)
    await full(`full, ${perCommit}, thin 10`, { thin: 10 }, perCommit)
    await full(`full, ${perCommit}, thin 2`, { thin: 2 }, perCommit)
  }
} finally {
  rmSync(root, { recursive: true })
}
