// The round trip at fixed rates: from when a message was due to its delivery, and to its acknowledgement.

import type { PacedResult, Quantiles } from '../load/jobs.ts'
import type { Row } from '../report.ts'
import type { Work } from './work.ts'

const RATES = [1000, 10_000]

export const latency: Work[] = [
  {
    name: 'latency-qos0',
    title: 'QoS 0 at fixed rates, subscriber online',
    run: async (bench) => await measure(bench, 0),
  },
  {
    name: 'latency-qos1',
    title: 'QoS 1 at fixed rates, persistent session online',
    run: async (bench) => await measure(bench, 1),
  },
]

async function measure(bench: Parameters<Work['run']>[0], qos: 0 | 1): ReturnType<Work['run']> {
  const rows: Row[] = []
  const faults: string[] = []
  const notes: string[] = []
  for (const perSec of RATES) {
    const broker = await bench.start()
    const result = await bench.load().run({
      kind: 'paced',
      port: broker.port,
      qos,
      perSec,
      subscriber: 'online',
      persistent: qos === 1,
      warmMs: bench.quick ? 500 : 1500,
      runMs: bench.quick ? 1000 : 4000,
      writes: null,
    })
    await broker.stop()
    bench.forget()
    rows.push(...latencyRows(result, `${perSec.toLocaleString('en-US')}/s`))
    faults.push(...result.faults)
    if (result.late.p99Ms > 0.5) notes.push(`at ${perSec}/s the generator itself was late by ${result.late.p99Ms.toFixed(1)} ms (p99)`)
  }
  return { rows, faults, notes }
}

export function latencyRows(result: PacedResult, label: string): Row[] {
  const rows = (what: string, q: Quantiles | null): Row[] =>
    q === null
      ? []
      : [
          { metric: `${label} ${what} p50`, unit: 'ms', value: q.p50Ms },
          { metric: `${label} ${what} p99`, unit: 'ms', value: q.p99Ms },
        ]
  return [...rows('to delivery', result.delivery), ...rows('to PUBACK', result.ack)]
}
