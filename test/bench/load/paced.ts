// The open loop: message k is due at start + k / rate, whatever the broker does, and every latency counts from the moment
// its message was due. A broker that stalls is charged for all that should have been sent meanwhile (no coordinated omission).
//
// Timers of 1 ms would blur what is measured: the loop turns without sleeping (setImmediate), which costs a whole core and
// gives some 10 µs; `late` tells what was left.

import { diskBytesOf, usageOf } from '../machine.ts'
import { TOPIC_FILTER } from '../wire.ts'
import { Client } from './client.ts'
import { ackFaults } from './flow.ts'
import { SESSION_ID, type PacedJob, type PacedResult, type Quantiles } from './jobs.ts'
import { openPublishers } from './publisher.ts'
import { quantilesOf } from './quantiles.ts'
import { Subscriber } from './subscriber.ts'
import { openSession } from './queue.ts'
import { pause, settled } from './wait.ts'

const PUBLISHERS = 10
/** After the last acknowledgement: time for the writes that a broker puts off. */
const FLUSH_MS = 1500

export async function paced(job: PacedJob): Promise<PacedResult> {
  const subscriber = await openReceiver(job)
  const publishers = await openPublishers(job.port, PUBLISHERS, job.qos, 1)
  const count = job.writes === null ? null : await countWrites(job.writes)

  const stepMs = 1000 / job.perSec
  const warm = Math.round(job.warmMs / stepMs)
  const total = warm + Math.round(job.runMs / stepMs)
  const delivery = new Float64Array(total).fill(-1)
  const ack = new Float64Array(total).fill(-1)
  const late = new Float64Array(total).fill(-1)
  const from = performance.now()
  const start = from + 20
  // Message k is number floor(k / publishers) of publisher k mod publishers.
  const sinceDue = (publisher: number, sequence: number, into: Float64Array): void => {
    const k = sequence * PUBLISHERS + publisher
    if (into[k] === -1) into[k] = performance.now() - (start + k * stepMs)
  }
  if (subscriber !== null) subscriber.onMessage = (publisher, sequence) => sinceDue(publisher, sequence, delivery)
  for (const publisher of publishers) publisher.onAck = (sequence) => sinceDue(publisher.index, sequence, ack)

  const sending = Promise.withResolvers<void>()
  let next = 0
  const turn = (): void => {
    for (const now = performance.now(); next < total && start + next * stepMs <= now; next++) {
      const publisher = publishers[next % PUBLISHERS]!
      if (publisher.blocked) break
      late[next] = performance.now() - (start + next * stepMs)
      publisher.send(1)
    }
    if (next === total || publishers[0]!.closed) sending.resolve()
    else setImmediate(turn)
  }
  turn()
  await sending.promise
  const done = (): boolean => publishers.every((p) => job.qos === 0 || p.acked === p.sent) && (subscriber === null || subscriber.check.received >= total)
  await settled(done, () => publishers.reduce((sum, p) => sum + p.acked, subscriber?.check.received ?? 0))
  const writes = (await count?.(total)) ?? null

  const faults = ackFaults(publishers)
  if (subscriber !== null) faults.push(...subscriber.check.faults(publishers.map((p) => p.sent), 'subscriber'))
  await Promise.all([...publishers, ...(subscriber === null ? [] : [subscriber])].map((c) => c.end()))
  return {
    delivery: subscriber === null ? null : quantiles(delivery.subarray(warm)),
    ack: job.qos === 0 ? null : quantiles(ack.subarray(warm)),
    late: quantiles(late.subarray(warm)),
    writes,
    faults,
  }
}

async function openReceiver(job: PacedJob): Promise<Subscriber | null> {
  if (job.subscriber === 'offline') {
    await openSession(job.port)
    return null
  }
  const clientId = job.persistent ? SESSION_ID : 'sub-0'
  const subscriber = await Client.open((socket) => new Subscriber(socket, PUBLISHERS), { port: job.port, clientId, clean: !job.persistent })
  await subscriber.subscribe(TOPIC_FILTER, job.qos)
  return subscriber
}

/** Watches the idle broker and returns what says, after that many messages, how much was written for each. */
async function countWrites({ brokerPid, folder, idleMs }: NonNullable<PacedJob['writes']>): Promise<(messages: number) => Promise<PacedResult['writes']>> {
  const sample = (): { atMs: number; disk: number; calls: number } => ({ disk: diskBytesOf(folder), calls: usageOf(brokerPid).writeCallBytes, atMs: performance.now() })
  await pause(500) // what the connections caused
  const idle = sample()
  await pause(idleMs)
  const begin = sample()
  return async (messages) => {
    await pause(FLUSH_MS)
    const end = sample()
    const without = (end.atMs - begin.atMs) / (begin.atMs - idle.atMs)
    const perMessage = (kind: 'disk' | 'calls'): number => (end[kind] - begin[kind] - (begin[kind] - idle[kind]) * without) / messages
    return { disk: perMessage('disk'), calls: perMessage('calls') }
  }
}

/** Of those that came; the others are faults already. */
function quantiles(samples: Float64Array): Quantiles {
  return quantilesOf(samples.filter((ms) => ms >= 0))
}
