// The history by the API: a real gateway's sensors, topics and figures, for whom, and in as many points as are wanted.
import { afterEach, expect, test } from 'vitest'
import type { TestGatewayOptions } from '../../support/gateway.ts'
import { ApiBed, basic } from '../../support/api-bed.ts'

const SITE = `
http: { listeners: [{ port: 0 }], anonymous: admin }
sensors: [{ name: tank, topic: site/tank, simulate: { kind: counter, every: 1s, max: 1000000 } }]
uplinks: [{ name: cloud, url: "mqtt://127.0.0.1:1", routes: [{ out: "up/#" }] }]
history: { keep: 2h, topics: ["level/+", { topic: "json/#", fields: [a, b.c] }] }
`

interface Listed {
  readonly keptSec: number
  readonly stepSec: number
  readonly series: readonly { readonly id: string; readonly source: string; readonly unit: string | null; readonly last: { readonly at: string; readonly value: number } | null }[]
}

interface Drawn {
  readonly stepSec: number
  readonly endsAt: string
  readonly series: readonly { readonly id: string; readonly at: readonly number[]; readonly mean: readonly (number | null)[]; readonly min: readonly (number | null)[]; readonly max: readonly (number | null)[] }[]
}

let bed: ApiBed

async function start(yaml = SITE, options: TestGatewayOptions = {}): Promise<void> {
  bed = await ApiBed.start(yaml, options)
}

async function publish(topic: string, ...payloads: readonly string[]): Promise<void> {
  for (const payload of payloads) expect((await bed.ask('POST /publish', { body: { topic, payload } })).status).toBe(200)
}

/** Time goes on by minutes, the gateway's sensors among it. */
async function minutes(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await bed.gateway.pass(60)
}

const listed = async (headers = {}): Promise<Listed> => (await bed.ask('GET /history', { headers })).json
const drawn = async (query: string): Promise<Drawn> => (await bed.ask(`GET /history/series?${query}`)).json
const values = (all: readonly (number | null)[]): number[] => all.filter((value) => value !== null)

afterEach(() => bed[Symbol.asyncDispose]())

test('what there is: sensors, topics with their fields, and the gateway’s figures', async () => {
  await start()
  await publish('level/a', '12.5')
  await publish('json/x/y', '{"a":1,"b":{"c":2}}')
  await minutes(2)
  const { keptSec, stepSec, series } = await listed()
  expect({ keptSec, stepSec }).toEqual({ keptSec: 7200, stepSec: 60 })
  expect(series.map(({ id, source, unit }) => [id, source, unit])).toEqual([
    ['gateway/clients', 'gateway', null],
    ['gateway/messages-per-second', 'gateway', '1/s'],
    ['gateway/queued', 'gateway', null],
    ['gateway/store-bytes', 'gateway', 'B'],
    ['gateway/uplink/cloud/bytes-per-minute', 'gateway', 'B/min'],
    ['gateway/uplink/cloud/queued', 'gateway', null],
    ['sensor/tank/value', 'sensor', null],
    ['topic/json/x/y#a', 'topic', null],
    ['topic/json/x/y#b.c', 'topic', null],
    ['topic/level/a', 'topic', null],
  ])
  expect(series.find(({ id }) => id === 'topic/level/a')!.last).toEqual({ at: new Date(bed.gateway.clock.wall() - 120_000).toISOString(), value: 12.5 })
})

test('the history is nobody that a message was for', async () => {
  await start()
  expect(await bed.ask('POST /publish', { body: { topic: 'level/a', payload: '1' } })).toMatchObject({ status: 200, json: { receivers: 0 } })
  expect((await listed()).series).toMatchObject([{ id: 'topic/level/a', last: { value: 1 } }])
})

test('values over time: least, mean and largest of each minute, and null where there was nothing', async () => {
  await start()
  await publish('level/a', '1', '2', '6')
  await minutes(3)
  await publish('level/a', '10')
  const { stepSec, endsAt, series: [one] } = await drawn('id=topic/level/a&forSec=300')
  expect(stepSec).toBe(60)
  expect(Date.parse(endsAt)).toBeGreaterThan(bed.gateway.clock.wall())
  expect(one).toMatchObject({ id: 'topic/level/a', min: [null, 1, null, null, 10], mean: [null, 3, null, null, 10], max: [null, 6, null, null, 10] })
  expect(one!.at).toEqual(Array.from({ length: 5 }, (_, i) => Date.parse(endsAt) / 1000 - (5 - i) * 60))
})

test('over an hour, from the ring and from memory; in fewer points all values are in them', async () => {
  await start()
  await minutes(65)
  const all = await drawn('id=sensor/tank/value&forSec=7200&points=1000')
  const few = await drawn('id=sensor/tank/value&forSec=7200&points=10')
  expect([all.stepSec, few.stepSec]).toEqual([60, 720])
  expect(few.series[0]!.at.length).toBeLessThanOrEqual(10)
  for (const { series: [one] } of [all, few]) {
    expect([Math.min(...values(one!.min)), Math.max(...values(one!.max))]).toEqual([0, 65 * 60])
    expect(values(one!.mean)).toEqual(values(one!.mean).toSorted((a, b) => a - b))
  }
  expect(values(all.series[0]!.mean)).toHaveLength(66)
})

test('no further back than is kept, and eight series at once', async () => {
  await start()
  await minutes(2)
  const ids = (await listed()).series.map(({ id }) => `id=${encodeURIComponent(id)}`)
  const { series } = await drawn(`${ids.slice(0, 7).join('&')}&forSec=100000000&points=1000`)
  expect(series).toHaveLength(7)
  expect(series.map(({ at }) => at.length)).toEqual([120, 120, 120, 120, 120, 120, 120])
  const nine = await bed.ask(`GET /history/series?${Array.from({ length: 9 }, (_, i) => `id=a${i}`).join('&')}`)
  expect(nine).toMatchObject({ status: 400, json: { errors: [{ field: 'id' }] } })
})

test.each([
  ['/history/series', 400, 'id'],
  ['/history/series?id=sensor/tank/none', 404, 'id'],
  ['/history/series?id=sensor/tank/value&forSec=1', 400, 'forSec'],
  ['/history/series?id=sensor/tank/value&points=0', 400, 'points'],
  ['/history/series?id=sensor/tank/value&points=1001', 400, 'points'],
])('%s is refused', async (path, status, field) => {
  await start()
  await bed.gateway.pass(2)
  expect(await bed.ask(`GET ${path}`)).toMatchObject({ status, json: { errors: [{ field }] } })
})

test('topics are for those who may read them; for others they are not there', async () => {
  await start(`${SITE.replace(', anonymous: admin', '')}
access:
  users:
    - { name: root, password: r, roles: [admin] }
    - { name: ann, password: a, roles: [viewer] }
  rules: [{ allow: read, topic: level/a, users: [ann] }, { allow: publish, topic: "#", users: [root] }]
`)
  for (const topic of ['level/a', 'level/b']) await bed.ask('POST /publish', { body: { topic, payload: '1' }, headers: basic('root', 'r') })
  const topicsOf = async (headers: object) => (await listed(headers)).series.filter(({ source }) => source === 'topic').map(({ id }) => id)
  expect(await topicsOf(basic('root', 'r'))).toEqual(['topic/level/a', 'topic/level/b'])
  expect(await topicsOf(basic('ann', 'a'))).toEqual(['topic/level/a'])
  const asked = async (id: string) => (await bed.ask(`GET /history/series?id=${id}`, { headers: basic('ann', 'a') })).text
  expect(await asked('topic/level/a')).toContain('"mean"')
  expect((await asked('topic/level/b')).replaceAll('level/b', 'level/c')).toBe(await asked('topic/level/c'))
})

test('switched off, it says so; nothing is collected', async () => {
  await start('http: { listeners: [{ port: 0 }], anonymous: admin }\nhistory: { enabled: false }\n')
  expect(await bed.ask('GET /history')).toMatchObject({ status: 503, json: { detail: 'no history is kept: set history.enabled to true' } })
  expect(bed.gateway.gateway.history).toBeNull()
})

test('on flash it outlives a restart, and what a kill takes is what was not written', async () => {
  await start(SITE, { store: 'sqlite' })
  await minutes(20)
  await bed.gateway.restart(60)
  await bed.api.stop()
  const history = () => bed.gateway.gateway.history!
  const minutesOf = async () => values((await history().charts(['sensor/tank/value'], 7_200_000, 1000))!.series[0]!.mean).length
  const before = await minutesOf()
  expect(before).toBeGreaterThanOrEqual(20)
  await minutes(20)
  await history().list()
  expect(await minutesOf()).toBeGreaterThanOrEqual(before + 19)
  await bed.gateway.crash()
  expect(await minutesOf()).toBeGreaterThanOrEqual(before + 14)
  expect(await minutesOf()).toBeLessThan(before + 19)
})
