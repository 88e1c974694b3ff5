// access.rules become one RuleConfig for each topic, with its line; what is wrong with them is in mistakes.ts, its hints are here.
import { describe, expect, it } from 'vitest'
import { accepted, check } from './gateway-yaml.ts'

const NOBODY_SPECIAL = { users: null, roles: null, clientIds: null, tenants: null, anonymous: null }
const rules = (lines: string): string => `site: well-07\naccess:\n  rules:\n${lines.replace(/^/gm, '    ')}`

it('the example of the documentation', () => {
  const [layer, ...more] = accepted(rules(`- { allow: publish, topic: "sensors/{clientId}/#", roles: [device] }
- { allow: [publish, read], topics: ["client/{clientId}/#", "activity/{username}/+"] }
- { deny: publish, topic: config/#, qos: [1, 2], retain: true }
- allow: all
  topic: "#"
  users: [admin]`)).access.rules
  expect(more).toEqual([])
  const rule = { effect: 'allow', qos: null, retain: null, who: NOBODY_SPECIAL }
  const both = { ...rule, verbs: ['publish', 'receive', 'subscribe'], where: 'gateway.yaml line 5' }
  expect(layer).toEqual([
    { ...rule, verbs: ['publish'], filter: 'sensors/{clientId}/#', who: { ...NOBODY_SPECIAL, roles: ['device'] }, where: 'gateway.yaml line 4' },
    { ...both, filter: 'client/{clientId}/#' },
    { ...both, filter: 'activity/{username}/+' },
    { effect: 'deny', verbs: ['publish'], filter: 'config/#', who: NOBODY_SPECIAL, qos: [1, 2], retain: true, where: 'gateway.yaml line 6' },
    { ...both, filter: '#', who: { ...NOBODY_SPECIAL, users: ['admin'] }, where: 'gateway.yaml line 7' },
  ])
})

it('all who-conditions, one QoS, {site} filled in, a word twice', () => {
  const text = 'site: s\ntenants: [{ name: t }]\naccess: { rules: [{ allow: [read, receive, subscribe], topic: "{site}/x-{claims.a.b}/+", clientIds: ["{site}-1"], users: ["{site}"], tenants: [t], anonymous: false }, { allow: subscribe, topic: a, qos: 0 }] }'
  const [layer] = accepted(text).access.rules
  expect(layer![0]).toEqual({
    effect: 'allow', verbs: ['receive', 'subscribe'], filter: 's/x-{claims.a.b}/+', qos: null, retain: null, where: 'gateway.yaml line 3',
    who: { users: ['s'], roles: null, clientIds: ['s-1'], tenants: ['t'], anonymous: false },
  })
  expect(layer![1]).toMatchObject({ verbs: ['subscribe'], qos: [0] })
})

it('no rules: everybody may do everything', () => {
  expect(accepted('site: s').access.rules).toEqual([])
  expect(accepted('site: s\naccess: { rules: [] }').access.rules).toEqual([])
})

it('a denial of subscriptions alone is doubted', () => {
  const result = check(rules('- { deny: subscribe, topic: a/# }\n- { deny: read, topic: b/# }'))
  expect('warnings' in result && result.warnings.map((w) => [w.line, w.message, w.hint])).toEqual([
    [4, 'this refuses such subscriptions, and nothing else: a wider one still brings the messages', 'write `deny: read` to keep the messages away'],
  ])
})

describe('hints', () => {
  it.each([
    ['allow: all, topic: "{clientid}/#"', 'did you mean {clientId}? the placeholders are {site}, {clientId}, {username}, {tenant}, {claims.NAME}'],
    ['allow: all, topic: "{claim.site}/#"', 'did you mean {claims.site}? the placeholders are {site}, {clientId}, {username}, {tenant}, {claims.NAME}'],
    ['allow: all, topic: "{claims.}/#"', 'the name of a claim has at least one character, and no + # / { or }'],
    ['allow: all, topic: {clientId}', 'put quotes around it: "sensors/{clientId}/#"'],
    ['allow: all, topic: "$share/g/a"', 'rules are about the topics: write the filter behind $share/NAME/'],
    ['alow: all, topic: a', 'did you mean `allow`? allowed here: allow, deny, topic, topics, users, roles, clientIds, tenants, anonymous, qos, retain'],
    ['deny: all, topic: a, retain: true', 'it is one for publish: write `deny: publish` here, and a rule without `retain` for receive and subscribe'],
    ['allow: all, topic: a, qos: 1', 'it is one for publish and subscribe: write `allow: [publish, subscribe]` here, and a rule without `qos` for receive'],
    ['allow: receive, topic: a, qos: 1', 'it is one for publish and subscribe: remove `qos`'],
    ['allow: pubish, topic: a', 'did you mean publish?'],
  ])('%s', (rule, hint) => {
    const result = check(rules(`- { ${rule} }`))
    expect('problems' in result && result.problems.map((p) => p.hint)).toContain(hint)
  })
})
