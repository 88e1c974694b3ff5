// Which light each trouble makes.
import { expect, test } from 'vitest'
import { lightsOf, type LightSources } from '../../../src/ops/lights.ts'

const WALL_MS = Date.UTC(2026, 10, 22, 12)
const UPLINK: LightSources['uplinks'][number] = { name: 'cloud', phase: 'up', lastError: null, order: null, budgets: [], queued: 0 }
const PERIOD = { bytes: 0, limitBytes: null, lastBytes: 0, forecastBytes: null, endsAtMs: null, warned: false } as const
const BUDGET = { link: 'lte', countedBy: 'estimate', day: PERIOD, month: PERIOD, reservedFor: null, connectBytes: 0, exhausted: false, exhaustedUntilMs: null } as const
const WARNING = { name: 'x', severity: 'warning', message: '', hint: '' }

function sourcesOf(status: Partial<LightSources['status']>, more: Partial<LightSources>): LightSources {
  return {
    status: {
      config: { source: 'file', digest: 'd', trouble: null },
      uplinks: [{ name: 'cloud', connected: true, everConnected: true, link: 'lte', queued: { messages: 0, bytes: 0 }, lastError: null, sinceMs: WALL_MS - 7_200_000 }],
      store: { bytes: 30, bytesMax: 1000, trouble: null },
      sensors: [],
      alarms: [],
      time: { isSynced: true },
      ...status,
    },
    wallMs: WALL_MS,
    uplinks: [UPLINK],
    commitAgeMs: 0,
    ...more,
  }
}

test.each<[string, 'yellow' | 'red', Partial<LightSources['status']>, Partial<LightSources>]>([
  ['store', 'red', { store: { bytes: 960, bytesMax: 1000, trouble: 'full' } }, {}],
  ['store', 'yellow', { store: { bytes: 800, bytesMax: 1000, trouble: null } }, {}],
  ['flash', 'red', {}, { commitAgeMs: 10_001 }],
  ['sensors', 'yellow', { sensors: [{ name: 'a', state: 'gone', reason: null }, { name: 'b', state: 'ok', reason: null }] }, {}],
  ['sensors', 'yellow', { sensors: [{ name: 'b', state: 'degraded', reason: null }] }, {}],
  ['sensors', 'red', { sensors: [{ name: 'a', state: 'gone', reason: null }] }, {}],
  ['time', 'yellow', { time: { isSynced: false } }, {}],
  ['config', 'yellow', { config: { source: 'last-good', digest: 'd', trouble: null } }, {}],
  ['config', 'yellow', { config: { source: 'file', digest: 'd', trouble: 'a port is taken' } }, {}],
  ['config', 'yellow', { config: { source: 'trial', digest: 'd', trouble: null } }, {}],
  ['config', 'yellow', { config: { source: 'file', digest: null, trouble: null } }, {}],
  ['alarms', 'yellow', { alarms: [WARNING] }, {}],
  ['alarms', 'red', { alarms: [WARNING, { ...WARNING, severity: 'critical' }] }, {}],
  ['uplink/cloud', 'yellow', {}, { uplinks: [{ ...UPLINK, phase: 'waiting', lastError: 'refused' }] }],
  ['uplink/cloud', 'red', {}, { uplinks: [{ ...UPLINK, phase: 'waiting', lastError: 'refused', queued: 1 }] }],
  ['uplink/cloud', 'yellow', { uplinks: [{ name: 'cloud', connected: false, everConnected: true, link: null, queued: { messages: 1, bytes: 1 }, lastError: null, sinceMs: WALL_MS - 3_599_000 }] }, { uplinks: [{ ...UPLINK, phase: 'waiting', lastError: 'refused', queued: 1 }] }],
  ['uplink/cloud', 'yellow', {}, { uplinks: [{ ...UPLINK, lastError: 'the remote refused the subscription to x', queued: 1 }] }],
  ['uplink/cloud', 'yellow', {}, { uplinks: [{ ...UPLINK, phase: 'idle', order: { kind: 'pause', leftSec: 9 } }] }],
  ['uplink/cloud', 'yellow', {}, { uplinks: [{ ...UPLINK, budgets: [{ ...BUDGET, exhausted: true }] }] }],
])('%s is %s', (name, light, status, more) => {
  expect(lightsOf(sourcesOf(status, more))).toEqual({ yellow: light === 'yellow' ? [name] : [], red: light === 'red' ? [name] : [] })
})

test.each<[string, Partial<LightSources['status']>, Partial<LightSources>]>([
  ['an uplink that is to be connected only now and then', {}, { uplinks: [{ ...UPLINK, phase: 'idle', lastError: 'hung up', queued: 5 }] }],
  ['a sensor that has only begun', { sensors: [{ name: 'a', state: 'starting', reason: null }] }, {}],
])('%s is green', (_, status, more) => {
  expect(lightsOf(sourcesOf(status, more))).toEqual({ yellow: [], red: [] })
})
