// Builds an uplink on what an earlier run has left in the store: its lanes' queues, its handshakes, its numbers.
import type { Clock } from '../clock.ts'
import type { UplinkConfig } from '../config/config.ts'
import { Queue, type QueueDeps } from '../journal/queue.ts'
import { type DestinationLimits, restoredUpTo, type Snapshot } from '../store/store.ts'
import { isLaneOf, type LanePlan, planLanes } from './lane-plan.ts'
import { type LaneQueue, Uplink, type UplinkDeps } from './uplink.ts'

/** 48 bits: no two streams of all gateways have the same. */
const STREAM_MAX = 2 ** 48

export interface RestoreDeps extends Omit<UplinkDeps, 'unpacked' | 'isSettled'>, Omit<QueueDeps, 'clock'> {
  /** For what is kept on flash: its `wall()` is a stored time. */
  readonly storedClock: Clock
  nextDestination(): number
}

export function restoreUplink(config: UplinkConfig, snapshot: Snapshot, deps: RestoreDeps): Uplink {
  const { numbers } = deps
  const plans = planLanes(config, snapshot.destinations.filter((d) => d.kind === 'uplink' && d.queued.count > 0 && isLaneOf(config.name, d.name)).map((d) => d.name))
  // The remote's handshakes belong to the uplink's name, whatever lanes it has.
  const destination = destinationOf(config.name, plans.find((plan) => plan.name === config.name)?.class.queue ?? config.classes[0]!.queue, snapshot, deps)
  const queues = plans.map((plan) => {
    const id = plan.name === config.name ? destination : destinationOf(plan.name, plan.class.queue, snapshot, deps)
    return laneQueue(plan, id, snapshot, deps, numbers)
  })
  const own = new Set([destination, ...queues.map(({ queue }) => queue.destination)])
  for (const { id, kind, name } of snapshot.destinations) {
    if (kind === 'uplink' && isLaneOf(config.name, name) && !own.has(id)) deps.journal.change({ kind: 'destination-end', destination: id }, false)
  }
  const inflight = snapshot.inflight.filter((row) => own.has(row.destination))
  const received = snapshot.received.filter((row) => row.destination === destination).map((row) => row.packetIdentifier)
  return new Uplink(config, queues, destination, { ...deps, unpacked: snapshot.unpacked, isSettled: (id, sequence) => deps.journal.isSettled(id, sequence) }, inflight, received, destination <= restoredUpTo(snapshot))
}

function laneQueue(plan: LanePlan, id: number, snapshot: Snapshot, deps: RestoreDeps, numbers: UplinkDeps['numbers']): LaneQueue {
  const known = snapshot.destinations.find((d) => d.id === id)
  const key = `stream/${plan.name}`
  if (numbers.get(key) === undefined) numbers.set(key, Math.floor(deps.random() * STREAM_MAX))
  const stream = Buffer.alloc(6)
  stream.writeUIntBE(numbers.get(key)!, 0, 6)
  return { plan, queue: new Queue({ ...deps, clock: deps.storedClock }, deps.journal, id, known?.cursor, known?.queued), stream }
}

/** The durable destination of this name: what an earlier run left, or a new one. */
function destinationOf(name: string, limits: DestinationLimits, snapshot: Snapshot, deps: RestoreDeps): number {
  const id = snapshot.destinations.find((d) => d.kind === 'uplink' && d.name === name)?.id ?? deps.nextDestination()
  deps.journal.change({ kind: 'destination', row: { id, kind: 'uplink', tenant: '', name, limits } }, false)
  return id
}
