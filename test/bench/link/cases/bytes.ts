// Bytes on the wire for a reading: the same recordings over the same link, by a Mosquitto bridge and by Sandpiper.
//
// The bridge: Debian's Mosquitto 2.0.11, QoS 1, TLS 1.3, one connection that stays, no notifications, keep-alive as it is by default (60 s, which
// its readings never let it need). It has no topic aliases and no batches: more thrift than that cannot be configured. Like the rest of its
// messages' way, Nagle's algorithm is its own affair: it merges what comes within a round trip of a message that is not acknowledged yet.
// Sandpiper: QoS 1, TLS 1.3, keep-alive { min: 60s, max: 30m }; pings that a recording of hours brings about are counted.
//
// Messages that travel alone cost what they cost whenever they travel: of each recording its first readings are enough. Of batches there
// are ten or more, from the first one on, which has to say what the later ones need not.
import { Arrivals, FRAME_TOPIC } from '../arrivals.ts'
import { Bed } from '../bed.ts'
import type { PlayResult } from '../player.ts'
import { record, SET_NAMES, type SetName } from '../readings.ts'
import { type Case, countedBy, fraction, KEEP_ALIVE, LIBRARY_GATEWAY, type Options, type Outcome, QUIET_MS, RTT_MS, several, whole } from './case.ts'

interface Way {
  readonly name: string
  readonly count: (quick: boolean) => number
  /** Lines of a bridge; null for Sandpiper. */
  readonly bridge: readonly string[] | null
  /** Readings in a batch; null for none. */
  readonly batch: number | null
  readonly asked: string
}

const alone = (quick: boolean): number => (quick ? 60 : 300)

const WAYS: readonly Way[] = [
  { name: 'Mosquitto bridge, MQTT 3.1.1', count: alone, bridge: ['bridge_protocol_version mqttv311', 'topic # out 1'], batch: null, asked: '' },
  { name: 'Mosquitto bridge, MQTT 5.0', count: alone, bridge: ['bridge_protocol_version mqttv50', 'topic # out 1'], batch: null, asked: '' },
  { name: 'Sandpiper, each by itself', count: alone, bridge: null, batch: null, asked: '' },
  { name: 'Sandpiper, 300 a batch', count: (quick) => (quick ? 1200 : 6000), bridge: null, batch: 300, asked: '≤ 2.5' },
  { name: 'Sandpiper, 1,200 a batch', count: (quick) => (quick ? 2400 : 12_000), bridge: null, batch: 1200, asked: '≤ 1.5' },
]

const BATCHED = WAYS.filter((way) => way.batch !== null)

interface Cell {
  readonly way: Way
  readonly set: SetName
  readonly count: number
  readonly result: PlayResult
  readonly frameBytes: number
  readonly faults: readonly string[]
  readonly counts: Bed['counts']
}

async function measure(way: Way, set: SetName, { quick, say }: Options): Promise<Cell> {
  await using bed = await Bed.make({ rttMs: RTT_MS })
  const count = way.count(quick)
  const arrivals = new Arrivals(record(set, count).readings)
  await bed.watch('#', (topic, payload) => arrivals.saw(topic, payload))
  const batch = way.batch === null ? {} : { batch: { every: '6h', maxReadings: way.batch, maxBytes: '64kB', topic: FRAME_TOPIC } }
  const gateway = { ...LIBRARY_GATEWAY, uplinks: [{ ...bed.uplink, keepAlive: KEEP_ALIVE, routes: [{ out: '#', qos: 1, ...batch }] }] }
  const result = await bed.play({ set, count, gateway: way.bridge === null ? gateway : null, quietMs: QUIET_MS, restMs: 0 }, way.bridge)
  const faults = [...arrivals.faults(), ...(result.left > 0 ? [`${result.left} readings are still queued`] : [])].map((fault) => `${way.name}, ${set}: ${fault}`)
  say(`  ${way.name}, ${set}: ${fraction((result.play.up + result.play.down) / count, 2)} bytes a reading (${count} in ${fraction(result.spanMs / 3_600_000, 2)} h)`)
  return { way, set, count, result, frameBytes: arrivals.frameBytes, faults, counts: bed.counts }
}

function cellText({ result: { play }, count }: Cell): string {
  const digits = (play.up + play.down) / count < 20 ? 2 : 1
  return `${fraction((play.up + play.down) / count, digits)} (${fraction(play.up / count, digits)} + ${fraction(play.down / count, digits)})`
}

function batches(quick: boolean): string {
  return BATCHED.map((way) => `${whole(way.count(quick) / way.batch!)} batches of ${whole(way.batch!)}`).join(', ')
}

async function run(options: Options): Promise<Outcome> {
  const cells = await several(WAYS.flatMap((way) => SET_NAMES.map((set) => ({ way, set }))), 3, ({ way, set }) => measure(way, set, options))
  const of = (way: Way): Cell[] => SET_NAMES.map((set) => cells.find((c) => c.way === way && c.set === set)!)
  const recordings = SET_NAMES.map((set) => record(set, 12_000))
  const rows = WAYS.map((way) => [way.name, ...of(way).map(cellText), way.asked])
  for (const way of BATCHED) rows.push([`of that, frames: ${whole(way.batch!)} a batch`, ...of(way).map(({ frameBytes, count }) => fraction(frameBytes / count, 2)), ''])
  rows.push(['payload of a reading', ...recordings.map((r) => fraction(r.payloadBytesPerReading, 1)), ''])
  rows.push(['noise in a reading and its time, bytes that nobody can save', ...recordings.map((r) => fraction(r.noiseBitsPerReading / 8, 2)), ''])
  const connects = WAYS.slice(1, 4).map((way) => `${way.name} ${of(way).map(({ result: { connect } }) => whole(connect.up + connect.down)).join(', ')}`)
  return {
    head: ['bytes a reading, all overhead included: sum (up + down)', ...SET_NAMES, 'asked'],
    rows,
    notes: [
      countedBy(cells[0]!.counts),
      `QoS 1, TLS 1.3, ${RTT_MS} ms round trip. ${whole(alone(options.quick))} readings by themselves; ${batches(options.quick)}, the first with its dictionary among them.`,
      'Every reading came out at the cloud as it went in, batched ones with their millisecond.',
      `Opening the connection (TCP, TLS, CONNECT) is not in it: ${connects.join('; ')}.`,
    ],
    faults: cells.flatMap((c) => c.faults),
  }
}

export const bytes: Case = { name: 'bytes', title: 'bytes on the wire for a reading', run }
