// The main thread's end of the store in SQLite. It only passes commands on and answers back: the disk is the worker's.
//
// Answers come in the order of commands, so a command's promise is the oldest one that waits. When the worker fails or dies,
// every promise that waits and every later command is rejected with E_STORE_FAILED: nothing may be acknowledged any more.
import { Worker } from 'node:worker_threads'
import type { Clock } from '../clock.ts'
import { CATALOGUE, type ErrorCode, OperatorError } from '../errors.ts'
import { STORE_THREAD } from '../layout.ts'
import { packFrame, unpackFrame } from './frames.ts'
import type { Batch, Change, CommitResult, ReadResult, Snapshot, Store, StoreCopy } from './store.ts'
import { WorkerRing } from './worker-ring.ts'
import type { Answer, Command } from './worker.ts'

export interface SqliteStoreOptions {
  readonly folder: string
  /** The most the store may take on disk: then new segments are refused. */
  readonly bytesMax: number
  readonly clock: Clock
}

/** Of the worker's heap. Buffers and SQLite's cache (4 MB) are outside of it. */
const HEAP_MB_MAX = 96
const YOUNG_MB_MAX = 4

interface Waiting {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

export class SqliteStore implements Store {
  readonly ring = new WorkerRing((command) => this.#ask(command))
  readonly #options: SqliteStoreOptions
  readonly #worker: Worker
  readonly #waiting: Waiting[] = []
  readonly #exited: Promise<void>
  #failure: OperatorError | null = null
  #closed: Promise<void> | null = null
  #bytesWritten = 0
  #counted = false

  constructor(options: SqliteStoreOptions) {
    this.#options = options
    const { folder, bytesMax } = options
    this.#worker = new Worker(STORE_THREAD, {
      eval: typeof STORE_THREAD === 'string',
      name: 'store',
      workerData: { folder, bytesMax },
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX, maxYoungGenerationSizeMb: YOUNG_MB_MAX },
    })
    this.#worker.on('message', (answer: Answer) => this.#answer(answer))
    this.#worker.on('error', (cause) => {
      const why = cause instanceof Error ? cause.message : String(cause)
      this.#fail(new OperatorError('E_STORE_FAILED', `the store's thread failed (${why})`, { cause }))
    })
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#fail(new OperatorError('E_STORE_FAILED', this.#closed === null ? "the store's thread has ended" : 'the store is closed'))
        resolve()
      })
    })
  }

  get bytesWritten(): number {
    return this.#bytesWritten
  }

  async open(): Promise<Snapshot> {
    try {
      const answer = await this.#ask({ kind: 'open', wallMs: this.#options.clock.wall() })
      return (answer as Extract<Answer, { kind: 'opened' }>).snapshot
    } catch (error) {
      await this.#worker.terminate()
      throw error
    }
  }

  async commit(batch: Batch): Promise<CommitResult> {
    const { audiences, changes, segments } = batch
    const { frame, transfer } = packFrame(segments)
    const bytes = frame.buffers.reduce((sum, b) => sum + b.byteLength, 0)
    const command: Command = { kind: 'commit', audiences, changes: changes.map(withOwnBytes), frame, nowWallMs: this.#options.clock.wall() }
    const answer = (await this.#ask(command, transfer)) as Extract<Answer, { kind: 'committed' }>
    this.#count(answer.bytesWritten, bytes)
    return answer.result
  }

  async read(destination: number, after: number, bytesMax: number): Promise<ReadResult> {
    const { frame, rest } = (await this.#ask({ kind: 'read', destination, after, bytesMax })) as Extract<Answer, { kind: 'read' }>
    return { segments: unpackFrame(frame), ...rest }
  }

  /** Why the database in the folder is none that can be opened, after a look at all of it; null when it is. Instead of `open`. */
  async check(): Promise<string | null> {
    return ((await this.#ask({ kind: 'check' })) as Extract<Answer, { kind: 'checked' }>).problem
  }

  async copy(): Promise<StoreCopy> {
    const { bytes, schema } = await this.#copy('begin')
    return { bytes, schema, read: async () => (await this.#copy('read')).chunk, end: async () => void (await this.#copy('end')) }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** Ends the thread at once, as a power cut would; for tests. */
  async abandon(): Promise<void> {
    await this.#worker.terminate()
  }

  async #close(): Promise<void> {
    if (this.#failure === null) {
      const asked = this.#ask({ kind: 'close' })
      this.#failure = new OperatorError('E_STORE_FAILED', 'the store is closed')
      const answer = await asked
      if (answer.kind === 'closed') this.#count(answer.bytesWritten, 0)
    }
    await this.#worker.terminate()
    await this.#exited
  }

  async #copy(step: 'begin' | 'read' | 'end'): Promise<Extract<Answer, { kind: 'copied' }>> {
    const answer = (await this.#ask({ kind: 'copy', step })) as Extract<Answer, { kind: 'copied' | 'copy-failed' }>
    if (answer.kind === 'copy-failed') throw new OperatorError('E_BACKUP', `the store cannot be copied (${answer.message})`)
    return answer
  }

  #ask(command: Command, transfer: ArrayBuffer[] = []): Promise<Answer> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    this.#worker.postMessage(command, transfer)
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  #answer(answer: Answer): void {
    const waiting = this.#waiting.shift()
    if (answer.kind !== 'failed') {
      waiting?.resolve(answer)
      return
    }
    const code: ErrorCode = answer.code !== null && answer.code in CATALOGUE ? (answer.code as ErrorCode) : 'E_STORE_FAILED'
    const error = new OperatorError(code, answer.code === null ? `the store in ${this.#options.folder} failed (${answer.message})` : answer.message)
    waiting?.reject(error)
    this.#fail(error)
  }

  #fail(error: OperatorError): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }

  /** `total` is what the kernel counted; without it, the bytes are in the log once, in the file once, and a few pages go along. */
  #count(total: number | null, bytes: number): void {
    if (total !== null) this.#bytesWritten = total
    else if (!this.#counted) this.#bytesWritten += 2 * bytes + 6 * 1024
    this.#counted ||= total !== null
  }
}

/** Cloning a view clones all of the buffer under it, and that may be a pool of 64 KB: a row takes its own bytes only. */
function withOwnBytes(change: Change): Change {
  if (change.kind === 'retained') return { kind: 'retained', row: { ...change.row, data: ownBytes(change.row.data) } }
  if (change.kind === 'session' && change.row.will !== null) return { kind: 'session', row: { ...change.row, will: ownBytes(change.row.will) } }
  return change
}

function ownBytes(data: Uint8Array): Uint8Array {
  return data.length === data.buffer.byteLength ? data : Uint8Array.prototype.slice.call(data)
}
