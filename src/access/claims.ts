// What the claims of a token (RFC 7519 section 4) mean here: user, tenant, roles and what its bearer may do. Pure: the token has been
// verified.
//
// What is always true: a claim that is there and is not what it must be refuses the token, and so do too many roles: a rule may deny by
// the one that would be left out. Names are own members only: `__proto__` is a name like any other.
import type { RuleConfig, TokenConfig, Verb } from '../config/config.ts'
import { LoginRefused, Reason } from '../mqtt/reason.ts'
import type { Identity } from './identity.ts'
import { allow, ruleOfScope } from './scopes.ts'

/** A JSON object as it was parsed. */
export type Claims = Readonly<Record<string, unknown>>

const CLAIMS_MAX = 128
const DEPTH_MAX = 16
const NAME_LENGTH_MAX = 256
const ROLES_MAX = 256
/** Of permissions and scopes together. */
const RULES_MAX = 256
/** What is kept of each of many clients for `{claims.NAME}`. */
const KEPT_MAX = 32
const KEPT_LENGTH_MAX = 128
/** Of no use in a topic, and different in every token. */
const NOT_KEPT: ReadonlySet<string> = new Set(['exp', 'iat', 'nbf', 'jti', 'nonce', 'auth_time', 'at_hash', 'sid'])
/** As configured tenants are named. */
const TENANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

const VERBS: Readonly<Record<string, readonly Verb[]>> = {
  publish: ['publish'],
  receive: ['receive'],
  subscribe: ['subscribe'],
  read: ['receive', 'subscribe'],
  all: ['publish', 'receive', 'subscribe'],
}

/** The token cannot be accepted: `why` is for the log and names claims, never their values. */
export function refusedToken(why: string): LoginRefused {
  return new LoginRefused(Reason.badUserNameOrPassword, `the token is refused: ${why}`)
}

/** Throws LoginRefused when there is more in it than a token needs. */
export function checkBounds(claims: Claims): void {
  if (Object.keys(claims).length > CLAIMS_MAX) throw refusedToken(`it has more than ${CLAIMS_MAX} claims`)
  checkDepth(claims, 1)
}

function checkDepth(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return
  if (depth > DEPTH_MAX) throw refusedToken(`its claims are nested more than ${DEPTH_MAX} levels deep`)
  for (const inner of Object.values(value)) checkDepth(inner, depth + 1)
}

/** The claim of that name, or, when there is none, the one at the end of the path with a dot between levels; undefined when there is neither. */
export function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path]
  let at: unknown = claims
  for (const level of path.split('.')) {
    if (!isGroup(at) || !Object.hasOwn(at, level)) return undefined
    at = at[level]
  }
  return at
}

export interface Bearing {
  readonly config: TokenConfig
  /** The tenant of a token that names none; '' for the gateway's own space. */
  readonly tenant: string
  /** Monotonic. */
  readonly endsAtMs: number
  /** Hears of permissions that allow nothing. */
  readonly tell: (why: string) => void
}

/** Who bears a token with these claims. Throws LoginRefused 0x86. */
export function identityOf(claims: Claims, { config, tenant: given, endsAtMs, tell }: Bearing): Identity {
  const home = tenantOf(claims, config.tenant, given) ?? ''
  const tenant = home === '' ? given : home
  return {
    username: name(claimAt(claims, config.username), config.username),
    tenant,
    home,
    roles: rolesOf(claims, config),
    claims: kept(claims),
    grants: grantsOf(claims, config, tenant, tell),
    endsAtMs,
    by: 'token',
    proof: null,
  }
}

function tenantOf(claims: Claims, path: string | null, given: string): string | null {
  if (path === null) return null
  const claim = claimAt(claims, path)
  if (claim === undefined) {
    // The gateway's own space is not what is left for those whose issuer has forgotten something.
    if (given === '') throw refusedToken(`it has no claim ${path}, which says its tenant`)
    return null
  }
  const tenant = name(claim, path)
  if (!TENANT.test(tenant)) throw refusedToken(`its claim ${path} is no name of a tenant`)
  return tenant
}

function rolesOf(claims: Claims, { roles, keycloak }: TokenConfig): readonly string[] {
  const found = new Set<string>()
  const add = (claim: unknown, path: string): void => {
    for (const role of words(claim, path)) found.add(name(role, path))
  }
  for (const path of roles) add(claimAt(claims, path), path)
  if (keycloak !== null) {
    add(claimAt(claims, 'realm_access.roles'), 'realm_access.roles')
    // The name of a client may have dots, so it is no path.
    if (keycloak.client !== null) add(own(own(own(claims, 'resource_access'), keycloak.client), 'roles'), 'resource_access')
  }
  if (found.size > ROLES_MAX) throw refusedToken(`it has more than ${ROLES_MAX} roles`)
  return [...found]
}

/** null when nothing is configured that could say something about it. */
function grantsOf(claims: Claims, { permissions, scopes }: TokenConfig, tenant: string, tell: (why: string) => void): readonly RuleConfig[] | null {
  if (permissions === null && scopes === null) return null
  const rules: RuleConfig[] = []
  if (permissions !== null) rules.push(...permitted(claimAt(claims, permissions), permissions, tell))
  if (scopes !== null) {
    for (const scope of words(claimAt(claims, scopes.claim), scopes.claim)) {
      const rule = ruleOfScope(scope, scopes.prefix, tenant)
      if (rule !== null) rules.push(rule)
    }
  }
  if (rules.length > RULES_MAX) throw refusedToken(`it has more than ${RULES_MAX} permissions`)
  return rules
}

/** `{ publish: [filters], subscribe: [...], receive: [...], read: [...], all: [...] }` */
function permitted(claim: unknown, path: string, tell: (why: string) => void): RuleConfig[] {
  if (claim === undefined) return []
  if (!isGroup(claim)) throw refusedToken(`its claim ${path} is no group of permissions`)
  const rules: RuleConfig[] = []
  for (const [verb, filters] of Object.entries(claim)) {
    if (!Object.hasOwn(VERBS, verb)) {
      tell(`${path} has a permission that is not known here: it allows nothing`)
      continue
    }
    for (const filter of list(filters, path)) {
      const rule = allow(VERBS[verb]!, filter, `token, ${path}.${verb}`)
      if (rule === null) tell(`${path}.${verb} has what is no topic filter, or has { or }: it allows nothing`)
      else rules.push(rule)
    }
  }
  return rules
}

/** Without prototype: whoever asks for `constructor` finds a claim or nothing. */
function kept(claims: Claims): Claims {
  const short: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  let count = 0
  for (const [claim, value] of Object.entries(claims)) {
    if (count === KEPT_MAX || NOT_KEPT.has(claim)) continue
    const isShort = typeof value === 'string' ? value.length <= KEPT_LENGTH_MAX : typeof value === 'number' || typeof value === 'boolean'
    if (!isShort || claim.length > KEPT_LENGTH_MAX) continue
    short[claim] = value
    count++
  }
  return short
}

function name(claim: unknown, path: string): string {
  if (claim === undefined) throw refusedToken(`it has no claim ${path}`)
  if (typeof claim !== 'string') throw refusedToken(`its claim ${path} is no text`)
  if (claim === '') throw refusedToken(`its claim ${path} is empty`)
  if (claim.length > NAME_LENGTH_MAX) throw refusedToken(`its claim ${path} is longer than ${NAME_LENGTH_MAX} characters`)
  if (/[\p{Cc}\p{Cs}]/u.test(claim)) throw refusedToken(`its claim ${path} has a character that no name has`)
  return claim
}

/** A list of texts, or one text with blanks between its words. */
function words(claim: unknown, path: string): readonly string[] {
  if (claim === undefined) return []
  return typeof claim === 'string' ? claim.split(' ').filter((word) => word !== '') : list(claim, path)
}

function list(claim: unknown, path: string): readonly string[] {
  if (!Array.isArray(claim) || claim.some((item) => typeof item !== 'string')) throw refusedToken(`its claim ${path} is no list of texts`)
  return claim as readonly string[]
}

function own(group: unknown, member: string): unknown {
  return isGroup(group) && Object.hasOwn(group, member) ? group[member] : undefined
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
