// One rule, compiled: for which cases it speaks, and to whom. Pure.
//
// A case is a bit, so that one look at the rules of a topic answers all cases of a verb at once:
//
//   publish    bit 2 × qos + retain      receive    bit 0      subscribe    bit qos
import type { QoS } from '../message.ts'
import type { RuleConfig, Verb, WhoConfig } from '../config/config.ts'
import type { Subject } from './template.ts'

const ALL_QOS: readonly QoS[] = [0, 1, 2]

export function publishCase(qos: QoS, retain: boolean): number {
  return 1 << (2 * qos + (retain ? 1 : 0))
}

export const RECEIVE_CASE = 1

export function subscribeCase(qos: QoS): number {
  return 1 << qos
}

export interface Rule {
  readonly config: RuleConfig
  readonly layer: number
  /** In which order they were written: the earlier one is named as the reason. */
  readonly order: number
  readonly denies: boolean
  readonly who: Who
  /** Of each verb. */
  readonly cases: Readonly<Record<Verb, number>>
}

export function compileRule(config: RuleConfig, layer: number, order: number, who: Who): Rule {
  return { config, layer, order, denies: config.effect === 'deny', who, cases: { publish: casesOf(config, 'publish'), receive: casesOf(config, 'receive'), subscribe: casesOf(config, 'subscribe') } }
}

function casesOf({ verbs, qos, retain }: RuleConfig, verb: Verb): number {
  if (!verbs.includes(verb)) return 0
  if (verb === 'receive') return RECEIVE_CASE
  let cases = 0
  for (const level of qos ?? ALL_QOS) {
    if (verb === 'subscribe') cases |= subscribeCase(level)
    else for (const flag of retain === null ? [false, true] : [retain]) cases |= publishCase(level, flag)
  }
  return cases
}

/** Whom a rule is about. Rules with the same WhoConfig share one. */
export class Who {
  readonly #users: Names | null
  readonly #clientIds: Names | null
  readonly #roles: Names | null
  readonly #tenants: Names | null
  readonly #anonymous: boolean | null

  constructor({ users, clientIds, roles, tenants, anonymous }: WhoConfig) {
    this.#users = namesOf(users)
    this.#clientIds = namesOf(clientIds)
    this.#roles = namesOf(roles)
    this.#tenants = namesOf(tenants)
    this.#anonymous = anonymous
  }

  includes({ username, clientId, roles, tenant }: Subject): boolean {
    if (this.#users !== null && (username === null || !this.#users.has(username))) return false
    if (this.#clientIds !== null && !this.#clientIds.has(clientId)) return false
    if (this.#tenants !== null && !this.#tenants.has(tenant)) return false
    if (this.#anonymous !== null && this.#anonymous !== (username === null)) return false
    return this.#roles === null || roles.some((role) => this.#roles!.has(role))
  }
}

type Names = Pick<ReadonlySet<string>, 'has'>

/** Of the users of a large ACL file each has one of its own: a set for one name would take most of the memory. */
function namesOf(names: readonly string[] | null): Names | null {
  if (names === null) return null
  const [only] = names
  return names.length === 1 ? { has: (name) => name === only } : new Set(names)
}
