// What the gateway is like now, as one figure for each condition that there may be an alarm of. Pure. A condition is told of at every look as long as its uplink, sensor
// or link is configured; null is a figure that is not known, or that does not matter now.
import type { QueueConfig } from '../config/config.ts'
import type { OutputState } from '../outputs/output.ts'
import type { SensorState } from '../sensors/state.ts'
import type { BudgetFigures } from '../uplink/budget/figures.ts'
import type { UplinkState } from '../uplink/uplink.ts'
import type { Health } from './health.ts'
import type { KindName } from './kinds.ts'

export interface Seen {
  readonly kind: KindName
  /** Which one; null where there is one only. */
  readonly of: string | null
  readonly value: number | null
  /** What more is known, in words; null for nothing. */
  readonly detail: string | null
}

export interface QueueSight {
  readonly class: string
  readonly count: number
  readonly bytes: number
  readonly limits: QueueConfig
}

export interface Sight {
  readonly uplinks: readonly { readonly state: Pick<UplinkState, 'name' | 'phase' | 'order' | 'lastError' | 'budgets'>; readonly queues: readonly QueueSight[] }[]
  /** Whose queue on flash is the fullest, and how full: from 0 to 1. */
  readonly session: { readonly clientId: string; readonly share: number }
  readonly sensors: readonly Pick<SensorState, 'name' | 'status' | 'lastError'>[]
  readonly outputs: readonly Pick<OutputState, 'name' | 'status' | 'lastError'>[]
  readonly store: { readonly bytes: number; readonly bytesMax: number }
  /** Messages since the start. */
  readonly refused: number
  /** Where a store lies now that could not be opened at the start; null when it could. */
  readonly setAside: string | null
  readonly isTimeSynced: boolean
  readonly health: Health
}

/** Of a client identifier, in a sentence. */
const ID_CHARS_MAX = 64

/** `before`: messages that had been refused at the last look. */
export function* observe(sight: Sight, before: number): Iterable<Seen> {
  const { uplinks, sensors, outputs, store, health } = sight
  for (const { state, queues } of uplinks) {
    yield { kind: 'uplink-down', of: state.name, value: downOf(state), detail: state.lastError }
    yield longestOf(state.name, queues)
    for (const budget of state.budgets) yield* budgetOf(state.name, budget)
  }
  yield sessionOf(sight.session)
  for (const { name, status, lastError } of sensors) {
    yield { kind: 'sensor-gone', of: name, value: status === 'gone' ? 1 : status === 'ok' || status === 'degraded' ? 0 : null, detail: lastError }
    yield { kind: 'sensor-degraded', of: name, value: status === 'degraded' ? 1 : status === 'ok' ? 0 : null, detail: lastError }
  }
  for (const { name, status, lastError } of outputs) yield { kind: 'output-gone', of: name, value: status === 'gone' || status === 'degraded' ? 1 : status === 'ok' ? 0 : null, detail: lastError }
  yield one('store-full', (store.bytes / store.bytesMax) * 100)
  yield one('store-refused', sight.refused - before)
  yield { kind: 'store-set-aside', of: null, value: sight.setAside === null ? null : 1, detail: sight.setAside }
  yield one('disk-full', health.diskShare === null ? null : health.diskShare * 100)
  yield one('temperature', health.temperatureC)
  yield one('under-voltage', health.isUnderVoltage === null ? null : Number(health.isUnderVoltage))
  yield one('clock-unset', Number(!sight.isTimeSynced))
  yield { kind: 'update-failed', of: null, value: health.failedUpdate === null ? null : Number(health.failedUpdate !== ''), detail: health.failedUpdate }
}

function one(kind: KindName, value: number | null): Seen {
  return { kind, of: null, value: value === null ? null : Math.round(value * 10) / 10, detail: null }
}

/** Between its windows, without budget and paused nobody wants it to be connected: that says nothing of whether it could be. */
function downOf({ phase, order }: Sight['uplinks'][number]['state']): number | null {
  if (phase === 'up') return 0
  return phase === 'idle' || phase === 'stopped' || phase === 'hanging-up' || order?.kind === 'pause' ? null : 1
}

function longestOf(uplink: string, queues: readonly QueueSight[]): Seen {
  let longest = { share: 0, class: '' }
  for (const { class: name, count, bytes, limits } of queues) {
    const share = limits.whenFull === 'keep-latest' ? 0 : shareOf(count, bytes, limits)
    if (share > longest.share) longest = { share, class: name }
  }
  return { kind: 'queue-long', of: uplink, value: percent(longest.share), detail: longest.class === '' ? null : `class ${longest.class}` }
}

function shareOf(count: number, bytes: number, { countMax, bytesMax }: Pick<QueueConfig, 'countMax' | 'bytesMax'>): number {
  return Math.max(count / countMax, bytes / bytesMax)
}

function sessionOf({ clientId, share }: Sight['session']): Seen {
  const id = clientId.replaceAll(/\p{C}/gu, '·')
  return { kind: 'session-queue-long', of: null, value: percent(share), detail: share === 0 ? null : `client ${id.length > ID_CHARS_MAX ? `${id.slice(0, ID_CHARS_MAX - 1)}…` : id}` }
}

function* budgetOf(uplink: string, { link, day, month, exhausted, reservedFor }: BudgetFigures): Iterable<Seen> {
  // The only link of an uplink is called as the uplink is.
  const of = link === uplink ? uplink : `${uplink}/${link}`
  const spent = (['day', 'month'] as const).map((period) => ({ period, share: shareSpent(period === 'day' ? day : month) }))
  const { period, share } = spent[0]!.share >= spent[1]!.share ? spent[0]! : spent[1]!
  yield { kind: 'budget-80', of, value: percent(share), detail: `of this ${period}` }
  const left = reservedFor === null ? 'nothing more is sent over it until a new one begins' : `what is left is for the class ${reservedFor}`
  // It is spent when it does not pay for a connection any more, which is before its last byte.
  yield { kind: 'budget-100', of, value: exhausted ? Math.max(100, percent(share)) : Math.min(99, percent(share)), detail: left }
}

function shareSpent({ bytes, limitBytes }: BudgetFigures['day']): number {
  return limitBytes === null ? 0 : bytes / limitBytes
}

function percent(share: number): number {
  return Math.round(share * 1000) / 10
}
