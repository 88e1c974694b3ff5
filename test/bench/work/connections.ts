// Clients that come: how fast they are let in, and what happens when a whole site comes back at once.

import { openFilesMax } from '../machine.ts'
import { notEnoughFiles, type Work } from './work.ts'

const AT_ONCE = 100

export const connections: Work[] = [
  {
    name: 'connect',
    title: `connections taken: TCP, CONNECT, CONNACK, ${AT_ONCE} on their way at a time, all kept`,
    async run(bench) {
      const count = bench.quick ? 1000 : 5000
      if (count + 100 > openFilesMax()) return notEnoughFiles(count)
      const broker = await bench.start()
      const load = bench.load()
      await load.run({ kind: 'connect', port: broker.port, brokerPid: broker.pid, count: 500, atOnce: AT_ONCE }) // both are warm
      const { perSec, loadCpu, brokerCpuSec } = await load.run({ kind: 'connect', port: broker.port, brokerPid: broker.pid, count, atOnce: AT_ONCE })
      const brokerCpu = (brokerCpuSec * perSec) / count
      const notes = loadCpu > 0.9 && brokerCpu < 0.9 ? [`the load generator was the limit (${Math.round(loadCpu * 100)} %, broker ${Math.round(brokerCpu * 100)} %)`] : []
      return {
        rows: [
          { metric: 'connections', unit: 'per second', value: perSec },
          { metric: 'broker CPU for 1,000 connections', unit: 'ms', value: (brokerCpuSec * 1e6) / count },
        ],
        notes,
      }
    },
  },
  {
    name: 'storm',
    title: 'reconnect storm: the clients of 5,000 persistent sessions with a subscription connect all at once',
    repeatsMax: 3,
    async run(bench) {
      const count = bench.quick ? 1000 : 5000
      if (count + 100 > openFilesMax()) return notEnoughFiles(count)
      const broker = await bench.start()
      const load = bench.load()
      await load.run({ kind: 'leave', port: broker.port, count })
      const healthy = bench.load()
      await healthy.run({ kind: 'beside', port: broker.port })
      const { ms, faults } = await load.run({ kind: 'return', port: broker.port, count })
      const beside = await healthy.run({ kind: 'beside-stop' })
      return {
        rows: [
          { metric: 'until the last is back', unit: 'ms', value: ms },
          { metric: 'round trip of a client beside, p99', unit: 'ms', value: beside.trip.p99Ms },
          { metric: 'round trip of a client beside, worst', unit: 'ms', value: beside.trip.maxMs },
        ],
        faults: [...faults, ...beside.faults],
      }
    },
  },
]
