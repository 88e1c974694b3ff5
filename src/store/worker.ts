// The store's thread: takes commands in order, answers each in order, and never does anything else.
//
// Commits that wait in the port while one is written join the next transaction: one fsync for all of them. After a failure
// nothing is answered but that failure.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { systemClock } from '../clock.ts'
import { OperatorError } from '../errors.ts'
import { Engine, type EngineOptions, type Given } from './engine.ts'
import { checkDatabase, isDamage, markDamaged } from './folder.ts'
import { packFrame, type SegmentFrame, unpackFrame } from './frames.ts'
import { type RingBatch, RingError, type RingFault, type RingParts, type RingSnapshot } from './ring.ts'
import { SqliteRing } from './sqlite-ring.ts'
import { VERSION } from './schema.ts'
import type { AudienceRow, Change, CommitResult, ReadResult, Snapshot } from './store.ts'
import { WriteCount } from './write-count.ts'

export type Command =
  | { readonly kind: 'open'; readonly wallMs: number }
  | {
      readonly kind: 'commit'
      readonly audiences: readonly AudienceRow[]
      readonly changes: readonly Change[]
      readonly frame: SegmentFrame
      readonly nowWallMs: number
    }
  | { readonly kind: 'read'; readonly destination: number; readonly after: number; readonly bytesMax: number }
  | RingCommand
  /** Of the database: begun, its next bytes, ended. */
  | { readonly kind: 'copy'; readonly step: 'begin' | 'read' | 'end' }
  /** Whether the database in the folder is whole; of one that nobody opens. */
  | { readonly kind: 'check' }
  | { readonly kind: 'close' }

/** None of them fails the store. */
export type RingCommand =
  | { readonly kind: 'ring-open'; readonly bytesMax: number }
  | { readonly kind: 'ring-write'; readonly batch: RingBatch }
  | { readonly kind: 'ring-read'; readonly series: readonly number[]; readonly first: number; readonly last: number }

export type Answer =
  | { readonly kind: 'opened'; readonly snapshot: Snapshot }
  | { readonly kind: 'committed'; readonly result: CommitResult; readonly bytesWritten: number | null }
  | { readonly kind: 'read'; readonly frame: SegmentFrame; readonly rest: Omit<ReadResult, 'segments'> }
  | { readonly kind: 'ring-opened'; readonly snapshot: RingSnapshot }
  | { readonly kind: 'ring-written'; readonly oldest: number }
  | { readonly kind: 'ring-read'; readonly blocks: readonly RingParts[] }
  | { readonly kind: 'ring-failed'; readonly fault: RingFault; readonly message: string }
  /** `bytes`: of all; `chunk`: null at its end. */
  | { readonly kind: 'copied'; readonly bytes: number; readonly schema: number; readonly chunk: Uint8Array | null }
  /** The store itself goes on. */
  | { readonly kind: 'copy-failed'; readonly message: string }
  /** null: it is. */
  | { readonly kind: 'checked'; readonly problem: string | null }
  | { readonly kind: 'closed'; readonly bytesWritten: number | null }
  /** `code` is an OperatorError's; null when the store has failed for good. */
  | { readonly kind: 'failed'; readonly code: string | null; readonly message: string }

const GROUP_MAX = 64

const options = workerData as EngineOptions
const port = parentPort!
let engine: Engine | null = null
let failure: Answer | null = null
const writes = new WriteCount()
const ring = new SqliteRing(options.folder)

function post(answer: Answer, transfer: ArrayBuffer[] = []): void {
  port.postMessage(answer, transfer)
}

function fail(error: unknown): Answer {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof OperatorError) return { kind: 'failed', code: error.code, message }
  if (isDamage(error)) {
    try {
      markDamaged(options.folder, message)
    } catch {
      // A card that cannot be written to any more; the failure below says what it can.
    }
  }
  return { kind: 'failed', code: null, message }
}

function given(command: Extract<Command, { kind: 'commit' }>): Given {
  const { audiences, changes, frame, nowWallMs } = command
  return { batch: { audiences, changes, segments: unpackFrame(frame) }, nowWallMs }
}

/** Gives the bytes back now: the collector of this thread would let tens of megabytes of them gather first. */
function free({ buffers }: SegmentFrame): void {
  for (const buffer of buffers) buffer.transfer(0)
}

/** Carries out a commit and those behind it; returns the first command that is none, if it took one. */
function commitGroup(first: Extract<Command, { kind: 'commit' }>): Command | null {
  const frames = [first]
  const group = [given(first)]
  let other: Command | null = null
  while (group.length < GROUP_MAX && other === null) {
    const next = receiveMessageOnPort(port)?.message as Command | undefined
    if (next === undefined) break
    if (next.kind === 'commit') {
      frames.push(next)
      group.push(given(next))
    } else other = next
  }
  let results: CommitResult[]
  try {
    results = engine!.commit(group)
  } catch (error) {
    failure = fail(error)
    for (let i = 0; i < group.length; i++) post(failure)
    return other
  }
  for (const { frame } of frames) free(frame)
  writes.committed()
  const written = writes.bytes(systemClock.now())
  for (const result of results) post({ kind: 'committed', result, bytesWritten: written })
  if (engine!.hasRest) setImmediate(sweep)
  return other
}

function answerOfRing(command: RingCommand): Answer {
  try {
    switch (command.kind) {
      case 'ring-open':
        return { kind: 'ring-opened', snapshot: ring.open(command.bytesMax) }
      case 'ring-write': {
        const oldest = ring.write(command.batch)
        writes.committed()
        return { kind: 'ring-written', oldest }
      }
      case 'ring-read':
        return { kind: 'ring-read', blocks: ring.read(command.series, command.first, command.last) }
    }
  } catch (error) {
    return { kind: 'ring-failed', fault: error instanceof RingError ? error.fault : 'failed', message: error instanceof Error ? error.message : String(error) }
  }
}

function sweep(): void {
  if (engine === null || failure !== null || !engine.hasRest) return
  try {
    engine.sweep()
    writes.committed()
  } catch (error) {
    failure = fail(error)
  }
  if (engine.hasRest) setImmediate(sweep)
}

function copy(step: 'begin' | 'read' | 'end'): void {
  try {
    const bytes = step === 'begin' ? engine!.beginCopy() : 0
    const chunk = step === 'read' ? engine!.readCopy() : null
    if (step === 'end') engine!.endCopy()
    post({ kind: 'copied', bytes, schema: VERSION, chunk }, chunk === null ? [] : [chunk.buffer as ArrayBuffer])
  } catch (error) {
    post({ kind: 'copy-failed', message: (error as Error).message })
  }
}

function handle(command: Command): Command | null {
  if (failure !== null && command.kind !== 'close') {
    post(failure)
    return null
  }
  switch (command.kind) {
    case 'open':
      engine = new Engine(options, command.wallMs)
      post({ kind: 'opened', snapshot: engine.snapshot })
      void globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' }) // what loading left behind: see ops/memory.ts
      return null
    case 'commit':
      return commitGroup(command)
    case 'read': {
      const { segments, ...rest } = engine!.read(command.destination, command.after, command.bytesMax)
      const { frame, transfer } = packFrame(segments)
      post({ kind: 'read', frame, rest }, transfer)
      return null
    }
    case 'ring-open':
    case 'ring-write':
    case 'ring-read':
      post(answerOfRing(command))
      return null
    case 'copy':
      copy(command.step)
      return null
    case 'check':
      post({ kind: 'checked', problem: checkDatabase(options.folder) })
      return null
    case 'close':
      ring.close()
      engine?.close()
      engine = null
      post({ kind: 'closed', bytesWritten: writes.close() })
      port.close()
      return null
  }
}

port.on('message', (message: Command) => {
  for (let command: Command | null = message; command !== null; ) {
    try {
      command = handle(command)
    } catch (error) {
      failure = fail(error)
      post(failure)
      command = null
    }
  }
})
