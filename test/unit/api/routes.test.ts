// What each route answers and does. That every answer is as the API's description says is looked at for all of them.
import { Ajv2020, type AnySchema } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeMessage } from '../../../src/message.ts'
import { ApiBed, type Answer, type AskOptions } from '../../support/api-bed.ts'
import { until } from '../../support/until.ts'

const ADMIN = 'http: { listeners: [{ port: 0 }], anonymous: admin }\n'
const SITE = `${ADMIN}
sensors: [{ name: tank, topic: site/tank, simulate: { kind: counter, every: 1s } }]
uplinks: [{ name: cloud, url: "mqtt://127.0.0.1:1", routes: [{ out: "up/#" }], links: [{ name: lte, budget: { month: 20MB }, connect: { when: { queued: 100 } } }] }]
`

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>>
}

const ajv = new Ajv2020({ strict: true, allErrors: true, validateFormats: false, allowUnionTypes: true, keywords: ['components'] })

/** Asks, and holds the answer against the description. */
async function ask(bed: ApiBed, what: string, described: string, options: AskOptions = {}): Promise<Answer> {
  const answer = await bed.ask(what, options)
  const document = (await bed.ask('GET /openapi.json', { socket: true })).json as { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>; readonly components: object }
  const operation = document.paths[described]?.[what.split(' ')[0]!.toLowerCase()]
  if (operation === undefined) throw new Error(`${described} is not described`)
  const response = operation.responses[answer.status]
  if (response === undefined) throw new Error(`${what}: the description has no answer ${answer.status}: ${answer.text}`)
  const type = String(answer.headers['content-type'] ?? '').split(';')[0]!
  const schema = Object.entries(response.content ?? {}).find(([media]) => media.split(';')[0] === type)?.[1].schema
  if (schema === undefined && answer.text !== '') throw new Error(`${what}: the description has no ${type} for ${answer.status}`)
  if (schema !== undefined && /json/.test(type)) {
    const validate = ajv.compile({ ...schema, components: document.components })
    expect(validate(answer.json), `${what}: ${JSON.stringify(validate.errors)} in ${answer.text}`).toBe(true)
  }
  return answer
}

describe('a gateway with everything', () => {
  let bed: ApiBed

  beforeAll(async () => {
    bed = await ApiBed.start(SITE)
    const client = await bed.gateway.connect(5, { clientId: 'pump/7', properties: { sessionExpiryInterval: 3600 } })
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/#', qos: 1 }] })
    await client.expect({ cmd: 'suback' })
    await bed.gateway.pass(2)
  })
  afterAll(() => bed[Symbol.asyncDispose]())

  test('what may be asked with is described by good schemas: the server takes them as they are', async () => {
    type Schema = Readonly<Record<string, unknown>>
    type Asked = Readonly<Record<string, { readonly parameters?: readonly { readonly schema: Schema }[]; readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> } }>>
    const { paths } = (await bed.ask('GET /openapi.json')).json as { readonly paths: Readonly<Record<string, Asked>> }
    const operations = Object.values(paths).flatMap((path) => Object.values(path))
    const schemas = operations.flatMap(({ parameters = [], requestBody }) => [...parameters, ...Object.values(requestBody?.content ?? {})].flatMap(({ schema }) => schema ?? []))
    expect(schemas.length).toBeGreaterThan(50)
    for (const schema of schemas) expect(ajv.validateSchema(schema as AnySchema), `${JSON.stringify(ajv.errors)} in ${JSON.stringify(schema)}`).toBe(true)
    expect(ajv.validateSchema({ type: 'text' })).toBe(false)
  })

  test.each([
    ['GET ./healthz', '/healthz'],
    ['GET ./readyz', '/readyz'],
    ['GET ./metrics', '/metrics'],
    ['GET /status', '/api/v1/status'],
    ['GET /alarms', '/api/v1/alarms'],
    ['GET /login', '/api/v1/login'],
    ['GET /clients', '/api/v1/clients'],
    ['GET /sessions', '/api/v1/sessions'],
    ['GET /sessions/pump%2F7', '/api/v1/sessions/{clientId}'],
    ['GET /retained', '/api/v1/retained'],
    ['GET /sensors', '/api/v1/sensors'],
    ['GET /outputs', '/api/v1/outputs'],
    ['GET /history', '/api/v1/history'],
    ['GET /history/series?id=sensor/tank/value', '/api/v1/history/series'],
    ['GET /uplinks', '/api/v1/uplinks'],
    ['GET /uplinks/cloud', '/api/v1/uplinks/{name}'],
    ['GET /sessions/pump%2F7/queue', '/api/v1/sessions/{clientId}/queue'],
    ['GET /uplinks/cloud/queue', '/api/v1/uplinks/{name}/queue'],
    ['GET /configuration', '/api/v1/configuration'],
    ['GET /update', '/api/v1/update'],
    ['GET /support', '/api/v1/support'],
    ['GET /log', '/api/v1/log'],
    ['GET /support', '/api/v1/support'],
    ['GET /docs', '/api/v1/docs'],
    ['GET /docs/uplinks', '/api/v1/docs/{section}'],
    ['GET /openapi.json', '/api/v1/openapi.json'],
    ['GET /problems/conflict', '/api/v1/problems/{code}'],
  ])('%s', async (what, described) => {
    expect((await ask(bed, what, described)).status).toBe(200)
  })

  test('every route that only reads is among those, but for the backup: this store is in memory', async () => {
    const { paths } = (await bed.ask('GET /openapi.json')).json as { paths: Record<string, Record<string, unknown>> }
    const reads = Object.entries(paths).flatMap(([path, operations]) => ('get' in operations && !('text/event-stream' in ((operations['get'] as Operation).responses['200']?.content ?? {})) ? [path] : []))
    expect(reads.length).toBe(27)
    expect((await ask(bed, 'GET /backup', '/api/v1/backup')).status).toBe(503)
  })

  test('clients as they are', async () => {
    const { json } = await bed.ask('GET /clients')
    expect(json).toMatchObject({ total: 1, next: null, items: [{ clientId: 'pump/7', tenant: '', user: null, transport: 'tcp', version: '5.0', subscriptions: 1, inFlight: 0, queued: 0, address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) }] })
  })

  test('a session as it is', async () => {
    const { json } = await bed.ask('GET /sessions/pump%2F7')
    expect(json).toMatchObject({ clientId: 'pump/7', connected: true, durable: true, expirySec: 3600, endsAt: null, filters: [{ filter: 'a/#', qos: 1, noLocal: false }] })
  })

  test('a sensor, and what it has told last', async () => {
    const { json } = await bed.ask('GET /sensors')
    expect(json).toMatchObject({ sensors: [{ name: 'tank', status: 'ok', last: { topic: 'site/tank' } }] })
  })

  test('the status has no secret', async () => {
    expect((await bed.ask('GET /status')).text).not.toContain('probe')
  })

  test('what is not there', async () => {
    expect(await ask(bed, 'GET /sessions/nobody', '/api/v1/sessions/{clientId}')).toMatchObject({ status: 404, json: { errors: [{ field: 'clientId' }] } })
    expect(await ask(bed, 'GET /sessions/x?tenant=acme', '/api/v1/sessions/{clientId}')).toMatchObject({ status: 400, json: { errors: [{ field: 'tenant' }] } })
    expect(await ask(bed, 'GET /uplinks/dial', '/api/v1/uplinks/{name}')).toMatchObject({ status: 404, json: { detail: 'there is no such uplink: cloud' } })
    expect(await ask(bed, 'GET /problems/x', '/api/v1/problems/{code}')).toMatchObject({ status: 404 })
    expect(await bed.ask('GET /nothing')).toMatchObject({ status: 404, json: { type: '/api/v1/problems/not-found' } })
    expect(await bed.ask('GET ./nothing')).toMatchObject({ status: 404 })
    expect(await bed.ask('PUT /status')).toMatchObject({ status: 405, headers: { allow: 'GET' }, json: { type: '/api/v1/problems/method-not-allowed' } })
  })

  test.each([
    ['GET /clients?limit=0', 'limit'],
    ['GET /clients?limit=many', 'limit'],
    ['GET /clients?limit=1001', 'limit'],
    ['GET /clients?page=2', 'page'],
    ['GET /retained?filter=a/%23/b', 'filter'],
    ['GET /subscribe', 'filter'],
    ['GET /subscribe?filter=%24share/s/a', 'filter'],
    ['GET /subscribe?filter=a&retained=perhaps', 'retained'],
    ['DELETE /retained', 'topic'],
    ['DELETE /retained?topic=%24SYS/broker/version', 'topic'],
  ])('a parameter that is wrong: %s', async (what, field) => {
    expect(await bed.ask(what)).toMatchObject({ status: 400, json: { errors: [{ field }] } })
  })

  test.each([
    ['nothing', {}, 400, null],
    ['no JSON', { rawBody: '{' }, 400, null],
    ['text', { rawBody: 'a', headers: { 'content-type': 'text/plain' } }, 415, null],
    ['a form, as a page of another site may send one', { rawBody: 'topic=a', headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415, null],
    ['a list', { body: [] }, 400, '#'],
    ['no topic', { body: {} }, 400, '#/topic'],
    ['a wildcard', { body: { topic: 'a/#' } }, 400, '#/topic'],
    ['U+0000', { body: { topic: 'a\0' } }, 400, '#/topic'],
    ['half a character', { rawBody: '{"topic":"\\ud800"}' }, 400, '#/topic'],
    ['the broker’s own', { body: { topic: '$SYS/a' } }, 400, '#/topic'],
    ['a number', { body: { topic: 1 } }, 400, '#/topic'],
    ['QoS 3', { body: { topic: 'a', qos: 3 } }, 400, '#/qos'],
    ['a key that is not known', { body: { topic: 'a', retained: true } }, 400, '#/retained'],
    ['no base 64', { body: { topic: 'a', payload: '!', encoding: 'base64' } }, 400, '#/payload'],
    ['another tenant', { body: { topic: 'a', tenant: 'acme' } }, 400, 'tenant'],
    ['a prototype', { rawBody: '{"topic":"a","__proto__":{"x":1}}' }, 400, null],
    ['more than two megabytes', { body: { topic: 'a', payload: 'x'.repeat(2_100_000) } }, 413, null],
    ['more than one megabyte', { body: { topic: 'a', payload: 'x'.repeat(1_000_001) } }, 413, null],
  ])('a body that is refused: %s', async (_, options, status, field) => {
    const before = bed.gateway.gateway.tenants.own.router.retained.count
    const answer = await bed.ask('POST /publish', options as AskOptions)
    expect(answer).toMatchObject({ status, headers: { 'content-type': 'application/problem+json' }, json: { status, ...(field === null ? {} : { errors: [{ field }] }) } })
    expect(bed.gateway.gateway.tenants.own.router.retained.count).toBe(before)
  })

  test('a header that is too large, and no HTTP at all', async () => {
    expect(await bed.ask('GET /status', { headers: { 'x-large': 'x'.repeat(20_000) } })).toMatchObject({ status: 431, json: { type: '/api/v1/problems/headers-too-large' } })
  })
})

describe('messages', () => {
  test('one that is published reaches its subscriber, and is safe when the answer comes', async () => {
    await using bed = await ApiBed.start(ADMIN)
    const client = await bed.gateway.connect(5, { clientId: 'c' })
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/+', qos: 1 }] })
    await client.expect({ cmd: 'suback' })
    const answer = ask(bed, 'POST /publish', '/api/v1/publish', { body: { topic: 'a/b', payload: '21.5' } })
    const { messageId } = await client.expect({ cmd: 'publish', topic: 'a/b', qos: 1, payload: Buffer.from('21.5') }) as { messageId: number }
    client.send({ cmd: 'puback', messageId })
    expect(await answer).toMatchObject({ status: 200, json: { receivers: 1 } })
  })

  test('bytes, with an expiry, retained', async () => {
    await using bed = await ApiBed.start(ADMIN)
    expect(await bed.ask('POST /publish', { body: { topic: 'a', payload: '/wA=', encoding: 'base64', qos: 0, retain: true, expirySec: 60 } })).toMatchObject({ status: 200, json: { receivers: 0 } })
    expect((await ask(bed, 'GET /retained', '/api/v1/retained')).json).toMatchObject({ total: 1, items: [{ topic: 'a', payload: '/wA=', encoding: 'base64', bytes: 2, cut: false, expiresAt: expect.stringMatching(/Z$/) }] })
    await bed.gateway.pass(61)
    expect((await bed.ask('GET /retained')).json).toMatchObject({ total: 0, items: [] })
  })

  test('retained messages come in pages, cut between characters, and can be cleared', async () => {
    await using bed = await ApiBed.start(ADMIN)
    for (const name of ['c', 'a', 'b']) await bed.ask('POST /publish', { body: { topic: `x/${name}`, payload: `${name}é${name}`, retain: true } })
    const first = (await ask(bed, 'GET /retained?filter=x/%23&limit=2&payloadBytes=2', '/api/v1/retained')).json as { items: { topic: string; payload: string; cut: boolean }[]; next: string }
    expect(first).toMatchObject({ total: 3, next: 'x/b', items: [{ topic: 'x/a', payload: 'a', bytes: 4, cut: true }, { topic: 'x/b' }] })
    expect((await bed.ask(`GET /retained?filter=x/%23&limit=2&after=${encodeURIComponent(first.next)}`)).json).toMatchObject({ total: 3, next: null, items: [{ topic: 'x/c', payload: 'céc', cut: false }] })
    expect(await ask(bed, 'DELETE /retained?topic=x/a', '/api/v1/retained')).toMatchObject({ status: 204 })
    expect(await ask(bed, 'DELETE /retained?topic=x/a', '/api/v1/retained')).toMatchObject({ status: 404, json: { errors: [{ field: 'topic' }] } })
  })

  test('a listener is told what comes, and first what is retained where it asks for that', async () => {
    await using bed = await ApiBed.start(ADMIN)
    await bed.ask('POST /publish', { body: { topic: 'a/kept', payload: 'old', retain: true } })
    using all = await bed.listen('/subscribe?filter=a/%23&filter=%2B/b&retained=true')
    using some = await bed.listen('/subscribe?filter=a/b')
    expect(all.status).toBe(200)
    await bed.ask('POST /publish', { body: { topic: 'a/b', payload: '1' } })
    await bed.ask('POST /publish', { body: { topic: 'c/d', payload: '2' } })
    await until(() => all.events.length === 2 && some.events.length === 1, 'the events')
    expect(all.events).toMatchObject([{ name: 'message', data: { topic: 'a/kept', payload: 'old', retain: true } }, { name: 'message', data: { topic: 'a/b', payload: '1', retain: false } }])
    expect(some.events).toMatchObject([{ name: 'message', data: { topic: 'a/b', payload: '1' } }])
  })

  test('who has gone is not told any more', async () => {
    await using bed = await ApiBed.start(ADMIN)
    const listeners = () => bed.gateway.gateway.tenants.own.router.index.match('a').wishes.length
    {
      using _ = await bed.listen('/subscribe?filter=a')
      expect(listeners()).toBe(1)
    }
    await until(() => listeners() === 0, 'the subscription to end')
  })

  test('who listens is nobody that a command could be for', async () => {
    await using bed = await ApiBed.start(ADMIN)
    using _ = await bed.listen('/subscribe?filter=a')
    expect((await bed.ask('POST /publish', { body: { topic: 'a', payload: '' } })).json).toEqual({ receivers: 0 })
  })

  test('when the configuration has changed, whoever listens has to ask again', async () => {
    await using bed = await ApiBed.start(ADMIN)
    using heard = await bed.listen('/subscribe?filter=a')
    const ended = new Promise((resolve) => heard.answer.once('end', () => resolve('ended')))
    bed.api.configure(bed.gateway.gateway.config.http)
    expect(await ended).toBe('ended')
  })

  test('who does not read is told how many were left out', async () => {
    await using bed = await ApiBed.start(ADMIN)
    using slow = await bed.listen('/subscribe?filter=a&payloadBytes=65536')
    slow.answer.pause()
    const payload = 'x'.repeat(60_000)
    for (let i = 0; i < 200; i++) await bed.gateway.gateway.publish('', makeMessage('a', payload))
    slow.answer.resume()
    await until(async () => {
      await bed.gateway.gateway.publish('', makeMessage('a', 'end'))
      return slow.events.some(({ name }) => name === 'left-out')
    }, 'to be told')
    const told = slow.events.filter(({ name }) => name === 'message' ).length
    const left = slow.events.filter(({ name }) => name === 'left-out').reduce((sum, { data }) => sum + (data as { count: number }).count, 0)
    expect(left).toBeGreaterThan(0)
    expect(told + left).toBeGreaterThanOrEqual(200)
  })
})

test('the log: its last lines, and those that are written while somebody listens', async () => {
  await using bed = await ApiBed.start()
  const write = (level: number, msg: string): void => bed.said.push(`{"level":${level},"time":"2026-11-22T10:00:00.000Z","why":"x","msg":"${msg}"}\n`)
  write(30, 'fine')
  write(40, 'odd')
  expect((await ask(bed, 'GET /log?level=warn', '/api/v1/log')).json).toEqual({ lines: [{ at: '2026-11-22T10:00:00.000Z', level: 'warn', text: 'odd', fields: { why: 'x' } }] })
  using heard = await bed.listen('/log/follow?level=warn')
  write(30, 'fine again')
  write(50, 'broken')
  await until(() => heard.events.length > 0, 'a line')
  expect(heard.events).toMatchObject([{ name: 'line', data: { level: 'error', text: 'broken' } }])
})

describe('clients and sessions', () => {
  test('a client is disconnected, and told why', async () => {
    await using bed = await ApiBed.start(ADMIN)
    const client = await bed.gateway.connect(5, { clientId: 'c' })
    expect(await ask(bed, 'DELETE /clients/c', '/api/v1/clients/{clientId}')).toMatchObject({ status: 204 })
    await client.expect({ cmd: 'disconnect', reasonCode: 0x98 })
    expect(await ask(bed, 'DELETE /clients/c', '/api/v1/clients/{clientId}')).toMatchObject({ status: 404 })
  })

  test('a session goes only with what is named', async () => {
    await using bed = await ApiBed.start(ADMIN)
    const client = await bed.gateway.connect(5, { clientId: 'c', properties: { sessionExpiryInterval: 3600 } })
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] })
    await client.expect({ cmd: 'suback' })
    await client.cut()
    for (let i = 0; i < 3; i++) await bed.ask('POST /publish', { body: { topic: 'a', payload: String(i) } })
    expect((await bed.ask('GET /sessions')).json).toMatchObject({ items: [{ clientId: 'c', connected: false, queued: 3, endsAt: expect.stringMatching(/Z$/) }] })
    expect(await ask(bed, 'DELETE /sessions/c', '/api/v1/sessions/{clientId}')).toMatchObject({ status: 409, json: { type: '/api/v1/problems/not-confirmed', detail: expect.stringContaining('messages=3') } })
    expect(await bed.ask('DELETE /sessions/c?messages=2')).toMatchObject({ status: 409 })
    expect(await ask(bed, 'DELETE /sessions/c?messages=3', '/api/v1/sessions/{clientId}')).toMatchObject({ status: 200, json: { lost: 3 } })
    expect((await bed.ask('GET /sessions')).json).toMatchObject({ total: 0 })
  })

  test('a session whose client is connected: that is told, and gone', async () => {
    await using bed = await ApiBed.start(ADMIN)
    const client = await bed.gateway.connect(5, { clientId: 'c', properties: { sessionExpiryInterval: 3600 } })
    expect(await bed.ask('DELETE /sessions/c')).toMatchObject({ status: 200, json: { lost: 0 } })
    await client.expect({ cmd: 'disconnect', reasonCode: 0x98 })
    const again = await bed.gateway.connect(5, { clientId: 'c', clean: false })
    expect(again.connack).toMatchObject({ sessionPresent: false })
  })
})

describe.each(['memory', 'sqlite'] as const)('queues, with the store in %s', (store) => {
  async function withQueue(): Promise<ApiBed> {
    const bed = await ApiBed.start(ADMIN, { store })
    const client = await bed.gateway.connect(5, { clientId: 'c', properties: { sessionExpiryInterval: 3600 } })
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/#', qos: 2 }] })
    await client.expect({ cmd: 'suback' })
    await client.cut()
    for (const [i, qos] of [1, 2, 1].entries()) await bed.ask('POST /publish', { body: { topic: `a/${i}`, payload: `payload ${i}`, qos } })
    return bed
  }

  test('are looked at without being touched', async () => {
    await using bed = await withQueue()
    const messages = [{ topic: 'a/0', qos: 1, payload: 'payload 0' }, { topic: 'a/1', qos: 2 }, { topic: 'a/2', qos: 1 }]
    for (let i = 0; i < 2; i++) expect((await ask(bed, 'GET /sessions/c/queue', '/api/v1/sessions/{clientId}/queue')).json).toMatchObject({ queued: 3, messages })
    expect((await bed.ask('GET /sessions/c/queue?limit=2&payloadBytes=3')).json).toMatchObject({ queued: 3, messages: [{ payload: 'pay', bytes: 9, cut: true }, { topic: 'a/1' }] })
    const back = await bed.gateway.connect(5, { clientId: 'c', clean: false, properties: { sessionExpiryInterval: 3600 } })
    for (const { topic } of messages) await back.expect({ cmd: 'publish', topic })
    expect((await bed.ask('GET /sessions/c/queue')).json).toMatchObject({ queued: 3, messages })
  })

  test('are emptied by who says how much is lost, and only while nobody takes from them', async () => {
    await using bed = await withQueue()
    expect(await ask(bed, 'DELETE /sessions/c/queue?messages=2', '/api/v1/sessions/{clientId}/queue')).toMatchObject({ status: 409, json: { type: '/api/v1/problems/not-confirmed' } })
    expect(await ask(bed, 'DELETE /sessions/c/queue?messages=3', '/api/v1/sessions/{clientId}/queue')).toMatchObject({ status: 200, json: { lost: 3 } })
    expect((await bed.ask('GET /sessions/c/queue')).json).toMatchObject({ queued: 0, queuedBytes: 0, messages: [] })
    expect(bed.gateway.counters.droppedByOperator).toBe(3)
    await bed.ask('POST /publish', { body: { topic: 'a/new', payload: 'x' } })
    expect((await bed.ask('GET /sessions/c/queue')).json).toMatchObject({ queued: 1, messages: [{ topic: 'a/new' }] })
    const back = await bed.gateway.connect(5, { clientId: 'c', clean: false, properties: { sessionExpiryInterval: 3600 } })
    await back.expect({ cmd: 'publish', topic: 'a/new' })
    expect(await ask(bed, 'DELETE /sessions/c/queue?messages=9', '/api/v1/sessions/{clientId}/queue')).toMatchObject({ status: 409, json: { type: '/api/v1/problems/conflict' } })
  })

  test('of an uplink: looked at by class, emptied while it is paused', async () => {
    const uplinks = 'uplinks: [{ name: cloud, url: "mqtt://127.0.0.1:1", routes: [{ out: "up/#" }, { out: "alarm/#", class: alarm }] }]\n'
    await using bed = await ApiBed.start(ADMIN + uplinks, { store })
    expect(await ask(bed, 'POST /uplinks/cloud/order', '/api/v1/uplinks/{name}/order', { body: { order: 'pause', forSec: 600 } })).toMatchObject({ status: 200, json: { order: { kind: 'pause', leftSec: 600 } } })
    for (const topic of ['up/1', 'alarm/1', 'up/2']) await bed.ask('POST /publish', { body: { topic, payload: 'x' } })
    const { classes } = (await ask(bed, 'GET /uplinks/cloud/queue', '/api/v1/uplinks/{name}/queue')).json as { classes: { class: string; queued: number; messages: { topic: string }[] }[] }
    expect(classes.filter(({ queued }) => queued > 0).map((one) => [one.class, one.messages.map(({ topic }) => topic)])).toEqual([['alarm', ['alarm/1']], ['live', ['up/1', 'up/2']]])
    expect(await bed.ask('GET /uplinks/cloud/queue?class=none')).toMatchObject({ status: 400, json: { errors: [{ field: 'class' }] } })
    expect(await ask(bed, 'DELETE /uplinks/cloud/queue?class=live&messages=1', '/api/v1/uplinks/{name}/queue')).toMatchObject({ status: 409 })
    expect(await ask(bed, 'DELETE /uplinks/cloud/queue?class=live&messages=2', '/api/v1/uplinks/{name}/queue')).toMatchObject({ status: 200, json: { lost: 2 } })
    expect((await bed.ask('GET /uplinks/cloud')).json).toMatchObject({ queued: 1, waiting: { alarm: 1, live: 0 } })
  })
})

test('what the answer says is gone is gone, whatever happens then', async () => {
  await using bed = await ApiBed.start(ADMIN, { store: 'sqlite' })
  for (const clientId of ['emptied', 'removed']) {
    const client = await bed.gateway.connect(5, { clientId, properties: { sessionExpiryInterval: 3600 } })
    await client.subscribe(clientId, { qos: 1 })
    await client.cut()
    await bed.ask('POST /publish', { body: { topic: clientId, payload: 'x' } })
  }
  expect(await bed.ask('DELETE /sessions/removed?messages=1')).toMatchObject({ status: 200, json: { lost: 1 } })
  expect(await bed.ask('DELETE /sessions/emptied/queue?messages=1')).toMatchObject({ status: 200, json: { lost: 1 } })
  await bed.gateway.crash()
  const { sessions } = bed.gateway.gateway
  expect([...sessions].map(({ clientId, queue }) => [clientId, queue.size.count])).toEqual([['emptied', 0]])
})

test('what was taken away stays away over a crash, and handshakes that had begun come to their end', async () => {
  await using bed = await ApiBed.start(ADMIN, { store: 'sqlite' })
  const client = await bed.gateway.connect(5, { clientId: 'c', properties: { sessionExpiryInterval: 3600 } })
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 2 }] })
  await client.expect({ cmd: 'suback' })
  for (let i = 0; i < 3; i++) await bed.ask('POST /publish', { body: { topic: 'a', payload: String(i), qos: 2 } })
  const { messageId } = await client.expect({ cmd: 'publish', payload: Buffer.from('0') }) as { messageId: number }
  await client.cut()
  expect(await bed.ask('DELETE /sessions/c/queue?messages=3')).toMatchObject({ status: 200, json: { lost: 3 } })
  await bed.ask('POST /publish', { body: { topic: 'a', payload: 'new', qos: 2 } })
  await bed.api.stop()
  await bed.gateway.crash()
  const back = await bed.gateway.connect(5, { clientId: 'c', clean: false, properties: { sessionExpiryInterval: 3600 } })
  const got: string[] = []
  const ended: number[] = []
  for (let last: number | null = null; last === null || !ended.includes(last); ) {
    const packet = await back.expectOneOf('publish', 'pubrel')
    if (packet.cmd === 'publish') {
      got.push(String(packet.payload))
      last = packet.messageId!
      back.send({ cmd: 'pubrec', messageId: last })
    } else {
      ended.push(packet.messageId!)
      back.send({ cmd: 'pubcomp', messageId: packet.messageId! })
    }
  }
  expect(got).toEqual(['new'])
  expect(ended).toContain(messageId)
})

describe('the rules of access hold for users', () => {
  const RULES = `http: { listeners: [{ port: 0 }] }
access:
  users: [{ name: ann, password: p, roles: [operator] }, { name: boss, password: p, roles: [admin] }]
  rules: [{ allow: all, topic: "open/#" }, { deny: read, topic: "open/secret" }]
`
  const ann = { headers: { authorization: `Basic ${Buffer.from('ann:p').toString('base64')}` } }
  const boss = { headers: { authorization: `Basic ${Buffer.from('boss:p').toString('base64')}` } }

  test('publishing, listening, looking', async () => {
    await using bed = await ApiBed.start(RULES)
    expect(await bed.ask('POST /publish', { ...ann, body: { topic: 'closed', payload: 'x', retain: true } })).toMatchObject({ status: 403, json: { errors: [{ field: '#/topic' }] } })
    expect(await bed.ask('POST /publish', { ...ann, body: { topic: 'open/a', payload: 'x', retain: true } })).toMatchObject({ status: 200 })
    for (const topic of ['closed', 'open/secret']) expect(await bed.ask('POST /publish', { ...boss, body: { topic, payload: 'x', retain: true } })).toMatchObject({ status: 200 })
    expect((await bed.ask('GET /retained', ann)).json).toMatchObject({ items: [{ topic: 'open/a' }], total: 1 })
    expect((await bed.ask('GET /retained', boss)).json).toMatchObject({ total: 3 })
    expect(await bed.ask('GET /subscribe?filter=%23', ann)).toMatchObject({ status: 403, json: { errors: [{ field: 'filter' }] } })
    expect(await bed.ask('DELETE /retained?topic=closed', ann)).toMatchObject({ status: 400, json: { errors: [{ field: 'topic' }] } })
  })

  test('what is denied inside of a subscription is left out', async () => {
    await using bed = await ApiBed.start(RULES)
    using heard = await bed.listen('/subscribe?filter=open/%23', ann.headers)
    for (const topic of ['open/secret', 'open/a']) await bed.ask('POST /publish', { ...boss, body: { topic, payload: 'x' } })
    await until(() => heard.events.length > 0, 'an event')
    expect(heard.events).toMatchObject([{ data: { topic: 'open/a' } }])
  })
})
