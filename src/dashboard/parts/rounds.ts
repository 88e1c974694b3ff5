// Asks again and again what the view that is shown needs: one round, a pause (pace.ts), the next. Nothing is asked while nobody can see the page.
//
// What is always true: one round at a time, one timer at most; what a round has begun under an older `generation` is thrown away.
import { type Api, NoAnswer, Refused } from './api.ts'
import { after, now, type Timer } from './clock.ts'
import { IDLE, IN_USE, IN_USE_MS, pauseMs, retryMs } from './pace.ts'
import type { Site } from './site.ts'

export interface RoundsDeps {
  readonly api: Api
  readonly site: Site
  readonly needs: () => readonly string[]
  /** All of it is there. */
  readonly told: () => void
  /** No answer; it is asked again after so long. */
  readonly failed: (why: string, againMs: number) => void
  /** Whoever asks has to prove anew who that is. */
  readonly unauthorized: () => void
}

const TOUCHES = ['pointerdown', 'keydown', 'wheel', 'touchstart'] as const

export class Rounds {
  readonly #deps: RoundsDeps
  #timer: Timer | null = null
  #generation = 0
  #failures = 0
  #isOn = false
  #touchedMs = now()
  /** Paths that this gateway does not have; asked again when it was away. */
  readonly #absent = new Set<string>()

  constructor(deps: RoundsDeps) {
    this.#deps = deps
    document.addEventListener('visibilitychange', () => this.now())
    for (const touch of TOUCHES) addEventListener(touch, () => void (this.#touchedMs = now()), { passive: true, capture: true })
  }

  start(): void {
    this.#isOn = true
    this.now()
  }

  stop(): void {
    this.#isOn = false
    this.#generation++
    this.#timer?.cancel()
  }

  /** The next round begins at once. */
  now(): void {
    this.#timer?.cancel()
    const generation = ++this.#generation
    if (this.#isOn && !document.hidden) void this.#round(generation)
  }

  async #round(generation: number): Promise<void> {
    const { api, site, needs, told, failed, unauthorized } = this.#deps
    const before = api.spentBytes
    const paths = ['/status', ...new Set(needs())].filter((path) => !this.#absent.has(path))
    let pause: number
    try {
      const answers = await Promise.all(paths.map((path) => this.#ask(path)))
      if (generation !== this.#generation) return
      paths.forEach((path, i) => site.put(path, answers[i]))
      this.#failures = 0
      told()
      pause = pauseMs(now() - this.#touchedMs < IN_USE_MS ? IN_USE : IDLE, api.spentBytes - before)
    } catch (error) {
      if (generation !== this.#generation) return
      if (error instanceof Refused && error.status === 401) return unauthorized()
      pause = retryMs(++this.#failures)
      this.#absent.clear()
      failed((error as Error).message, pause)
    }
    this.#timer = after(pause, () => this.now())
  }

  /** null for what this gateway does not have, or does not show to this role. */
  async #ask(path: string): Promise<unknown> {
    try {
      return await this.#deps.api.ask('GET', path)
    } catch (error) {
      if (error instanceof NoAnswer || !(error instanceof Refused) || path === '/status' || ![403, 404].includes(error.status)) throw error
      this.#absent.add(path)
      return null
    }
  }
}
