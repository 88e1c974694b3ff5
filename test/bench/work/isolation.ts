// The local broker waits for nobody: the local round trip with an uplink that cannot be reached, against none at all.
// Everything published is routed to that uplink too, so its queue grows meanwhile.

import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { freePort } from '../brokers.ts'
import type { Row } from '../report.ts'
import type { Work } from './work.ts'

const PER_SEC = 1000

export const isolation: Work[] = [
  {
    name: 'isolation',
    title: `local QoS 1 round trip at ${PER_SEC} messages/s with an uplink in trouble`,
    can: (kind) => kind.hasUplink,
    async run(bench) {
      const accepted: Socket[] = []
      const silent = createServer((socket) => void accepted.push(socket.on('error', () => {})))
      await once(silent.listen(0, '127.0.0.1'), 'listening')
      silent.unref()
      const silentPort = (silent.address() as AddressInfo).port
      const cases: [string, string | null][] = [
        ['no uplink', null],
        ['silent uplink', `mqtt://127.0.0.1:${silentPort}`],
        ['refusing uplink', `mqtt://127.0.0.1:${await freePort()}`],
        ['unresolvable uplink', 'mqtt://uplink.invalid:1883'],
      ]
      const rows: Row[] = []
      const faults: string[] = []
      let aloneP99Ms = 0
      for (const [label, uplink] of cases) {
        const broker = await bench.start({ uplink })
        const result = await bench.load().run({
          kind: 'paced',
          port: broker.port,
          qos: 1,
          perSec: PER_SEC,
          subscriber: 'online',
          persistent: true,
          warmMs: bench.quick ? 500 : 1500,
          runMs: bench.quick ? 1500 : 6000,
          writes: null,
        })
        await broker.stop()
        bench.forget()
        const p99Ms = result.delivery!.p99Ms
        rows.push({ metric: `${label}: delivery p50`, unit: 'ms', value: result.delivery!.p50Ms }, { metric: `${label}: delivery p99`, unit: 'ms', value: p99Ms })
        rows.push({ metric: `${label}: PUBACK p99`, unit: 'ms', value: result.ack!.p99Ms })
        if (uplink === null) aloneP99Ms = p99Ms
        else rows.push({ metric: `${label}: delivery p99 minus none`, unit: 'ms', value: p99Ms - aloneP99Ms })
        faults.push(...result.faults)
      }
      silent.close()
      for (const socket of accepted) socket.destroy()
      return { rows, faults }
    },
  },
]
