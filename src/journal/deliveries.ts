// What becomes deliveries of a queue: what was read from flash, and what is still on its way there. Pure.
import type { Clock } from '../clock.ts'
import type { Message, QoS } from '../message.ts'
import type { TopicTable } from '../mqtt/topic.ts'
import { RecordReader } from '../store/record.ts'
import type { Member, ReadResult, Segment } from '../store/store.ts'
import { elapsedBetween } from '../stored-time.ts'
import type { Turn } from '../turn.ts'
import type { Append } from './append.ts'
import { Delivery } from './delivery.ts'
import type { Queue } from './queue.ts'

/** Which of those that were read. */
export interface Wanted {
  /** Sequences beyond it. */
  readonly after: number
  /** Settled out of order: not these. */
  readonly passed: Pick<ReadonlySet<number>, 'has'>
}

export interface DeliveriesDeps {
  /** Its `wall()` is a stored time (stored-time.ts). */
  readonly clock: Clock
  readonly turn: Turn
  readonly topics: TopicTable
}

/** In ascending sequence. */
export function deliveriesIn(result: ReadResult, queue: Queue, wanted: Wanted, deps: DeliveriesDeps): Delivery[] {
  const members = new Map<number, Member>()
  for (const audience of result.audiences) {
    const member = audience.members.find((m) => m.destination === queue.destination)
    if (member !== undefined) members.set(audience.id, member)
  }
  const list: Delivery[] = []
  let ordered = true // audiences may overlap in sequence
  for (const segment of result.segments) {
    const member = members.get(segment.audience)
    if (member === undefined) continue
    if (list.length > 0 && segment.first < list[list.length - 1]!.sequence) ordered = false
    unpack(segment, { queue, member, upTo: result.upTo, ...wanted }, deps, list)
  }
  return ordered ? list : list.sort((a, b) => a.sequence - b.sequence)
}

/** Of a message that the store does not have yet. */
export function deliveryOf(append: Append, queue: Queue): Delivery {
  const i = append.audience.queues.indexOf(queue)
  return made(queue, append.sequence, append.message.detach(), append, append.audience.members[i]!)
}

function unpack(segment: Segment, { queue, member, after, upTo, passed }: Wanted & { readonly queue: Queue; readonly member: Member; readonly upTo: number }, { clock, topics, turn }: DeliveriesDeps, list: Delivery[]): void {
  const elapsedMs = elapsedBetween(segment.storedAtMs, clock.wall())
  const reader = new RecordReader(segment.data, segment.first)
  while (reader.next()) {
    const sequence = reader.sequence
    if (sequence <= after) continue
    if (sequence > upTo) return
    if (passed.has(sequence)) continue
    const delivery = made(queue, sequence, reader.message(topics, turn.nowMs, elapsedMs), null, member)
    delivery.fromFlash = true
    delivery.receivedAtMs = segment.storedAtMs - reader.ageMs
    list.push(delivery)
  }
}

function made(queue: Queue, sequence: number, message: Message, append: Append | null, member: Member): Delivery {
  const qos = member.upgrade ? member.qos : (Math.min(message.qos, member.qos) as QoS)
  return new Delivery(queue, sequence, message, append, qos, member.retainAsPublished && message.retain, member.subscriptionIdentifiers)
}
