// The status as a file on tmpfs, for those who must not wait for the gateway: the card's STATUS.txt, updates, whoever looks.
//
// What is always true: the file is whole or not there; it is written when something has changed, at most every WRITE_MS; a file that cannot be written
// is said once and stops nothing. It goes with the gateway: a file that is there is of one that runs, or was killed.
import { randomBytes } from 'node:crypto'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bootOffsetMs, type Clock, type Timer } from '../clock.ts'
import type { Status } from './status.ts'

const FILE = 'status.json'
const WRITE_MS = 5000
/** Written at least so often, so that its age tells whether the gateway lives. */
const FRESH_MS = 60_000
/** Not for everybody: the probe's secret is in it, and a digest of the configuration. */
const MODE = 0o640

export interface StatusFileDeps {
  readonly clock: Clock
  readonly log: { warn(fields: object, text: string): void }
  /** As it is now, but for its date. */
  readonly status: () => Omit<Status, 'at' | 'uptimeMs'>
}

export class StatusFile {
  readonly #path: string
  readonly #aside: string
  readonly #deps: StatusFileDeps
  #written = ''
  #writtenAtMs = -Infinity
  #timer: Timer | null = null
  #complained = false

  constructor(folder: string, deps: StatusFileDeps) {
    this.#path = join(folder, FILE)
    this.#aside = `${this.#path}.${randomBytes(4).toString('hex')}`
    this.#deps = deps
  }

  start(): void {
    this.#write()
    this.#timer = this.#deps.clock.every(WRITE_MS, () => this.#write())
  }

  stop(): void {
    this.#timer?.cancel()
    rmSync(this.#path, { force: true })
  }

  #write(): void {
    const { clock, log, status } = this.#deps
    const now = status()
    const text = JSON.stringify(now)
    if (text === this.#written && clock.now() - this.#writtenAtMs < FRESH_MS) return
    try {
      writeFileSync(this.#aside, `${JSON.stringify({ ...now, at: clock.wall(), uptimeMs: Math.round(clock.now() + bootOffsetMs) })}\n`, { mode: MODE })
      renameSync(this.#aside, this.#path)
      this.#written = text
      this.#writtenAtMs = clock.now()
    } catch (error) {
      if (!this.#complained) log.warn({ file: this.#path, why: (error as Error).message }, 'the status cannot be written: STATUS.txt and updates know nothing of this gateway')
      this.#complained = true
    }
  }
}
