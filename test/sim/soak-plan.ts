// What a soak in virtual time is made of, drawn from its seed: who publishes what, which classes and links carry it, and what they may cost.
import type { BatchConfig, BudgetConfig, QueueConfig, UplinkConfig } from '../../src/config/config.ts'
import type { WhenFull } from '../../src/store/store.ts'
import { classConfig, linkConfig, QUEUE, routeConfig, uplinkConfig } from '../support/uplink-config.ts'
import type { Random } from './random.ts'
import type { FlowOptions, Shape } from './soak-ledger.ts'

export interface PublisherPlan {
  readonly name: string
  /** All its flows publish together, this often; null for alarms, which come when they come. */
  readonly everyMs: number | null
}

/** A way over which the gateway reaches the cloud. */
export interface LinePlan {
  readonly name: string
  /** Of the cloud, where it leads to. */
  readonly port: number
  readonly latencyMs: number
  readonly bytesPerSec: number
  readonly budget: BudgetConfig
}

export interface SoakPlan {
  readonly publishers: readonly PublisherPlan[]
  readonly flows: readonly FlowOptions[]
  /** Of the gateway. */
  readonly uplink: UplinkConfig
  readonly lines: readonly LinePlan[]
  /** The gateway can ask its kernel what a connection has cost. */
  readonly hasKernel: boolean
  /** Of `sandpiper unpack`: from the cloud, and back to it. */
  readonly unpacker: readonly UplinkConfig[]
}

const MINUTE_MS = 60_000
const BATCH_BYTES_MAX = 16_000

/** `readingMs`: between two readings of one topic of class live; bulk has twice as long. `limits`: queues are so short that they run over. */
export function drawPlan(random: Random, readingMs: number, limits: boolean): SoakPlan {
  const lines = drawLines(random)
  return {
    publishers: [{ name: 'plc', everyMs: readingMs }, { name: 'meter', everyMs: 2 * readingMs }, { name: 'other-plc', everyMs: 2 * readingMs }, { name: 'guard', everyMs: null }],
    flows: FLOWS.map(([publisher, className, name, qos, shape]) => ({ publisher, className, topic: `${className}/${name}`, remoteTopic: `site/${className}/${name}`, qos, shape })),
    uplink: drawUplink(random, lines, limits),
    lines,
    hasKernel: random.chance(0.5),
    unpacker: [unpackFrom(random), unpackTo(random)],
  }
}

/** Two PLCs share a topic. */
const FLOWS: readonly (readonly [publisher: string, className: string, name: string, qos: 0 | 1 | 2, shape: Shape])[] = [
  ['plc', 'live', 'a', 2, 'json'],
  ['plc', 'live', 'b', 2, 'json'],
  ['plc', 'live', 'c', 2, 'number'],
  ['plc', 'live', 'shared', 2, 'json'],
  ['other-plc', 'live', 'shared', 2, 'json'],
  ['other-plc', 'bulk', 'q1', 1, 'csv'],
  ['meter', 'bulk', 'd', 2, 'csv'],
  ['meter', 'bulk', 'e', 2, 'binary'],
  ['meter', 'bulk', 'f', 2, 'number'],
  ['meter', 'bulk', 'q0', 0, 'json'],
  ['guard', 'alarm', 'door', 2, 'json'],
  ['guard', 'alarm', 'level', 2, 'csv'],
]

function drawLines(random: Random): LinePlan[] {
  const billingDay = random.int(1, 28)
  const budget = (dayBytes: number): BudgetConfig => ({ dayBytes, monthBytes: dayBytes * random.int(8, 20), billingDay, reserve: { class: 'alarm', share: 0.2 }, counts: 'connection' })
  return [
    { name: 'lte', port: 1883, latencyMs: random.pick([20, 50, 120]), bytesPerSec: random.pick([8000, 60_000]), budget: budget(random.pick([700_000, 1_000_000, 1_500_000])) },
    { name: 'satellite', port: 8883, latencyMs: random.pick([300, 700]), bytesPerSec: random.pick([300, 2000]), budget: budget(random.pick([15_000, 40_000, 100_000])) },
  ]
}

function drawUplink(random: Random, lines: readonly LinePlan[], limits: boolean): UplinkConfig {
  const oneTopic = random.chance(0.5)
  const batch = (className: string, everyMs: number, readingsMax: number): BatchConfig => ({ everyMs, readingsMax, bytesMax: BATCH_BYTES_MAX, topic: `sandpiper/${oneTopic ? 'site' : className}/frames` })
  const alarms = random.chance(0.5) ? null : batch('alarm', 1000, 20)
  const out = (className: string, qos: 1 | 2, how: BatchConfig | null) => routeConfig({ from: `${className}/#`, to: `site/${className}/#`, qos, class: className, batch: how })
  const [lte, satellite] = lines
  return uplinkConfig({
    host: '192.0.2.1',
    clientId: 'site',
    version: random.pick([4, 5]),
    inflightMax: random.pick([10, 100, 10_000]),
    backoff: { minMs: 1000, maxMs: random.pick([10_000, 60_000, 120_000]) },
    routes: [out('alarm', alarms === null ? 2 : random.pick([1, 2]), alarms), out('live', random.pick([1, 2]), batch('live', MINUTE_MS, 300)), out('bulk', random.pick([1, 2]), batch('bulk', 15 * MINUTE_MS, 1200))],
    classes: [
      classConfig('alarm', { priority: 1 }),
      classConfig('live', { priority: 2, share: 0.2, queue: limits ? shortQueue(random, 1500) : QUEUE }),
      classConfig('bulk', { priority: 3, share: 0.1, queue: limits ? shortQueue(random, 6000) : QUEUE }),
    ],
    links: [
      linkConfig({ name: lte!.name, budget: lte!.budget, stableMs: random.pick([0, 10_000, 60_000]), keepAlive: random.pick([{ minSec: 60, maxSec: 60 }, { minSec: 30, maxSec: 900 }]) }),
      linkConfig({
        name: satellite!.name,
        budget: satellite!.budget,
        classes: random.pick([['alarm'], ['alarm', 'live']]),
        connect: { kind: 'when', queued: null, classes: ['alarm'], schedule: null, windows: [], passesFile: null, idleMs: 10_000 },
      }),
    ],
  })
}

function shortQueue(random: Random, countMax: number): QueueConfig {
  return { ...QUEUE, countMax, ageMsMax: random.pick([Infinity, 4 * 60 * MINUTE_MS]), whenFull: random.pick<WhenFull>(['drop-oldest', 'drop-newest', 'keep-latest', { thin: 4 }]) }
}

function unpackFrom(random: Random): UplinkConfig {
  const unpack = routeConfig({ direction: 'in', from: 'sandpiper/+/frames', qos: 2, unpack: true })
  return uplinkConfig({ name: 'from', clientId: 'unpack', metered: false, version: random.pick([4, 5]), routes: [unpack], links: [linkConfig({ name: 'from' })] })
}

function unpackTo(random: Random): UplinkConfig {
  return uplinkConfig({ name: 'to', clientId: 'unpack-out', metered: false, version: random.pick([4, 5]), routes: [routeConfig({ from: '#', qos: 2, retain: true })], links: [linkConfig({ name: 'to' })] })
}
