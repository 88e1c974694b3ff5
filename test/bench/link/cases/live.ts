// Live readings while a million wait: how old they are when they come to the cloud.
//
// The million is of class bulk and goes over the same link, 1 Mbit/s with 600 ms round trip. One live reading a second is measured, from its
// publish to its arrival, by one clock. A bridge has one queue: its live readings stand behind the million.
import { randomBytes } from 'node:crypto'
import { until } from '../../../support/until.ts'
import { FrameDecoder } from '../../../../src/frame/frame.ts'
import { Bed } from '../bed.ts'
import { Flood, type Told } from '../flood.ts'
import { type Case, fraction, KEEP_ALIVE, type Options, type Outcome, RTT_MS, whole } from './case.ts'

const BITS_PER_SEC = 1_000_000
const BATCH_SEC = 5
const LIVE_EVERY_MS = 1000
const BULK_BYTES = 24

interface Way {
  readonly name: string
  readonly bridge: boolean
  readonly batchSec: number | null
}

const WAYS: readonly Way[] = [
  { name: 'Mosquitto bridge, MQTT 5.0', bridge: true, batchSec: null },
  { name: 'Sandpiper, live by itself, bulk 300 a batch', bridge: false, batchSec: null },
  { name: `Sandpiper, live every ${BATCH_SEC} s, bulk 300 a batch`, bridge: false, batchSec: BATCH_SEC },
]

/** Random enough to last: readings that pack well would be gone before anything is measured. */
function* bulk(count: number): Generator<Told> {
  for (let i = 0; i < count; i++) yield { topic: `bulk/${i % 20}`, payload: randomBytes(BULK_BYTES) }
}

interface Result {
  readonly sent: number
  /** Of those that came, sorted. */
  readonly agesMs: readonly number[]
  readonly bulkArrived: number
  readonly bulkLeft: number
}

async function measure({ bridge, batchSec }: Way, { quick, say }: Options): Promise<Result> {
  const count = quick ? 300_000 : 1_000_000
  const liveCount = quick ? 20 : 120
  await using bed = await Bed.make({ bitsPerSec: BITS_PER_SEC, rttMs: RTT_MS })
  const decoder = new FrameDecoder()
  const sentAtMs: number[] = []
  const agesMs: number[] = []
  let bulkArrived = 0
  const saw = (topic: string, payload: string): void => {
    if (topic === 'live') agesMs.push(performance.now() - sentAtMs[Number(payload)]!)
    else bulkArrived++
  }
  await bed.watch('#', (topic, payload) => {
    if (!topic.startsWith('frames/')) return saw(topic, payload.toString())
    const frame = decoder.decode(payload)
    if (frame.needs === null) for (const message of frame.messages) saw(message.topic, Buffer.from(message.payload).toString())
  })
  await bed.down()
  const routes = [
    { out: 'live', qos: 1, class: 'live', ...(batchSec === null ? {} : { batch: { every: `${batchSec}s`, topic: 'frames/live' } }) },
    { out: 'bulk/#', qos: 1, class: 'bulk', batch: { every: '5m', maxReadings: 300, topic: 'frames/bulk' } },
  ]
  const uplinks = [{ ...bed.uplink, keepAlive: KEEP_ALIVE, connectTimeout: '60s', backoff: { min: '1s', max: '2s' }, routes }]
  const lines = ['bridge_protocol_version mqttv50', 'restart_timeout 1', 'max_queued_messages 0', 'topic # out 1']
  const port = bridge ? (await bed.startBridge(lines)).port : (await bed.startGateway({ uplinks, store: { path: './data', maxSize: '4GB' } })).port
  using flood = await Flood.connect(bed.gatewayHost, port)
  await flood.publish(bulk(count))
  say(`  ${whole(count)} wait`)
  await bed.up()
  await until(() => bulkArrived > 0, 'the first message', 180_000)
  await new Promise((resolve) => setTimeout(resolve, 10_000)) // it drains at full speed
  using device = await Flood.connect(bed.gatewayHost, port, 'live')
  for (let i = 0; i < liveCount; i++) {
    sentAtMs.push(performance.now())
    void device.publish([{ topic: 'live', payload: String(i) }])
    await new Promise((resolve) => setTimeout(resolve, LIVE_EVERY_MS))
  }
  await until(() => agesMs.length === liveCount, 'the last live reading', 30_000).catch(() => {}) // what has not come is told
  return { sent: liveCount, agesMs: agesMs.sort((a, b) => a - b), bulkArrived, bulkLeft: count - bulkArrived }
}

async function run(options: Options): Promise<Outcome> {
  const rows: string[][] = []
  for (const way of WAYS) {
    const { sent, agesMs, bulkArrived, bulkLeft } = await measure(way, options)
    const at = (quantile: number): string => (agesMs.length === 0 ? 'none came' : `${whole(agesMs[Math.min(agesMs.length - 1, Math.floor(sent * quantile))]!)} ms`)
    rows.push([way.name, at(0.5), at(0.95), `${agesMs.length} of ${sent}`, whole(bulkArrived), whole(bulkLeft), way.bridge ? '' : `p95 ≤ ${fraction((way.batchSec ?? 0) + (2 * RTT_MS) / 1000)} s`])
    options.say(`  ${rows.at(-1)!.join(' | ')}`)
  }
  return {
    head: ['live readings beside a backlog', 'age p50', 'p95', 'came', 'of the backlog: drained', 'left', 'asked'],
    rows,
    notes: [`1 Mbit/s, ${RTT_MS} ms round trip, one live reading a second. A p95 that is asked for is one batch interval and two round trips.`],
    faults: [],
  }
}

export const live: Case = { name: 'live', title: 'live readings while a million wait', run }
