// kill -9 in the middle of the load, and a count of what was acknowledged and is gone. Three rounds.
// A loss is a fault where an acknowledgement promises that the message is safe; Mosquitto's promises nothing about the disk.

import { pause, type Work } from './work.ts'

const ROUNDS = 3

export const crash: Work[] = [
  {
    name: 'crash',
    title: `kill -9 under load, ${ROUNDS} rounds: acknowledged messages that are missing after the restart`,
    repeatsMax: 1,
    can: (kind) => kind.persistent,
    async run(bench) {
      const faults: string[] = []
      const total = { acked: 0, missing: 0, twice: 0 }
      for (let round = 0; round < ROUNDS; round++) {
        const broker = await bench.start({ persistence: true })
        const load = bench.load()
        await load.run({ kind: 'session', port: broker.port })
        const filling = load.run({ kind: 'fill', port: broker.port, publishers: 10, window: 100, perPublisher: 1e9, untilClosed: true })
        await pause((bench.quick ? 300 : 1000) + 150 * round)
        await broker.kill()
        const { acked } = await filling

        const again = await bench.start({ persistence: true })
        const drained = await load.run({ kind: 'drain', port: again.port, atLeast: acked, afterCrash: true })
        await again.stop()
        bench.forget()
        total.acked += acked.reduce((a, b) => a + b, 0)
        total.missing += drained.missing
        total.twice += drained.duplicates
        if (!bench.kind.durable) continue
        if (!drained.sessionPresent) faults.push(`round ${round}: the session was gone after the restart`)
        if (drained.missing > 0) faults.push(`round ${round}: ${drained.missing} acknowledged messages lost`)
      }
      return {
        rows: [
          { metric: 'acknowledged', unit: 'messages', value: total.acked },
          { metric: 'of these missing', unit: 'messages', value: total.missing },
          { metric: 'delivered twice', unit: 'messages', value: total.twice },
        ],
        faults,
      }
    },
  },
]
