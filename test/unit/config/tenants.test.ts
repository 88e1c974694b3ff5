// `tenants:` and everything that names one.
import { describe, expect, test } from 'vitest'
import { checkText } from '../../../src/config/load.ts'

function load(yaml: string) {
  return checkText(`site: s\n${yaml}`, 'gateway.yaml', { secrets: 'skip' })
}

function problems(yaml: string): string[] {
  const result = load(yaml)
  return 'problems' in result ? result.problems.map((p) => `${p.line}:${p.column} ${p.path}: ${p.message}: ${p.hint}`) : []
}

test('what a tenant leaves out is the broker’s', () => {
  const result = load('broker: { maxSessions: 7, maxSessionExpiry: 5s, retained: { maxMessages: 3 } }\ntenants: [{ name: a }, { name: b, maxConnections: 2, maxSessions: 9, maxSessionExpiry: 1500ms, maxPublishesPerSecond: 4, retained: { maxMessages: 1, maxSize: 1kB } }]')
  expect('problems' in result ? result.problems : result.config.tenants).toMatchObject([
    { name: 'a', onlineMax: Infinity, sessionsMax: 7, sessionExpirySecMax: 5, retainedMessagesMax: 3, retainedBytesMax: 32e6, publishesPerSecondMax: Infinity },
    { name: 'b', onlineMax: 2, sessionsMax: 9, sessionExpirySecMax: 2, retainedMessagesMax: 1, retainedBytesMax: 1000, publishesPerSecondMax: 4 },
  ])
})

describe('a tenant that is not there', () => {
  test.each([
    ['a listener', 'broker: { listeners: [{ port: 1883 }, { port: 1884, tenant: acne }] }', '2:61 broker.listeners[1].tenant'],
    ['a user', 'access: { users: [{ name: x, password: y }, { name: z, password: y, tenant: acne }] }', '2:77 access.users[1].tenant'],
    ['a sensor', 'sensors: [{ name: x, topic: t, tenant: acne, simulate: { kind: sine, every: 1s } }]', '2:40 sensors[0].tenant'],
    ['a route', 'uplinks: [{ name: c, url: mqtt://h, routes: [{ out: a }, { out: b, tenant: acne }] }]', '2:76 uplinks[0].routes[1].tenant'],
  ])('of %s', (_, yaml, place) => {
    expect(problems(`${yaml}\ntenants: [{ name: acme }]`)).toEqual([`${place}: there is no tenant "acne": did you mean acme?`])
  })

  test('of a rule', () => {
    expect(problems('access: { rules: [{ allow: all, topic: "#", tenants: [acne] }] }\ntenants: [{ name: acme }]')).toEqual([expect.stringContaining('there is no tenant "acne"')])
  })

  test('with none at all: what to add', () => {
    expect(problems('broker: { listeners: [{ port: 1883, tenant: acme }] }')).toEqual([expect.stringContaining('add it: `tenants: [{ name: acme }]`')])
  })
})

test('a name is there once', () => {
  expect(problems('tenants: [{ name: a }, { name: a }]')).toEqual([expect.stringContaining('the tenant `a` is there twice'), expect.anything()])
})
