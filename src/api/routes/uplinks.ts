// Remote brokers, and the links to them.
import type { BudgetFigures, PeriodFigures } from '../../uplink/budget/figures.ts'
import { type OrderKind, ORDERS } from '../../uplink/link/order.ts'
import type { Uplink, UplinkState } from '../../uplink/uplink.ts'
import type { ApiParts } from '../parts.ts'
import { notFound } from '../problem.ts'
import { count, flag, input, list, orNull, record, type Route, text, time } from '../route.ts'

const NAME = { name: text('Its name in the configuration.') }
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
      handle: ({ params }) => {
        return show(uplinkOf(params['name']!).state)
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
