// The closed loop: publishers send as long as their window and the messages outstanding allow, so that what is measured is
// the broker and not the depth of a queue.
//
// A publisher stops for one of three reasons: its window of unacknowledged messages is full (an acknowledgement wakes it),
// too much is on its way to the subscribers (a delivery wakes it), or the kernel takes no more (onWritable wakes it).

import { usageOf } from '../machine.ts'
import { DEVICE_FILTER, TOPIC_FILTER } from '../wire.ts'
import { Client } from './client.ts'
import { SESSION_ID, type FlowJob, type FlowResult } from './jobs.ts'
import { openPublishers, type Publisher } from './publisher.ts'
import { Subscriber } from './subscriber.ts'
import { pause, settled } from './wait.ts'

export async function flow(job: FlowJob): Promise<FlowResult> {
  const subscribers = await openSubscribers(job)
  const publishers = await openPublishers(job.port, job.publishers, job.qos, job.batch, job.devices)
  const only = subscribers.length === 1 ? subscribers[0]! : null
  const state = { stopped: false, starved: false }

  const delivered = (p: number): number => {
    if (only !== null) return only.check.expected[p]!
    let sum = 0
    for (const subscriber of subscribers) sum += subscriber.check.expected[p]!
    return sum / subscribers.length
  }
  const push = (publisher: Publisher): void => {
    while (!state.stopped && !publisher.blocked) {
      let room = job.outstanding - (publisher.sent - delivered(publisher.index))
      if (room < (job.qos === 0 ? job.batch : 1)) state.starved = true
      if (job.qos === 1) room = Math.min(room, job.window - (publisher.sent - publisher.acked))
      // A QoS 0 write is always whole: small pieces would measure system calls. QoS 1 sends what was acknowledged.
      const count = Math.min(Math.floor(room), job.batch)
      if (count < (job.qos === 0 ? job.batch : 1)) return
      publisher.send(count)
    }
  }
  const pushAll = (): void => {
    if (!state.starved) return
    state.starved = false
    for (const publisher of publishers) push(publisher)
  }
  for (const subscriber of subscribers) subscriber.onBatch = pushAll
  for (const publisher of publishers) {
    publisher.onAcks = push
    publisher.onWritable = () => push(publisher)
  }

  const received = (): number => subscribers.reduce((sum, s) => sum + s.check.received, 0)
  const sample = () => ({ at: performance.now(), received: received(), load: process.cpuUsage(), broker: usageOf(job.brokerPid) })
  state.starved = true
  pushAll()
  await pause(job.warmMs)
  const from = sample()
  await pause(job.runMs)
  const to = sample()
  state.stopped = true

  const sent = publishers.map((p) => p.sent)
  const all = sent.reduce((a, b) => a + b, 0)
  await settled(() => received() >= all * subscribers.length && publishers.every((p) => job.qos === 0 || p.acked >= p.sent), received)
  const faults = subscribers.flatMap((s, i) => s.check.faults(sent, `subscriber ${i}`)).slice(0, 4)
  faults.push(...ackFaults(publishers))
  for (const client of [...publishers, ...subscribers]) if (client.closed) faults.push('the broker closed a connection')
  await Promise.all([...publishers, ...subscribers].map((c) => c.end()))

  const sec = (to.at - from.at) / 1000
  return {
    deliveriesPerSec: (to.received - from.received) / sec,
    loadCpu: (to.load.user + to.load.system - from.load.user - from.load.system) / 1e6 / sec,
    brokerCpu: (to.broker.cpuSec - from.broker.cpuSec) / sec,
    faults,
  }
}

/** What is wrong with the acknowledgements of QoS 1 publishers that have stopped. */
export function ackFaults(publishers: readonly Publisher[]): string[] {
  const faults: string[] = []
  const open = publishers.reduce((sum, p) => sum + (p.qos === 0 ? 0 : p.sent - p.acked), 0)
  const disorder = publishers.reduce((sum, p) => sum + p.ackDisorder, 0)
  if (open > 0) faults.push(`${open} messages never acknowledged`)
  if (disorder > 0) faults.push(`${disorder} PUBACKs not in the order of their PUBLISH packets`)
  return faults
}

async function openSubscribers(job: FlowJob): Promise<Subscriber[]> {
  const subscribers: Subscriber[] = []
  for (let i = 0; i < job.subscribers; i++) {
    const clientId = job.persistent ? SESSION_ID : `sub-${i}`
    const subscriber = await Client.open((socket) => new Subscriber(socket, job.publishers), { port: job.port, clientId, clean: !job.persistent })
    await subscriber.subscribe(job.devices === undefined ? TOPIC_FILTER : DEVICE_FILTER, job.qos)
    subscribers.push(subscriber)
  }
  return subscribers
}
