// The file with the passes of satellites, read again when it has changed. A file that is missing, empty or out of date is told once, and again
// every day while it stays so: somebody has to bring a new one.
import { readFile, stat } from 'node:fs/promises'
import type { Clock, Timer } from '../../clock.ts'
import { wallIsSet } from '../../clock.ts'
import { parsePasses, type Pass } from './passes.ts'

export interface PassLog {
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}

export interface PassFileDeps {
  readonly clock: Clock
  readonly log: PassLog
  /** The passes are others now. */
  readonly changed: () => void
}

const LOOK_MS = 30_000
const FILE_BYTES_MAX = 1_000_000
const PROBLEMS_SHOWN_MAX = 10
const REMIND_MS = 86_400_000

export class PassFile {
  readonly #path: string
  readonly #deps: PassFileDeps
  #passes: readonly Pass[] = []
  #stamp = ''
  /** Why there are no passes to come, in a sentence; null when there are. */
  #alarm: string | null = null
  #toldAtMs = -Infinity
  #timer: Timer | null = null
  #looking = false

  constructor(path: string, deps: PassFileDeps) {
    this.#path = path
    this.#deps = deps
  }

  /** By start. */
  get passes(): readonly Pass[] {
    return this.#passes
  }

  start(): void {
    this.#timer ??= this.#deps.clock.every(LOOK_MS, () => void this.look())
    void this.look()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  /** Never rejects. */
  async look(): Promise<void> {
    if (this.#looking) return // a card that does not answer
    this.#looking = true
    try {
      await this.#read()
    } catch (error) {
      this.#stamp = ''
      this.#take([], `cannot be read (${String((error as NodeJS.ErrnoException).code ?? error)})`)
    }
    this.#looking = false
    this.#remind()
  }

  async #read(): Promise<void> {
    const { dev, ino, mtimeNs, ctimeNs, size } = await stat(this.#path, { bigint: true })
    const stamp = `${dev} ${ino} ${mtimeNs} ${ctimeNs} ${size}`
    if (stamp === this.#stamp) return
    this.#stamp = stamp
    if (size > FILE_BYTES_MAX) return this.#take([], `is larger than ${FILE_BYTES_MAX / 1e6} MB`)
    const { passes, problems } = parsePasses(await readFile(this.#path, 'utf8'))
    const { log } = this.#deps
    const file = this.#path
    for (const { line, message } of problems.slice(0, PROBLEMS_SHOWN_MAX)) log.warn({ file, line, why: message }, 'a line of the satellite passes is passed over')
    if (problems.length > PROBLEMS_SHOWN_MAX) log.warn({ file, lines: problems.length - PROBLEMS_SHOWN_MAX }, 'more lines of the satellite passes are passed over')
    const last = passes.reduce((ms, pass) => Math.max(ms, pass.endMs), 0)
    if (passes.length > 0) log.info({ file, passes: passes.length, until: new Date(last).toISOString() }, 'satellite passes were read')
    this.#take(passes, passes.length === 0 ? 'holds no passes' : null)
  }

  #take(passes: readonly Pass[], alarm: string | null): void {
    const isNews = passes.length > 0 || this.#passes.length > 0
    this.#passes = passes
    if (alarm !== this.#alarm) this.#toldAtMs = -Infinity
    this.#alarm = alarm
    if (isNews) this.#deps.changed()
  }

  #remind(): void {
    const { clock, log } = this.#deps
    const nowMs = clock.now()
    const wallMs = clock.wall()
    const isOutOfDate = this.#alarm === null && wallIsSet(wallMs) && this.#passes.every((pass) => pass.endMs <= wallMs)
    const why = isOutOfDate ? 'is out of date: its last pass is over' : this.#alarm
    if (why === null || nowMs - this.#toldAtMs < REMIND_MS) return
    this.#toldAtMs = nowMs
    log.error({ file: this.#path, why }, 'no satellite passes are known: the link is tried a few times a day only, bring a new file')
  }
}
