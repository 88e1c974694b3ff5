// What a durable message costs the flash, at rates from a trickle to a flood. As the disk of the store's folder
// counts it, of all programs; what is written while the broker is idle is taken off. Only brokers that keep what they acknowledge have something to count.

import type { Row } from '../report.ts'
import type { Work } from './work.ts'

const RATES = [10, 100, 10_000]

export const disk: Work[] = (['offline', 'online'] as const).map((subscriber) => ({
  name: `disk-${subscriber}`,
  title: subscriber === 'offline' ? 'bytes written per QoS 1 message for a persistent session that is away' : 'bytes written per QoS 1 message for a persistent session that acknowledges at once',
  repeatsMax: 3,
  can: (kind) => kind.durable,
  async run(bench) {
    const rows: Row[] = []
    const faults: string[] = []
    for (const perSec of RATES) {
      const broker = await bench.start()
      const runMs = (perSec < 1000 ? 10_000 : 5000) / (bench.quick ? 5 : 1)
      const result = await bench.load().run({ kind: 'paced', port: broker.port, qos: 1, perSec, subscriber, persistent: true, warmMs: 0, runMs, writes: { brokerPid: broker.pid, folder: broker.folder, idleMs: 2000 } })
      await broker.stop()
      bench.forget()
      const label = `${perSec.toLocaleString('en-US')}/s`
      rows.push({ metric: `${label} to disk`, unit: 'bytes', value: result.writes!.disk }, { metric: `${label} in write calls, sockets too`, unit: 'bytes', value: result.writes!.calls })
      faults.push(...result.faults)
    }
    return { rows, faults }
  },
}))
