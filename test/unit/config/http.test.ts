// `http`: what is accepted, its defaults, and what would leave a door open.
import { expect, test } from 'vitest'
import { check } from './gateway-yaml.ts'

function httpOf(text: string): unknown {
  const result = check(`site: s\n${text}`)
  return 'problems' in result ? result.problems.map(({ line, column, message }) => `${line}:${column} ${message}`) : result.config.http
}

const USERS = 'access: { users: [{ name: a, password: p, roles: [admin] }] }'
const TOKEN = 'tokens: [{ name: t, token: 0123456789abcdef, role: viewer }]'

test('left out, or empty: the unix socket alone', () => {
  const defaults = { listeners: [], tokens: [], anonymous: 'viewer', requestsPerMinuteMax: 600 }
  expect(httpOf('')).toEqual(defaults)
  expect(httpOf('http: {}')).toEqual(defaults)
})

test('a port of this machine', () => {
  expect(httpOf('http: { listeners: [{ port: 8080 }] }')).toMatchObject({ listeners: [{ port: 8080, host: '127.0.0.1', isLoopback: true, tls: null }], anonymous: 'viewer' })
})

test('a port of the network, with a certificate of the gateway’s own, and a token', () => {
  expect(httpOf(`http: { listeners: [{ port: 443, host: "::", tls: own }], ${TOKEN}, maxRequestsPerMinute: 60 }`)).toEqual({
    listeners: [{ port: 443, host: '::', isLoopback: false, tls: 'own' }],
    tokens: [{ name: 't', token: Buffer.from('0123456789abcdef'), role: 'viewer' }],
    anonymous: null,
    requestsPerMinuteMax: 60,
  })
})

test.each([
  ['', 'viewer'],
  [USERS, null],
  [`http: { ${TOKEN} }`, null],
  ['http: { anonymous: admin }', 'admin'],
  ['http: { anonymous: none }', null],
  [`${USERS}\nhttp: { anonymous: viewer }`, 'viewer'],
])('whoever does not say who it is: %s → %s', (text, anonymous) => expect(httpOf(text)).toMatchObject({ anonymous }))

test.each([
  ['http: { listeners: [{ host: 127.0.0.1 }] }', '2:21 `port` is missing in `listeners[0]`'],
  ['http: { listeners: [{ port: 80, tls: mine }] }', '2:38 `tls` must be own, or `{ key: FILE, cert: FILE }`, found the text "mine"'],
  ['http: { listeners: [{ port: 80, tls: { key: k } }] }', '2:38 `cert` is missing in `tls`'],
  [`${USERS}\nhttp: { listeners: [{ port: 80, host: 0.0.0.0 }] }`, '3:39 on 0.0.0.0 passwords and tokens would go over the network in the clear'],
  ['http: { listeners: [{ port: 80, host: "::", tls: own }] }', '2:39 nobody could come in on ::: there are no users and no tokens'],
  ['http: { listeners: [{ port: 80 }, { port: 80 }] }', '2:43 port 80 on 127.0.0.1 is taken twice, as in `http.listeners[0]`'],
  ['http: { tokens: [{ name: t, token: short, role: viewer }] }', '2:36 a token has 16 characters at least'],
  ['http: { tokens: [{ name: t, token: 0123456789abcdef, role: root }] }', '2:60 `role` must be viewer, operator or admin, found the text "root"'],
  [`http: { tokens: [{ name: t, token: 0123456789abcdef, role: viewer }, { name: t, token: 0123456789abcdeg, role: viewer }] }`, '2:78 this name is there twice, as in `http.tokens[0]`'],
  ['http: { anonymous: everybody }', '2:20 `anonymous` must be none, viewer, operator or admin, found the text "everybody"'],
  ['http: { maxRequestsPerMinute: 0 }', '2:31 `maxRequestsPerMinute` must be a whole number from 1 to 1000000, found the number 0'],
])('%s', (text, problem) => expect(httpOf(text)).toEqual([problem]))
