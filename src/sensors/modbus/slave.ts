// What a bus knows of one slave: what waits for it, and when it may be asked. Pure but for its queue.
//
//            no answer, retries left            no answer, none left
//   well ──────────────────────► waiting out ────────────────────► silent ──back-off over──► probe: one request, no retries
//     ▲                               │ asked again                   ▲                         │ no answer: twice the back-off
//     └──────────── answer ───────────┴───────────────────────────────┴──── answer ────────────┘
//
// Rules:
// - A slave that gave no answer is not asked for as long as its answer might still come: RTU frames have no numbers, and a late answer to
//   the same kind of question cannot be told from the one in time. When a late one has come, the debt is paid and it may be asked.
// - A silent slave is asked once per back-off, which doubles to BACKOFF_MS_MAX: others have the bus. What waits for it is answered at once.
import { Fifo } from '../../fifo.ts'
import type { ModbusAnswer, ModbusRequest } from './master.ts'

export const JOBS_MAX = 64
export const BACKOFF_MS_MIN = 1000
export const BACKOFF_MS_MAX = 60_000

/** silent: no answer. garbled: what came was no answer. unsent: the slave is left alone for a while. gone: the line is not open. full: too much waits. */
export type Outcome = ModbusAnswer | { readonly failed: 'silent' | 'garbled' | 'unsent' | 'gone' | 'full' }

export interface Job {
  readonly request: ModbusRequest
  readonly done: (outcome: Outcome) => void
}

export class Slave {
  readonly number: number
  /** Commands go before readings. */
  readonly #urgent = new Fifo<Job>()
  readonly #jobs = new Fifo<Job>()
  readonly #timeoutMs: number
  readonly #retries: number
  #tries = 0
  #backoffMs = 0
  #notBeforeMs = -Infinity

  constructor(number: number, timeoutMs: number, retries: number) {
    this.number = number
    this.#timeoutMs = timeoutMs
    this.#retries = retries
  }

  get isSilent(): boolean {
    return this.#backoffMs > 0
  }

  /** When it may be asked again (Clock.now). */
  get notBeforeMs(): number {
    return this.#notBeforeMs
  }

  get hasJobs(): boolean {
    return this.#urgent.length + this.#jobs.length > 0
  }

  get next(): Job | undefined {
    return this.#urgent.peek() ?? this.#jobs.peek()
  }

  /** Answers at once what cannot be sent. */
  add(job: Job, isUrgent: boolean, nowMs: number): void {
    const queue = isUrgent ? this.#urgent : this.#jobs
    if (this.isSilent && nowMs < this.#notBeforeMs) job.done({ failed: 'unsent' })
    else if (queue.length === JOBS_MAX) job.done({ failed: 'full' })
    else queue.push(job)
  }

  /** The slave said something to what it was asked. */
  answered(): void {
    this.#tries = 0
    this.#backoffMs = 0
    this.#notBeforeMs = -Infinity
  }

  /** A frame of its came that nobody waits for. */
  late(): void {
    if (!this.isSilent) this.#notBeforeMs = -Infinity
  }

  /** It did not answer. null: the job stays where it is and is sent again; otherwise it is out, and so are those returned, which will not be sent. */
  failed(job: Job, nowMs: number): Job[] | null {
    if (!this.isSilent && ++this.#tries <= this.#retries) {
      this.#notBeforeMs = nowMs + this.#timeoutMs
      return null
    }
    this.#tries = 0
    this.#backoffMs = Math.min(BACKOFF_MS_MAX, Math.max(2 * this.#backoffMs, 2 * this.#timeoutMs, BACKOFF_MS_MIN))
    this.#notBeforeMs = nowMs + this.#backoffMs
    this.take(job)
    return this.drain()
  }

  /** Takes a job that is done out of its queue. */
  take(job: Job): void {
    if (this.#urgent.peek() === job) this.#urgent.shift()
    else if (this.#jobs.peek() === job) this.#jobs.shift()
  }

  /** Everything that waits, out of the queues. */
  drain(): Job[] {
    const all: Job[] = []
    for (const queue of [this.#urgent, this.#jobs]) for (let job = queue.shift(); job !== undefined; job = queue.shift()) all.push(job)
    return all
  }

  /** The line was opened anew: what it was like before says nothing. */
  forget(): void {
    this.answered()
  }
}
