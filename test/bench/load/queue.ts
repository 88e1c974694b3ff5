// The offline queue: a persistent session is made and left alone, filled by others, and comes back to take everything.

import { TOPIC_FILTER } from '../wire.ts'
import { Client } from './client.ts'
import { ackFaults } from './flow.ts'
import { SESSION_ID, type DrainJob, type DrainResult, type FillJob, type FillResult } from './jobs.ts'
import { openPublishers, type Publisher } from './publisher.ts'
import { Subscriber } from './subscriber.ts'
import { settled } from './wait.ts'

/** Messages in one write. Several writes fill a window, so that a broker can start before the last one. */
const BATCH = 100
/** A broker that looks through its whole queue for each message is slow, and has lost nothing. */
const SLOW_MS = 30_000
/** After a crash it is not known how many messages there are: they have ended when none has come for so long. */
const CRASH_QUIET_MS = 2500

export async function openSession(port: number): Promise<null> {
  const subscriber = await Client.open((socket) => new Subscriber(socket, 0), { port, clientId: SESSION_ID, clean: false })
  await subscriber.subscribe(TOPIC_FILTER, 1)
  await subscriber.end()
  return null
}

export async function fill(job: FillJob): Promise<FillResult> {
  const publishers = await openPublishers(job.port, job.publishers, 1, Math.min(BATCH, Math.ceil(job.window / 4)))
  const push = (publisher: Publisher): void => {
    while (!publisher.blocked && !publisher.closed) {
      const room = Math.min(job.window - (publisher.sent - publisher.acked), job.perPublisher - publisher.sent)
      const last = publisher.sent + room === job.perPublisher
      if (room <= 0 || (room < publisher.batch && !last)) return
      publisher.send(Math.min(room, publisher.batch))
    }
  }
  for (const publisher of publishers) {
    publisher.onAcks = push
    publisher.onWritable = () => push(publisher)
  }
  const from = performance.now()
  for (const publisher of publishers) push(publisher)
  const acked = (): number => publishers.reduce((sum, p) => sum + p.acked, 0)
  const done = (): boolean => publishers.every((p) => (job.untilClosed ? p.closed : p.acked === job.perPublisher || p.closed))
  const complete = await settled(done, acked, SLOW_MS)
  const sec = (performance.now() - from) / 1000

  const faults = job.untilClosed ? [] : ackFaults(publishers)
  if (!complete) faults.push('filling stood still')
  const result = { perSec: acked() / sec, acked: publishers.map((p) => p.acked), sent: publishers.map((p) => p.sent), faults }
  await Promise.all(publishers.map((p) => p.end()))
  return result
}

export async function drain(job: DrainJob): Promise<DrainResult> {
  const from = performance.now()
  const subscriber = await Client.open((socket) => new Subscriber(socket, job.atLeast.length), { port: job.port, clientId: SESSION_ID, clean: false })
  const { check } = subscriber
  const wanted = job.atLeast.reduce((a, b) => a + b, 0)
  let last = from
  subscriber.onBatch = () => (last = performance.now())
  await settled(() => !job.afterCrash && check.received >= wanted, () => check.received, job.afterCrash ? CRASH_QUIET_MS : SLOW_MS)

  const { sessionPresent } = subscriber
  const missing = check.missing(job.atLeast)
  const faults = job.afterCrash ? [] : check.faults(job.atLeast, 'drain')
  if (!sessionPresent && !job.afterCrash) faults.push('drain: the session was not present')
  await subscriber.end()
  return { perSec: check.received / ((last - from) / 1000), received: check.received, missing, duplicates: check.duplicates, sessionPresent, faults }
}
