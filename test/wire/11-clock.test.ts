// A board without a clock battery: what its sensors read before the clock was set goes out with the right time, if it has not gone out before.
import { describe, expect, test } from 'vitest'
import { TestGateway } from '../support/gateway.ts'
import { VERSIONS, type WireClient } from '../support/wire-client.ts'

const NOON_MS = Date.UTC(2026, 10, 21, 12)
const KEPT = { clientId: 'kept', clean: false, expirySec: 100_000 } as const

const YAML = `site: s
broker: { listeners: [{ port: 0, anonymous: true }], sysInterval: 0s }
sensors:
  - { name: tank, topic: tank, simulate: { kind: counter, every: 1s }, values: { level: { from: value } }, payload: PAYLOAD }
`

async function start(payload = 'json'): Promise<TestGateway> {
  return TestGateway.start({ store: 'sqlite', yaml: YAML.replace('PAYLOAD', payload), wallMs: 0 })
}

interface Reading {
  readonly level: number
  readonly time: string
  readonly clock?: string
}

async function reading(client: WireClient): Promise<Reading> {
  const { payload } = await client.expect({ cmd: 'publish', topic: 'tank' })
  return JSON.parse(payload.toString()) as Reading
}

/** NTP has answered: it is noon. */
async function setClock(gateway: TestGateway): Promise<void> {
  gateway.clock.wallOffsetMs = NOON_MS - gateway.clock.now()
  await gateway.pass(1)
}

describe.each(VERSIONS)('version %i', (version) => {
  test('who is there gets it as it is known, and is told so', async () => {
    await using gateway = await start()
    const client = await gateway.connect(version)
    await client.subscribe('tank', { qos: 1 })
    await gateway.pass(1)
    const { payload, properties } = await client.expect({ cmd: 'publish', topic: 'tank' })
    expect(JSON.parse(payload.toString())).toMatchObject({ time: expect.stringMatching(/^1970-01-01T00:00:/), clock: 'since-boot' })
    if (version === 5) expect(Object.keys(properties?.userProperties ?? {})).toEqual(['sandpiper-time'])
  })

  test('what waits is put right once the clock is set', async () => {
    await using gateway = await start()
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('tank', { qos: 1 })
    await client.disconnect()
    await gateway.pass(3)
    const startedMs = gateway.clock.wall() - 3000 // of a clock that began in 1970
    await setClock(gateway)
    const again = await gateway.connect(version, KEPT, version === 3 ? {} : { sessionPresent: true })
    const first = await again.expect({ cmd: 'publish', topic: 'tank' })
    const { time, clock } = JSON.parse(first.payload.toString()) as Reading
    expect([Date.parse(time), clock]).toEqual([NOON_MS + startedMs - (startedMs + 3000), 'synced'])
    expect(first.properties?.userProperties).toBeUndefined()
    const later = [await reading(again), await reading(again)]
    expect(later.map((r) => Date.parse(r.time))).toEqual([NOON_MS - 2000, NOON_MS - 1000])
  })

  test.each([0, 1] as const)('what is retained too, at QoS %i', async (qos) => {
    await using gateway = await start('json, retain: true, deadband: 1000')
    await gateway.pass(1)
    await setClock(gateway)
    const client = await gateway.connect(version)
    await client.subscribe('tank', { qos })
    const { payload, properties, retain } = await client.expect({ cmd: 'publish', topic: 'tank' })
    const { time, clock } = JSON.parse(payload.toString()) as Reading
    expect([retain, Date.parse(time) >= NOON_MS - 5000, clock, properties?.userProperties]).toEqual([true, true, 'synced', undefined])
  })

  test('also after the next start of the machine, when that one does not know the time yet', async () => {
    await using gateway = await start()
    const client = await gateway.connect(version, KEPT)
    await client.subscribe('tank', { qos: 1 })
    await client.disconnect()
    await gateway.pass(2)
    await setClock(gateway)
    gateway.clock.wallOffsetMs = 0
    await gateway.restart()
    const again = await gateway.connect(version, KEPT, version === 3 ? {} : { sessionPresent: true })
    expect(Date.parse((await reading(again)).time)).toBe(NOON_MS - 2000)
  })
})

test('in a payload with keys of your choice', async () => {
  await using gateway = await start('{ json: { ms: timeMs, c: clock, v: level } }')
  const client = await gateway.connect(4, KEPT)
  await client.subscribe('tank', { qos: 1 })
  await client.disconnect()
  await gateway.pass(1)
  await setClock(gateway)
  const again = await gateway.connect(4, KEPT, { sessionPresent: true })
  const { payload } = await again.expect({ cmd: 'publish', topic: 'tank' })
  expect(JSON.parse(payload.toString())).toMatchObject({ ms: NOON_MS - 1000, c: 'synced' })
})
