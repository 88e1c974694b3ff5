// Who may call the API, and what: proofs, roles, pages of other sites, rates.
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { ApiBed, basic, bearer } from '../../support/api-bed.ts'
import { askHttps } from '../../support/ask-socket.ts'

const TOKENS = `http:
  listeners: [{ port: 0 }]
  tokens:
    - { name: prometheus, token: viewer-0123456789, role: viewer }
    - { name: script, token: operator-0123456789, role: operator }
    - { name: root, token: admin-0123456789ab, role: admin }
`
const USERS = `access:
  users:
    - { name: ann, password: pump, roles: [viewer, operator] }
    - { name: device, password: tap }
    - { name: tenant, password: tap, tenant: acme, roles: [admin] }
tenants: [{ name: acme }]
`

const PUBLISH = { body: { topic: 'a', payload: '1' } }

describe('nobody has to prove anything', () => {
  test('over loopback: a viewer', async () => {
    await using bed = await ApiBed.start()
    expect(await bed.ask('GET /login')).toMatchObject({ status: 200, json: { name: 'nobody', role: 'viewer' } })
    expect(await bed.ask('POST /publish', PUBLISH)).toMatchObject({ status: 403, json: { type: '/api/v1/problems/forbidden', detail: 'this takes the role operator; nobody is viewer' } })
  })

  test('or what the configuration says', async () => {
    await using bed = await ApiBed.start('http: { listeners: [{ port: 0 }], anonymous: operator }')
    expect(await bed.ask('POST /publish', PUBLISH)).toMatchObject({ status: 200 })
  })

  test('at the unix socket: an admin, whatever the configuration says', async () => {
    await using bed = await ApiBed.start(TOKENS + USERS)
    expect(await bed.ask('GET /login', { socket: true })).toMatchObject({ status: 200, json: { name: 'this machine', role: 'admin' } })
  })
})

describe('tokens', () => {
  test.each([['viewer-0123456789', 'prometheus', 'viewer', 403], ['operator-0123456789', 'script', 'operator', 200], ['admin-0123456789ab', 'root', 'admin', 200]])('%s', async (token, name, role, publish) => {
    await using bed = await ApiBed.start(TOKENS)
    expect(await bed.ask('GET /login', { headers: bearer(token) })).toMatchObject({ status: 200, json: { name, role } })
    expect(await bed.ask('POST /publish', { ...PUBLISH, headers: bearer(token) })).toMatchObject({ status: publish })
  })

  test('none, a wrong one, another scheme: 401 with the ways to prove it', async () => {
    await using bed = await ApiBed.start(TOKENS)
    for (const headers of [{}, bearer('viewer-012345678'), { authorization: 'Digest x' }, { authorization: 'viewer-0123456789' }, basic('prometheus', 'viewer-0123456789')]) {
      const answer = await bed.ask('GET /status', { headers })
      expect(answer, JSON.stringify(headers)).toMatchObject({ status: 401, headers: { 'www-authenticate': expect.stringContaining('Bearer realm='), 'content-type': 'application/problem+json' }, json: { status: 401 } })
    }
  })

  test('a token that is taken out of the configuration is none', async () => {
    await using bed = await ApiBed.start(TOKENS)
    bed.api.configure({ ...bed.gateway.gateway.config.http, tokens: [] })
    expect(await bed.ask('GET /status', { headers: bearer('viewer-0123456789') })).toMatchObject({ status: 401 })
  })
})

describe('users', () => {
  test('with a role: what the highest of them may', async () => {
    await using bed = await ApiBed.start(USERS)
    expect(await bed.ask('GET /login', { headers: basic('ann', 'pump') })).toMatchObject({ status: 200, json: { name: 'ann', role: 'operator' } })
  })

  test('without one, and of a tenant: 403', async () => {
    await using bed = await ApiBed.start(USERS)
    expect(await bed.ask('GET /status', { headers: basic('device', 'tap') })).toMatchObject({ status: 403, json: { detail: expect.stringContaining('none of the roles viewer, operator, admin') } })
    expect(await bed.ask('GET /status', { headers: basic('tenant', 'tap') })).toMatchObject({ status: 403, json: { detail: expect.stringContaining('belongs to a tenant') } })
  })

  test('nobody in particular is not let in any more', async () => {
    await using bed = await ApiBed.start(USERS)
    expect(await bed.ask('GET /status')).toMatchObject({ status: 401 })
  })

  test('a wrong password is counted with those of MQTT', async () => {
    await using bed = await ApiBed.start(USERS)
    const before = bed.gateway.counters.loginsRefused
    expect(await bed.ask('GET /status', { headers: basic('ann', 'tap') })).toMatchObject({ status: 401 })
    expect(await bed.ask('GET /status', { headers: basic('nobody', 'tap') })).toMatchObject({ status: 401 })
    expect(bed.gateway.counters.loginsRefused).toBe(before + 2)
  })

  test('the fourth wrong one waits', async () => {
    await using bed = await ApiBed.start(USERS)
    for (let i = 0; i < 3; i++) await bed.ask('GET /status', { headers: basic('ann', 'tap') })
    let answered = false
    const fourth = bed.ask('GET /status', { headers: basic('ann', 'tap') }).finally(() => (answered = true))
    while (bed.gateway.counters.delayedLogins === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(answered).toBe(false)
    expect(await bed.gateway.passUntil(fourth)).toMatchObject({ status: 401 })
  })
})

describe('a login', () => {
  test('gives a token that works, until it is ended', async () => {
    await using bed = await ApiBed.start(USERS)
    const { status, json } = await bed.ask('POST /login', { body: { user: 'ann', password: 'pump' } })
    expect({ status, json }).toMatchObject({ status: 200, json: { role: 'operator', token: expect.stringMatching(/^[\w-]{43}$/) } })
    const { token } = json as { token: string }
    expect(await bed.ask('GET /login', { headers: bearer(token) })).toMatchObject({ status: 200, json: { name: 'ann', role: 'operator' } })
    expect(await bed.ask('DELETE /login', { headers: bearer(token) })).toMatchObject({ status: 204, text: '' })
    expect(await bed.ask('GET /login', { headers: bearer(token) })).toMatchObject({ status: 401 })
  })

  test('ends after twelve hours', async () => {
    await using bed = await ApiBed.start(USERS)
    const { token } = (await bed.ask('POST /login', { body: { user: 'ann', password: 'pump' } })).json as { token: string }
    await bed.gateway.pass(12 * 3600 + 1)
    expect(await bed.ask('GET /login', { headers: bearer(token) })).toMatchObject({ status: 401 })
  })

  test('ends when the user gets another password', async () => {
    await using bed = await ApiBed.start(USERS)
    const { token } = (await bed.ask('POST /login', { body: { user: 'ann', password: 'pump' } })).json as { token: string }
    await bed.gateway.reload(`site: test\nbroker: { listeners: [{ port: 0 }] }\n${USERS.replace('password: pump', 'password: well')}`)
    expect(await bed.ask('GET /login', { headers: bearer(token) })).toMatchObject({ status: 401 })
  })

  test('with a wrong password is none', async () => {
    await using bed = await ApiBed.start(USERS)
    expect(await bed.ask('POST /login', { body: { user: 'ann', password: 'tap' } })).toMatchObject({ status: 401 })
  })
})

describe('pages of other sites', () => {
  test.each([
    ['another origin', { origin: 'https://evil.example' }],
    ['no origin to speak of', { origin: 'null' }],
    ['as the browser says it', { 'sec-fetch-site': 'cross-site' }],
    ['another port of this machine', { 'sec-fetch-site': 'same-site' }],
    ['a name that was pointed here', { host: 'evil.example' }],
  ])('%s', async (_, headers) => {
    await using bed = await ApiBed.start('http: { listeners: [{ port: 0 }], anonymous: admin }')
    expect(await bed.ask('POST /publish', { ...PUBLISH, headers })).toMatchObject({ status: 403, json: { type: '/api/v1/problems/cross-site' } })
  })

  test('the gateway’s own page', async () => {
    await using bed = await ApiBed.start('http: { listeners: [{ port: 0 }], anonymous: admin }')
    const host = `localhost:${bed.api.ports[0]}`
    expect(await bed.ask('POST /publish', { ...PUBLISH, headers: { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' } })).toMatchObject({ status: 200 })
  })

  test('no answer may be read by one', async () => {
    await using bed = await ApiBed.start()
    const answers = [await bed.ask('GET /status'), await bed.ask('GET /nothing'), await bed.ask('OPTIONS /status', { headers: { 'access-control-request-method': 'GET' } })]
    for (const { headers } of answers) expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 405])
  })
})

describe('connections', () => {
  test('one that asks for TLS and says nothing more is ended, and the next one is served', async () => {
    await using bed = await ApiBed.start(`${TOKENS.replace('{ port: 0 }', '{ port: 0, tls: own }')}`)
    const socket = connect(bed.api.ports[0]!, '127.0.0.1')
    const closed = new Promise((resolve) => socket.once('close', () => resolve('closed')))
    await new Promise((resolve) => void socket.once('connect', resolve))
    expect(await bed.gateway.passUntil(closed, 1)).toBe('closed')
    const asked = askHttps({ host: '127.0.0.1', port: bed.api.ports[0]!, path: '/healthz', rejectUnauthorized: false })
    expect(await asked).toMatchObject({ status: 200 })
  })
})

describe('rates', () => {
  test('one request too many in a minute is told when to come again', async () => {
    await using bed = await ApiBed.start('http: { listeners: [{ port: 0 }], maxRequestsPerMinute: 3 }')
    for (let i = 0; i < 3; i++) expect(await bed.ask('GET /status')).toMatchObject({ status: 200 })
    expect(await bed.ask('GET /status')).toMatchObject({ status: 429, headers: { 'retry-after': expect.stringMatching(/^[0-9]+$/) }, json: { type: '/api/v1/problems/too-many-requests' } })
    expect(await bed.ask('GET /status', { socket: true })).toMatchObject({ status: 200 })
    await bed.gateway.pass(70)
    expect(await bed.ask('GET /status')).toMatchObject({ status: 200 })
  })
})
