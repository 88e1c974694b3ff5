// Who is connected, and how to make somebody go.
import { Reason } from '../../mqtt/reason.ts'
import type { Session } from '../../session/session.ts'
import type { Tenant, Tenants } from '../../session/tenants.ts'
import { PAGE_QUERY, pageOf, pageSchema } from '../page.ts'
import type { ApiParts } from '../parts.ts'
import { notFound, Problem } from '../problem.ts'
import { count, orNull, record, type Route, text, time } from '../route.ts'

export const TENANT = { tenant: text('The space it is in; left out: the gateway’s own.', { default: '' }) }
export const CLIENT_ID = { clientId: text('Client identifier.') }

const CLIENT = record({
  clientId: text('Client identifier.'),
  tenant: text('The space it is in; empty for the gateway’s own.'),
  user: orNull(text('Whose session it is; null for nobody in particular.')),
  address: text('Its address and port; empty at a unix socket.'),
  transport: { enum: ['tcp', 'tls', 'ws', 'wss', 'unix'], description: 'How it came.' },
  version: { enum: ['3.1', '3.1.1', '5.0'], description: 'Version of MQTT.' },
  connectedAt: time('When it connected.'),
  keepAliveSec: count('0 for none.'),
  subscriptions: count('Topic filters.'),
  inFlight: count('Messages sent to it and not acknowledged.'),
  queued: count('Messages that wait for it, those in flight among them.'),
})

const VERSIONS = { 3: '3.1', 4: '3.1.1', 5: '5.0' } as const

export function clientRoutes({ gateway, clock }: ApiParts): Route[] {
  const { tenants } = gateway
  return [
    {
      method: 'GET',
      path: '/clients',
      role: 'viewer',
      tag: 'clients',
      summary: 'Clients that are connected',
      query: { ...PAGE_QUERY },
      answer: pageSchema(CLIENT),
      handle: ({ query }) => pageOf(online(tenants), keyOf, query, ([tenant, session]) => clientOf(tenant, session, clock.now(), clock.wall())),
    },
    {
      method: 'DELETE',
      path: '/clients/{clientId}',
      role: 'operator',
      tag: 'clients',
      summary: 'Disconnects a client',
      description: 'It is told 0x98 (administrative action) and may come again at once; to keep it out, change its user or rules.',
      params: CLIENT_ID,
      query: TENANT,
      problems: ['not-found'],
      answer: null,
      handle: ({ params, query, caller }) => {
        const { link } = sessionOf(tenants, params['clientId']!, query['tenant'] as string)
        if (link === null) throw notFound('clientId', 'this client has a session, and is not connected')
        link.end(Reason.administrativeAction, `disconnected by ${caller!.name}`)
      },
    },
  ]
}

/** Throws the Problem not-found. */
export function sessionOf(tenants: Tenants, clientId: string, tenant: string): Session {
  const session = tenantOf(tenants, tenant).sessions.of(clientId)
  if (session === undefined) throw notFound('clientId', 'no client of this identifier has a session here')
  return session
}

/** Throws the Problem invalid-request. */
export function tenantOf(tenants: Tenants, name: string): Tenant {
  const tenant = tenants.of(name)
  if (tenant === undefined) throw new Problem('invalid-request', 'there is no such tenant', { errors: [{ field: 'tenant', detail: 'is not one of `tenants`' }] })
  return tenant
}

export function* sessionsOf(tenants: Tenants): Generator<readonly [Tenant, Session]> {
  for (const tenant of tenants) for (const session of tenant.sessions) yield [tenant, session]
}

/** Of all tenants, each in its own part of the order. */
export function keyOf([tenant, session]: readonly [Tenant, Session]): string {
  return `${tenant.name}/${session.clientId}`
}

function* online(tenants: Tenants): Generator<readonly [Tenant, Session]> {
  for (const one of sessionsOf(tenants)) if (one[1].online) yield one
}

function clientOf({ name }: Tenant, session: Session, nowMs: number, wallMs: number) {
  const { clientId, owner, subscriptionCount, outgoing, queue, link } = session
  const { address, transport, sinceMs, keepAliveSec } = link!.facts
  return {
    clientId,
    tenant: name,
    user: owner,
    address,
    transport,
    version: VERSIONS[link!.version],
    connectedAt: new Date(wallMs - (nowMs - sinceMs)).toISOString(),
    keepAliveSec,
    subscriptions: subscriptionCount,
    inFlight: outgoing.inFlight,
    queued: queue.size.count,
  }
}
