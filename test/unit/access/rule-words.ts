// Short ways to write rules, clients and topics for tests.
import type { RuleConfig, Verb, WhoConfig } from '../../../src/config/config.ts'
import type { Subject } from '../../../src/access/rules.ts'

export const EVERYBODY: WhoConfig = { users: null, roles: null, clientIds: null, tenants: null, anonymous: null }
const ALL: readonly Verb[] = ['publish', 'receive', 'subscribe']

export type Condition = Partial<WhoConfig> & { readonly qos?: RuleConfig['qos']; readonly retain?: boolean; readonly verbs?: readonly Verb[] }

function rule(effect: 'allow' | 'deny', filter: string, { verbs = ALL, qos = null, retain, ...who }: Condition): RuleConfig {
  return { effect, filter, verbs, qos, retain: retain ?? null, who: { ...EVERYBODY, ...who }, where: `${effect} ${filter}` }
}

export const allow = (filter: string, condition: Condition = {}): RuleConfig => rule('allow', filter, condition)
export const deny = (filter: string, condition: Condition = {}): RuleConfig => rule('deny', filter, condition)

export function client(known: Partial<Subject> = {}): Subject {
  return { clientId: 'dev1', username: 'ann', tenant: '', roles: [], claims: null, grants: null, ...known }
}
