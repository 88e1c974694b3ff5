// What the gateway keeps for clients, connected or not.
import type { Session } from '../../session/session.ts'
import type { Tenant } from '../../session/tenants.ts'
import { PAGE_QUERY, pageOf, pageSchema } from '../page.ts'
import type { ApiParts } from '../parts.ts'
import { MESSAGES, requireConfirmed } from '../confirm.ts'
import { Problem } from '../problem.ts'
import { peek, PEEK_QUERY, WAITING } from '../queues.ts'
import { rightsOf } from '../rights.ts'
import { count, flag, list, orNull, record, type Route, text, time } from '../route.ts'
import { CLIENT_ID, keyOf, sessionOf, sessionsOf, TENANT, tenantOf } from './clients.ts'

/** Session Expiry Interval of a session that never ends (MQTT 5.0, 3.1.2.11.2). */
const NEVER_SEC = 0xffff_ffff

const SESSION = {
  clientId: text('Client identifier.'),
  tenant: text('The space it is in; empty for the gateway’s own.'),
  user: orNull(text('Whose session it is; null for nobody in particular.')),
  connected: flag('Its client is connected.'),
  durable: flag('It is on flash, and survives a restart.'),
  expirySec: orNull(count('How long it outlives its connection; null for ever.')),
  endsAt: time('When it ends unless its client comes back; null while that is connected, and for one that never ends.'),
  subscriptions: count('Topic filters.'),
  inFlight: count('Messages sent and not acknowledged.'),
  queued: count('Messages that wait, those in flight among them.'),
  queuedBytes: count('Their bytes.'),
}

const SUBSCRIPTION = record({ filter: text('Topic filter.'), qos: { enum: [0, 1, 2] }, noLocal: flag('It gets nothing that its own client has published.') })

export function sessionRoutes({ gateway, clock }: ApiParts): Route[] {
  const { tenants } = gateway
  const show = (tenant: Tenant, session: Session) => shownSession(tenant, session, clock.now(), clock.wall())
  return [
    {
      method: 'GET',
      path: '/sessions',
      role: 'viewer',
      tag: 'clients',
      summary: 'Sessions, of clients that are connected or away',
      query: PAGE_QUERY,
      answer: pageSchema(record(SESSION)),
      handle: ({ query }) => pageOf(sessionsOf(tenants), keyOf, query, ([tenant, session]) => show(tenant, session)),
    },
    {
      method: 'GET',
      path: '/sessions/{clientId}',
      role: 'viewer',
      tag: 'clients',
      summary: 'One session, with what it is subscribed to',
      params: CLIENT_ID,
      query: TENANT,
      problems: ['not-found'],
      answer: record({ ...SESSION, filters: list(SUBSCRIPTION, 'What it is subscribed to.') }),
      handle: ({ params, query }) => {
        const tenant = tenantOf(tenants, query['tenant'] as string)
        const session = sessionOf(tenants, params['clientId']!, tenant.name)
        return { ...show(tenant, session), filters: [...session.subscriptions].map(({ filter, qos, noLocal }) => ({ filter, qos, noLocal })) }
      },
    },
    {
      method: 'GET',
      path: '/sessions/{clientId}/queue',
      role: 'operator',
      tag: 'clients',
      summary: 'What waits for a client, oldest first',
      params: CLIENT_ID,
      query: { ...TENANT, ...PEEK_QUERY },
      problems: ['not-found'],
      answer: record({ queued: count('Messages that wait.'), queuedBytes: count('Their bytes.'), messages: list(record(WAITING)) }),
      handle: async ({ params, query, caller }) => {
        const { queue } = sessionOf(tenants, params['clientId']!, query['tenant'] as string)
        const messages = await peek(queue, query, rightsOf(gateway, caller!, query['tenant'] as string), clock, gateway.storedWallMs)
        return { queued: queue.size.count, queuedBytes: queue.size.bytes, messages }
      },
    },
    {
      method: 'DELETE',
      path: '/sessions/{clientId}/queue',
      role: 'operator',
      tag: 'clients',
      summary: 'Takes away all that waits for a client that is not connected',
      params: CLIENT_ID,
      query: { ...TENANT, messages: MESSAGES },
      problems: ['not-found', 'not-confirmed', 'conflict'],
      answer: record({ lost: count('Messages that waited.') }),
      handle: async ({ params, query }) => {
        const { queue, online } = sessionOf(tenants, params['clientId']!, query['tenant'] as string)
        if (online) throw new Problem('conflict', 'the client is connected and takes them: disconnect it first')
        requireConfirmed(queue.size.count, query['messages'] as number)
        const lost = queue.clear()?.count ?? 0
        await gateway.durable()
        return { lost }
      },
    },
    {
      method: 'DELETE',
      path: '/sessions/{clientId}',
      role: 'operator',
      tag: 'clients',
      summary: 'Removes a session with all that waits in it; its client is disconnected',
      params: CLIENT_ID,
      query: { ...TENANT, messages: MESSAGES },
      problems: ['not-found', 'not-confirmed'],
      answer: record({ lost: count('Messages that waited in it.') }),
      handle: async ({ params, query }) => {
        const { sessions } = tenantOf(tenants, query['tenant'] as string)
        const session = sessionOf(tenants, params['clientId']!, query['tenant'] as string)
        const lost = session.queue.size.count
        requireConfirmed(lost, query['messages'] as number)
        sessions.remove(session)
        await gateway.durable()
        return { lost }
      },
    },
  ]
}

function shownSession({ name }: Tenant, session: Session, nowMs: number, wallMs: number) {
  const { clientId, owner, online, queue, expirySec, endsAtMs, subscriptionCount, outgoing } = session
  return {
    clientId,
    tenant: name,
    user: owner,
    connected: online,
    durable: queue.durable,
    expirySec: expirySec === NEVER_SEC ? null : expirySec,
    endsAt: online || endsAtMs === Infinity ? null : new Date(wallMs + endsAtMs - nowMs).toISOString(),
    subscriptions: subscriptionCount,
    inFlight: outgoing.inFlight,
    queued: queue.size.count,
    queuedBytes: queue.size.bytes,
  }
}
