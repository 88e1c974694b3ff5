// The traffic light: what a status makes of its five lamps, and of the sentence above them.
import { describe, expect, test } from 'vitest'
import { lampsOf, summaryOf, worst } from '../../../src/dashboard/parts/judge.ts'
import type { Alarm, Status, StatusUplink, Uplink } from '../../../src/dashboard/parts/shapes.ts'

const WELL: Status = {
  site: 'well-07',
  version: '1.2.3',
  at: '2026-11-22T12:00:00.000Z',
  timeSynced: true,
  uptimeSec: 7300,
  machineUptimeSec: 7400,
  config: { source: 'file', whole: true, trouble: null },
  broker: { listeners: [{ port: 1883, tls: false }], clients: 3, sessions: 4, subscriptions: 5, retained: 6, queued: 0, received: 10, sent: 20 },
  store: { bytes: 100, bytesMax: 1000, bytesWritten: 5, trouble: null },
  uplinks: [],
  sensors: [],
  lastError: null,
}
const CLOUD: StatusUplink = { name: 'cloud', connected: true, link: 'lte', since: '2026-11-22T11:00:00.000Z', queued: 0, queuedBytes: 0, lastError: null }
const DOWN: StatusUplink = { ...CLOUD, connected: false, link: null, lastError: 'no route to the host', queued: 12 }
const ALARM: Alarm = { name: 'disk/x', kind: 'disk', of: 'x', severity: 'critical', state: 'active', since: WELL.at, message: 'm', hint: 'h' }

const lamp = (name: string, status: Partial<Status>, uplinks: readonly Uplink[] | null = null) => lampsOf({ ...WELL, ...status }, uplinks).find((one) => one.name === name)!
const phase = (of: Uplink['phase'], exhausted = false) => [{ name: 'cloud', phase: of, budgets: [{ link: 'lte', exhausted }] }] as unknown as readonly Uplink[]

describe('lamps', () => {
  test('a site where all is well', () => {
    expect(lampsOf({ ...WELL, uplinks: [CLOUD], sensors: [{ name: 'tank', state: 'ok', reason: null }] }, null).map(({ name, state }) => [name, state])).toEqual([['Site', 'good'], ['Broker', 'good'], ['Uplink', 'good'], ['Store', 'good'], ['Sensors', 'good']])
  })

  test('what a site does not have is off, not good', () => {
    expect([lamp('Uplink', {}).state, lamp('Sensors', {}).state]).toEqual(['off', 'off'])
  })

  test.each([
    ['last-good', { config: { ...WELL.config, source: 'last-good' as const } }, 'runs on the last good configuration'],
    ['default', { config: { ...WELL.config, source: 'default' as const } }, 'runs without a configuration'],
    ['a part waits', { config: { ...WELL.config, whole: false } }, 'a change waits for a restart'],
    ['no clock', { timeSynced: false }, 'the clock is not set'],
    ['trouble', { config: { ...WELL.config, trouble: 'line 3' } }, 'the configuration has trouble'],
  ])('site: %s', (_, status, text) => {
    expect(lamp('Site', status)).toMatchObject({ state: 'warning', text })
  })

  test('uplink: down for an hour, with why, and what waits', () => {
    expect(lamp('Uplink', { uplinks: [DOWN] })).toEqual({ name: 'Uplink', at: '#/uplink', state: 'bad', text: 'cloud is down for 1\u202fh', more: 'no route to the host · 12 messages wait.' })
  })

  test('uplink: what nobody wants to be connected is not down, whatever went wrong before', () => {
    expect(lamp('Uplink', { uplinks: [DOWN] }, phase('idle'))).toMatchObject({ state: 'good', text: 'no connection wanted now' })
    expect(lamp('Uplink', { uplinks: [DOWN] }, phase('waiting')).state).toBe('bad')
    expect(lamp('Uplink', { uplinks: [CLOUD] }, phase('up', true))).toMatchObject({ state: 'warning', text: 'the budget of lte is spent' })
  })

  test.each([[799, 'good'], [800, 'warning'], [1000, 'warning']])('store: %d of 1000 bytes', (bytes, state) => {
    expect(lamp('Store', { store: { ...WELL.store, bytes } }).state).toBe(state)
  })

  test('store: full is what the gateway says', () => {
    expect(lamp('Store', { store: { ...WELL.store, trouble: 'the store is full' } })).toMatchObject({ state: 'bad', more: 'the store is full' })
  })

  test('sensors: one gone is worse than one degraded', () => {
    const [gone, ill, ok] = [{ name: 'a', state: 'gone', reason: 'unplugged' }, { name: 'b', state: 'degraded', reason: null }, { name: 'c', state: 'ok', reason: null }]
    expect(lamp('Sensors', { sensors: [ill, gone, ok] })).toMatchObject({ state: 'bad', text: 'a cannot be read', more: 'a: unplugged' })
    expect(lamp('Sensors', { sensors: [ill, ok] })).toMatchObject({ state: 'warning', text: 'b is degraded' })
  })
})

describe('the sentence', () => {
  test('all is well', () => {
    expect(summaryOf(lampsOf(WELL, null), [])).toEqual({ state: 'good', text: 'All is well' })
  })

  test('the gravest first', () => {
    expect(summaryOf(lampsOf({ ...WELL, timeSynced: false, uplinks: [DOWN] }, null), [])).toMatchObject({ state: 'bad', text: 'Uplink: cloud is down for 1\u202fh · Site: the clock is not set' })
  })

  test('an alarm counts until somebody has seen it', () => {
    expect(summaryOf(lampsOf(WELL, null), [ALARM])).toEqual({ state: 'bad', text: '1 alarm' })
    expect(summaryOf(lampsOf(WELL, null), [{ ...ALARM, severity: 'warning' }]).state).toBe('warning')
    expect(summaryOf(lampsOf(WELL, null), [{ ...ALARM, state: 'acknowledged' }])).toEqual({ state: 'good', text: 'All is well' })
  })

  test('worst of none is off', () => {
    expect([worst([]), worst(['good', 'off']), worst(['warning', 'bad', 'good'])]).toEqual(['off', 'good', 'bad'])
  })
})
