// What the report says, and that it stays small.
import { expect, test } from 'vitest'
import { fitted, reportOf, type ReportSources, signatureOf } from '../../../src/remote/report.ts'
import { REPORT_BYTES_MAX } from '../../../src/remote/reporter.ts'
import type { UplinkState } from '../../../src/uplink/uplink.ts'

const WALL_MS = Date.UTC(2026, 10, 22, 12)

const UPLINK: UplinkState = {
  name: 'cloud', phase: 'up', link: 'lte', sinceMs: 0, nextAttemptSec: null, queued: 0, queuedBytes: 0, waiting: {}, inFlight: 0, acknowledged: 0, rejected: 0,
  bytesSent: 0, bytesReceived: 0, lastError: null, order: null, budgets: [], modems: [], links: [],
}

const PERIOD = { lastBytes: 0, forecastBytes: null, endsAtMs: null, warned: false }
const BUDGET = { link: 'lte', countedBy: 'estimate', day: { ...PERIOD, bytes: 120, limitBytes: 1000 }, month: { ...PERIOD, bytes: 5, limitBytes: null }, reservedFor: null, connectBytes: 0, exhausted: false, exhaustedUntilMs: null } as const

function sourcesOf(status: Partial<ReportSources['status']> = {}, more: Partial<ReportSources> = {}): ReportSources {
  return {
    status: {
      version: '1.2.3', boot: '', site: 'well-07', lastError: null, lights: { yellow: [], red: [] }, alarms: [],
      config: { source: 'file', digest: 'd', trouble: null },
      broker: { listeners: [], clients: 12, probe: '' },
      uplinks: [{ name: 'cloud', connected: true, everConnected: true, link: 'lte', queued: { messages: 0, bytes: 0 }, lastError: null, sinceMs: WALL_MS - 7_200_000 }],
      store: { bytes: 30, bytesMax: 1000, trouble: null },
      sensors: [],
      time: { isSynced: true },
      ...status,
    },
    wallMs: WALL_MS, uplinks: [UPLINK], committedAgoMs: 1999, upMs: 86_400_500,
    ...more,
  }
}

const alarm = (name: string) => ({ name, severity: 'warning', message: '', hint: '' })

test('all is well: short', () => {
  const report = reportOf(sourcesOf({}, { uplinks: [{ ...UPLINK, queued: 3, queuedBytes: 420, budgets: [BUDGET] }] }), 8)
  expect(JSON.parse(JSON.stringify(report))).toEqual({ s: 'well-07', v: '1.2.3', t: WALL_MS / 1000, u: 86_400, l: 'g', n: 12, q: { cloud: [3, 420] }, f: 3, c: 1, b: { 'cloud/lte': [12, null] } })
  expect(JSON.stringify(report).length).toBeLessThan(130)
})

test('no time is told that is not known', () => {
  expect(reportOf(sourcesOf({ time: { isSynced: false } }, { committedAgoMs: null }), 8)).toMatchObject({ t: null, c: null })
})

test('names are left out, and how many is said, until it has room', () => {
  const long = (name: string, i: number): string => `${name}-${i}-${'x'.repeat(50)}`
  const sensors = Array.from({ length: 100 }, (_, i) => ({ name: long('sensor', i), state: 'gone', reason: null }))
  const alarms = Array.from({ length: 30 }, (_, i) => alarm(long('alarm', i)))
  const uplinks = Array.from({ length: 12 }, (_, i) => ({ ...UPLINK, name: long('uplink', i), budgets: [{ ...BUDGET, link: long('link', i) }] }))
  const sources = sourcesOf({ site: 's'.repeat(64), sensors, alarms, lights: { yellow: uplinks.map(({ name }) => `uplink/${name}`), red: ['store'] } }, { uplinks })
  const report = fitted((namesMax) => reportOf(sources, namesMax), REPORT_BYTES_MAX)
  expect(Buffer.byteLength(JSON.stringify(report))).toBeLessThanOrEqual(REPORT_BYTES_MAX)
  expect(report).toMatchObject({ g: [100], a: [30], q: { '+': 12 } })
  expect(reportOf(sources, 2)).toMatchObject({ g: [sensors[0]!.name, sensors[1]!.name, 98] })
})

test('what counts as a change: lights, alarms and sensors, not figures', () => {
  const plain = signatureOf(sourcesOf())
  expect(signatureOf(sourcesOf({}, { upMs: 5, committedAgoMs: 77, uplinks: [{ ...UPLINK, queued: 9 }] }))).toBe(plain)
  const others = [
    sourcesOf({ lights: { yellow: ['time'], red: [] } }),
    sourcesOf({ sensors: [{ name: 'a', state: 'gone', reason: null }] }),
    sourcesOf({ alarms: [alarm('x')] }),
    sourcesOf({ alarms: [alarm('y')] }),
  ].map(signatureOf)
  expect(new Set([plain, ...others]).size).toBe(5)
})
