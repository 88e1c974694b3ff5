// The history of a gateway in a process of its own: a sensor and a topic by its API, over a restart, and over a file that is damaged.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { askHttp } from '../support/ask-socket.ts'
import { MqttClients } from '../support/mqtt-clients.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'

let site: Site

interface Chart {
  readonly series: readonly { readonly id: string; readonly min: readonly (number | null)[]; readonly max: readonly (number | null)[] }[]
}

beforeEach(async () => {
  site = await Site.make()
  await site.configure({
    sensors: [{ name: 'tank', topic: 'site/tank', simulate: { kind: 'constant', every: '100ms', min: 7, max: 7 } }],
    history: { step: '10s', topics: ['level/+'] },
  })
})
afterEach(() => site[Symbol.asyncDispose]())

const file = () => join(site.folder, 'data/history.db')
const ask = async (path: string): Promise<unknown> => JSON.parse((await askHttp({ socketPath: join(site.folder, 'data/api.sock'), path: `/api/v1${path}` })).text)

/** Least and largest of all that is there of each. */
async function bounds(...ids: readonly string[]): Promise<readonly (readonly [number, number])[]> {
  const { series } = (await ask(`/history/series?forSec=3600&points=1000&${ids.map((id) => `id=${id}`).join('&')}`)) as Chart
  return series.map(({ min, max }) => [Math.min(...min.filter((v) => v !== null)), Math.max(...max.filter((v) => v !== null))] as const)
}

async function publish(...payloads: readonly string[]): Promise<void> {
  await using clients = new MqttClients()
  const client = await clients.connect(site.url)
  for (const payload of payloads) await client.publishAsync('level/a', payload, { qos: 1 })
}

const knows = (id: string) => until(async () => ((await ask('/history')) as { series: { id: string }[] }).series.some((one) => one.id === id), `the history to have ${id}`)

test('a sensor and a topic are there at once, after a restart, and go on', async () => {
  const first = await site.start()
  await publish('12.5', '11', '14')
  await knows('sensor/tank/value')
  expect(await bounds('sensor/tank/value', 'topic/level/a')).toEqual([[7, 7], [11, 14]])
  expect(existsSync(file())).toBe(true)
  expect((await first.stop()).code).toBe(0)
  await site.start()
  expect(await bounds('topic/level/a')).toEqual([[11, 14]])
  await publish('20')
  await until(async () => (await bounds('topic/level/a'))[0]![1] === 20, 'the value of now beside those of before')
  expect(await bounds('topic/level/a')).toEqual([[11, 20]])
})

test('a damaged file is set aside and said; the gateway and its messages are not touched', async () => {
  const first = await site.start()
  await publish('1')
  await first.stop()
  writeFileSync(file(), Buffer.alloc(100_000, 'garbage'))
  const second = await site.start()
  await publish('2')
  await knows('topic/level/a')
  expect(await bounds('topic/level/a')).toEqual([[2, 2]])
  expect(second.log.filter(({ level }) => level >= 40)).toMatchObject([{ level: 40, path: `${file()}.damaged`, cause: expect.stringContaining('not a database'), msg: expect.stringMatching(/^the history of before cannot be read/) }])
  expect((await second.stop()).code).toBe(0)
  const third = await site.start()
  expect(await bounds('topic/level/a')).toEqual([[2, 2]])
  await third.stop()
})
