// Keeps one line open: opens it, looks after it, and tries again when it is not to be had or has gone with its chip.
// Rules:
// - One try at a time, and one line open at most. What was opened after stop() is closed at once.
// - The kernel does not always tell that a chip has gone, so the line is read every LOOK_MS.
// - Nothing here throws: what goes wrong is told in a sentence, each time.
import type { Clock, Timer } from '../clock.ts'

export const LOOK_MS = 1000
export const RETRY_MS_MIN = 1000
export const RETRY_MS_MAX = 30_000

export interface Readable {
  /** Throws when the line is gone. */
  read(): boolean
  close(): void
}

export interface HeldEvents<L> {
  opened(line: L): void
  /** It is read every LOOK_MS, and this is its level. */
  looked(level: boolean): void
  /** It could not be opened, or is gone; it is tried again. */
  failed(why: string): void
}

export class HeldLine<L extends Readable> {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #open: () => Promise<L>
  readonly #events: HeldEvents<L>
  #line: L | null = null
  #timer: Timer | null = null
  #trying: Promise<void> | null = null
  #failures = 0
  #isStopped = false

  constructor(deps: { readonly clock: Clock; readonly random: () => number }, open: () => Promise<L>, events: HeldEvents<L>) {
    this.#clock = deps.clock
    this.#random = deps.random
    this.#open = open
    this.#events = events
  }

  /** null while it is not open. */
  get line(): L | null {
    return this.#line
  }

  start(): void {
    if (this.#trying === null && this.#line === null && !this.#isStopped) this.#trying = this.#try()
  }

  /** The line failed somebody: it is let go of, and tried again. */
  lost(error: unknown): void {
    if (this.#line === null) return
    this.#letGo()
    this.#retry(error)
  }

  /** Resolves when the line is closed. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#trying
    this.#letGo()
  }

  async #try(): Promise<void> {
    try {
      const line = await this.#open()
      this.#line = line
      if (this.#isStopped) return
      this.#timer = this.#clock.every(LOOK_MS, () => this.#look())
      this.#events.opened(line)
      this.#failures = 0
    } catch (error) {
      this.#letGo()
      this.#retry(error)
    } finally {
      this.#trying = null
    }
  }

  #look(): void {
    try {
      this.#events.looked(this.#line!.read())
    } catch (error) {
      this.lost(error)
    }
  }

  #retry(error: unknown): void {
    if (this.#isStopped) return
    this.#events.failed((error as Error).message)
    this.#timer = this.#clock.after(this.#delayMs(), () => {
      this.#timer = null
      this.start()
    })
  }

  /** Between half and all of 1, 2, 4 … 30 s, never under 1 s. */
  #delayMs(): number {
    const ceiling = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(this.#failures++, 10))
    return Math.max(RETRY_MS_MIN, ceiling * (1 - this.#random() / 2))
  }

  #letGo(): void {
    this.#timer?.cancel()
    this.#timer = null
    const line = this.#line
    this.#line = null
    line?.close()
  }
}
