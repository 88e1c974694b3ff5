// Who a client is, and what it may do: the one door through which the rest of the gateway asks.
//
//   CONNECT ─► certificate ─► token ─► user and password ─► nobody in particular     the first that applies decides
//                                                        └► Identity ─► tenant ─► Rights
//
// What is always true
//   1. A wrong password and an unknown user get the same answer after the same work; why is for the log only, and no secret is in it.
//   2. A configuration takes effect as a whole (`configure`), or not at all: what is under way goes on with the one it began with.
import type { AccessConfig, ClientCertificatesConfig, UserConfig } from '../config/config.ts'
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import { LoginRefused, ProtocolError, Reason } from '../mqtt/reason.ts'
import type { ClientCertificate } from './certificate.ts'
import type { Exchange, Step } from './exchange.ts'
import type { Identity } from './identity.ts'
import type { Rights } from '../session/rights.ts'

export const SCRAM_SHA_256 = 'SCRAM-SHA-256'
export const OAUTH2_JWT = 'OAUTH2-JWT'

/** What a client shows in CONNECT and in its TLS handshake. */
export interface Credentials {
  readonly username: string | null
  readonly password: Buffer | null
  readonly certificate: ClientCertificate | null
}

/** What the listener says that the client came by. */
export interface Door {
  /** Clients may come in that do not say who they are. */
  readonly anonymous: boolean
  /** '' for none. */
  readonly tenant: string
  /** How certificates are read; null where none are asked for. */
  readonly certificates: ClientCertificatesConfig | null
}

export interface AccessDeps {
  readonly clock: Clock
  readonly counters: Counters
}

const NOBODY: Identity = { username: null, tenant: '', roles: [], claims: null, grants: null, endsAtMs: Infinity, by: 'nothing', proof: null }

export class Access {
  readonly #counters: Counters
  #users: ReadonlyMap<string, UserConfig> = new Map()
  /** Stands for the passwords of users that do not exist; empty when nobody does. */
  #secret = Buffer.alloc(0)

  constructor(config: AccessConfig, { counters }: AccessDeps) {
    this.#counters = counters
    this.configure(config)
  }

  /** From now on this holds. */
  configure({ users }: AccessConfig): void {
    this.#users = new Map(users.map((user) => [user.name, user]))
    // A gateway without users does without the 2 MB of node:crypto, here and in scram.ts.
    if (users.length > 0 && this.#secret.length === 0) this.#secret = process.getBuiltinModule('node:crypto').randomBytes(32)
  }

  /** Failed logins by address. */
  readonly throttle = { admit: (_address: string): boolean => true, failed: (_address: string): number => 0, answered: (_address: string): void => {} }

  /** What a client may do; null for everything. */
  rightsOf(_identity: Identity, _clientId: string): Rights | null {
    return null
  }

  /** Who `identity` is under the configuration of now; null when that does not let it in any more. */
  renew(identity: Identity, door: Door, _certificate: ClientCertificate | null): Identity | null {
    return this.#placedOrNull(identity, door)
  }

  /** Nobody can come as this user of a tenant any more. */
  isGone(_tenant: string, username: string): boolean {
    return !this.#users.has(username)
  }

  #placedOrNull(identity: Identity, door: Door): Identity | null {
    return door.tenant === '' || door.tenant === identity.tenant ? identity : null
  }

  /** Who a CONNECT without authentication method is from. Throws or rejects with LoginRefused [MQTT-3.1.4-2], or with ProtocolError when there is no time for it now. */
  identify(credentials: Credentials, door: Door): Identity | Promise<Identity> {
    const { username, password } = credentials
    if (username === null || this.#users.size === 0) return this.#nobody(door)
    return this.#byPassword(username, password, door)
  }

  #nobody(door: Door): Identity {
    if (!door.anonymous) throw this.#refused(Reason.notAuthorized, 'this listener asks for a user')
    return this.#placed(NOBODY, door)
  }

  async #byPassword(username: string, password: Buffer | null, door: Door): Promise<Identity> {
    const user = this.#users.get(username)
    const known = user?.password?.kind === 'plain' ? user.password.password : null
    const { hash, timingSafeEqual } = process.getBuiltinModule('node:crypto')
    const digest = (bytes: Buffer): Buffer => hash('sha256', bytes, 'buffer')
    const matches = timingSafeEqual(digest(password ?? Buffer.alloc(0)), digest(known ?? this.#secret))
    if (!matches || known === null || password === null) throw this.#refused(Reason.badUserNameOrPassword, 'wrong user or password')
    return this.#placed(this.#identityOf(user!), door)
  }

  #identityOf({ name, tenant, roles, password }: UserConfig): Identity {
    return { username: name, tenant, roles, claims: null, grants: null, endsAtMs: Infinity, by: 'password', proof: password }
  }

  /** In the tenant of the listener, when that has one. */
  #placed(identity: Identity, door: Door): Identity {
    if (door.tenant === '' || identity.tenant === door.tenant) return identity
    if (identity.tenant === '') return { ...identity, tenant: door.tenant }
    throw this.#refused(Reason.notAuthorized, `the client is of tenant ${identity.tenant}, the listener is for ${door.tenant}`)
  }

  /** Begins an exchange by `method`. Throws ProtocolError 0x8C when that is not known here [MQTT-4.12.0-1]. */
  begin(method: string, door: Door): Exchange {
    if (method === SCRAM_SHA_256 && this.#users.size > 0) return this.#scram(door)
    throw this.#refused(Reason.badAuthenticationMethod, `authentication method ${JSON.stringify(method.slice(0, 64))} is not known here`)
  }

  #scram(door: Door): Exchange {
    let scram: import('./scram.ts').ScramExchange | null = null
    const next = async (data: Buffer | null): Promise<Step> => {
      const { ScramExchange } = await import('./scram.ts')
      scram ??= new ScramExchange({ passwordOf: (name) => this.#plainPasswordOf(name), secret: this.#secret })
      const step = await scram.next(data)
      return { data: step.data, identity: step.username === null ? null : this.#placed(this.#identityOf(this.#users.get(step.username)!), door) }
    }
    return { next: (data) => next(data).catch((error: unknown) => Promise.reject(error instanceof ProtocolError ? this.#asRefused(error) : error)) }
  }

  #plainPasswordOf(name: string): Buffer | null {
    const password = this.#users.get(name)?.password
    return password?.kind === 'plain' ? password.password : null
  }

  #refused(reason: LoginRefused['reason'], why: string): LoginRefused {
    this.#counters.loginsRefused++
    return new LoginRefused(reason, why)
  }

  #asRefused(error: ProtocolError): LoginRefused {
    return error instanceof LoginRefused ? error : this.#refused(error.reason, error.message)
  }
}
