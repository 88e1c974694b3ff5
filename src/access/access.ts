// Who a client is, and what it may do: the one door through which the rest of the gateway asks.
//
//   CONNECT ─► certificate ─► token ─► user and password ─► nobody in particular     the first that applies decides
//                                                       └─► Identity, in its tenant ─► Rights
//
// Before all of them stands the gateway's own probe (probe.ts).
//
// What is always true
//   1. A wrong password and an unknown user get the same answer after the same work. Why is for the log only, and no secret is in it.
//   2. A configuration takes effect as a whole (`configure`), or not at all.
//   3. Every refusal is counted with the address it came from, and the next one of that address waits the longer (throttle.ts).
import { isDeepStrictEqual } from 'node:util'
import type { AccessConfig, ClientCertificatesConfig, Config, ListenerConfig, PasswordConfig, TokenConfig, UserConfig } from '../config/config.ts'
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import { LimitExceeded, LoginRefused, ProtocolError, Reason, type ReasonCode } from '../mqtt/reason.ts'
import type { Rights } from '../session/rights.ts'
import { certificateUser, type ClientCertificate } from './certificate.ts'
import type { Exchange, Step } from './exchange.ts'
import type { Identity } from './identity.ts'
import { InTurn } from './in-turn.ts'
import { type Attempt, Passwords } from './password.ts'
import { PROBE, PROBE_RIGHTS, PROBE_USER, ProbeLogin } from './probe.ts'
import { Rules } from './rules.ts'
import type { ScramExchange } from './scram.ts'
import { Throttle } from './throttle.ts'
import type * as TokenModule from './token.ts'
import type { TokenDeps, TokenProof, Tokens } from './token.ts'

export const SCRAM_SHA_256 = 'SCRAM-SHA-256'
/** A JSON Web Token as authentication data, under the name that Azure Event Grid has for it. */
export const OAUTH2_JWT = 'OAUTH2-JWT'

/** What a client shows in CONNECT and in its TLS handshake. */
export interface Credentials {
  readonly username: string | null
  readonly password: Buffer | null
  readonly certificate: ClientCertificate | null
  /** It has hung up: nothing of it is looked at any more. */
  readonly isGone: () => boolean
}

/** How the client came. */
export interface Door {
  /** Its address; '' at a unix socket. */
  readonly address: string
  /** The listener lets clients in that do not say who they are. */
  readonly anonymous: boolean
  /** The listener's; '' for none. */
  readonly tenant: string
  /** How certificates are read; null where none are asked for. */
  readonly certificates: ClientCertificatesConfig | null
  /** It has been let in, and proves itself again. */
  readonly isIn: boolean
}

export interface AccessDeps {
  readonly clock: Clock
  readonly counters: Counters
  readonly log: TokenDeps['log']
  /** The store's: key sets are kept there. */
  readonly folder: string
}

/** Of Node's four threads. */
const SCRAM_AT_ONCE_MAX = 1
const SCRAM_WAITING_MAX = 1000

const NOBODY: Identity = { username: null, tenant: '', home: '', roles: [], claims: null, grants: null, endsAtMs: Infinity, by: 'nothing', proof: null }

export class Access {
  readonly throttle: Throttle
  readonly #deps: AccessDeps
  #users: ReadonlyMap<string, UserConfig> = new Map()
  #tenants: ReadonlySet<string> = new Set([''])
  #tokenConfigs: readonly TokenConfig[] = []
  #rules = new Rules([])
  /** null while nobody has a password. */
  #passwords: Passwords | null = null
  /** null without `access.tokens`: jose stays unloaded. */
  #tokens: Tokens | null = null
  /** Stands for the passwords of users that do not exist, in SCRAM. */
  #secret = Buffer.alloc(0)
  readonly #scrams = new InTurn(SCRAM_AT_ONCE_MAX, SCRAM_WAITING_MAX)
  /** null until somebody has asked for its secret. */
  #probe: ProbeLogin | null = null
  #generation = 0
  #ruleConfigs: AccessConfig['rules'] = []
  #rulesNumber = 0
  /** Certificates and tokens make users that no list names, or a list is not whole. */
  #someAreNamedElsewhere = false

  constructor(deps: AccessDeps) {
    this.#deps = deps
    this.throttle = new Throttle(deps.clock, deps.counters)
  }

  /** Another number after each `configure`. */
  get generation(): number {
    return this.#generation
  }

  /** Another number when the rules are others. */
  get rulesNumber(): number {
    return this.#rulesNumber
  }

  /** For programs of this machine that ask whether the broker works: the password of PROBE_USER, of this run. */
  get probeSecret(): string {
    return (this.#probe ??= new ProbeLogin()).secret
  }

  /** From now on this holds. Resolves when the keys of its tokens that are on flash are in use. */
  async configure(config: Config): Promise<void> {
    const takeEffect = await this.prepare(config)
    await takeEffect()
  }

  /** Answers what makes it hold, at once and as a whole; that resolves when the keys of its tokens that are on flash are in use. */
  async prepare(config: Config): Promise<() => Promise<void>> {
    const { access, tenants, broker } = config
    const adapter = access.tokens.length === 0 ? null : await import('./token.ts')
    return async () => {
      this.#generation++
      this.#tenants = new Set(['', ...tenants.map(({ name }) => name)])
      this.#someAreNamedElsewhere = !access.isWhole || access.tokens.length > 0 || broker.listeners.some(takesCertificates)
      this.#useUsers(access.users)
      this.#useRules(access.rules)
      await this.#useTokens(access.tokens, adapter)
    }
  }

  #useUsers(users: readonly UserConfig[]): void {
    this.#users = new Map(users.map((user) => [user.name, user]))
    // A gateway without passwords does without the 2 MB of node:crypto, here and in scram.ts.
    if (!users.some(({ password }) => password !== null)) this.#passwords = null
    else if (this.#passwords === null) this.#passwords = new Passwords(users)
    else this.#passwords.use(users)
    if (this.#passwords !== null && this.#secret.length === 0) this.#secret = process.getBuiltinModule('node:crypto').randomBytes(32)
  }

  #useRules(rules: AccessConfig['rules']): void {
    if (isDeepStrictEqual(rules, this.#ruleConfigs)) return
    this.#ruleConfigs = rules
    this.#rules = new Rules(rules)
    this.#rulesNumber++
  }

  async #useTokens(tokens: readonly TokenConfig[], adapter: typeof TokenModule | null): Promise<void> {
    if (isDeepStrictEqual(tokens, this.#tokenConfigs)) return
    this.#tokenConfigs = tokens
    const before = this.#tokens
    this.#tokens = adapter === null ? null : new adapter.Tokens(tokens, this.#deps, before)
    if (this.#tokens === null) before?.stop()
    else await this.#tokens.start()
  }

  stop(): void {
    this.#tokens?.stop()
  }

  /** Nobody can come as this user any more. */
  isGone(username: string): boolean {
    return !this.#someAreNamedElsewhere && !this.#users.has(username)
  }

  /** Roles of a user that the configuration names; none for one whose roles only its certificate or token tells. */
  rolesOf(username: string): readonly string[] {
    const user = this.#users.get(username)
    return user === undefined || user.tenant !== '' ? [] : user.roles
  }

  /** What a client may do; null for everything. */
  rightsOf({ by, username, tenant, roles, claims, grants }: Identity, clientId: string): Rights | null {
    if (by === 'probe') return PROBE_RIGHTS
    return this.#rules.rightsOf({ clientId, username, tenant, roles, claims, grants })
  }

  /** What the client of a session may do that is away, as far as its user tells; undefined where only its certificate or token would. */
  rightsOfOwner(username: string | null, tenant: string, clientId: string): Rights | null | undefined {
    const user = username === null ? undefined : this.#users.get(username)
    if (user !== undefined && user.password !== null) return this.rightsOf({ ...identityByPassword(user), tenant }, clientId)
    if (username !== null && !this.isGone(username)) return undefined
    return this.rightsOf({ ...NOBODY, username, tenant }, clientId)
  }

  /** Who a CONNECT without authentication method is from. Throws or rejects with LoginRefused [MQTT-3.1.4-2], or with LimitExceeded when there is no time to look at it. */
  identify({ username, password, certificate, isGone }: Credentials, door: Door): Identity | Promise<Identity> {
    if (username === PROBE_USER && this.#probe?.accepts(password) === true) return this.#placed(PROBE, door)
    if (certificate !== null && door.certificates !== null) return this.#byCertificate(certificate, door.certificates, door)
    const isToken = password !== null && this.#tokens?.looksLikeToken(password) === true
    if (!isToken && (username === null || this.#passwords === null)) return this.#nobody(door)
    this.#admit(door)
    if (isToken) return this.#guarded(this.#tokens!.identify(password, door.tenant), door)
    return this.#byPassword(this.#passwords!, { username: username!, known: this.#users.get(username!)?.password ?? null, given: password }, isGone, door)
  }

  /** Begins an exchange by `method` (section 4.12). Throws LoginRefused 0x8C when that is not known here [MQTT-4.12.0-1]. */
  begin(method: string, door: Door): Exchange {
    this.#admit(door)
    const exchange = this.#exchange(method, door)
    if (exchange === null) throw this.refused(Reason.badAuthenticationMethod, `authentication method ${JSON.stringify(method.slice(0, 64))} is not known here`, door)
    const next = async (data: Buffer | null): Promise<Step> => {
      this.#admit(door) // each time: many may be begun before the first one fails
      return this.#guarded(exchange.next(data), door)
    }
    return { next }
  }

  /** Who `identity` is under the configuration of now, by the same proof; null when that does not let it in any more. */
  renew(identity: Identity, door: Door, certificate: ClientCertificate | null): Identity | null {
    const renewed = this.#renewed(identity, door, certificate)
    if (renewed === null || renewed.username !== identity.username) return null
    const tenant = this.#tenantAt(renewed, door)
    return tenant === identity.tenant && this.#isOpen(tenant, door) ? { ...renewed, tenant } : null
  }

  /** A refusal as it has to be thrown: counted, and with how long its answer has to wait. */
  refused(reason: ReasonCode, why: string, { address }: Door): LoginRefused {
    this.#deps.counters.loginsRefused++
    return new LoginRefused(reason, why, this.throttle.failed(address))
  }

  // ---- the ways to prove it

  #nobody(door: Door): Identity {
    if (!door.anonymous) throw this.refused(Reason.notAuthorized, 'this listener asks for a user', door)
    return this.#placed(NOBODY, door)
  }

  #byCertificate(certificate: ClientCertificate, config: ClientCertificatesConfig, door: Door): Identity {
    const identity = this.#identityByCertificate(certificate, config)
    if (identity === null) throw this.refused(Reason.notAuthorized, `no rule makes the certificate of ${JSON.stringify(certificate.subject.slice(0, 128))} a user`, door)
    return this.#placed(identity, door)
  }

  async #byPassword(passwords: Passwords, attempt: Attempt, isGone: () => boolean, door: Door): Promise<Identity> {
    const user = this.#users.get(attempt.username)
    let refusal: LoginRefused | null = null
    await passwords.check({
      ...attempt,
      begin: () => {
        if (isGone()) throw new ProtocolError(Reason.unspecifiedError, 'the client has gone')
        this.#admit(door)
      },
      end: (right) => {
        if (!right) refusal = this.refused(Reason.badUserNameOrPassword, 'wrong user or password', door)
      },
    })
    if (refusal !== null) throw refusal as LoginRefused
    return this.#placed(identityByPassword(user!), door)
  }

  /** A line of `users` may say more about one of those that certificates name. */
  #identityByCertificate(certificate: ClientCertificate, config: ClientCertificatesConfig): Identity | null {
    const named = certificateUser(certificate, config)
    if (named === null) return null
    const { username } = named
    const user = this.#users.get(username)
    const tenant = named.tenant === '' ? (user?.tenant ?? '') : named.tenant
    const roles = [...new Set([...named.roles, ...(user?.roles ?? [])])]
    return { username, tenant, home: tenant, roles, claims: null, grants: null, endsAtMs: Infinity, by: 'certificate', proof: null }
  }

  #exchange(method: string, door: Door): Exchange | null {
    if (method === SCRAM_SHA_256 && this.#passwords !== null) return this.#scram(door)
    return method === OAUTH2_JWT ? (this.#tokens?.exchange(door.tenant) ?? null) : null
  }

  #scram(door: Door): Exchange {
    let scram: ScramExchange | null = null
    let user: UserConfig | undefined // whose password is looked at: by the time the proof is found to be right, it may have another one
    const passwordOf = (name: string): Buffer | null => {
      user = this.#users.get(name)
      return user?.password?.kind === 'plain' ? user.password.password : null // only who keeps it as it is can prove that it knows it
    }
    const next = async (data: Buffer | null): Promise<Step> => {
      const adapter = await import('./scram.ts')
      scram ??= new adapter.ScramExchange({ passwordOf, secret: this.#secret })
      const step = await this.#scrams.run(() => scram!.next(data))
      return { data: step.data, identity: step.username === null ? null : this.#placed(identityByPassword(user!), door) }
    }
    return { next }
  }

  #renewed({ by, username, proof, ...rest }: Identity, door: Door, certificate: ClientCertificate | null): Identity | null {
    switch (by) {
      case 'nothing':
        return door.anonymous ? NOBODY : null
      case 'probe':
        return PROBE
      case 'certificate':
        return certificate === null || door.certificates === null ? null : this.#identityByCertificate(certificate, door.certificates)
      case 'token': {
        const config = this.#tokenConfigs.find((one) => accepts(one, proof as TokenProof))
        return config === undefined ? null : { by, username, ...rest, proof: { ...(proof as TokenProof), config } }
      }
      case 'password': {
        const user = this.#users.get(username!)
        return user !== undefined && isSamePassword(user.password, proof as PasswordConfig | null) ? identityByPassword(user) : null
      }
    }
  }

  // ---- refusing

  #admit({ address, isIn }: Door): void {
    if (!isIn && !this.throttle.admit(address)) throw new LimitExceeded('refusedLoginRate', Reason.connectionRateExceeded, 'too many logins from this address have failed')
  }

  /** What a proof of its own kind has refused is counted here, and what it has proved is put in its tenant. */
  async #guarded<T extends Identity | Step>(proof: Promise<T>, door: Door): Promise<T> {
    try {
      const proved = await proof
      if ('data' in proved) return proved.identity === null ? proved : { ...proved, identity: this.#placed(proved.identity, door) }
      return this.#placed(proved, door) as T
    } catch (error) {
      // Counted already, or nothing that the client has done wrong.
      if (!(error instanceof ProtocolError) || error instanceof LimitExceeded || error.reason === Reason.serverUnavailable) throw error
      if (error instanceof LoginRefused && error.delayMs !== null) throw error
      throw this.refused(error.reason, error instanceof LoginRefused ? error.why : error.message, door)
    }
  }

  // ---- tenants

  #placed(identity: Identity, door: Door): Identity {
    const tenant = this.#tenantAt(identity, door)
    if (door.tenant !== '' && tenant !== door.tenant) throw this.refused(Reason.notAuthorized, `the client is of tenant ${tenant}, the listener is for ${door.tenant}`, door)
    if (!this.#tenants.has(tenant)) throw this.refused(Reason.notAuthorized, `there is no tenant ${tenant}`, door)
    return tenant === identity.tenant ? identity : { ...identity, tenant }
  }

  /** A tenant that there is, and that comes by this listener. */
  #isOpen(tenant: string, door: Door): boolean {
    return this.#tenants.has(tenant) && (door.tenant === '' || tenant === door.tenant)
  }

  /** Its own, or else that of the listener. */
  #tenantAt(identity: Identity, door: Door): string {
    return identity.home === '' ? door.tenant : identity.home
  }
}

/** Fields of secrets are hidden from everything that goes through an object. */
function isSamePassword(a: PasswordConfig | null, b: PasswordConfig | null): boolean {
  if (a === null || b === null) return a === b
  if (a.kind === 'plain' || b.kind === 'plain') return a.kind === 'plain' && b.kind === 'plain' && a.password.equals(b.password)
  return a.kind === b.kind && a.hash.equals(b.hash) && a.salt.equals(b.salt)
}

function identityByPassword({ name, tenant, roles, password }: UserConfig): Identity {
  return { username: name, tenant, home: tenant, roles, claims: null, grants: null, endsAtMs: Infinity, by: 'password', proof: password }
}

/** A token that was verified by `proof` would be accepted, and mean the same. */
function accepts({ keys, algorithms: _algorithms, clockToleranceMs: _tolerance, ...meaning }: TokenConfig, { config, key }: TokenProof): boolean {
  const { keys: keysBefore, algorithms: _before, clockToleranceMs: _toleranceBefore, ...meaningBefore } = config
  if (!isDeepStrictEqual(meaning, meaningBefore)) return false
  if (keys.kind === 'url') return keysBefore.kind === 'url' && keys.url.href === keysBefore.url.href
  return keys.keys.some((one) => one.key.equals(key.key))
}

function takesCertificates(listener: ListenerConfig): boolean {
  return listener.kind === 'port' && listener.tls !== null && listener.tls.clients !== null
}
