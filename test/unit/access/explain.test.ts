// `sandpiper access explain` says what is decided, by which rule of which line, and what it makes of wrong words.
import { describe, expect, it } from 'vitest'
import { explainAccess, type ExplainWords } from '../../../src/access/explain.ts'
import { accepted } from '../config/gateway-yaml.ts'

const CONFIG = accepted(`site: well
tenants: [{ name: north }]
access:
  users: [{ name: ann, password: x, tenant: north, roles: [operator] }, { name: bob, password: x }]
  rules:
    - { allow: publish, topic: "sensors/{clientId}/#", qos: 0 }
    - { allow: read, topic: "#", roles: [operator], tenants: [north] }
    - { deny: publish, topic: "sensors/+/config", retain: true }
    - { allow: subscribe, topic: "low/#", qos: 0, anonymous: true }
`)

const explain = (words: ExplainWords, config = CONFIG): string[] => explainAccess(config, { client: 'dev1', ...words }).text.trimEnd().split('\n').map((line) => line.trim())

describe('answers', () => {
  it('an allowance, with the rule and its line', () => {
    expect(explain({ publish: 'sensors/dev1/x', user: 'bob' })).toEqual([
      'allowed: publish sensors/dev1/x at QoS 0',
      'client "dev1", user "bob"',
      'by gateway.yaml line 6: allow publish "sensors/{clientId}/#", qos 0',
    ])
  })

  it('a denial, with the rules that it goes before', () => {
    expect(explain({ publish: 'sensors/dev1/config', retain: true })).toEqual([
      'denied: publish sensors/dev1/config at QoS 0 with RETAIN',
      'client "dev1", without a user',
      'by gateway.yaml line 8: deny publish "sensors/+/config", with RETAIN',
      'other rules that are about it, and were not asked any more:',
      'gateway.yaml line 6: allow publish "sensors/{clientId}/#", qos 0',
    ])
  })

  it('no rule', () => expect(explain({ publish: 'sensors/dev1/x', qos: '1' })).toContain('no rule allows it'))

  it('a user of the configuration has its tenant and roles from there', () => {
    expect(explain({ receive: 'x', user: 'ann' })).toEqual(['allowed: receive x', 'client "dev1", user "ann", tenant north, roles operator', 'by gateway.yaml line 7: allow receive, subscribe "#", for roles operator and tenants north'])
    expect(explain({ receive: 'x', user: 'bob' })[0]).toBe('denied: receive x')
    expect(explain({ receive: 'x', user: 'bob', role: ['operator'], tenant: 'north' })[0]).toBe('allowed: receive x')
    expect(explain({ receive: 'x', user: 'eve' })).toContain('this user is not in the configuration: it has the roles and the tenant given here')
  })

  it('a subscription at a lower QoS, a shared one, and that delivery is asked for on its own', () => {
    expect(explain({ subscribe: '$share/g/low/x', qos: '2', anonymous: true })).toEqual([
      'allowed: subscribe $share/g/low/x at QoS 2',
      'client "dev1", without a user',
      'by gateway.yaml line 9: allow subscribe "low/#", qos 0, for clients without a user',
      'at QoS 0, the highest that is allowed',
      'each message is delivered as the rules for receive say: ask again with --receive TOPIC',
    ])
    expect(explain({ subscribe: '#' })[0]).toBe('denied: subscribe # at QoS 0')
  })

  it('claims stand in topics', () => {
    const config = accepted('site: s\naccess: { rules: [{ allow: all, topic: "s/{claims.site.name}/#" }] }')
    expect(explain({ publish: 's/n7/x', claim: ['site.name=n7', 'more=1'] }, config)[0]).toMatch(/^allowed/)
    expect(explain({ publish: 's/n7/x' }, config)[0]).toMatch(/^denied/)
  })

  it('no rules at all, and what no rule can allow', () => {
    const config = accepted('site: s')
    expect(explain({ publish: 'x' }, config)).toContain('there are no rules: everybody may do everything')
    expect(explain({ publish: '$SYS/x' }, config)).toEqual(['denied: publish $SYS/x at QoS 0', 'client "dev1", without a user', '$SYS topics are the broker’s own: clients may read them and nothing more'])
  })

  it('nothing of it breaks the terminal', () => {
    expect(explain({ publish: 'a\u001B[31m', client: 'x\u001B' }).join('')).not.toContain('\u001B')
  })
})

describe('words that make no question', () => {
  it.each<[string, ExplainWords]>([
    ['access explain needs a question', {}],
    ['one question at a time', { publish: 'a', receive: 'a' }],
    ['needs a client identifier', { client: undefined, publish: 'a' }],
    ['--qos is 0, 1 or 2', { publish: 'a', qos: '3' }],
    ['--retain goes with --publish', { receive: 'a', retain: true }],
    ['has a wildcard', { publish: 'a/#' }],
    ['is empty', { receive: '' }],
    ['is not a topic filter: # must be the last level', { subscribe: 'a/#/b' }],
    ['needs a share name', { subscribe: '$share/+/b' }],
    ['give --user or --anonymous', { publish: 'a', user: 'ann', anonymous: true }],
    ['there is no tenant "south"', { publish: 'a', tenant: 'south' }],
    ['--claim is name=value', { publish: 'a', claim: ['x'] }],
  ])('%s', (message, words) => {
    expect(() => explainAccess(CONFIG, { client: 'dev1', ...words })).toThrow(expect.objectContaining({ code: 'E_USAGE', message: expect.stringContaining(message) as string }))
  })
})
