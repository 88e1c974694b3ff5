// Tokens for people: a page shows its user's password once, and this from then on. In memory: a restart of the gateway ends all of them.
import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Caller } from './caller.ts'

const LOGINS_MAX = 200
const LOGIN_MS_MAX = 12 * 3_600_000
const TOKEN_BYTES = 32

interface Login {
  readonly caller: Caller
  /** Clock.now. */
  readonly endsAtMs: number
}

export class Logins {
  readonly #clock: Clock
  /** By the digest of their token, oldest first. */
  readonly #logins = new Map<string, Login>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `endsAtMs` in wall milliseconds. Where there are too many, the oldest ends. */
  begin(caller: Caller): { readonly token: string; readonly endsAtMs: number } {
    const nowMs = this.#clock.now()
    for (const [digest, { endsAtMs }] of this.#logins) {
      if (endsAtMs > nowMs && this.#logins.size < LOGINS_MAX) break
      this.#logins.delete(digest)
    }
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    this.#logins.set(digestOf(token), { caller, endsAtMs: nowMs + LOGIN_MS_MAX })
    return { token, endsAtMs: this.#clock.wall() + LOGIN_MS_MAX }
  }

  /** Who has this token; null for nobody. */
  of(token: string): Caller | null {
    const login = this.#logins.get(digestOf(token))
    return login === undefined || login.endsAtMs <= this.#clock.now() ? null : login.caller
  }

  end(token: string): void {
    this.#logins.delete(digestOf(token))
  }
}

/** A map's look-up is not of constant time: it must not be the token itself that is compared. */
function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64')
}
