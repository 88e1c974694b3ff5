// What a person at a terminal asks a gateway that runs: the real program, a real gateway, its socket.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { connect, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GatewayProcess, Site } from '../support/process.ts'
import { until } from '../support/until.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

let site: Site
let client: MqttClient

beforeAll(async () => {
  site = await Site.make()
  await site.configure({
    sensors: [{ name: 'tank', topic: 'site/tank', simulate: { kind: 'counter', every: '1h' } }, { name: 'gone', topic: 'site/gone', serial: { path: '/nonexistent/tty' } }],
    alarms: { sensorGone: '1s', disk: 'off' },
    uplinks: [{ name: 'cloud', url: 'mqtt://127.0.0.1:1', routes: [{ out: 'up/#' }], links: [{ name: 'lte', connect: { when: { queued: 1000 } } }] }],
  })
  await site.start()
  client = connect(site.url, { protocolVersion: 5, clientId: 'pump-7', clean: false, properties: { sessionExpiryInterval: 3600 }, reconnectPeriod: 0 })
  await until(() => client.connected, 'a client')
  await client.subscribeAsync('lamp/#', { qos: 1 })
}, 30_000)

afterAll(async () => {
  await client.endAsync(true)
  await site[Symbol.asyncDispose]()
})

function sandpiper(...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args, '--config', site.configFile], (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }))
  })
}

describe('tables for people', () => {
  test('status', async () => {
    const { code, out } = await sandpiper('status')
    expect(code).toBe(0)
    expect(out).toMatch(/^test: sandpiper 0\.1\.0, up \d+ s\n1 clients, 1 sessions, /)
    expect(out).toMatch(/UPLINK +STATE +LINK +SINCE +QUEUED +LAST ERROR\ncloud +not connected +-/)
  })

  test('alarms: shown, cleared, shown as cleared', async () => {
    await until(() => site.gateway.log.some(({ alarm }) => alarm === 'sensor-gone/gone'), 'an alarm', 15_000)
    expect((await sandpiper('status')).out).toMatch(/^! warning: sensor gone is gone: .*\/nonexistent\/tty/m)
    expect((await sandpiper('alarms')).out).toMatch(/^ALARM +SEVERITY +SINCE +WHAT\nsensor-gone\/gone +warning +\d{4}-\S+Z +sensor gone is gone: /)
    expect(await sandpiper('alarms', 'clear', 'sensor-gone/gone')).toMatchObject({ code: 0, out: '' })
    expect((await sandpiper('alarms')).out).toMatch(/\nsensor-gone\/gone +cleared /)
    expect(await sandpiper('alarms', 'clear', 'sensor-gone/gone')).toMatchObject({ code: 1, err: expect.stringContaining('there is no such alarm: there is none at all: nothing was done') })
    expect(await sandpiper('alarms', 'remove')).toMatchObject({ code: 1, err: expect.stringContaining('alarms clear NAME') })
  })

  test('sensors', async () => {
    const { code, out } = await sandpiper('sensors')
    expect(code).toBe(0)
    expect(out).toMatch(/^SENSOR +STATE +READINGS +SKIPPED +LAST +VALUE +TROUBLE\ntank +ok +1 +- +\S+Z +\S+ +-\ngone +gone +0 +- +- +- +no such file .*\n$/)
    expect(JSON.parse((await sandpiper('sensors', '--json')).out)).toMatchObject({ sensors: [{ name: 'tank', status: 'ok', readings: 1 }, { name: 'gone', status: 'gone' }], outputs: [] })
  })

  test('clients', async () => {
    expect((await sandpiper('clients')).out).toMatch(/^CLIENT +USER +ADDRESS +MQTT .*\npump-7 +- +127\.0\.0\.1:\d+ +5\.0 /)
  })

  test('uplink, and an order for it', async () => {
    expect((await sandpiper('uplink', 'cloud', 'pause', '--for', '600s')).out).toMatch(/^UPLINK .*\ncloud +idle .* pause, 10 min/)
    expect((await sandpiper('uplink')).out).toMatch(/pause, (10|9) min/) // of a machine that is busy
    expect((await sandpiper('uplink', 'cloud', 'none')).out).not.toContain('pause')
  })

  test('retained messages, with nothing in them that a terminal would act on', async () => {
    await sandpiper('pub', 'note', 'a\u001b[31mred\nb', '--retain')
    expect((await sandpiper('retained', 'note')).out).toBe('TOPIC  BYTES  PAYLOAD\nnote      11  a·[31mred·b\n')
    expect(await sandpiper('retained', '--clear', 'note')).toMatchObject({ code: 0, out: '' })
    expect((await sandpiper('retained', 'note')).out).toBe('nothing is retained there\n')
  })

  test('queues: what waits, and taken away', async () => {
    for (const payload of ['1', '2']) expect((await sandpiper('pub', 'up/level', payload)).out).toBe('safe, for 0 receivers\n')
    expect((await sandpiper('queue', 'uplink', 'cloud')).out).toMatch(/live: 2 messages, \d+ B\nTOPIC +QOS +AGE +BYTES +PAYLOAD\nup\/level +1 +\d+ s +1 +1\nup\/level +1 +\d+ s +1 +2\n/)
    expect(await sandpiper('queue', 'uplink', 'cloud', '--drop', '1')).toMatchObject({ code: 1, err: expect.stringContaining('2 messages would be lost') })
    expect((await sandpiper('queue', 'uplink', 'cloud', '--drop', '2')).out).toBe('2 messages were taken away\n')
  })

  test('the log', async () => {
    expect((await sandpiper('logs', '--limit', '1000')).out).toMatch(/^\d{4}-.*Z info +sandpiper is ready \{/m)
  })
})

describe('JSON for programs', () => {
  test.each([['status', { site: 'test' }], ['clients', [{ clientId: 'pump-7' }]], ['uplink', { uplinks: [{ name: 'cloud' }] }], ['uplink cloud', { name: 'cloud' }], ['queue client pump-7', { queued: 0, messages: [] }]])('%s', async (words, expected) => {
    expect(JSON.parse((await sandpiper(...words.split(' '), '--json')).out)).toMatchObject(expected)
  })
})

test('sub tells messages as they come, and ends when it is told to', async () => {
  const listener = new GatewayProcess(['sub', 'lamp/#', '--config', site.configFile])
  await until(async () => {
    await client.publishAsync('lamp/set', 'on', { qos: 1 })
    return listener.stdout.includes('lamp/set on\n')
  }, 'a message', 10_000)
  expect(await listener.stop()).toMatchObject({ code: 0 })
})

test('kick disconnects a client', async () => {
  const gone = new Promise((resolve) => client.once('disconnect', ({ reasonCode }: { reasonCode?: number }) => resolve(reasonCode)))
  expect(await sandpiper('clients', 'kick', 'pump-7')).toMatchObject({ code: 0 })
  expect(await gone).toBe(0x98)
  expect(await sandpiper('clients', 'kick', 'pump-7')).toMatchObject({ code: 1, err: expect.stringMatching(/^sandpiper: this client has a session, and is not connected.*: nothing was done/) })
})

test('where no gateway runs, that is said with what to do', async () => {
  expect(await sandpiper('status', '--socket', '/nonexistent/api.sock')).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/^sandpiper: \/nonexistent\/api\.sock: no gateway runs there: start it/) })
  expect(await sandpiper('queue', 'everything')).toMatchObject({ code: 1, err: expect.stringContaining('queue client CLIENT-ID') })
})

describe('uplink NAME drain', () => {
  test('a broker that is not there: what still waits is said when the order has ended', async () => {
    for (const payload of ['1', '2']) await sandpiper('pub', 'up/level', payload)
    expect(await sandpiper('uplink', 'cloud', 'drain', '--for', '2s')).toMatchObject({ code: 1, out: expect.stringMatching(/^2 messages still wait, 0 were sent: the order has ended( \(.*\))?\. Give it longer: --for 3600s\n$/), err: expect.stringMatching(/^cloud: 0 %, 0 of 2 messages, /) })
  })

  test('a queue that is empty needs no waiting', async () => {
    await sandpiper('queue', 'uplink', 'cloud', '--drop', '2')
    expect(await sandpiper('uplink', 'cloud', 'drain')).toMatchObject({ code: 0, out: 'cloud is empty: 0 messages were sent\n' })
    await sandpiper('uplink', 'cloud', 'none')
  })
})
