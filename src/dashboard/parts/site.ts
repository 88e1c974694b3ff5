// What is known of the gateway now: its last answers, by the path that was asked.
import { now, wall } from './clock.ts'
import type { Alarm, Role, Status, Uplink } from './shapes.ts'

/** With those that somebody has seen. */
export const ALARMS = '/alarms?acknowledged=true'
const ROLES: readonly Role[] = ['viewer', 'operator', 'admin']

export class Site {
  readonly #answers = new Map<string, unknown>()
  /** Gateway's time minus ours; ours until it has said something. */
  #offsetMs = wall() - now()
  /** Who asks. */
  name: string | null = null
  role: Role | null = null

  /** undefined: not asked yet. null: it has none, or does not show it. */
  get<T>(path: string): T | null | undefined {
    return this.#answers.get(path) as T | null | undefined
  }

  put(path: string, answer: unknown): void {
    this.#answers.set(path, answer)
    if (path === '/status' && answer !== null) this.#offsetMs = Date.parse((answer as Status).at) - now()
  }

  forget(): void {
    this.#answers.clear()
  }

  /** What the gateway takes for now. */
  get nowMs(): number {
    return now() + this.#offsetMs
  }

  get status(): Status | null {
    return this.get<Status>('/status') ?? null
  }

  get uplinks(): readonly Uplink[] | null {
    return this.get<{ readonly uplinks: readonly Uplink[] }>('/uplinks')?.uplinks ?? null
  }

  get alarms(): readonly Alarm[] {
    return this.get<{ readonly alarms: readonly Alarm[] }>(ALARMS)?.alarms ?? []
  }

  may(role: Role): boolean {
    return this.role !== null && ROLES.indexOf(this.role) >= ROLES.indexOf(role)
  }
}
