// Connections that hold a place and give nothing: are they closed in time, what do they cost, and does a healthy client notice them?

import { memoryOf } from '../machine.ts'
import { pause, type Work } from './work.ts'

const EACH = 500
/** The silent ones are cut off after one and a half of these [MQTT-3.1.2-24]. */
const KEEP_ALIVE_SEC = 5
/** Our default time to CONNECT is 10 seconds. */
const WATCH_MS = 15_000
const SETTLE_MS = 2000

export const slow: Work[] = [
  {
    name: 'slow',
    title: `${EACH} connections that send one byte a second and ${EACH} that fall silent after CONNECT (keep alive ${KEEP_ALIVE_SEC} s), watched for ${WATCH_MS / 1000} s`,
    repeatsMax: 3,
    async run(bench) {
      const broker = await bench.start()
      const healthy = bench.load()
      await healthy.run({ kind: 'beside', port: broker.port })
      await pause(SETTLE_MS)
      const aloneMb = memoryOf(broker.pid).residentMb
      const watched = bench.load().run({ kind: 'slow', port: broker.port, dribbling: EACH, silent: EACH, keepAliveSec: KEEP_ALIVE_SEC, watchMs: WATCH_MS })
      await pause(SETTLE_MS)
      const heldMb = memoryOf(broker.pid).residentMb
      const { dribbling, silent } = await watched
      const beside = await healthy.run({ kind: 'beside-stop' })
      return {
        rows: [
          { metric: 'byte by byte, not closed', unit: 'connections', value: dribbling.left },
          { metric: 'byte by byte, the last was closed after', unit: 'ms', value: dribbling.lastClosedMs },
          { metric: 'silent, not closed', unit: 'connections', value: silent.left },
          { metric: 'silent, the last was closed after', unit: 'ms', value: silent.lastClosedMs },
          { metric: 'memory for all of them', unit: 'MB', value: heldMb - aloneMb },
          { metric: 'round trip of a client beside, p99', unit: 'ms', value: beside.trip.p99Ms },
          { metric: 'round trip of a client beside, worst', unit: 'ms', value: beside.trip.maxMs },
        ],
        faults: beside.faults,
      }
    },
  },
]
