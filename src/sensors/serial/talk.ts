// What goes out of a port: the requests of a poll and the commands of a topic, one at a time. The line is half duplex: while an answer is
// awaited nothing is sent, and the next piece waits until the wire has carried the last one.
// Rules:
// - Polls are due at start + n × everyMs; one that the line had no time for is not made up. A command and a due poll take turns.
// - An answer is the first frame behind its request that is a reading: a device may repeat what it was asked, or greet. A frame that comes
//   when none is awaited is `unasked` and no reading: it may be the late answer to an older question. What had come before the request is
//   forgotten when it is sent.
// - No answer in time is counted. After SILENT_MAX in a row the sensor is degraded, and it is asked on at the same pace; as long as
//   the port is open it is not gone: the adapter is there, and the device may only be switched off.
// - At most COMMANDS_MAX commands of QUEUE_BYTES_MAX bytes wait; more, and all while the port is closed, are refused.
import { Fifo } from '../../fifo.ts'
import type { Clock, Timer } from '../../clock.ts'
import type { PollConfig } from '../../config/config.ts'

export const SILENT_MAX = 3
export const COMMANDS_MAX = 64
export const QUEUE_BYTES_MAX = 64 * 1024

export type WriteOutcome = 'written' | 'queue-full' | 'gone'

export interface TalkEvents {
  /** Hands bytes to the port; `taken` is called when the driver has passed them on. False: the port is not open. */
  write(bytes: Buffer, taken: () => void): boolean
  /** A request goes out: what came before it is no answer. */
  asking(): void
  /** No reading came, for the `times`-th time in a row. */
  silent(times: number): void
}

interface Command {
  readonly bytes: Buffer
  readonly done: (outcome: WriteOutcome) => void
}

export class Talk {
  readonly #poll: PollConfig | null
  readonly #characterMs: number
  readonly #clock: Clock
  readonly #events: TalkEvents
  readonly #commands = new Fifo<Command>()
  #commandBytes = 0
  #isOpen = false
  #openings = 0
  #polls = 0
  #startedAtMs = 0
  #due: Timer | null = null
  #pollIsDue = false
  #state: 'idle' | 'sending' | 'awaiting' = 'idle'
  #waiting: Timer | null = null
  #silent = 0

  constructor(poll: PollConfig | null, characterMs: number, clock: Clock, events: TalkEvents) {
    this.#poll = poll
    this.#characterMs = characterMs
    this.#clock = clock
    this.#events = events
  }

  opened(): void {
    this.#isOpen = true
    this.#openings++
    this.#silent = 0
    this.#polls = 0
    this.#startedAtMs = this.#clock.now()
    if (this.#poll === null) return
    this.#pollIsDue = true
    this.#pollLater()
    this.#next()
  }

  /** The port is gone: what waits is refused, what is awaited will not come. May be called again. */
  closed(): void {
    this.#isOpen = false
    this.#due?.cancel()
    this.#waiting?.cancel()
    this.#state = 'idle'
    this.#pollIsDue = false
    for (let command = this.#commands.shift(); command !== undefined; command = this.#commands.shift()) command.done('gone')
    this.#commandBytes = 0
  }

  command(bytes: Buffer, done: (outcome: WriteOutcome) => void): void {
    if (!this.#isOpen) {
      done('gone')
    } else if (this.#commands.length === COMMANDS_MAX || this.#commandBytes + bytes.length > QUEUE_BYTES_MAX) {
      done('queue-full')
    } else {
      this.#commands.push({ bytes, done })
      this.#commandBytes += bytes.length
      this.#next()
    }
  }

  /** Whether a frame that comes now may be a reading. */
  get listens(): boolean {
    return this.#poll === null || this.#state === 'awaiting'
  }

  /** A reading came. */
  answered(): void {
    if (this.#state !== 'awaiting') return
    this.#waiting?.cancel()
    this.#silent = 0
    this.#state = 'idle'
    this.#next()
  }

  #pollLater(): void {
    const { everyMs } = this.#poll!
    const sinceMs = this.#clock.now() - this.#startedAtMs
    this.#polls = Math.max(this.#polls + 1, Math.floor(sinceMs / everyMs))
    this.#due = this.#clock.after(this.#polls * everyMs - sinceMs, () => {
      this.#pollLater()
      this.#pollIsDue = true
      this.#next()
    })
  }

  #next(): void {
    if (!this.#isOpen || this.#state !== 'idle') return
    if (this.#pollIsDue) this.#ask()
    else if (this.#commands.length > 0) this.#sendCommand()
  }

  #ask(): void {
    const { request, timeoutMs } = this.#poll!
    this.#pollIsDue = false
    this.#state = 'awaiting'
    this.#events.asking()
    this.#events.write(request, () => {})
    this.#waiting = this.#clock.after(request.length * this.#characterMs + timeoutMs, () => this.#onTimeout())
  }

  #onTimeout(): void {
    this.#state = 'idle'
    this.#events.silent(++this.#silent)
    this.#next()
  }

  #sendCommand(): void {
    const { bytes, done } = this.#commands.shift()!
    this.#commandBytes -= bytes.length
    this.#state = 'sending'
    const opening = this.#openings
    const startedAtMs = this.#clock.now()
    const accepted = this.#events.write(bytes, () => {
      if (opening !== this.#openings || !this.#isOpen) return
      const leftMs = startedAtMs + bytes.length * this.#characterMs - this.#clock.now()
      this.#waiting = this.#clock.after(leftMs, () => {
        this.#state = 'idle'
        this.#next()
      })
    })
    done(accepted ? 'written' : 'gone')
  }
}
