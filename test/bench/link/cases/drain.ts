// A backlog goes over a slow link: how much of the link it uses, and how many readings that are.
//
// The link is dead while the backlog is made (packets vanish), then it is there. Measured is from the first message at the cloud to the last
// one, or for a minute: what was on the wire upwards, as a part of what the link can carry. The backlog is the recording `smooth`, over and over; and
// random bytes, which are what a link can be filled with, however fast it is. It is made within seconds, so the times in it cost less than
// in the field, and frames are smaller.
import { randomBytes } from 'node:crypto'
import { until } from '../../../support/until.ts'
import { FRAME_TOPIC } from '../arrivals.ts'
import { Bed } from '../bed.ts'
import { Flood, type Told } from '../flood.ts'
import { FrameDecoder } from '../../../../src/frame/frame.ts'
import { record } from '../readings.ts'
import { type Case, countedBy, fraction, KEEP_ALIVE, type Options, type Outcome, RTT_MS, whole } from './case.ts'

const RECORDED = 20_000
const OPAQUE_BYTES = 48

interface Way {
  readonly name: string
  readonly bridge: readonly string[] | null
  readonly batch: boolean
  /** Random bytes instead of the recording. */
  readonly opaque: boolean
  /** Readings that no minute is enough for, at a thousand bits a second. */
  readonly backlogPerKbit: number
}

const WAYS: readonly Way[] = [
  { name: 'Mosquitto bridge as it is (MQTT 3.1.1, 20 in flight)', bridge: ['bridge_protocol_version mqttv311'], batch: false, opaque: false, backlogPerKbit: 100 },
  // The cloud's Receive Maximum counts then. `max_inflight_messages 0` would be announced as a Receive Maximum of 0, which the cloud refuses.
  { name: 'Mosquitto bridge, MQTT 5.0', bridge: ['bridge_protocol_version mqttv50'], batch: false, opaque: false, backlogPerKbit: 100 },
  { name: 'Sandpiper, each by itself', bridge: null, batch: false, opaque: false, backlogPerKbit: 100 },
  { name: 'Sandpiper, 300 a batch', bridge: null, batch: true, opaque: false, backlogPerKbit: 5000 },
  { name: 'Sandpiper, 300 a batch of random bytes (48 each)', bridge: null, batch: true, opaque: true, backlogPerKbit: 200 },
]

const RATES = [
  { bitsPerSec: 9600, name: '9,600 bit/s' },
  { bitsPerSec: 1_000_000, name: '1 Mbit/s' },
]

function* backlog(count: number, opaque: boolean): Generator<Told> {
  const { readings } = record('smooth', RECORDED)
  for (let i = 0; i < count; i++) yield opaque ? { topic: `blob/${i % 8}`, payload: randomBytes(OPAQUE_BYTES) } : readings[i % RECORDED]!
}

interface Result {
  /** Of the link's capacity upwards, 0 to 1. */
  readonly used: number
  readonly readingsPerSec: number
  readonly counts: Bed['counts']
}

async function measure({ bridge, batch, opaque, backlogPerKbit }: Way, bitsPerSec: number, { quick }: Options): Promise<Result> {
  const runMs = quick ? 30_000 : 60_000
  const count = Math.min(1_000_000, Math.ceil((backlogPerKbit * bitsPerSec * runMs) / 60_000 / 1000) * (bitsPerSec < 100_000 ? 10 : 1))
  await using bed = await Bed.make({ bitsPerSec, rttMs: RTT_MS })
  const decoder = new FrameDecoder()
  let arrived = 0
  await bed.watch('#', (topic, payload) => {
    arrived += topic === FRAME_TOPIC ? decoder.decode(payload).count : 1
  })
  await bed.down()
  const frames = batch ? { batch: { every: '5s', maxReadings: 300, topic: FRAME_TOPIC } } : {}
  const uplinks = [{ ...bed.uplink, keepAlive: KEEP_ALIVE, maxInflight: 1000, connectTimeout: '60s', backoff: { min: '1s', max: '2s' }, routes: [{ out: '#', qos: 1, ...frames }] }]
  const lines = ['restart_timeout 1', 'max_queued_messages 0', 'topic # out 1', ...(bridge ?? [])]
  const port = bridge === null ? (await bed.startGateway({ uplinks })).port : (await bed.startBridge(lines)).port
  using flood = await Flood.connect(bed.gatewayHost, port)
  await flood.publish(backlog(count, opaque))
  await bed.up()
  await until(() => arrived > 0, 'the first message', 120_000)
  const [beganMs, began, beganWith] = [performance.now(), await bed.bytes(), arrived]
  await until(() => arrived >= count || performance.now() - beganMs >= runMs, 'the end', runMs + 10_000)
  const tookMs = performance.now() - beganMs
  const end = await bed.bytes()
  return { used: ((end.up - began.up) * 8000) / tookMs / bitsPerSec, readingsPerSec: ((arrived - beganWith) * 1000) / tookMs, counts: bed.counts }
}

async function run(options: Options): Promise<Outcome> {
  const rows: string[][] = []
  let counts: Bed['counts'] = 'packets'
  for (const way of WAYS) {
    const cells: string[] = []
    for (const { bitsPerSec, name } of RATES) {
      const result = await measure(way, bitsPerSec, options)
      counts = result.counts
      cells.push(`${fraction(result.used * 100)} %`, whole(result.readingsPerSec))
      options.say(`  ${way.name}, ${name}: ${cells.slice(-2).join(', ')} readings/s`)
    }
    rows.push([way.name, ...cells, way.bridge === null ? '≥ 90 %' : ''])
  }
  return {
    head: ['draining a backlog', ...RATES.flatMap(({ name }) => [`${name}: of the link`, 'readings/s']), 'asked'],
    rows,
    notes: [countedBy(counts), `${RTT_MS} ms round trip; the queue in front of the link holds what it carries in one, eight packets at least. TCP (cubic) runs from end to end. QoS 1, TLS 1.3.`],
    faults: [],
  }
}

export const drain: Case = { name: 'drain', title: 'a backlog over a slow link', run }
