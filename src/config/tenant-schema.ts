// gateway.yaml, `tenants:`. The descriptions are the reference documentation.
import type { BrokerConfig, Config, TenantConfig } from './config.ts'
import { queue } from './broker-schema.ts'
import { clip, type Place } from './place.ts'
import { duration, identifier, integer, size } from './scalar.ts'
import { list, object, optional, required, type Schema } from './schema.ts'
import { tenantTag } from './routes.ts'
import { nearest } from './spelling.ts'

const DAY_MS = 86_400_000
const TB = 1_000_000_000_000

/** What a tenant leaves out is the broker's. */
type Asked = { readonly [K in Exclude<keyof TenantConfig, 'name'>]: TenantConfig[K] | null } & { readonly name: string }

const retained = object({
  maxMessages: required('Retained messages kept.', integer(0, 10_000_000)),
  maxSize: required('Bytes of retained messages.', size(0, TB)),
})

const tenant: Schema<Asked> = object({
  name: required('Name of the tenant, for users, listeners, certificates and claims, in logs and $SYS topics. What is kept on the card belongs to this name. Unique.', identifier('the name of a tenant')),
  maxConnections: optional('Clients of it connected at once. One more is refused with Quota exceeded. Default: no limit but those of the listeners.', integer(1, 100_000)),
  maxSessions: optional('Sessions kept, connected or not. Default: the broker’s.', integer(1, 10_000_000)),
  maxSessionExpiry: optional('A disconnected session is kept as long as its client asks for, this at most. Default: the broker’s.', duration(0, 3650 * DAY_MS)),
  maxPublishesPerSecond: optional('Messages all its clients together may publish in any second. After that many they are not read from until there is room again: nothing is lost. Default: no limit.', integer(1, 1_000_000)),
  retained: optional('Bounds of its retained messages. Default: the broker’s.', retained),
  sessionQueue: optional('Messages that wait for one disconnected client. Default: the broker’s.', queue('one client', '256MB')),
}).into((t): Asked => ({
  name: t.name,
  onlineMax: t.maxConnections,
  sessionsMax: t.maxSessions,
  sessionExpirySecMax: t.maxSessionExpiry === null ? null : Math.ceil(t.maxSessionExpiry / 1000),
  publishesPerSecondMax: t.maxPublishesPerSecond,
  retainedMessagesMax: t.retained?.maxMessages ?? null,
  retainedBytesMax: t.retained?.maxSize ?? null,
  sessionQueue: t.sessionQueue,
}))

export const tenants: Schema<readonly Asked[]> = list(tenant, {
  unique: [
    { key: 'name', of: (t) => t.name, message: (name) => `the tenant \`${name}\` is there twice`, hint: 'give each tenant a name of its own' },
    { key: 'name', of: (t) => String(tenantTag(t.name)), message: () => 'this name and another one look the same to the queues of uplinks', hint: 'change a letter of one of them' },
  ],
})

/** With the broker's limits where a tenant has none. */
export function tenantsOf(asked: readonly Asked[], broker: BrokerConfig): TenantConfig[] {
  return asked.map((t) => ({
    name: t.name,
    onlineMax: t.onlineMax ?? Infinity,
    sessionsMax: t.sessionsMax ?? broker.sessionsMax,
    sessionExpirySecMax: t.sessionExpirySecMax ?? broker.sessionExpirySecMax,
    sessionQueue: t.sessionQueue ?? broker.sessionQueue,
    retainedMessagesMax: t.retainedMessagesMax ?? broker.retainedMessagesMax,
    retainedBytesMax: t.retainedBytesMax ?? broker.retainedBytesMax,
    publishesPerSecondMax: t.publishesPerSecondMax ?? Infinity,
  }))
}

/** Every tenant that is named somewhere must be there: a wrong name would put its clients where nobody else is. `place` is that of the whole file. */
export function checkTenants(config: Config, place: Place): boolean {
  const names = config.tenants.map((t) => t.name)
  let valid = true
  const check = (name: string, at: Place): void => {
    if (name === '' || names.includes(name)) return
    const near = nearest(name, names)
    at.problem(`there is no tenant "${clip(name)}"`, near === null ? `add it: \`tenants: [{ name: ${clip(name)} }]\`` : `did you mean ${near}?`)
    valid = false
  }
  config.broker.listeners.forEach((l, i) => check(l.tenant, place.key('broker').key('listeners').item(i).key('tenant')))
  config.broker.listeners.forEach((l, i) => {
    const map = l.kind === 'port' ? (l.tls?.clients?.map ?? []) : []
    map.forEach((rule, n) => check(rule.tenant, place.key('broker').key('listeners').item(i).key('tls').key('clients').key('map').item(n).key('tenant')))
  })
  config.access.users.forEach(({ name, tenant }) => check(tenant, userPlace(name, place)))
  config.sensors.forEach((s, i) => check(s.tenant, place.key('sensors').item(i).key('tenant')))
  config.outputs.forEach((o, i) => check(o.tenant, place.key('outputs').item(i).key('tenant')))
  config.uplinks.forEach((u, i) => u.routes.forEach((r, n) => check(r.tenant, place.key('uplinks').item(i).key('routes').item(n).key('tenant'))))
  config.access.rules.flat().forEach((rule) => rule.who.tenants?.forEach((name) => check(name, place.key('access').key('rules'))))
  return valid
}

/** Users have been put together with those of the password file: the entry is found by its name. */
function userPlace(name: string, place: Place): Place {
  const users = place.key('access').key('users')
  const entries = users.tree.kind === 'list' ? users.tree.items : []
  const i = entries.findIndex((entry) => entry.kind === 'map' && entry.entries.get('name')?.value.kind === 'scalar' && (entry.entries.get('name')!.value as { value: unknown }).value === name)
  return i < 0 ? users : users.item(i).key('tenant')
}
