// RabbitMQ's scopes as filters: what each allows, and that none allows more than there.
import { describe, expect, it } from 'vitest'
import { ruleOfScope } from '../../../src/access/scopes.ts'

/** `publish a/b`, or null. */
function said(scope: string, { prefix = '', tenant = '' } = {}): string | null {
  const rule = ruleOfScope(scope, prefix, tenant)
  return rule === null ? null : `${rule.verbs.join('+')} ${rule.filter}`
}

describe('two parts: a tenant and a topic', () => {
  it.each([
    ['read:*/*', 'receive+subscribe #'],
    ['write:*/*', 'publish #'],
    ['read:%2F/sensors%2Ftemp', 'receive+subscribe sensors/temp'],
    ['read:%2F/temp', 'receive+subscribe temp'],
    ['read:%2f/sensors%2f*', 'receive+subscribe sensors/#'],
    ['write:%2F/sensors%2F*', 'publish sensors/+/#'],
    ['write:%2F/sensors%2F*%2Ftemp', 'publish sensors/+/temp'],
    ['read:*/a.b', 'receive+subscribe a.b'],
    ['read:*/caf%C3%A9%2Fa+b', 'receive+subscribe café/a b'],
    ['read:*/a%2A', 'receive+subscribe a*'],
    ['read:**/a%2F**', 'receive+subscribe a/#'],
    ['read:*/%2Fa', 'receive+subscribe /a'],
  ])('%s', (scope, rule) => expect(said(scope)).toBe(rule))
})

describe('three parts: a tenant, the exchange of MQTT and a routing key', () => {
  it.each([
    ['read:*/*/*', 'receive+subscribe #'],
    ['write:%2F/amq.topic/sensors.temp', 'publish sensors/temp'],
    ['write:%2F/amq.*/sensors.*.temp', 'publish sensors/+/temp'],
    ['read:%2F/*topic/sensors.*', 'receive+subscribe sensors/#'],
    ['read:%2F/a*q.t*c/x', 'receive+subscribe x'],
    ['write:%2F/amq.topic/*.temp', 'publish +/temp'],
    ['read:%2F/amq.direct/x', null],
    ['read:%2F/sensors/x', null],
    ['read:%2F/amq.topic*x/x', null],
    ['read:%2F/amq.topic/a%2Fb', null],
  ])('%s', (scope, rule) => expect(said(scope)).toBe(rule))
})

it.each([
  ['a star beside other letters', 'read:*/temp*'],
  ['a star between letters', 'read:*/a%2Ft*p%2Fb'],
  ['a wildcard of MQTT', 'read:*/a%2F%2B'],
  ['all wildcards of MQTT', 'write:*/%23'],
  ['a placeholder', 'write:*/u%2F{username}'],
  ['half a placeholder', 'write:*/u%2F%7D'],
  ['U+0000, which stands for a star inside', 'read:*/a%2F%00'],
  ['% without digits', 'read:*/a%2'],
  ['no UTF-8', 'read:*/a%FF'],
  ['a shared subscription', 'read:*/%24share%2Fg%2Fa'],
  ['one part', 'read:*'],
  ['no tenant', 'read:/a'],
  ['no topic', 'read:*/'],
  ['four parts', 'read:*/a/b/c'],
  ['configure', 'configure:*/*'],
  ['a tag', 'tag:administrator'],
  ['another case', 'READ:*/*'],
  ['a line behind it', 'read:*/a\n'],
  ['nothing', ''],
])('%s allows nothing', (_, scope) => expect(said(scope)).toBeNull())

describe('tenants', () => {
  it.each([
    ['read:site-a/x', 'site-a', true],
    ['read:site-a/x', 'site-b', false],
    ['read:site-a/x', '', false],
    ['read:%2F/x', '', true],
    ['read:%2F/x', 'site-a', false],
    ['read:site-*/x', 'site-a', true],
    ['read:site-*/x', 'xsite-a', false],
    ['read:*-a/x', 'site-a', true],
    ['read:s*e-a/x', 'site-a', true],
    ['read:si*it*/x', 'site-a', false],
    ['read:site-a*site-a/x', 'site-a', false],
    ['read:SITE-A/x', 'site-a', false],
  ])('%s for "%s": %s', (scope, tenant, allowed) => expect(said(scope, { tenant }) !== null).toBe(allowed))
})

it('takes scopes with its prefix only', () => {
  expect(said('sandpiper.read:*/a', { prefix: 'sandpiper.' })).toBe('receive+subscribe a')
  expect(said('read:*/a', { prefix: 'sandpiper.' })).toBeNull()
  expect(said('other.read:*/a', { prefix: 'sandpiper.' })).toBeNull()
  expect(said('api://read:*/a', { prefix: 'api://' })).toBe('receive+subscribe a')
  expect(said('sandpiper.read:*/a')).toBeNull()
})

it('says for people where the rule is from, not longer than a line', () => {
  expect(ruleOfScope('read:*/a', '', '')!.where).toBe('token, scope read:*/a')
  expect(ruleOfScope(`read:*/${'a'.repeat(1000)}`, '', '')!.where.length).toBeLessThan(90)
})
