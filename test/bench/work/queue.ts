// The offline queue: 100,000 QoS 1 messages into a persistent session that is away, and out again when it comes back.

import type { Work } from './work.ts'

const PUBLISHERS = 10

export const queue: Work[] = [
  {
    name: 'queue',
    title: 'offline queue of 100,000 QoS 1 messages, 10 publishers with 1,000 in flight each',
    async run(bench) {
      const messages = bench.quick ? 20_000 : 100_000
      const broker = await bench.start()
      const load = bench.load()
      await load.run({ kind: 'session', port: broker.port })
      const filled = await load.run({ kind: 'fill', port: broker.port, publishers: PUBLISHERS, window: 1000, perPublisher: messages / PUBLISHERS, untilClosed: false })
      const drained = await load.run({ kind: 'drain', port: broker.port, atLeast: filled.acked, afterCrash: false })
      return {
        rows: [
          { metric: 'fill, acknowledged', unit: 'per second', value: filled.perSec },
          { metric: 'drain', unit: 'per second', value: drained.perSec },
        ],
        faults: [...filled.faults, ...drained.faults],
      }
    },
  },
]
