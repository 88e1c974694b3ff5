// Who may read now. Reads of sysfs run on the process's thread pool, which has four threads for files, names and compression of the whole gateway,
// and a read that hangs in the kernel cannot be taken back.
// Rules:
// - Two reads run at a time, and one in a lane (a bus, which has one talker anyway); the others wait in order.
// - A read that takes longer than STUCK_MS is stuck: it gives its place away, so that the others go on, and keeps its lane. So three threads are
//   taken at most while two buses hang, and when a third hangs no more reads begin: the last thread is the gateway's.
// - Everybody who waits for a lane that is stuck is told, once. When the read answers after all, it all goes on.
import { type Clock, systemClock, type Timer } from '../../clock.ts'

export const STUCK_MS = 20_000
const PLACES = 2
const THREADS_MAX = 3

interface Turn {
  readonly lane: string
  readonly task: () => Promise<void>
  readonly stuck: () => void
  toldStuck: boolean
}

export class ReadGate {
  readonly #clock: Clock
  readonly #waiting: Turn[] = []
  readonly #running = new Map<string, Timer>()
  /** Those of them whose timer has fired. */
  readonly #stuckLanes = new Set<string>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Runs the task when it is its turn. The task never rejects; who calls has one task here at a time, which bounds the queue. `stuck`: it, or what it
   * waits for, hangs in the kernel.
   */
  run(lane: string, task: () => Promise<void>, stuck: () => void): void {
    this.#waiting.push({ lane, task, stuck, toldStuck: false })
    this.#next()
  }

  #next(): void {
    for (let i = 0; i < this.#waiting.length && this.#hasPlace; ) {
      if (this.#running.has(this.#waiting[i]!.lane)) i++
      else this.#begin(this.#waiting.splice(i, 1)[0]!)
    }
    for (const turn of this.#waiting) if (this.#stuckLanes.has(turn.lane) || this.#stuckLanes.size === THREADS_MAX) this.#tell(turn)
  }

  get #hasPlace(): boolean {
    const active = this.#running.size - this.#stuckLanes.size
    return active < PLACES && this.#running.size < THREADS_MAX
  }

  #begin(turn: Turn): void {
    const timer = this.#clock.after(STUCK_MS, () => {
      this.#stuckLanes.add(turn.lane)
      this.#tell(turn)
      this.#next()
    })
    this.#running.set(turn.lane, timer)
    void turn.task().finally(() => {
      timer.cancel()
      this.#running.delete(turn.lane)
      this.#stuckLanes.delete(turn.lane)
      this.#next()
    })
  }

  #tell(turn: Turn): void {
    if (turn.toldStuck) return
    turn.toldStuck = true
    turn.stuck()
  }
}

/** The thread pool is the process's, and so is its gate. */
export const threadPoolGate = new ReadGate(systemClock)
