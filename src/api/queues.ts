// What waits in queues, as the API shows it.
import type { Clock } from '../clock.ts'
import type { Queue } from '../journal/queue.ts'
import type { Rights } from '../session/rights.ts'
import { elapsedBetween } from '../stored-time.ts'
import { PAYLOAD_PROPERTIES, showPayload } from './payload.ts'
import { count, flag, type Properties, text } from './route.ts'

export const WAITING: Properties = {
  topic: text('Its topic.'),
  qos: { enum: [0, 1, 2], description: 'That it will be sent at.' },
  retain: flag('It is marked as retained.'),
  ageSec: count('Since it came; 0 where that is not known.'),
  ...PAYLOAD_PROPERTIES,
}

export const PEEK_QUERY: Properties = {
  limit: { type: 'integer', minimum: 1, maximum: 200, default: 20, description: 'Messages that are shown, oldest first.' },
  payloadBytes: { type: 'integer', minimum: 0, maximum: 65_536, default: 256, description: 'Bytes of each payload that are shown.' },
}

/** The first messages of a queue that `rights` let the caller read (null: all). `storedWallMs`: the time of now as flash has it. */
export async function peek(queue: Queue, { limit, payloadBytes }: Readonly<Record<string, unknown>>, rights: Rights | null, clock: Clock, storedWallMs: number) {
  const waiting = await queue.peek(limit as number)
  return waiting.filter(({ message }) => rights === null || rights.mayReceive(message.topic)).map(({ message, qos, retain, receivedAtMs, append }) => ({
    topic: message.topic.name,
    qos,
    retain,
    ageSec: Math.floor((append === null ? elapsedBetween(receivedAtMs, storedWallMs) : clock.now() - append.bornMs) / 1000),
    ...showPayload(message, payloadBytes as number),
  }))
}
