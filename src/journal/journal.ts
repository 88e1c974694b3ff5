// The main thread's end of the store: gathers durable messages and changes, and commits them in batches.
//
// What is always true
//   1. One batch at a time is with the store. What comes meanwhile is the next batch: group commit.
//   2. A message that every destination acknowledges before its commit is never written (ack or commit).
//   3. Within one audience, and for every destination that does not keep up, messages are written in ascending sequence.
//   4. Nothing waits longer than the commit window for its batch to be given to the store, and SPARING_MS more where flash has to be spared, unless
//      the store itself is behind.
//
// When a batch is due
//   at once     somebody waits for a change (a subscription, a QoS 2 step), or a queue is about to be read;
//               or as much as fills a segment has gathered: waiting longer would save nothing
//   when quiet  messages nobody can acknowledge in time came in a burst that has ended: their publishers wait for us
//   at the end  of the commit window: as long as an acknowledgement may still save the write, or company share it
//   later       when more has been written than flash is to stand (flash-budget.ts): company, again
import type { Clock, Timer } from '../clock.ts'
import type { Counters } from '../counters.ts'
import { Fifo } from '../fifo.ts'
import type { Message } from '../message.ts'
import type { Turn } from '../turn.ts'
import { Append, type Waiter } from './append.ts'
import type { Audience } from './audience.ts'
import { FlashBudget } from './flash-budget.ts'
import type { Queue } from './queue.ts'
import { recordSizeMax } from '../store/record.ts'
import { packSegments } from './segment.ts'
import { Watches } from './watches.ts'
import { retainedKey, SEGMENT_BYTES_MAX, type AudienceRow, type Change, type CommitResult, type ReadResult, type RetainedRow, type Store } from '../store/store.ts'

/** Acknowledged positions alone are no hurry: losing them costs a duplicate at QoS 1, so they wait for company this long. */
const LAZY_MS = 1000
/** A batch that is beyond what may be written to flash waits this much longer for company. */
const SPARING_MS = 2000
/** A burst has ended when nothing came for this many of its gaps. */
const QUIET_GAPS = 3
const QUIET_MS_MIN = 1
/** Bytes on their way to flash before publishers are held back. */
const CONGESTED_BYTES = 8 * 1024 * 1024
/** Callbacks that wait for the next batch before those who cause them are held back. */
const CONGESTED_WAITING = 10_000

export interface JournalOptions {
  readonly commitWindowMs: number
  /** To be written to flash in a day; Infinity where that does not matter. */
  readonly dailyBytesMax: number
  readonly lastSequence: number
  /** The store is broken for good: nothing is acknowledged any more. */
  readonly onFailure: (error: Error) => void
}

export class Journal {
  readonly watches = new Watches()
  readonly #store: Store
  readonly #clock: Clock
  readonly #turn: Turn
  readonly #counters: Counters
  readonly #windowMs: number
  readonly #flash: FlashBudget | null
  readonly #onFailure: (error: Error) => void
  readonly #queues = new Map<number, Queue>()

  #lastSequence: number
  #committedAtMs: number | null = null
  readonly #pending = new Fifo<Append>()
  #writing: Append[] = []
  #changes: Change[] = []
  #retained = new Map<string, Change>() // the last one per topic is all that counts
  readonly #movedCursors = new Set<Queue>()
  #afterCommit: (() => void)[] = []
  #batch = 1 // number of the batch that is being gathered
  #busy = false
  #busySinceMs = 0
  readonly #reads = new Set<{ readonly sinceMs: number }>() // oldest first
  #bytesUsed = 0
  #failed = false
  #urgent = false
  #holds = false // something pending must be written with the next batch
  #timer: Timer | null = null
  #timerAtMs = 0
  #lazyDueMs = Infinity // when changes that nobody hurries are committed at the latest
  #bytes = 0 // of messages pending and writing
  #onRelief: (() => void)[] = []
  // The burst of messages that no acknowledgement can save: count, bytes, first and last arrival.
  #sure = 0
  #sureBytes = 0
  #sureFirstMs = 0
  #sureLastMs = 0

  constructor(store: Store, clock: Clock, turn: Turn, counters: Counters, options: JournalOptions) {
    this.#store = store
    this.#clock = clock
    this.#turn = turn
    this.#counters = counters
    this.#windowMs = options.commitWindowMs
    this.#flash = options.dailyBytesMax === Infinity ? null : new FlashBudget(options.dailyBytesMax, clock.now())
    this.#lastSequence = options.lastSequence
    this.#onFailure = options.onFailure
    turn.onEnd(() => this.#check())
  }

  get lastSequence(): number {
    return this.#lastSequence
  }

  /** The number of the batch that what is given now will be committed with. */
  get batch(): number {
    return this.#batch
  }

  /** So much is on its way to flash that publishers should be held back: see `onRelief`. */
  get congested(): boolean {
    return this.#bytes > CONGESTED_BYTES || this.#afterCommit.length > CONGESTED_WAITING
  }

  /** The longest a message waits for its batch. */
  get windowMs(): number {
    return this.#windowMs
  }

  /** What the store took on disk at the last commit. */
  get bytesUsed(): number {
    return this.#bytesUsed
  }

  /** Since the last commit of this run; null when there was none. */
  get committedAgoMs(): number | null {
    return this.#committedAtMs === null ? null : this.#clock.now() - this.#committedAtMs
  }

  /** How long the commit that is under way has been; 0 when there is none. */
  get commitAgeMs(): number {
    return this.#busy ? this.#clock.now() - this.#busySinceMs : 0
  }

  /** How long the oldest read that is under way has been; 0 when there is none. */
  get readAgeMs(): number {
    const [oldest] = this.#reads
    return oldest === undefined ? 0 : this.#clock.now() - oldest.sinceMs
  }

  get pendingCount(): number {
    return this.#pending.length + this.#writing.length
  }

  register(queue: Queue): void {
    this.#queues.set(queue.destination, queue)
  }

  unregister(queue: Queue): void {
    this.#queues.delete(queue.destination)
    this.#movedCursors.delete(queue)
  }

  /** Whether a destination is done with a message; null when there is no such destination. */
  isSettled(destination: number, sequence: number): boolean | null {
    return this.#queues.get(destination)?.isSettled(sequence) ?? null
  }

  /** Calls `fn` once when the congestion is over. */
  onRelief(fn: () => void): void {
    this.#onRelief.push(fn)
  }

  /**
   * Takes a message for flash. `waiter` hears when it is safe, `held` keeps it from being elided. The caller hands it to the
   * queues of the audience.
   */
  append(message: Message, audience: Audience, held: boolean, waiter: Waiter | null): Append {
    const nowMs = this.#turn.nowMs
    const append = new Append(++this.#lastSequence, message, audience, held, nowMs, waiter)
    this.#pending.push(append)
    this.#bytes += message.size
    if (held) this.#holds = true
    if (message.qos === 2) this.#urgent = true
    else if (held || !audience.hopeful) {
      if (this.#sure++ === 0) this.#sureFirstMs = nowMs
      this.#sureLastMs = nowMs
      this.#sureBytes += recordSizeMax(message)
    }
    this.#turn.request()
    return append
  }

  /** Takes a small change; it is committed with the next batch, soon when `urgent`. */
  change(change: Change, urgent: boolean): void {
    this.#changes.push(change)
    this.#hurry(urgent)
  }

  /** A retained message to keep: the last change per topic in a batch is the one written. */
  retain(row: RetainedRow): void {
    this.#retained.set(retainedKey(row), { kind: 'retained', row })
    this.#hurry(false)
  }

  endRetained(tenant: string, topic: string): void {
    this.#retained.set(retainedKey({ tenant, topic }), { kind: 'retained-end', tenant, topic })
    this.#hurry(false)
  }

  /** Calls `fn` when all that was given before is durable; hurries. */
  whenDurable(fn: () => void): void {
    this.#afterCommit.push(fn)
    this.#hurry(true)
  }

  /** Calls `waiter` when all that was given before is durable, within the commit window. */
  waitDurable(waiter: Waiter): void {
    this.#lazyDueMs = Math.min(this.#lazyDueMs, this.#turn.nowMs + this.#windowMs)
    this.#afterCommit.push(() => waiter.durable())
    this.#turn.request()
  }

  /** A queue's position moved over something that is (or will be) on flash. */
  cursorMoved(queue: Queue): void {
    this.#movedCursors.add(queue)
    this.#hurry(false)
  }

  /** An append was elided: its bytes are free. */
  elided(append: Append): void {
    this.#bytes -= append.message.size
    this.#counters.elided++
  }

  read(destination: number, after: number, bytesMax: number): Promise<ReadResult> {
    const asked = { sinceMs: this.#clock.now() }
    this.#reads.add(asked)
    return this.#store.read(destination, after, bytesMax).finally(() => this.#reads.delete(asked))
  }

  /** Messages for `queue` that are not on flash yet, in ascending sequence. */
  *unwritten(queue: Queue): Iterable<Append> {
    for (const append of this.#writing) if (append.audience.queues.includes(queue)) yield append
    for (let i = 0; i < this.#pending.length; i++) {
      const append = this.#pending.at(i)!
      if (append.state === 'pending' && append.audience.queues.includes(queue)) yield append
    }
  }

  /** Commits all that is there, whatever may still be acknowledged. Resolves when nothing is under way. */
  async drain(): Promise<void> {
    while (!this.#failed && (this.#busy || this.#pending.length > 0 || this.#hasChanges)) {
      await new Promise<void>((resolve) => {
        this.#afterCommit.push(resolve)
        if (this.#busy) this.#hurry(true) // the next one, when this one is done
        else this.#submit(Infinity)
      })
    }
  }

  get #hasChanges(): boolean {
    return this.#changes.length > 0 || this.#retained.size > 0 || this.#movedCursors.size > 0 || this.#afterCommit.length > 0
  }

  #hurry(urgent: boolean): void {
    if (urgent) this.#urgent = true
    else this.#lazyDueMs = Math.min(this.#lazyDueMs, this.#turn.nowMs + LAZY_MS)
    this.#turn.request()
  }

  /** Is a batch due? If not, when is the next moment to ask? */
  #check(): void {
    while (this.#pending.peek()?.state === 'elided') this.#pending.shift()
    if (this.#busy || this.#failed) return
    const nowMs = this.#clock.now()
    const dueMs = this.#dueMs()
    if (dueMs <= nowMs) this.#submit(nowMs)
    else if (dueMs < Infinity) this.#wakeAt(dueMs, nowMs)
  }

  #dueMs(): number {
    if (this.#urgent) return 0
    if (this.#sureBytes >= SEGMENT_BYTES_MAX) return 0
    let dueMs = this.#lazyDueMs
    const oldest = this.#pending.peek()
    if (oldest !== undefined) dueMs = Math.min(dueMs, oldest.bornMs + this.#windowMs)
    if (this.#sure > 1) {
      const gapMs = (this.#sureLastMs - this.#sureFirstMs) / (this.#sure - 1)
      dueMs = Math.min(dueMs, this.#sureLastMs + Math.max(QUIET_MS_MIN, QUIET_GAPS * gapMs))
    }
    return this.#flash === null || this.#flash.dueMs <= dueMs ? dueMs : Math.min(this.#flash.dueMs, dueMs + SPARING_MS)
  }

  #wakeAt(dueMs: number, nowMs: number): void {
    // An earlier wake-up asks again by itself; a later one would be too late.
    if (this.#timer !== null && this.#timerAtMs <= dueMs) return
    this.#timer?.cancel()
    this.#timerAtMs = dueMs
    this.#timer = this.#clock.after(Math.ceil(dueMs - nowMs), () => {
      this.#timer = null
      this.#check()
    })
  }

  #submit(nowMs: number): void {
    const youngMs = nowMs - this.#windowMs
    const write: Append[] = []
    const hopeful = new Map<Audience, boolean>()
    const heldUpTo = this.#heldUpTo()
    for (let n = this.#pending.length; n > 0; n--) {
      const append = this.#pending.shift()!
      if (append.state !== 'pending') continue
      const mayWait = append.bornMs > youngMs && append.sequence > (heldUpTo?.get(append.audience) ?? 0)
      if (mayWait && isHopeful(hopeful, append.audience)) this.#pending.push(append)
      else {
        append.state = 'writing'
        write.push(append)
      }
    }
    this.#urgent = false
    this.#lazyDueMs = Infinity
    this.#sure = 0
    this.#sureBytes = 0

    const changes = this.#changes
    for (const change of this.#retained.values()) changes.push(change)
    for (const queue of this.#movedCursors) changes.push({ kind: 'cursor', row: queue.cursorRow() })
    const after = this.#afterCommit
    this.#changes = []
    this.#afterCommit = []
    this.#retained = new Map()
    this.#movedCursors.clear()
    if (write.length === 0 && changes.length === 0) {
      for (const fn of after) fn()
      this.#relieve()
      if (this.#urgent) this.#check() // who was relieved has given more, and the end of this turn is now
      return
    }

    const audiences = new Set<AudienceRow>()
    for (const append of write) audiences.add(append.audience)
    const batch = {
      audiences: [...audiences].map((a) => ({ id: a.id, members: a.members })),
      changes,
      segments: packSegments(write, this.#clock.wall(), this.#clock.now()),
    }
    this.#busy = true
    this.#busySinceMs = this.#clock.now()
    this.#batch++
    this.#writing = write
    this.#store.commit(batch).then(
      (result) => {
        if (result.refused !== null && write.length > 0) this.#giveAgain(changes, after)
        this.#committed(write, after, result)
      },
      (error: unknown) => this.#fail(error as Error),
    )
  }

  /** Identifiers received were not kept, as messages of their batch were refused: those that belong to no message still have to be. */
  #giveAgain(changes: readonly Change[], after: (() => void)[]): void {
    let received: Extract<Change, { kind: 'received' }>[] = []
    for (const change of changes) {
      if (change.kind === 'received') received.push(change)
      else if (change.kind === 'destination-end') received = received.filter((r) => r.destination !== change.destination)
      else if (change.kind === 'received-end') received = received.filter((r) => r.destination !== change.destination || r.packetIdentifier !== change.packetIdentifier)
    }
    if (received.length === 0) return
    this.#changes.unshift(...received)
    this.#afterCommit.unshift(...after.splice(0))
    this.#urgent = true
  }

  /** Per audience the last message that must be written now: those before it must be too (rule 3). null when there is none. */
  #heldUpTo(): Map<Audience, number> | null {
    if (!this.#holds) return null
    this.#holds = false
    const upTo = new Map<Audience, number>()
    for (let i = 0; i < this.#pending.length; i++) {
      const append = this.#pending.at(i)!
      if (append.held) upTo.set(append.audience, append.sequence)
    }
    return upTo
  }

  #committed(written: Append[], after: (() => void)[], result: CommitResult): void {
    this.#busy = false
    this.#committedAtMs = this.#clock.now()
    this.#bytesUsed = result.bytesUsed
    this.#writing = []
    this.#counters.commits++
    this.#flash?.update(this.#store.bytesWritten, this.#clock.now())
    if (result.refused === null) this.#counters.committedMessages += written.length
    else this.#counters.refusedStoreFull += written.length
    for (const append of written) {
      this.#bytes -= append.message.size
      // First the counts: a publisher that hears of it may leave, and its own queue with it.
      if (result.refused !== null) for (const queue of append.audience.queues) queue.refused(append)
      append.finish(result.refused)
    }
    for (const drop of result.drops) {
      this.#counters.droppedQueueLimit += drop.count
      this.#queues.get(drop.destination)?.dropped(drop)
    }
    for (const fn of after) fn()
    // QoS 2 messages that waited for this commit go out now.
    const ready = new Set<Queue>()
    for (const append of written) if (append.message.qos === 2) for (const queue of append.audience.queues) ready.add(queue)
    for (const queue of ready) queue.consumerReady()
    this.#relieve()
    this.#turn.request()
  }

  #relieve(): void {
    if (this.#onRelief.length === 0 || this.congested) return
    const relieved = this.#onRelief
    this.#onRelief = []
    for (const fn of relieved) fn()
  }

  #fail(error: Error): void {
    this.#failed = true
    this.#onFailure(error)
  }
}

function isHopeful(known: Map<Audience, boolean>, audience: Audience): boolean {
  let hopeful = known.get(audience)
  if (hopeful === undefined) {
    hopeful = audience.hopeful
    known.set(audience, hopeful)
  }
  return hopeful
}
