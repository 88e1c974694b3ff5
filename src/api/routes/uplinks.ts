// Remote brokers, and the links to them.
import type { BudgetFigures, PeriodFigures } from '../../uplink/budget/figures.ts'
import { type OrderKind, ORDERS } from '../../uplink/link/order.ts'
import type { Uplink, UplinkState } from '../../uplink/uplink.ts'
import type { ApiParts } from '../parts.ts'
import { MESSAGES, requireConfirmed } from '../confirm.ts'
import { invalid, notFound, Problem } from '../problem.ts'
import { peek, PEEK_QUERY, WAITING } from '../queues.ts'
import { rightsOf } from '../rights.ts'
import { count, flag, input, list, orNull, record, type Route, text, time } from '../route.ts'

const NAME = { name: text('Its name in the configuration.') }
const CLASS = { class: text('Only of this class.') }
/** Somebody who goes home. */
const ORDER_SEC_MAX = 7 * 24 * 3600

const PERIOD = record({
  bytes: count('Spent in it.'),
  limitBytes: orNull(count('null: no limit.')),
  lastBytes: count('Spent in the period before.'),
  forecastBytes: orNull(count('At its end, when it goes on like this; null when nobody can say yet.')),
  endsAt: time('When the next one begins; null as long as the clock is not set.'),
  warned: flag('80 % are spent.'),
})

const UPLINK = record({
  name: text('Name in the configuration.'),
  phase: { enum: ['idle', 'dialling', 'connecting', 'up', 'hanging-up', 'waiting', 'stopped'], description: 'idle: nothing wants a connection. waiting: until the next attempt.' },
  link: orNull(text('The link in use.')),
  since: time('When the phase began.'),
  nextAttemptSec: orNull(count('Until the next attempt; null when none is planned.')),
  queued: count('Messages that wait, those in flight among them.'),
  queuedBytes: count('Their bytes.'),
  waiting: { type: 'object', additionalProperties: { type: 'integer' }, description: 'Messages that wait, by class.' },
  inFlight: count('Sent and not acknowledged.'),
  acknowledged: count('By the remote, since the start.'),
  rejected: count('That the remote did not want, since the start.'),
  bytesSent: count('Over the link, since the start.'),
  bytesReceived: count('Over the link, since the start.'),
  lastError: orNull(text('Why there is no connection, or what was refused.')),
  order: orNull(record({ kind: { enum: ORDERS }, leftSec: count('For how much longer.') }, 'What the operator wants, above the policies of the links.')),
  budgets: list(record({
    link: text('Which link.'),
    countedBy: text('What has counted the bytes.'),
    day: PERIOD,
    month: PERIOD,
    reservedFor: orNull(text('Only this class may spend what is left.')),
    exhausted: flag('Not enough is left for a connection.'),
    exhaustedUntil: time('When there is budget again.'),
  })),
  links: list(record({
    name: text('Name of the link.'),
    wanted: flag('Its policy wants a connection, and its budget allows it.'),
    failures: count('Attempts and probes in a row that failed.'),
    nextAttemptSec: orNull(count('Until its next attempt or probe.')),
    lastError: orNull(text('Why the last one failed.')),
  })),
  modems: list({ type: 'object', description: 'Of satellite modems: signal, sessions, credits.' }),
})

export function uplinkRoutes({ gateway, clock }: ApiParts): Route[] {
  const show = (state: UplinkState) => shownUplink(state, clock.now(), clock.wall())
  return [
    {
      method: 'GET',
      path: '/uplinks',
      role: 'viewer',
      tag: 'uplinks',
      summary: 'Uplinks: what waits, which link is used, what it costs',
      answer: record({ uplinks: list(UPLINK) }),
      handle: () => ({ uplinks: gateway.uplinks.map(({ state }) => show(state)) }),
    },
    {
      method: 'GET',
      path: '/uplinks/{name}',
      role: 'viewer',
      tag: 'uplinks',
      summary: 'One uplink',
      params: NAME,
      problems: ['not-found'],
      answer: UPLINK,
      handle: ({ params }) => show(uplinkOf(params['name']!).state),
    },
    {
      method: 'GET',
      path: '/uplinks/{name}/queue',
      role: 'operator',
      tag: 'uplinks',
      summary: 'What waits for an uplink, by class, oldest first',
      params: NAME,
      query: { ...CLASS, ...PEEK_QUERY },
      problems: ['not-found'],
      answer: record({ classes: list(record({ class: text('Name of the class.'), queued: count('Messages that wait.'), queuedBytes: count('Their bytes.'), messages: list(record(WAITING)) })) }),
      handle: async ({ params, query, caller }) => {
        const { lanes } = uplinkOf(params['name']!)
        const wanted = lanes.all.filter((lane) => query['class'] === undefined || lane.class.name === query['class'])
        if (wanted.length === 0) throw invalid('class', `is none of ${[...new Set(lanes.all.map((lane) => lane.class.name))].join(', ')}`)
        const rights = rightsOf(gateway, caller!, '')
        return { classes: await Promise.all(wanted.map(async ({ queue, class: { name } }) => ({ class: name, queued: queue.size.count, queuedBytes: queue.size.bytes, messages: await peek(queue, query, rights, clock, gateway.storedWallMs) }))) }
      },
    },
    {
      method: 'DELETE',
      path: '/uplinks/{name}/queue',
      role: 'operator',
      tag: 'uplinks',
      summary: 'Takes away all that waits for an uplink that is not connected',
      description: 'Order a pause first where it is.',
      params: NAME,
      query: { ...CLASS, messages: MESSAGES },
      problems: ['not-found', 'not-confirmed', 'conflict'],
      answer: record({ lost: count('Messages that waited.') }),
      handle: async ({ params, query }) => {
        const uplink = uplinkOf(params['name']!)
        const name = (query['class'] as string | undefined) ?? null
        if (name !== null && !uplink.lanes.all.some((lane) => lane.class.name === name)) throw invalid('class', 'is no class that anything waits in')
        requireConfirmed(uplink.lanes.waiting(name).count, query['messages'] as number)
        const lost = uplink.clearQueues(name)
        if (lost === null) throw new Problem('conflict', 'the uplink is connected and takes them: order a pause first (POST …/order)')
        await gateway.durable()
        return { lost: lost.count }
      },
    },
    {
      method: 'POST',
      path: '/uplinks/{name}/order',
      role: 'operator',
      tag: 'uplinks',
      summary: 'Says for a while when the uplink is connected, above what its links ask for',
      description: 'connect: now, until all is sent. hold: the same, and it stays connected. pause: no connection. none: what the links ask for again. Budgets hold all the same. An order ends with the gateway.',
      params: NAME,
      body: input({ order: { enum: [...ORDERS, 'none'], description: 'What is wanted.' }, forSec: { type: 'integer', minimum: 1, maximum: ORDER_SEC_MAX, default: 900, description: 'For so long at most.' } }, ['order']),
      problems: ['not-found'],
      answer: UPLINK,
      handle: ({ params, body }) => {
        const { order, forSec } = body as { readonly order: OrderKind | 'none'; readonly forSec: number }
        const uplink = uplinkOf(params['name']!)
        uplink.order(order === 'none' ? null : order, forSec * 1000)
        return show(uplink.state)
      },
    },
  ]

  function uplinkOf(name: string): Uplink {
    const uplink = gateway.uplinks.find((one) => one.name === name)
    if (uplink === undefined) throw notFound('name', `there is no such uplink: ${gateway.uplinks.map((one) => one.name).join(', ') || 'none is configured'}`)
    return uplink
  }
}

function shownUplink({ sinceMs, budgets, ...state }: UplinkState, nowMs: number, wallMs: number) {
  return { ...state, since: new Date(wallMs - (nowMs - sinceMs)).toISOString(), budgets: budgets.map(shownBudget) }
}

function shownBudget({ link, countedBy, day, month, reservedFor, exhausted, exhaustedUntilMs }: BudgetFigures) {
  return { link, countedBy, day: shownPeriod(day), month: shownPeriod(month), reservedFor, exhausted, exhaustedUntil: timeOf(exhaustedUntilMs) }
}

function shownPeriod({ endsAtMs, ...figures }: PeriodFigures) {
  return { ...figures, endsAt: timeOf(endsAtMs) }
}

function timeOf(wallMs: number | null): string | null {
  return wallMs === null ? null : new Date(wallMs).toISOString()
}
