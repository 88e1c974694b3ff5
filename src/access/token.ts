// JSON Web Tokens (RFC 7519) as proof of who a client is; the one adapter of jose.
//
//   bytes ─ bounded, three parts ─► header, claims ─ whose? ─► keys ─ signature, times, audience ─► identity (claims.ts)
//                                       └─ of an issuer that is not trusted, or with another algorithm: refused
//
// What is always true: a token is checked with keys of the issuer that it names and of no other; with algorithms that fit the kind of the
// key; nothing in a token says where a key is (jku, x5u and jwk are not read, kid chooses among the keys that are here). A token without
// an end is refused, and every token while the clock is not set: nobody could tell which have ended. Neither a token nor a value out of
// it is in a message.
import type * as jose from 'jose'
import { type Clock, wallIsSet } from '../clock.ts'
import type { TokenConfig } from '../config/config.ts'
import type { Counters } from '../counters.ts'
import { LoginRefused, ProtocolError, Reason } from '../mqtt/reason.ts'
import { fits, type VerificationKey } from '../keys/verification-keys.ts'
import { checkBounds, type Claims, identityOf, refusedToken } from './claims.ts'
import type { Exchange } from './exchange.ts'
import type { Identity } from './identity.ts'
import { busy, InTurn } from './in-turn.ts'
import { KeySet, type KeySetLog } from './jwks.ts'

const TOKEN_BYTES_MAX = 16_384
/** Keys that a token without `kid` is tried with. */
const TRIES_MAX = 8
/** Two of the four threads of the pool: the rest is for files and passwords. */
const CHECKED_AT_ONCE_MAX = 2
const WAITING_MAX = 4096
/** Of these, logins that wait for a key set to be fetched. */
const ASKING_MAX = 256

export interface TokenDeps {
  readonly clock: Clock
  readonly counters: Counters
  readonly log: KeySetLog
  /** The store's folder: key sets are kept there. */
  readonly folder: string
  /** For the jitter of fetches; default Math.random. */
  readonly random?: () => number
}

interface Token {
  readonly text: string
  readonly algorithm: string
  readonly keyId: string | null
  /** Not verified yet. */
  readonly issuer: unknown
}

interface Issuer {
  readonly config: TokenConfig
  /** null where the keys are in the configuration. */
  readonly set: KeySet | null
}

/** What a token was verified with: Identity.proof. */
export interface TokenProof {
  readonly config: TokenConfig
  readonly key: VerificationKey
}

type Jose = typeof jose

export class Tokens {
  readonly #deps: TokenDeps
  readonly #issuers: readonly Issuer[]
  readonly #sets = new Map<string, KeySet>()
  /** Not started yet. */
  readonly #new: readonly KeySet[]
  #jose: Promise<Jose> | null = null
  readonly #turns = new InTurn(CHECKED_AT_ONCE_MAX, WAITING_MAX)
  #asking = 0

  /** `before`: what this takes the place of. Its key sets go on, with what they have, where they are fetched in the same way. */
  constructor(configs: readonly TokenConfig[], deps: TokenDeps, before: Tokens | null = null) {
    this.#deps = deps
    const known = before === null ? new Map<string, KeySet>() : before.#sets
    this.#issuers = configs.map((config) => ({ config, set: this.#setOf(config, known) }))
    this.#new = [...this.#sets.values()].filter((set) => known.get(set.href) !== set)
    for (const [href, set] of known) if (this.#sets.get(href) !== set) set.stop()
  }

  /** Resolves when the key sets on flash are in use; they are fetched behind that. */
  async start(): Promise<void> {
    await Promise.all(this.#new.map((set) => set.start()))
  }

  stop(): void {
    for (const set of this.#sets.values()) set.stop()
  }

  /** Whether a password is meant to be a token: three parts in base64url, of which the first is a JSON object (RFC 7515 section 7.1). */
  looksLikeToken(password: Buffer): boolean {
    return password[0] === 0x65 && password[1] === 0x79 && /^ey[\w-]*\.[\w-]+\.[\w-]*$/.test(password.toString('latin1')) // `{"` and `{ ` are ey…
  }

  /**
   * Who bears this token. `tenant` is that of the listener, which a token that names none belongs to. Rejects with LoginRefused 0x86 when
   * it is not accepted, LimitExceeded 0x89 when too many others are being checked, ProtocolError 0x88 while the system's clock is not set.
   */
  async identify(token: Buffer, tenant: string): Promise<Identity> {
    const { clock, log } = this.#deps
    if (!wallIsSet(clock.wall())) throw new ProtocolError(Reason.serverUnavailable, 'no token can be checked until the clock of this machine is set')
    const read = readToken(token)
    const issuer = this.#issuerOf(read)
    const keys = await this.#keysFor(read, issuer)
    const { claims, key } = await this.#turns.run(() => this.#verify(read, keys, issuer.config))
    const { config } = issuer
    const latestMs = clock.wall() + config.clockToleranceMs
    if (typeof claims['iat'] === 'number' && claims['iat'] * 1000 > latestMs) {
      throw refusedToken('it is from the future (iat): compare the clocks of its issuer and of this machine')
    }
    const endsAtMs = clock.now() + (claims['exp'] as number) * 1000 + config.clockToleranceMs - clock.wall()
    const identity = identityOf(claims, { config, tenant, endsAtMs, tell: (why) => log.debug({ issuer: config.issuer }, why) })
    const proof: TokenProof = { config, key }
    return { ...identity, proof }
  }

  /** Enhanced authentication (section 4.12) with a token as its data: one step. What is refused is 0x87 there, as with SCRAM. */
  exchange(tenant: string): Exchange {
    let over = false
    return {
      next: async (data) => {
        if (over || data === null) throw new LoginRefused(Reason.notAuthorized, over ? 'the exchange is over' : 'the token is missing')
        over = true
        try {
          return { data: null, identity: await this.identify(data, tenant) }
        } catch (error) {
          throw error instanceof LoginRefused ? new LoginRefused(Reason.notAuthorized, error.why) : error // [MQTT-4.12.0-4]
        }
      },
    }
  }

  /** Issuers with keys from the same address share them. */
  #setOf({ keys }: TokenConfig, before: ReadonlyMap<string, KeySet>): KeySet | null {
    if (keys.kind === 'fixed') return null
    const { href } = keys.url
    const old = before.get(href)
    const set = this.#sets.get(href) ?? (old?.isOf(keys) === true ? old : new KeySet(keys, { random: Math.random, ...this.#deps }))
    this.#sets.set(href, set)
    return set
  }

  #issuerOf({ issuer }: Token): Issuer {
    const found = this.#issuers.find(({ config }) => config.issuer === null || config.issuer === issuer)
    if (found === undefined) throw refusedToken('its issuer (iss) is not one of access.tokens')
    return found
  }

  /** At least one; asks the issuer for its new ones when none fits. */
  async #keysFor(token: Token, { config, set }: Issuer): Promise<readonly VerificationKey[]> {
    const { algorithm } = token
    if (!(config.algorithms as readonly string[]).includes(algorithm)) throw refusedToken('its algorithm (alg) is not accepted here')
    const known = (): readonly VerificationKey[] => candidates(set === null ? (config.keys as { keys: readonly VerificationKey[] }).keys : set.keys, token)
    const keys = known()
    if (keys.length > 0) return keys
    if (set !== null) {
      if (this.#asking >= ASKING_MAX) throw busy('too many logins wait for the keys of an issuer')
      this.#asking++
      try {
        await set.ask()
      } finally {
        this.#asking--
      }
    }
    const fetched = known()
    if (fetched.length === 0) throw refusedToken('its issuer has no such key (kid, alg)')
    return fetched
  }

  async #verify(token: Token, keys: readonly VerificationKey[], config: TokenConfig): Promise<{ readonly claims: Claims; readonly key: VerificationKey }> {
    this.#jose ??= import('jose')
    const { jwtVerify, errors } = await this.#jose
    const options: jose.JWTVerifyOptions = {
      algorithms: [token.algorithm],
      requiredClaims: ['exp'],
      clockTolerance: config.clockToleranceMs / 1000,
      currentDate: new Date(this.#deps.clock.wall()),
      ...(config.issuer === null ? {} : { issuer: config.issuer }),
      ...(config.audiences === null ? {} : { audience: [...config.audiences] }),
    }
    for (const key of keys) {
      try {
        const { payload } = await jwtVerify(token.text, key.key, options)
        return { claims: payload, key }
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw refusedToken(whyOf(error, errors))
      }
    }
    throw refusedToken('its signature is not of its issuer')
  }
}

/** Keys that may have signed the token: those of its name, else those without one; of a token that names none, all that fit. */
function candidates(keys: readonly VerificationKey[], { algorithm, keyId }: Token): readonly VerificationKey[] {
  const fitting = keys.filter((key) => fits(key, algorithm))
  if (keyId === null) return fitting.slice(0, TRIES_MAX)
  const named = fitting.filter((key) => key.id === keyId)
  return (named.length > 0 ? named : fitting.filter((key) => key.id === null)).slice(0, TRIES_MAX)
}

/** What has to be known before the signature can be checked. Throws LoginRefused 0x86. */
function readToken(bytes: Buffer): Token {
  if (bytes.length > TOKEN_BYTES_MAX) throw refusedToken(`it is longer than ${TOKEN_BYTES_MAX} bytes`)
  const text = bytes.toString('latin1')
  const parts = /^([\w-]+)\.([\w-]+)\.([\w-]*)$/.exec(text)
  if (parts === null) throw refusedToken('it is no signed token of three parts')
  const header = objectOf(parts[1]!, 'header')
  const claims = objectOf(parts[2]!, 'body')
  checkBounds(claims)
  const { alg, kid = null } = header
  if (typeof alg !== 'string') throw refusedToken('it names no algorithm (alg)')
  if (kid !== null && typeof kid !== 'string') throw refusedToken('its kid is no text')
  if (Object.hasOwn(header, 'crit')) throw refusedToken('it has extensions that must be understood (crit), and none is')
  return { text, algorithm: alg, keyId: kid, issuer: claims['iss'] }
}

function objectOf(part: string, what: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  } catch {
    throw refusedToken(`its ${what} is no JSON`) // what the parser says would quote it
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refusedToken(`its ${what} is no JSON object`)
  return value as Record<string, unknown>
}

function whyOf(error: unknown, errors: Jose['errors']): string {
  if (error instanceof errors.JWTExpired) return 'it has ended (exp)'
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.reason === 'missing' ? `it has no claim ${error.claim}` : `its claim ${error.claim} does not fit`
  }
  return 'it is not well-formed, or its key cannot be used'
}
