// How many messages of 100 bytes go through, closed loop: QoS 0 in three shapes, QoS 1 in three.

import type { FlowJob } from '../load/jobs.ts'
import type { Bench, Work } from './work.ts'

type Shape = Omit<FlowJob, 'kind' | 'port' | 'brokerPid' | 'warmMs' | 'runMs'>

// QoS 0: 8,000 messages on their way are 0.9 MB, below what any of the brokers drops for a slow reader; twice or half as
// many changes nothing.
const QOS0 = { qos: 0, subscribers: 1, persistent: false, window: 0 } as const
const QOS1 = { qos: 1, subscribers: 1, outstanding: 20_000 } as const

export const throughput: Work[] = [
  work('qos0-1-1', 'QoS 0, one publisher to one subscriber', { ...QOS0, publishers: 1, outstanding: 8000, batch: 500 }),
  work('qos0-50-1', 'QoS 0, 50 publishers to one subscriber', { ...QOS0, publishers: 50, outstanding: 160, batch: 80 }),
  work('qos0-1-50', 'QoS 0, one publisher to 50 subscribers; deliveries', { ...QOS0, publishers: 1, subscribers: 50, outstanding: 4000, batch: 250 }),
  work('fan-out', 'QoS 0, one publisher to 1,000 subscribers; deliveries', { ...QOS0, publishers: 1, subscribers: 1000, outstanding: 400, batch: 50 }),
  work('qos1-1-1', 'QoS 1, one publisher, 100 in flight, clean session online', { ...QOS1, publishers: 1, window: 100, batch: 100, persistent: false }),
  work('qos1-50-1', 'QoS 1, 50 publishers, 20 in flight each, persistent session online', { ...QOS1, publishers: 50, window: 20, batch: 20, outstanding: 400, persistent: true }),
  work('qos1-500-1', 'QoS 1, 500 publishers, one in flight each, persistent session online', { ...QOS1, publishers: 500, window: 1, batch: 1, outstanding: 40, persistent: true }),
]

function work(name: string, title: string, shape: Shape): Work {
  return {
    name,
    title,
    async run(bench: Bench) {
      const broker = await bench.start()
      const times = bench.quick ? { warmMs: 500, runMs: 700 } : { warmMs: 1500, runMs: 3000 }
      const result = await bench.load().run({ kind: 'flow', port: broker.port, brokerPid: broker.pid, ...shape, ...times })
      const percent = (share: number): string => `${Math.round(share * 100)} %`
      const notes = result.loadCpu > 0.95 && result.brokerCpu < 0.9 ? [`the load generator was the limit (${percent(result.loadCpu)}, broker ${percent(result.brokerCpu)})`] : []
      return {
        rows: [
          { metric: 'messages', unit: 'per second', value: result.deliveriesPerSec },
          { metric: 'broker CPU for 1,000 messages', unit: 'ms', value: (result.brokerCpu * 1e6) / result.deliveriesPerSec },
        ],
        faults: result.faults,
        notes,
      }
    },
  }
}
