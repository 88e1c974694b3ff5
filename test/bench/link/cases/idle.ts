// What a link costs over which nothing is said: pings, and probes of TCP.
//
// Sandpiper runs on a clock that leaps from one to the next; every one of them goes over the wire. Its first day, in which it finds out what the network
// allows, and the days after it are measured apart, and a month is one first day and 29 others. The bridge pings every 5 s of real time: an
// exchange costs the same however rare it is.
import { Bed } from '../bed.ts'
import { type Case, countedBy, KEEP_ALIVE, LIBRARY_GATEWAY, type Options, type Outcome, whole } from './case.ts'

const DAY_MS = 86_400_000
const MONTH_DAYS = 30
/** Shorter than that of other cases: what a ping costs does not depend on it. */
const RTT_MS = 60
const QUIET_MS = 300
const PING_SEC = 5

async function run({ quick, say }: Options): Promise<Outcome> {
  const rows: string[][] = []
  const row = (name: string, dayBytes: number, monthBytes: number, asked: string): void => {
    rows.push([name, whole(dayBytes), whole(monthBytes), asked])
    say(`  ${rows.at(-1)!.join(' | ')}`)
  }

  await using bed = await Bed.make({ rttMs: RTT_MS })
  const bridge = await bed.startBridge(['bridge_protocol_version mqttv50', `keepalive_interval ${PING_SEC}`, 'topic # out 1'])
  const before = await bed.silence(2000)
  const pings = quick ? 3 : 12
  let exchanges = 0
  let [bytes, last] = [0, before]
  while (exchanges < pings) {
    const now = await bed.silence(2000)
    if (now.up === last.up) continue
    exchanges++
    bytes += now.up + now.down - last.up - last.down
    last = now
  }
  await bridge.stop('SIGKILL')
  for (const everySec of [60, 1800]) {
    const day = (bytes / exchanges) * (86_400 / everySec)
    row(`Mosquitto bridge, keepalive_interval ${everySec}${everySec === 60 ? ' (its default)' : ''}`, day, MONTH_DAYS * day, '')
  }

  const days = quick ? 2 : 4
  const idle = async (restMs: number): Promise<number> => {
    await using own = await Bed.make({ rttMs: RTT_MS })
    const gateway = { ...LIBRARY_GATEWAY, uplinks: [{ ...own.uplink, keepAlive: KEEP_ALIVE, routes: [{ out: '#', qos: 1 }] }] }
    const { play } = await own.play({ set: null, count: 0, gateway, quietMs: QUIET_MS, restMs })
    return play.up + play.down
  }
  const [first, all] = await Promise.all([idle(DAY_MS), idle(days * DAY_MS)])
  const dayBytes = (all - first) / (days - 1)
  row(`Sandpiper, keepAlive { min: ${KEEP_ALIVE.min}, max: ${KEEP_ALIVE.max} }`, dayBytes, first + dayBytes * (MONTH_DAYS - 1), '≤ 250,000')
  return {
    head: [`bytes of an idle month of ${MONTH_DAYS} days`, 'a day, later on', 'the month', 'asked'],
    rows,
    notes: [
      countedBy(bed.counts),
      `A ping of the bridge costs ${whole(bytes / exchanges)} bytes (measured ${exchanges} times): PINGREQ, PINGRESP, and the acknowledgement of the second.`,
      `Sandpiper's first day costs ${whole(first)} bytes; of the later ones ${days - 1} were measured.`,
    ],
    faults: [],
  }
}

export const idle: Case = { name: 'idle', title: 'bytes of a month without messages', run }
