// The traffic light: which words the lights of a status get, and the sentence above them.
import { describe, expect, test } from 'vitest'
import { lampsOf, summaryOf, worst } from '../../../src/dashboard/parts/judge.ts'
import type { Status, StatusUplink, Uplink } from '../../../src/dashboard/parts/shapes.ts'

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
  alarms: [],
  lights: { yellow: [], red: [] },
  lastError: null,
}
const CLOUD: StatusUplink = { name: 'cloud', connected: true, link: 'lte', since: '2026-11-22T11:00:00.000Z', queued: 0, queuedBytes: 0, lastError: null }
const DOWN: StatusUplink = { ...CLOUD, connected: false, link: null, lastError: 'no route to the host', queued: 12 }
const yellow = (...names: string[]) => ({ lights: { yellow: names, red: [] } })
const red = (...names: string[]) => ({ lights: { yellow: [], red: names } })

const lamp = (name: string, status: Partial<Status>, uplinks: readonly Uplink[] | null = null) => lampsOf({ ...WELL, ...status }, uplinks).find((one) => one.name === name)!
const known = (phase: Uplink['phase'], more: object = {}) => [{ name: 'cloud', phase, order: null, budgets: [], ...more }] as unknown as readonly Uplink[]

describe('lamps', () => {
  test('a site where all is well', () => {
    expect(lampsOf({ ...WELL, uplinks: [CLOUD], sensors: [{ name: 'tank', state: 'ok', reason: null }] }, null).map(({ name, state }) => [name, state])).toEqual([['Site', 'good'], ['Broker', 'good'], ['Uplink', 'good'], ['Store', 'good'], ['Sensors', 'good']])
  })

  test('what a site does not have is off, not good', () => {
    expect([lamp('Uplink', {}).state, lamp('Sensors', {}).state]).toEqual(['off', 'off'])
  })

  test.each([
    ['last-good', { config: { ...WELL.config, source: 'last-good' as const }, ...yellow('config') }, 'runs on the last good configuration'],
    ['default', { config: { ...WELL.config, source: 'default' as const }, ...yellow('config') }, 'runs without a configuration'],
    ['trial', { config: { ...WELL.config, source: 'trial' as const }, ...yellow('config') }, 'a configuration is on trial'],
    ['a part waits', { config: { ...WELL.config, whole: false }, ...yellow('config') }, 'a change waits for a restart'],
    ['no clock', { timeSynced: false, ...yellow('time') }, 'the clock is not set'],
    ['trouble', { config: { ...WELL.config, trouble: 'line 3' }, ...yellow('config') }, 'the configuration has trouble'],
  ])('site: %s', (_, status, text) => {
    expect(lamp('Site', status)).toMatchObject({ state: 'warning', text })
  })

  test('uplink: down for an hour, with why, and what waits', () => {
    expect(lamp('Uplink', { uplinks: [DOWN], ...red('uplink/cloud') })).toEqual({ name: 'Uplink', at: '#/uplink', state: 'bad', text: 'cloud is down for 1\u202fh', more: 'no route to the host · 12 messages wait.' })
  })

  test('uplink: what nobody wants to be connected is not down, whatever went wrong before', () => {
    expect(lamp('Uplink', { uplinks: [DOWN] }, known('idle'))).toMatchObject({ state: 'good', text: 'no connection wanted now' })
  })

  test.each([
    ['it fails', DOWN, known('waiting'), 'cloud is down for 1\u202fh', 'no route to the host · 12 messages wait.'],
    ['the cloud refuses a subscription', { ...CLOUD, lastError: 'refused' }, known('up'), 'cloud has trouble', 'refused'],
    ['somebody paused it', DOWN, known('idle', { order: { kind: 'pause', leftSec: 9 } }), 'cloud is paused', '12 messages wait.'],
    ['its budget is spent', CLOUD, known('up', { budgets: [{ link: 'lte', exhausted: true }] }), 'the budget of lte is spent', 'Nothing waits.'],
    ['why is not known yet', CLOUD, null, 'cloud waits', 'Nothing waits.'],
  ])('uplink: %s', (_, uplink, uplinks, text, more) => {
    expect(lamp('Uplink', { uplinks: [{ ...CLOUD, name: 'other' }, uplink], ...yellow('uplink/cloud') }, uplinks)).toMatchObject({ state: 'warning', text, more })
  })

  test('store: full is what the gateway says', () => {
    expect(lamp('Store', { store: { ...WELL.store, bytes: 960, trouble: 'the store is full' }, ...red('store') })).toMatchObject({ state: 'bad', text: '96 % used', more: 'the store is full' })
    expect(lamp('Store', { store: { ...WELL.store, bytes: 800 }, ...yellow('store') })).toMatchObject({ state: 'warning', text: '80 % used' })
    expect(lamp('Store', red('flash'))).toMatchObject({ state: 'bad', text: 'a write does not end' })
  })

  test('sensors: one gone is worse than one degraded', () => {
    const [gone, ill, ok] = [{ name: 'a', state: 'gone', reason: 'unplugged' }, { name: 'b', state: 'degraded', reason: null }, { name: 'c', state: 'ok', reason: null }]
    expect(lamp('Sensors', { sensors: [ill, gone, ok], ...yellow('sensors') })).toMatchObject({ state: 'warning', text: 'a cannot be read', more: 'a: unplugged' })
    expect(lamp('Sensors', { sensors: [gone], ...red('sensors') })).toMatchObject({ state: 'bad' })
    expect(lamp('Sensors', { sensors: [ill, ok], ...yellow('sensors') })).toMatchObject({ state: 'warning', text: 'b is degraded' })
  })
})

describe('the sentence', () => {
  const summary = (status: Partial<Status>) => summaryOf({ ...WELL, ...status }, lampsOf({ ...WELL, ...status }, null))

  test('all is well', () => {
    expect(summary({})).toEqual({ state: 'good', text: 'All is well' })
  })

  test('the gravest first', () => {
    expect(summary({ timeSynced: false, uplinks: [DOWN], lights: { yellow: ['time'], red: ['uplink/cloud'] } })).toMatchObject({ state: 'bad', text: 'Uplink: cloud is down for 1\u202fh · Site: the clock is not set' })
  })

  test('an alarm counts', () => {
    expect(summary({ alarms: [{ name: 'disk/x' }], ...red('alarms') })).toEqual({ state: 'bad', text: '1 alarm' })
    expect(summary({ alarms: [{ name: 'disk/x' }], ...yellow('alarms') }).state).toBe('warning')
    expect(summary({ alarms: [{ name: 'disk/x' }], timeSynced: false, lights: { yellow: ['time'], red: ['alarms'] } }).text).toBe('1 alarm · Site: the clock is not set')
  })

  test('worst of none is off', () => {
    expect([worst([]), worst(['good', 'off']), worst(['warning', 'bad', 'good'])]).toEqual(['off', 'good', 'bad'])
  })
})
