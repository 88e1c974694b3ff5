// The figures as Prometheus reads them: its own checker finds nothing to mend, and they say what happened.
import { execFile } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ApiBed } from '../support/api-bed.ts'

const SITE = `
sensors: [{ name: tank, topic: site/tank, simulate: { kind: counter, every: 1s } }]
uplinks: [{ name: cloud, url: "mqtt://127.0.0.1:1", routes: [{ out: "up/#" }], links: [{ name: lte, budget: { day: 2MB, month: 20MB }, connect: { when: { queued: 100 } } }] }]
http: { listeners: [{ port: 0 }], anonymous: operator }
alarms: { clockUnset: 1s }
`

let bed: ApiBed
let text: string

beforeAll(async () => {
  bed = await ApiBed.start(SITE, { isClockSynced: false })
  const client = await bed.gateway.connect(5, { clientId: 'c' })
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] })
  await client.expect({ cmd: 'suback' })
  for (let i = 0; i < 3; i++) client.send({ cmd: 'publish', topic: 'a', payload: 'x', qos: 0, retain: false, dup: false })
  for (let i = 0; i < 3; i++) await client.expect({ cmd: 'publish' })
  await bed.gateway.pass(5)
  text = (await bed.ask('GET ./metrics')).text
})
afterAll(() => bed[Symbol.asyncDispose]())

/** What promtool says of `text`, and whether it is content. */
function checked(metrics: string): Promise<{ readonly code: number; readonly said: string }> {
  return new Promise((resolve) => {
    const child = execFile('promtool', ['check', 'metrics'], (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), said: stdout + stderr }))
    child.stdin!.end(metrics)
  })
}

const value = (series: string): number | undefined => {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

test('promtool has nothing to say against them', async () => {
  expect(await checked(text)).toEqual({ code: 0, said: '' })
})

test('and would have, if there were something', async () => {
  expect((await checked('# TYPE requests counter\nrequests 1\n')).code).not.toBe(0)
})

describe('they say what happened', () => {
  test.each([
    ['sandpiper_clients', 1],
    ['sandpiper_sessions', 1],
    ['sandpiper_subscriptions', 1],
    ['sandpiper_received_messages_total', 3],
    ['sandpiper_sent_messages_total', 3],
    ['sandpiper_received_payload_bytes_total', 3],
    ['sandpiper_dropped_total{reason="slow reader"}', 0],
    ['sandpiper_refused_total{reason="per address"}', 0],
    ['sandpiper_uplink_up{uplink="cloud"}', 0],
    ['sandpiper_link_budget_bytes{uplink="cloud",link="lte",period="month"}', 20_000_000],
    ['sandpiper_sensor_status{sensor="tank",status="ok"}', 1],
    ['sandpiper_sensor_status{sensor="tank",status="gone"}', 0],
    ['sandpiper_alarm_active{kind="clock-unset",of=""}', 1],
    ['sandpiper_alarms_raised_total', 1],
    ['sandpiper_info{version="0.1.0",site="test"}', 1],
  ])('%s is %d', (series, expected) => expect(value(series)).toBe(expected))

  test.each(['process_cpu_seconds_total', 'process_resident_memory_bytes', 'process_start_time_seconds', 'process_open_fds', 'sandpiper_store_limit_bytes', 'sandpiper_sensor_readings_total{sensor="tank"}'])('%s is more than nothing', (series) => {
    expect(value(series)).toBeGreaterThan(0)
  })
})
