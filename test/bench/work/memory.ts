// What the broker's process holds in memory: alone, with idle connections, and with a million messages waiting; and how
// long it takes to come back with those.

import { Authority } from '../../support/certificates.ts'
import { freePort } from '../brokers.ts'
import { memoryOf, openFilesMax } from '../machine.ts'
import type { Row } from '../report.ts'
import { pause, type Work } from './work.ts'

/** For buffers to be given back and a collection to happen. */
const SETTLE_MS = 2000
const TLS_CONNECTIONS = 1000

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
      const aloneMb = memoryOf(broker.pid).residentMb
      for (const count of bench.quick ? [1000] : [1000, 10_000]) {
        if (count + 100 > openFilesMax()) return { rows: result, notes: [`${openFilesMax()} open files are not enough for ${count} connections`] }
        await load.run({ kind: 'idle', port: broker.port, count, tls: false })
        await pause(SETTLE_MS)
        const label = `${count.toLocaleString('en-US')} connections`
        result.push(...rows(label, broker.pid))
        result.push({ metric: `${label}: resident for each`, unit: 'KB', value: ((memoryOf(broker.pid).residentMb - aloneMb) * 1024) / count })
      }
      return { rows: result }
    },
  },
  {
    name: 'idle-tls',
    title: 'memory with idle connections over TLS 1.3, P-256, the same certificate for all',
    repeatsMax: 3,
    can: (kind) => kind.hasTls,
    async run(bench) {
      await using authority = await Authority.make()
      const port = await freePort()
      const broker = await bench.start({ tls: { ...(await authority.issue('bench')), port } })
      const load = bench.load()
      await load.run({ kind: 'idle', port, count: 1, tls: true }) // what the first costs is not the others'
      await pause(SETTLE_MS)
      const aloneMb = memoryOf(broker.pid).residentMb
      const from = performance.now()
      await load.run({ kind: 'idle', port, count: 1 + TLS_CONNECTIONS, tls: true })
      const sec = (performance.now() - from) / 1000
      await pause(SETTLE_MS)
      const label = `${TLS_CONNECTIONS.toLocaleString('en-US')} connections`
      return {
        rows: [
          { metric: 'handshakes and CONNECT', unit: 'per second', value: TLS_CONNECTIONS / sec },
          ...rows(label, broker.pid),
          { metric: `${label}: resident for each`, unit: 'KB', value: ((memoryOf(broker.pid).residentMb - aloneMb) * 1024) / TLS_CONNECTIONS },
        ],
      }
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
