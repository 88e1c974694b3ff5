// What the history writes and takes: node --expose-gc test/bench/history.bench.ts [folder]
//
// Virtual days of a gateway's history on a real store, four readings a minute and series. Written is what the folder's disk counts, so of all programs:
// give a folder on a disk of its own (an ext4 in a file: mke2fs, mount -o loop,lazytime), or take the numbers for a guess. Then what it takes in memory,
// how long a chart takes, and what a commit of messages waits that comes right behind a block.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Counters } from '../../src/counters.ts'
import { History } from '../../src/history/history.ts'
import { makeMessage } from '../../src/message.ts'
import { SqliteStore } from '../../src/store/sqlite.ts'
import { FakeClock, settle } from '../support/fake-clock.ts'
import { diskBytesOf } from './machine.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const PER_MINUTE = 4
const HOURS = 72
const COMMITS = 100
const root = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'history-bench-'))
const nothing = makeMessage('t', '')
const log = { info() {}, warn() {} }

function medianOf(all: number[]): number {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!
}

/** Of this thread, after a collection: the resident size of a process of two threads says nothing of a few hundred kB. */
function memoryUsed(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function run(name: string, series: number, valueAt: (n: number, minute: number) => number): Promise<void> {
  const clock = new FakeClock()
  const store = new SqliteStore({ folder: join(root, name), bytesMax: 1e9, clock })
  await store.open()
  const commit = () => store.commit({ audiences: [], changes: [{ kind: 'value', key: 'a', value: clock.now() }], segments: [] })
  await commit()
  const memoryBefore = memoryUsed()
  const history = new History({ keepMs: 48 * HOUR_MS, stepMs: MINUTE_MS, topics: [], seriesMax: series, bytesMax: 16e6 }, {
    clock, log, counters: new Counters(), ring: store.ring, figures: [], storedNow: () => clock.wall(), wallOf: (storedMs) => storedMs, subscribe() {},
  })
  history.start()
  const disk = diskBytesOf(root)
  let tookMs = 0
  let minutes = 0
  const quarter = async (): Promise<void> => {
    for (let minute = 0; minute < 15; minute++, minutes++) {
      for (let i = 0; i < PER_MINUTE; i++) {
        const began = performance.now()
        for (let n = 0; n < series; n++) history.onReading(`sensor-${n}`, { values: [{ name: 'value', value: valueAt(n, minutes + i / PER_MINUTE), unit: 'x', isInRange: true }], quality: 'good', atMs: 0 }, nothing)
        tookMs += performance.now() - began
        clock.advance(MINUTE_MS / PER_MINUTE)
      }
    }
    await settle() // the block is on its way
  }
  for (let n = 0; n < HOURS * 4; n++) {
    await quarter()
    await store.ring.read([], 0, 0).catch(() => {}) // and there
    execFileSync('sync', ['-f', root]) // as in the quarter of an hour between two
  }
  const bytes = diskBytesOf(root) - disk
  const files = readdirSync(join(root, name)).filter((file) => file.startsWith('history')).map((file) => `${file} ${Math.round(statSync(join(root, name, file)).size / 1000)} kB`)
  const valueNs = (tookMs * 1e6) / (series * PER_MINUTE * minutes)
  const memory = memoryUsed() - memoryBefore
  const began = performance.now()
  await history.charts(Array.from({ length: 8 }, (_, n) => `sensor/sensor-${n}/value`), 48 * HOUR_MS, 1000)
  const chartMs = performance.now() - began
  const beside: number[] = []
  const alone: number[] = []
  for (let n = 0; n < COMMITS; n++) {
    await quarter()
    for (const waits of [beside, alone]) {
      const asked = performance.now()
      await commit()
      waits.push(performance.now() - asked)
    }
  }
  await history.stop()
  await store.close()
  const ms = (all: number[]): string => `${medianOf(all).toFixed(2)} ms (most ${Math.max(...all).toFixed(1)})`
  console.log(`${name}: ${series} series, ${HOURS} h: ${(bytes / HOURS / 1000).toFixed(0)} kB an hour on the disk; ${files.join(', ')}`)
  console.log(`  a value ${valueNs.toFixed(0)} ns; a commit behind a block ${ms(beside)}, alone ${ms(alone)}; a chart of 8 series over 48 h ${chartMs.toFixed(0)} ms; ${(memory / 1000).toFixed(0)} kB of the main thread's memory`)
}

try {
  await run('idle', 10, () => 0)
  await run('readings', 100, (n, minute) => Math.round(200 + 50 * Math.sin(minute / 300 + n) + ((minute * 7919 + n * 104_729) % 13)) / 10)
  await run('floats', 100, (n, minute) => Math.sin(minute / 300 + n) * 100)
} finally {
  rmSync(root, { recursive: true })
}
