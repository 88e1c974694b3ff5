// What the broker's process holds in memory: alone, with idle connections, and with a million messages waiting; and how
// long it takes to come back with those.

import { memoryOf, openFilesMax } from '../machine.ts'
import type { Row } from '../report.ts'
import { pause, type Work } from './work.ts'

/** For buffers to be given back and a collection to happen. */
const SETTLE_MS = 2000

function rows(what: string, pid: number): Row[] {
  const memory = memoryOf(pid)
  return [
    { metric: `${what}: resident`, unit: 'MB', value: memory.residentMb },
    { metric: `${what}: proportional (Pss)`, unit: 'MB', value: memory.pssMb },
    { metric: `${what}: private`, unit: 'MB', value: memory.privateMb },
  ]
}

export const memory: Work[] = [
  {
    name: 'idle-memory',
    title: 'memory with idle connections',
    repeatsMax: 3,
    async run(bench) {
      const broker = await bench.start()
      const load = bench.load()
      await pause(SETTLE_MS)
      const result = rows('0 connections', broker.pid)
      for (const count of bench.quick ? [1000] : [1000, 10_000]) {
        if (count + 100 > openFilesMax()) return { rows: result, notes: [`${openFilesMax()} open files are not enough for ${count} connections`] }
        await load.run({ kind: 'idle', port: broker.port, count })
        await pause(SETTLE_MS)
        result.push(...rows(`${count.toLocaleString('en-US')} connections`, broker.pid))
      }
      return { rows: result }
    },
  },
  {
    name: 'million',
    title: 'a million QoS 1 messages waiting for a persistent session: memory, restart, drain',
    repeatsMax: 2,
    // Aedes fills, and then gives out a few hundred messages a second: it would take an hour.
    can: (kind) => kind.persistent,
    async run(bench) {
      const perPublisher = bench.quick ? 10_000 : 100_000
      let broker = await bench.start()
      const load = bench.load()
      await load.run({ kind: 'session', port: broker.port })
      await pause(SETTLE_MS)
      const result = rows('empty', broker.pid)
      const filled = await load.run({ kind: 'fill', port: broker.port, publishers: 10, window: 1000, perPublisher, untilClosed: false })
      await pause(SETTLE_MS)
      result.push({ metric: 'fill, acknowledged', unit: 'per second', value: filled.perSec }, ...rows('full', broker.pid))
      if (bench.kind.durable) {
        await broker.stop()
        broker = await bench.start()
        result.push({ metric: 'restart to first CONNACK', unit: 'ms', value: broker.startMs }, ...rows('full, restarted', broker.pid))
      }
      const drained = await load.run({ kind: 'drain', port: broker.port, atLeast: filled.acked, afterCrash: false })
      result.push({ metric: 'drain', unit: 'per second', value: drained.perSec }, { metric: 'highest resident until drained', unit: 'MB', value: memoryOf(broker.pid).peakMb })
      return { rows: result, faults: [...filled.faults, ...drained.faults] }
    },
  },
  {
    name: 'start',
    title: 'from start to first CONNACK, empty store',
    async run(bench) {
      const broker = await bench.start()
      return { rows: [{ metric: 'start to first CONNACK', unit: 'ms', value: broker.startMs }] }
    },
  },
]
