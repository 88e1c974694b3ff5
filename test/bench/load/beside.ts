// A healthy client beside whatever else is done to the broker: one QoS 1 message to itself every few milliseconds, and how long each took.
// It sleeps between them: on a machine with two cores it shares its core with those who make the trouble, and must not be slowed by
// its own watching. Trips count from when a message was written.
import { Client } from './client.ts'
import { ackFaults } from './flow.ts'
import type { BesideResult } from './jobs.ts'
import { openPublishers, type Publisher } from './publisher.ts'
import { quantilesOf } from './quantiles.ts'
import { Subscriber } from './subscriber.ts'
import { settled } from './wait.ts'
import { topicOf } from '../wire.ts'

const EVERY_MS = 5

interface Beside {
  readonly publisher: Publisher
  readonly subscriber: Subscriber
  readonly tripsMs: number[]
  readonly timer: NodeJS.Timeout
}

let beside: Beside | null = null

export async function startBeside(port: number): Promise<null> {
  const subscriber = await Client.open((socket) => new Subscriber(socket, 1), { port, clientId: 'beside', clean: true })
  await subscriber.subscribe(topicOf(0), 1)
  const publisher = (await openPublishers(port, 1, 1, 1))[0]!
  const sentMs: number[] = []
  const tripsMs: number[] = []
  subscriber.onMessage = (_publisher, sequence) => tripsMs.push(performance.now() - sentMs[sequence]!)
  const timer = setInterval(() => {
    if (publisher.blocked || publisher.closed) return
    sentMs.push(performance.now())
    publisher.send(1)
  }, EVERY_MS)
  beside = { publisher, subscriber, tripsMs, timer }
  return null
}

export async function stopBeside(): Promise<BesideResult> {
  const { publisher, subscriber, tripsMs, timer } = beside!
  beside = null
  clearInterval(timer)
  await settled(() => publisher.acked === publisher.sent && tripsMs.length >= publisher.sent, () => publisher.acked + tripsMs.length)
  const faults = [...ackFaults([publisher]), ...subscriber.check.faults([publisher.sent], 'the client beside')]
  for (const client of [publisher, subscriber]) if (client.closed) faults.push('the broker closed the connection of the client beside')
  await Promise.all([publisher.end(), subscriber.end()])
  return { trip: quantilesOf(Float64Array.from(tripsMs)), faults }
}
