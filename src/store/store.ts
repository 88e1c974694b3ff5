// The port of the store and its contract. Two implementations keep it: SQLite on a worker thread (sqlite.ts, worker.ts) and
// memory.ts; test/contract runs against both.
//
// What it keeps
//   destination  anything with a durable cursor: a persistent session or an uplink. One kind of queue for both.
//   audience     a set of destinations with how each wants its copy. Interned: a message names its audience by number.
//   segment      the messages of one commit for one audience, packed; `first`..`last` are their sequence numbers.
//   cursor       per destination: everything up to it is settled (acknowledged, dropped or expired), and so are the
//                numbers in `ahead`, which were settled out of order.
//   the rest     sessions, subscriptions, retained messages, delayed wills, QoS 2 state of both directions, how far streams of frames were
//                unpacked: small rows, `Change`s.
//
// What is always true
//   1. `commit` is atomic and durable: when its promise resolves, segments and changes survive a power cut; when it is refused,
//      nothing of its segments is kept, nor of its `received` and `unpacked`. Batches take effect in the order they were given; one
//      number comes back.
//   2. `read` sees every batch whose `commit` was called before it.
//   3. A segment is deleted when every destination of its audience has settled all of it, and never before, unless a limit
//      of a destination drops it; then the drop is reported with its reason. Where a limit takes single messages, their destination reads
//      segments with what is left of them; the others of the audience read what was stored.
//   4. Memory does not grow with what is stored, and opening does not read the queues.
// Nothing here blocks the caller: the work happens on the worker thread. Sequence numbers are the caller's, ascend, and are below 2^44.

import type { QoS } from '../message.ts'
import type { Ring } from './ring.ts'

export const SEGMENT_BYTES_MAX = 64 * 1024 // what one read gives at least; a larger message stands alone in its segment
export const SEQUENCE_MAX = 2 ** 44 - 1
export const AUDIENCE_MAX = 2 ** 19 - 1
/**
 * Streams whose highest number is remembered. A further one makes the store forget those that have been quiet longest: were it refused,
 * a new gateway's messages would be held up for ever; a stream that comes back after so many others may bring something twice, once.
 */
export const STREAMS_MAX = 100_000

/** Folders beside the database: of a backup that is being written, and of one that is whole, which the next opening takes over (takeover.ts). */
export const WRITTEN = 'restore.new'
export const PENDING = 'restore'
/** A number among the values: destinations up to it have come from a backup. */
export const RESTORED_KEY = 'restored/destinations'

/** One destination's place in an audience. */
export interface Member {
  readonly destination: number
  /** The highest QoS the destination wants. */
  readonly qos: QoS
  /** Deliver QoS 0 messages at `qos` too: an uplink route carries everything at the QoS it names. */
  readonly upgrade: boolean
  readonly retainAsPublished: boolean
  /** Subscription identifiers to send along, ascending. */
  readonly subscriptionIdentifiers: readonly number[]
}

export interface AudienceRow {
  readonly id: number
  readonly members: readonly Member[]
}

export interface Segment {
  readonly audience: number
  readonly first: number
  readonly last: number
  readonly count: number
  /** Wall time of the commit, for expiry over restarts and age limits; a record knows how long before it its message came. */
  readonly storedAtMs: number
  /** Records as store/record.ts packs them. */
  readonly data: Uint8Array
}

/**
 * What goes first when a destination's queue is full.
 *   drop-oldest  the oldest, as few as needed
 *   drop-newest  what has just come
 *   keep-latest  all but the last message of each topic
 *   thin n       of the older half by count, each topic keeps every n-th message: the newest of each n. Then again of the older half of
 *                what is queued the next time the limit is reached
 *
 * What was read out, or is in flight under a durable packet identifier, stays as long as there is something else: it is no part of
 * the half, nor of the topics. The rest stays in order and under its numbers.
 *
 * The last two work in steps of about 10 ms, with the commits after the one that reached the limit; the queue may grow by a quarter
 * meanwhile, then its oldest go as well. The oldest go, as with drop-oldest, also where that would take less than a sixteenth of what it
 * looks at (all topics have one message), or the disk has no room for what would stay. 32,768 topics are told apart, and messages of
 * others stay. A step that a restart follows is done; what was not done begins anew.
 */
export type WhenFull = 'drop-oldest' | 'drop-newest' | 'keep-latest' | { readonly thin: number }

export interface DestinationLimits {
  readonly bytesMax: number
  readonly countMax: number
  /** Infinity: no age limit. */
  readonly ageMsMax: number
  readonly whenFull: WhenFull
}

export interface DestinationRow {
  readonly id: number
  readonly kind: 'session' | 'uplink'
  /** '' is the gateway's own space; an uplink is always of that. */
  readonly tenant: string
  /** Client identifier or the uplink's name; unique within its kind and tenant. */
  readonly name: string
  readonly limits: DestinationLimits
}

export interface SessionRow {
  readonly destination: number
  readonly version: 3 | 4 | 5
  readonly sessionExpirySec: number
  /** Wall time the client went away, or 0 while it is (or was, when the power was cut) connected. */
  readonly disconnectedAtMs: number
  /** A will that is still to be published: encoded by router/will.ts; null when there is none. */
  readonly will: Uint8Array | null
  /** The user whose session it is; null when it was made by nobody in particular. */
  readonly owner: string | null
}

export interface SubscriptionRow {
  readonly destination: number
  readonly filter: string
  readonly qos: QoS
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: 0 | 1 | 2
  readonly identifier: number
}

/** An outgoing message whose packet identifier must outlive a crash: of QoS 2, or the receiver would see it twice; of QoS 1 when its sequence does not tell it. */
export interface InflightRow {
  readonly destination: number
  readonly packetIdentifier: number
  /** What goes under the identifier: one message, or the run of a frame's messages from `first` to `sequence`, gaps among them. */
  readonly first: number
  readonly sequence: number
  readonly qos: 1 | 2
  /** sent: PUBLISH may have gone out. released: PUBREC came, only PUBREL/PUBCOMP are left. */
  readonly phase: 'sent' | 'released'
}

export interface CursorRow {
  readonly destination: number
  /** Everything up to here is settled. */
  readonly cursor: number
  /** Settled beyond the cursor, ascending. */
  readonly ahead: readonly number[]
  /** So many of the next unsettled messages, at most, may have been sent: they go with DUP [MQTT-3.3.1-1]. */
  readonly mayHaveSent: number
}

export interface RetainedRow {
  readonly tenant: string
  readonly topic: string
  /** One record (store/record.ts) with sequence 0. */
  readonly data: Uint8Array
  readonly storedAtMs: number
}

/** One text for each topic of each tenant: no topic holds U+0000. */
export function retainedKey({ tenant, topic }: Pick<RetainedRow, 'tenant' | 'topic'>): string {
  return tenant === '' ? topic : `${tenant}\0${topic}`
}

/** How far a stream of frames has been taken over (frame/frame.ts). */
export interface Unpacked {
  readonly stream: string
  readonly sequence: number
}

/** A small row to put or to delete. Applied in order, within the batch. */
export type Change =
  | { readonly kind: 'destination'; readonly row: DestinationRow }
  /** Deletes the destination and all that is its own: session, subscriptions, in-flight state, its part of every queue. */
  | { readonly kind: 'destination-end'; readonly destination: number }
  | { readonly kind: 'session'; readonly row: SessionRow }
  | { readonly kind: 'subscription'; readonly row: SubscriptionRow }
  | { readonly kind: 'subscription-end'; readonly destination: number; readonly filter: string }
  | { readonly kind: 'cursor'; readonly row: CursorRow }
  | { readonly kind: 'inflight'; readonly row: InflightRow }
  | { readonly kind: 'inflight-end'; readonly destination: number; readonly packetIdentifier: number }
  /** An incoming QoS 2 packet identifier that has been taken: the same one again is a duplicate until PUBREL. */
  | { readonly kind: 'received'; readonly destination: number; readonly packetIdentifier: number }
  | { readonly kind: 'received-end'; readonly destination: number; readonly packetIdentifier: number }
  | { readonly kind: 'retained'; readonly row: RetainedRow }
  | { readonly kind: 'retained-end'; readonly tenant: string; readonly topic: string }
  /** A frame's messages of `stream`, up to `sequence`, are in this batch's segments: they are duplicates from now on. Never goes down. */
  | { readonly kind: 'unpacked'; readonly stream: string; readonly sequence: number }
  /** A number that must survive: counters, budgets. */
  | { readonly kind: 'value'; readonly key: string; readonly value: number }
  | { readonly kind: 'value-end'; readonly key: string }

export interface Batch {
  /**
   * Every audience that segments of this batch name. The store may know it already (then the row is the same), and may forget
   * an audience that has no segments left. Numbers are never given to another set.
   */
  readonly audiences: readonly AudienceRow[]
  readonly changes: readonly Change[]
  /** `data` may be transferred: the caller gives it away. */
  readonly segments: readonly Segment[]
}

/** Messages a destination's limit took away. They are settled for it. */
export interface Drop {
  readonly destination: number
  readonly reason: 'queue-bytes' | 'queue-count' | 'queue-age'
  readonly count: number
  readonly bytes: number
  /** Settled up to here now. 0 where messages went one by one: with drop-newest those of this very batch, with keep-latest and thin. */
  readonly upTo: number
}

export interface CommitResult {
  /** Why the segments were not kept, or null. The changes were, but for `received` and `unpacked`. What was not may be given again. */
  readonly refused: 'store-full' | 'disk-full' | null
  readonly drops: readonly Drop[]
  /** Bytes in use on disk (pages in use times page size) after this commit. */
  readonly bytesUsed: number
}

export interface ReadResult {
  /** Whole segments in ascending order of `first`; those of different audiences may overlap in sequence. */
  readonly segments: readonly Segment[]
  /** The audiences these segments name. */
  readonly audiences: readonly AudienceRow[]
  /** Complete up to here: take the records with after < sequence <= upTo and come back for the rest. */
  readonly upTo: number
  /** Nothing more is stored for this destination now. */
  readonly end: boolean
}

export interface QueueSize {
  readonly count: number
  readonly bytes: number
}

/** What a restart needs at once. Queues are not in it. */
export interface Snapshot {
  /** The highest sequence number in any segment, cursor, `ahead` or in-flight row, or 0. */
  readonly lastSequence: number
  readonly destinations: readonly (DestinationRow & { readonly cursor: CursorRow; readonly queued: QueueSize })[]
  readonly audiences: readonly AudienceRow[]
  readonly sessions: readonly SessionRow[]
  readonly subscriptions: readonly SubscriptionRow[]
  readonly inflight: readonly InflightRow[]
  readonly received: readonly { readonly destination: number; readonly packetIdentifier: number }[]
  readonly retained: readonly RetainedRow[]
  /** The highest sequence number taken over of each stream that frames were unpacked of. */
  readonly unpacked: readonly Unpacked[]
  readonly values: readonly { readonly key: string; readonly value: number }[]
  readonly bytesUsed: number
  /** Where a store that could not be opened was moved to, and why; null when all was well. */
  readonly setAside: { readonly path: string; readonly cause: string } | null
  /** What opening did with a backup that waited to be taken over; left out when none did. */
  readonly restored?: Restored
}

/** `kept`: where the store lies that it has replaced; null when there was none. `refused`: why it was not taken over, and the store is the one before. */
export type Restored = { readonly kept: string | null } | { readonly refused: string; readonly path: string }

/** The database as it was when the copy was begun, whatever is committed meanwhile. One at a time. */
export interface StoreCopy {
  readonly bytes: number
  /** Version of its tables. */
  readonly schema: number
  /** The next bytes; it may be that there are none yet. null at the end. Rejects with OperatorError E_BACKUP when they cannot be had any more. */
  read(): Promise<Uint8Array | null>
  /** Whatever became of it. */
  end(): Promise<void>
}

/** Destinations up to this number have come from a backup: their receivers may know more than the store does. 0 when none have. */
export function restoredUpTo({ values }: Pick<Snapshot, 'values'>): number {
  return values.find(({ key }) => key === RESTORED_KEY)?.value ?? 0
}

export interface Store {
  /** Throws OperatorError E_STORE_FOLDER or E_STORE_LOCKED. Called once, before everything else. */
  open(): Promise<Snapshot>
  /** Rejects only when the store is broken for good (E_STORE_FAILED): nothing may be acknowledged any more. */
  commit(batch: Batch): Promise<CommitResult>
  /** Stored messages of a destination with sequence > after; about `bytesMax`, at least one segment. */
  read(destination: number, after: number, bytesMax: number): Promise<ReadResult>
  /** Bytes the store has caused to be written since it was opened, as far as the system tells; for the flash-wear counter. */
  readonly bytesWritten: number
  /** What is nice to have, in a file of its own; for after `open`. */
  readonly ring: Ring
  /** Only of a store that lies on a disk. Commits go on, and wait no longer than a few milliseconds for it. Rejects with OperatorError E_BACKUP. */
  copy?(): Promise<StoreCopy>
  /** Waits for what was given, checkpoints and closes. */
  close(): Promise<void>
}
