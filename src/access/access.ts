// Who may connect: user and password of CONNECT (section 3.1.4), and enhanced authentication (section 4.12).
//
// What is always true: a wrong password and an unknown user get the same answer after the same work; no secret is in a message.
import type { AccessConfig } from '../config/config.ts'
import type { Counters } from '../counters.ts'
import { ProtocolError, Reason } from '../mqtt/reason.ts'
import type { Exchange } from './exchange.ts'

export const SCRAM_SHA_256 = 'SCRAM-SHA-256'

export class Access {
  readonly #counters: Counters
  readonly #passwords: ReadonlyMap<string, Buffer | null>
  /** Stands for the passwords of users that do not exist; empty when nobody does. */
  readonly #secret: Buffer

  constructor({ users }: AccessConfig, counters: Counters) {
    this.#counters = counters
    this.#passwords = new Map(users.map(({ name, password }) => [name, password?.kind === 'plain' ? password.password : null]))
    // A gateway without users does without the 2 MB of node:crypto, here and in scram.ts.
    this.#secret = users.length === 0 ? Buffer.alloc(0) : process.getBuiltinModule('node:crypto').randomBytes(32)
  }

  /**
   * The user a CONNECT without authentication method is from, null for nobody in particular. `anonymous`: the listener needs no user.
   * Throws ProtocolError 0x86 or 0x87 [MQTT-3.1.4-2].
   */
  userOf(username: string | null, password: Buffer | null, anonymous: boolean): string | null {
    if (username === null || this.#passwords.size === 0) {
      if (anonymous) return null
      this.#counters.loginsRefused++
      throw new ProtocolError(Reason.notAuthorized, 'this listener asks for a user')
    }
    const known = this.#passwords.get(username) ?? null
    const { hash, timingSafeEqual } = process.getBuiltinModule('node:crypto')
    const digest = (bytes: Buffer): Buffer => hash('sha256', bytes, 'buffer')
    const matches = timingSafeEqual(digest(password ?? Buffer.alloc(0)), digest(known ?? this.#secret))
    if (matches && known !== null && password !== null) return username
    this.#counters.loginsRefused++
    throw new ProtocolError(Reason.badUserNameOrPassword, 'wrong user or password')
  }

  /** Begins an exchange by `method`. Throws ProtocolError 0x8C when that is not known here [MQTT-4.12.0-1]. */
  begin(method: string): Exchange {
    if (method !== SCRAM_SHA_256 || this.#passwords.size === 0) {
      this.#counters.loginsRefused++
      throw new ProtocolError(Reason.badAuthenticationMethod, `authentication method ${JSON.stringify(method.slice(0, 64))} is not known here`)
    }
    let scram: Exchange | null = null
    return {
      next: async (data) => {
        try {
          scram ??= new (await import('./scram.ts')).ScramExchange({ passwordOf: (name) => this.#passwords.get(name) ?? null, secret: this.#secret })
          return await scram.next(data)
        } catch (error) {
          this.#counters.loginsRefused++
          throw error
        }
      },
    }
  }
}
