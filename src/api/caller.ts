// Who calls the API, and what that one may do. Asked before anything of a request is looked at but its header.
//
//   unix socket of this machine ─► admin          its permission says who may open it
//   Authorization: Bearer …     ─► a token of `http.tokens`, of a login, or a JSON Web Token of `access.tokens`
//   Authorization: Basic …      ─► a user of `access` with the role viewer, operator or admin
//   nothing, from this machine  ─► what `http.anonymous` says
//
// What is always true
//   1. Nothing that a browser sends by itself proves anything: there are no cookies. So a page of another site can do nothing here.
//   2. A wrong proof is counted with the address it came from, together with those of MQTT clients, and its answer waits as theirs do.
//   3. Only users of the gateway's own space come in: what tenants have is not shown to each other.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Access, Door } from '../access/access.ts'
import type { Identity } from '../access/identity.ts'
import type { Clock } from '../clock.ts'
import { API_ROLES, type ApiRole, type ApiTokenConfig, type HttpConfig } from '../config/http-config.ts'
import { LimitExceeded, LoginRefused, ProtocolError } from '../mqtt/reason.ts'
import type { Entrance } from './entrance.ts'
import { Problem } from './problem.ts'
import { Logins } from './logins.ts'

export interface Caller {
  /** For the log. */
  readonly name: string
  readonly role: ApiRole
  /** Of a user; null for everybody else. Its rights hold for what it publishes and reads. */
  readonly identity: Identity | null
}

/** What a request says of who has sent it. */
export interface Introduction {
  readonly entrance: Entrance
  readonly address: string
  /** The field Authorization; undefined where there is none. */
  readonly authorization: string | undefined
  readonly isGone: () => boolean
}

/** A password of `Basic`, or what a login has. */
export interface Password {
  readonly username: string
  readonly password: Buffer
}

const CHALLENGES = 'Bearer realm="sandpiper", Basic realm="sandpiper", charset="UTF-8"'
/** Who may open the unix socket, and the gateway itself. */
export const LOCAL: Caller = { name: 'this machine', role: 'admin', identity: null }

export class Callers {
  readonly #access: Access
  readonly #clock: Clock
  readonly #logins: Logins
  #config: HttpConfig
  #digests: readonly (readonly [Buffer, ApiTokenConfig])[] = []

  constructor(access: Access, clock: Clock, config: HttpConfig) {
    this.#access = access
    this.#clock = clock
    this.#config = config
    this.#logins = new Logins(clock)
    this.configure(config)
  }

  /** From now on this holds. */
  configure(config: HttpConfig): void {
    this.#config = config
    this.#digests = config.tokens.flatMap((token) => (token.token === null ? [] : [[digestOf(token.token), token] as const]))
  }

  /** Rejects with a Problem: unauthorized, forbidden, too-many-requests. */
  async identify(introduction: Introduction): Promise<Caller> {
    const { entrance, authorization, address } = introduction
    if (authorization === undefined) return this.#nobody(entrance)
    const [, scheme = '', proof = ''] = /^([A-Za-z]+) +(\S+)$/.exec(authorization) ?? []
    switch (scheme.toLowerCase()) {
      case 'bearer':
        return this.#byToken(Buffer.from(proof, 'utf8'), introduction)
      case 'basic': {
        const [username, ...rest] = Buffer.from(proof, 'base64').toString('utf8').split(':')
        return this.byPassword({ username: username!, password: Buffer.from(rest.join(':'), 'utf8') }, address, introduction.isGone)
      }
      default:
        throw unauthorized('the field Authorization is neither `Bearer TOKEN` nor `Basic …`')
    }
  }

  /** Who shows nothing may do something there. */
  letsIn(entrance: Entrance): boolean {
    return entrance.kind === 'socket' || (this.#config.anonymous !== null && entrance.isLoopback)
  }

  /** Rejects with a Problem. */
  async byPassword({ username, password }: Password, address: string, isGone: () => boolean): Promise<Caller> {
    return this.#callerOf(await this.#identity({ username, password }, address, isGone))
  }

  /** A token for `caller`, who has proved to be a user, and when it ends (wall milliseconds). */
  login(caller: Caller): { readonly token: string; readonly endsAtMs: number } {
    return this.#logins.begin(caller)
  }

  /** The login by that token is over. */
  logout(authorization: string | undefined): void {
    const token = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
    if (token !== undefined) this.#logins.end(token)
  }

  #nobody(entrance: Entrance): Caller {
    if (entrance.kind === 'socket') return LOCAL
    if (!this.letsIn(entrance)) throw unauthorized('give a token, or user and password')
    return { name: 'nobody', role: this.#config.anonymous!, identity: null }
  }

  async #byToken(token: Buffer, { address, isGone }: Introduction): Promise<Caller> {
    const digest = digestOf(token)
    for (const [of, { name, role }] of this.#digests) if (timingSafeEqual(of, digest)) return { name, role, identity: null }
    const login = this.#logins.of(token.toString('latin1'))
    const known = login === null ? null : this.#renewed(login, address)
    if (known !== null) return known
    // Whether it is a JSON Web Token or only a guess: access counts it, and delays the answer.
    return this.#callerOf(await this.#identity({ username: null, password: token }, address, isGone))
  }

  /** As the configuration of now has it; null when that does not let it in any more. */
  #renewed({ identity }: Caller, address: string): Caller | null {
    const renewed = identity === null ? null : this.#access.renew(identity, doorAt(address, true), null)
    return renewed === null ? null : this.#callerOf(renewed)
  }

  async #identity({ username, password }: { readonly username: string | null; readonly password: Buffer }, address: string, isGone: () => boolean): Promise<Identity> {
    const door = doorAt(address, false)
    try {
      return await this.#access.identify({ username, password, certificate: null, isGone }, door)
    } catch (error) {
      if (error instanceof LimitExceeded) throw new Problem('too-many-requests', error.message, { headers: { 'retry-after': '10' } })
      if (!(error instanceof ProtocolError)) throw error
      if (!(error instanceof LoginRefused)) throw new Problem('unavailable', error.message, { headers: { 'retry-after': '30' } })
      if (error.delayMs !== null) {
        if (error.delayMs > 0) await new Promise<void>((resolve) => void this.#clock.after(error.delayMs!, resolve))
        this.#access.throttle.answered(address)
      }
      throw unauthorized('wrong user, password or token')
    }
  }

  #callerOf(identity: Identity): Caller {
    const { username, roles, tenant } = identity
    const name = username ?? 'nobody'
    const role = API_ROLES.findLast((one) => roles.includes(one))
    if (tenant !== '') throw new Problem('forbidden', `the user ${name} belongs to a tenant: the API is for users of the gateway itself`)
    if (role === undefined) throw new Problem('forbidden', `the user ${name} has none of the roles ${API_ROLES.join(', ')}: add one under access.users`)
    return { name, role, identity }
  }
}

/** Throws the Problem forbidden when `caller` may not do what takes `role`. */
export function requireRole(caller: Caller, role: ApiRole): void {
  if (API_ROLES.indexOf(caller.role) >= API_ROLES.indexOf(role)) return
  throw new Problem('forbidden', `this takes the role ${role}; ${caller.name} is ${caller.role}`)
}

function unauthorized(detail: string): Problem {
  return new Problem('unauthorized', detail, { headers: { 'www-authenticate': CHALLENGES } })
}

function doorAt(address: string, isIn: boolean): Door {
  return { address, anonymous: false, tenant: '', certificates: null, isIn }
}

function digestOf(token: Buffer): Buffer {
  return createHash('sha256').update(token).digest()
}
