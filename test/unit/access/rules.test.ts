// What the rules come to: layers, denials, placeholders and what clients could do with them, subscriptions; and the same by a simple
// evaluator, for random rules.
import { describe, expect, it, test } from 'vitest'
import type { RuleConfig, Verb } from '../../../src/config/config.ts'
import { Topic } from '../../../src/mqtt/topic.ts'
import { Rules, type Subject } from '../../../src/access/rules.ts'
import { allow, client, deny } from './rule-words.ts'

const rightsOf = (rules: readonly RuleConfig[], subject: Subject = client()) => new Rules([rules]).rightsOf(subject)!
const mayPublish = (rules: readonly RuleConfig[], topic: string, subject?: Subject): boolean => rightsOf(rules, subject).mayPublish(Topic.of(topic), 0, false)
const mayReceive = (rules: readonly RuleConfig[], topic: string, subject?: Subject): boolean => rightsOf(rules, subject).mayReceive(Topic.of(topic))
const granted = (rules: readonly RuleConfig[], filter: string, subject?: Subject): number | null => rightsOf(rules, subject).grantedQos(filter, 2)

describe('no rules', () => {
  it('everybody may do everything', () => expect(new Rules([]).rightsOf(client())).toBeNull())
  it('an empty layer denies everything', () => expect(mayPublish([], 'a')).toBe(false))

  it('a client with grants has those, and nothing more', () => {
    const rights = new Rules([]).rightsOf(client({ grants: [allow('a/#', { verbs: ['publish'] })] }))!
    expect([rights.mayPublish(Topic.of('a/b'), 0, false), rights.mayPublish(Topic.of('b'), 0, false), rights.mayReceive(Topic.of('a/b'))]).toEqual([true, false, false])
    expect(new Rules([]).rightsOf(client({ grants: [] }))!.mayPublish(Topic.of('a'), 0, false)).toBe(false)
  })
})

describe('verbs, conditions, denials', () => {
  it.each([
    ['what no rule allows is denied', [allow('a')], 'b', false],
    ['allowed', [allow('a')], 'a', true],
    ['for another verb', [allow('a', { verbs: ['receive', 'subscribe'] })], 'a', false],
    ['deny before allow, whatever comes first', [allow('#'), deny('a/#')], 'a/b', false],
    ['a denial of another verb', [allow('#'), deny('a/#', { verbs: ['receive'] })], 'a/b', true],
    ['the parent of #', [allow('a/#')], 'a', true],
    ['a longer topic', [allow('a/+')], 'a/b/c', false],
    ['an empty level', [allow('a/+/c')], 'a//c', true],
    ['+/# is #', [allow('+/#')], 'a', true],
  ] as const)('%s', (_, rules, topic, verdict) => expect(mayPublish(rules, topic)).toBe(verdict))

  it('QoS and RETAIN are conditions', () => {
    const rights = rightsOf([allow('#'), deny('config/#', { qos: [1, 2], retain: true, verbs: ['publish'] })])
    const topic = Topic.of('config/x')
    expect(([0, 1, 2] as const).map((qos) => [rights.mayPublish(topic, qos, false), rights.mayPublish(topic, qos, true)])).toEqual([[true, true], [true, false], [true, false]])
  })

  it('a subscription gets the highest QoS that is allowed', () => {
    const rights = rightsOf([allow('a/#', { qos: [0, 2], verbs: ['subscribe'] }), deny('a/b', { qos: [0], verbs: ['subscribe'] })])
    expect([rights.grantedQos('a/c', 2), rights.grantedQos('a/c', 1), rights.grantedQos('a/b', 1), rights.grantedQos('b', 2)]).toEqual([2, 0, null, null])
  })
})

describe('layers', () => {
  const decided = (...layers: RuleConfig[][]): boolean => new Rules(layers).rightsOf(client())!.mayPublish(Topic.of('a'), 0, false)

  it('the first with a rule decides', () => {
    expect(decided([deny('a')], [allow('#')])).toBe(false)
    expect(decided([allow('a')], [deny('#')])).toBe(true)
    expect(decided([allow('b')], [allow('a')], [deny('a')])).toBe(true)
    expect(decided([], [], [])).toBe(false)
  })

  it('case by case: a rule for RETAIN leaves the rest to the next layer', () => {
    const rights = new Rules([[deny('a', { retain: true, verbs: ['publish'] })], [allow('a')]]).rightsOf(client())!
    expect([rights.mayPublish(Topic.of('a'), 0, true), rights.mayPublish(Topic.of('a'), 0, false)]).toEqual([false, true])
  })

  it('grants are rules of the first layer', () => {
    const rules = new Rules([[deny('a/no')], [deny('#')]])
    const may = (topic: string, grants: readonly RuleConfig[] | null): boolean => rules.rightsOf(client({ grants }))!.mayPublish(Topic.of(topic), 0, false)
    expect([may('a/x', [allow('a/#')]), may('a/no', [allow('a/#')]), may('a/x', []), may('a/x', null)]).toEqual([true, false, false, false])
  })
})

describe('who', () => {
  it.each([
    [{ users: ['ann', 'bob'] }, true], [{ users: ['bob'] }, false],
    [{ roles: ['operator', 'device'] }, true], [{ roles: ['admin'] }, false],
    [{ clientIds: ['dev1'] }, true], [{ clientIds: ['dev2'] }, false],
    [{ tenants: ['north'] }, true], [{ tenants: ['south'] }, false],
    [{ anonymous: false }, true], [{ anonymous: true }, false],
    [{ users: ['ann'], clientIds: ['dev2'] }, false], [{ users: ['ann'], clientIds: ['dev1'], roles: ['device'], tenants: ['north'], anonymous: false }, true],
  ])('%j', (who, verdict) => expect(mayPublish([allow('#', who)], 'a', client({ roles: ['device'], tenant: 'north' }))).toBe(verdict))

  it('nobody in particular is none of the users', () => {
    const nobody = client({ username: null })
    expect(mayPublish([allow('#', { users: ['ann'] })], 'a', nobody)).toBe(false)
    expect(mayPublish([allow('#', { anonymous: true })], 'a', nobody)).toBe(true)
  })
})

it('many rules of one filter: each client is told of its own, and of those for everybody', () => {
  const names = Array.from({ length: 30 }, (_, i) => `u${i}`)
  const rules = [...names.map((name) => allow('room/#', { users: [name], verbs: ['receive'] })), ...names.map((id) => allow('room/#', { clientIds: [`c-${id}`, `c-${id}`] })), deny('room/#', { roles: ['guest'] })]
  for (const name of names) {
    const cases = [client({ username: name }), client({ username: name, roles: ['guest'] }), client({ clientId: `c-${name}` }), client({ clientId: `c-${name}`, roles: ['guest'] })]
    expect(cases.map((subject) => mayReceive(rules, 'room/1', subject))).toEqual([true, false, true, false])
    expect(cases.map((subject) => mayPublish(rules, 'room/1', subject))).toEqual([false, false, true, false])
  }
  expect(mayReceive(rules, 'room/1', client({ username: null, clientId: 'u1' }))).toBe(false)
})

describe('placeholders', () => {
  const claims = { site: 'north', 'a.b': 'dotted', realm: { zone: { id: 7 } }, list: ['x'], yes: true, nothing: null }

  it.each([
    ['c/{clientId}/#', 'c/dev1/x', true], ['c/{clientId}/#', 'c/dev2/x', false], ['c/dev-{clientId}', 'c/dev-dev1', true], ['c/{clientId}-{username}', 'c/dev1-ann', true],
    ['{username}/+', 'ann/x', true], ['t/{tenant}', 't/plant', true], ['s/{claims.site}', 's/north', true], ['s/{claims.a.b}', 's/dotted', true],
    ['s/{claims.realm.zone.id}', 's/7', true], ['s/{claims.yes}', 's/true', true], ['s/{claims.realm}', 's/[object Object]', false], ['s/{claims.list}', 's/x', false],
    ['s/{claims.none}', 's/undefined', false], ['s/{claims.nothing}', 's/null', false], ['s/{claims.constructor}', 's/x', false], ['s/{claims.list.0}', 's/x', false],
    ['s/{other}', 's/{other}', true],
  ])('%s lets publish to %s: %s', (filter, topic, verdict) => expect(mayPublish([allow(filter)], topic, client({ claims, tenant: 'plant' }))).toBe(verdict))

  it('a client without the value: the rule does not apply, be it allow or deny', () => {
    const nobody = client({ username: null })
    expect(mayPublish([allow('u/{username}/#')], 'u/null/x', nobody)).toBe(false)
    expect(mayPublish([allow('#'), deny('u/{username}/#')], 'u/x', nobody)).toBe(true)
    expect(mayPublish([allow('#'), deny('{tenant}/#')], 'u/x', nobody)).toBe(true)
  })
})

it('a rule with a name that cannot stand in a topic, and one that the client does not have, does not apply', () => {
  for (const own of ['c/{clientId}/{username}', 'c/{username}/{clientId}', 'c/{clientId}{username}']) {
    expect(mayPublish([allow('#'), deny(own)], 'c/x/y', client({ clientId: 'a/b', username: null })), own).toBe(true)
  }
})

describe('a name that could be more than a level widens nothing', () => {
  const evil = ['+', '#', 'a/b', 'a/#', '+/+', '', 'a\0b', '/', 'dev1/', 'x+', '#x']
  const topics = ['c', 'c/', 'c/a', 'c/a/b', 'c/a/b/c', 'c/+', 'c/#', 'other', '$SYS/x']
  const grants = ['c', 'c/#', 'c/+', 'c/+/+', 'c/a/#', '#', '+/#', 'other/x']

  it.each(evil)('%j', (name) => {
    for (const subject of [client({ clientId: name }), client({ username: name }), client({ claims: { c: name } })]) {
      const own = ['c/{clientId}/#', 'c/{username}/#', 'c/{claims.c}/#'][subject.clientId === name ? 0 : subject.username === name ? 1 : 2]!
      // An allowance with it never applies …
      expect(topics.filter((t) => !/[+#]/.test(t) && mayPublish([allow(own)], t, subject))).toEqual([])
      expect(grants.filter((f) => granted([allow(own)], f, subject) !== null)).toEqual([])
      // … a denial with it denies all from that level down.
      const denied = [allow('#'), deny(own)]
      expect(['c', 'c/', 'c/a', 'c/a/b/c', 'other'].map((t) => mayReceive(denied, t, subject))).toEqual([true, false, false, false, true])
      expect(['c/+', 'c/+/x', 'c/a/#', 'c/#', '#'].map((f) => granted(denied, f, subject))).toEqual([null, null, null, 2, 2])
    }
  })

  it('whatever comes behind the name in a denial', () => {
    for (const rest of ['', '/x', '/+/x', '/#', '/{clientId}', '/+/{username}/#']) {
      expect([mayReceive([allow('#'), deny(`c/{clientId}${rest}`)], 'c/y', client({ clientId: 'a/b' })), mayReceive([allow('#'), deny(`c/{clientId}${rest}`)], 'd', client({ clientId: 'a/b' }))], rest).toEqual([false, true])
    }
  })

  it('$ begins no topic by a name', () => {
    const subject = client({ clientId: '$SYS', username: '$share' })
    expect(mayReceive([allow('{clientId}/#')], '$SYS/x', subject)).toBe(false)
    expect(granted([allow('{clientId}/#')], '$SYS/#', subject)).toBeNull()
    expect(mayReceive([allow('${claims.x}/#')], '$SYS/x', client({ claims: { x: 'SYS' } }))).toBe(false)
    expect(mayReceive([allow('c/{clientId}/#')], 'c/$SYS/x', subject)).toBe(true)
    // What was to be denied is not known: everything is.
    expect([mayReceive([allow('#'), allow('$SYS/#'), deny('{clientId}/x')], 'a', subject), granted([allow('#'), deny('{clientId}/x')], '#', subject)]).toEqual([false, null])
  })

  it('a wildcard at the first level is not about topics with $ [MQTT-4.7.2-1]', () => {
    for (const filter of ['#', '+/#', '+/x']) expect(mayReceive([allow(filter)], '$SYS/x')).toBe(false)
    expect([granted([allow('#')], '$SYS/#'), granted([allow('+/#')], '$SYS/+'), granted([allow('$SYS/#')], '$SYS/#')]).toEqual([null, null, 2])
    expect(mayReceive([allow('$SYS/#'), deny('#')], '$SYS/x')).toBe(true)
  })
})

describe('a subscription needs a rule that covers all of it', () => {
  test.each([
    ['#', ['#', '+', '+/#', 'a', 'a/#', 'a/+/b'], ['$SYS/#', '$a']],
    ['+', ['+', 'a'], ['#', 'a/b', '+/+', 'a/#']],
    ['a/#', ['a', 'a/#', 'a/+', 'a/b/#'], ['#', '+', '+/a', 'b']],
    ['a/+', ['a/b', 'a/+'], ['a', 'a/#', 'a/+/#', 'a/b/c']],
    ['a/+/#', ['a/b', 'a/+', 'a/+/#', 'a/b/c'], ['a', 'a/#']],
    ['+/#', ['#', '+/#', 'a'], ['$x']],
    ['{clientId}/#', ['dev1', 'dev1/#'], ['+', '+/#', '#', 'dev2']],
    ['a/b', ['a/b'], ['a/+', 'a/#', 'a']],
  ])('%s', (filter, covered, beyond) => {
    expect([...covered, ...beyond].filter((f) => granted([allow(filter)], f) !== null)).toEqual(covered)
  })

  it('is refused where it is denied as a whole, and accepted where it is in part', () => {
    const rules = [allow('#'), deny('a/#')]
    expect(['a/#', 'a/+', 'a', '#', '+', '+/b'].map((f) => granted(rules, f))).toEqual([null, null, null, 2, 2, 2])
    expect([mayReceive(rules, 'a/b'), mayReceive(rules, 'b')]).toEqual([false, true])
  })
})

// ---- against an evaluator that is simple and slow

const SEED = 20_261_121
let state = SEED
const random = (below: number): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((state / 2 ** 32) * below)
}
const pick = <T>(list: readonly T[]): T => list[random(list.length)]!
const maybe = <T>(value: () => T): T | null => (random(4) === 0 ? value() : null)

const LITERALS = ['a', 'b', '']
const UNIVERSE = universe(['a', 'b', 'c', '', '$s'], 4)

function universe(names: readonly string[], depth: number): string[] {
  let longest = names.slice()
  const all = [...longest]
  for (let i = 1; i < depth; i++) all.push(...(longest = longest.flatMap((t) => names.map((n) => `${t}/${n}`))))
  return all.filter((topic) => topic !== '')
}

function randomFilter(levels: readonly string[]): string {
  const names = Array.from({ length: 1 + random(3) }, () => pick(levels))
  const rest = random(3) === 0 ? [...names, '#'] : names
  return random(12) === 0 ? '#' : rest.join('/') || 'a'
}

function randomRule(): RuleConfig {
  const filter = randomFilter([...LITERALS, '+', '+', '$s', '{clientId}', '{username}', '{claims.x}', 'a{clientId}', '{tenant}'])
  const verbs = pick<readonly Verb[]>([['publish'], ['receive'], ['subscribe'], ['receive', 'subscribe'], ['publish', 'receive', 'subscribe']])
  const condition = {
    verbs, qos: maybe(() => pick([[0], [1, 2], [2]] as const)), ...(random(4) === 0 ? { retain: random(2) === 0 } : {}),
    users: maybe(() => ['ann']), roles: maybe(() => ['r', 's']), clientIds: maybe(() => ['a', 'b/c']), tenants: maybe(() => ['b']), anonymous: maybe(() => random(2) === 0),
  }
  return (random(3) === 0 ? deny : allow)(filter, condition)
}

function randomSubject(): Subject {
  return client({
    clientId: pick(['a', 'b', 'c', 'b/c', '+', '', '$s']), username: pick(['a', 'ann', null, '#']), tenant: pick(['', 'b']), roles: pick([[], ['r'], ['x', 's']]),
    claims: pick([null, { x: 'a' }, { x: '+' }, { x: ['a'] }, {}]), grants: maybe(() => [randomRule(), randomRule()]),
  })
}

/** The topics of the universe that the rule is about for this client. */
function topicsOf(rule: RuleConfig, s: Subject): ReadonlySet<string> {
  const { users, roles, clientIds, tenants, anonymous } = rule.who
  const isMeant = (users?.includes(s.username!) ?? true) && (roles?.some((r) => s.roles.includes(r)) ?? true) && (clientIds?.includes(s.clientId) ?? true) && (tenants?.includes(s.tenant) ?? true) && (anonymous === null || anonymous === (s.username === null))
  if (!isMeant) return new Set()
  const values: Readonly<Record<string, unknown>> = { clientId: s.clientId, username: s.username, tenant: s.tenant === '' ? null : s.tenant, 'claims.x': s.claims?.['x'] ?? null }
  const levels: (string | null)[] = []
  for (const level of rule.filter.split('/')) {
    let isUnsafe = false
    let isMissing = false
    const filled = level.replaceAll(/\{([^}]*)\}/g, (_, name: string) => {
      const value = values[name]
      if (value === null) isMissing = true
      else if (typeof value !== 'string' || value === '' || /[+#/]/.test(value) || (value.startsWith('$') && levels.length === 0 && level.startsWith('{'))) isUnsafe = true
      return String(value)
    })
    if (isMissing) return new Set()
    levels.push(isUnsafe ? null : filled)
  }
  const unsafe = levels.indexOf(null)
  if (unsafe < 0) return new Set(UNIVERSE.filter((t) => isMatch(levels as string[], t)))
  if (rule.effect === 'allow') return new Set()
  return new Set(unsafe === 0 ? UNIVERSE : UNIVERSE.filter((t) => isMatch([...(levels.slice(0, unsafe) as string[]), '+', '#'], t)))
}

function isMatch(filter: readonly string[], topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]$/.test(filter[0]!)) return false
  const pattern = filter.map((level) => (level === '+' ? '[^/]*' : level === '#' ? '.*' : level.replaceAll('$', '\\$'))).join('/').replace(/\/\.\*$/, '(/.*)?')
  return new RegExp(`^${pattern}$`, 's').test(topic)
}

type Case = readonly [verb: Verb, qos: 0 | 1 | 2, retain: boolean]

function decide(layers: readonly (readonly RuleConfig[])[], isAbout: (rule: RuleConfig) => boolean, [verb, qos, retain]: Case): boolean {
  for (const layer of layers) {
    const about = layer.filter((r) => r.verbs.includes(verb) && (verb === 'receive' || (r.qos?.includes(qos) ?? true)) && (verb !== 'publish' || r.retain === null || r.retain === retain) && isAbout(r))
    if (about.length > 0) return about.every((r) => r.effect === 'allow')
  }
  return false
}

test(`decides as the simple evaluator does, for topics and for filters by all topics they match (seed ${SEED})`, { timeout: 60_000 }, () => {
  for (let round = 0; round < 200; round++) {
    const layers = Array.from({ length: 1 + random(3) }, () => Array.from({ length: random(6) }, randomRule))
    const subject = randomSubject()
    const rules = new Rules(layers)
    const rights = rules.rightsOf(subject)!
    const asked = [[...layers[0]!, ...(subject.grants ?? [])], ...layers.slice(1)]
    const about = new Map(asked.flat().map((rule) => [rule, topicsOf(rule, subject)]))
    const note = JSON.stringify({ layers, subject }, null, 1)
    for (let i = 0; i < 30; i++) {
      const name = pick(UNIVERSE)
      const topic = Topic.of(name)
      const covers = (rule: RuleConfig): boolean => about.get(rule)!.has(name)
      for (const qos of [0, 1, 2] as const) for (const retain of [false, true]) {
        const expected = decide(asked, covers, ['publish', qos, retain])
        expect(rights.mayPublish(topic, qos, retain), `publish ${name} ${qos} ${retain} ${note}`).toBe(expected)
        expect(rules.explain(subject, 'publish', name, { qos, retain }).allowed, `explain publish ${name} ${note}`).toBe(expected)
      }
      expect(rights.mayReceive(topic), `receive ${name} ${note}`).toBe(decide(asked, covers, ['receive', 0, false]))
    }
    for (let i = 0; i < 30; i++) {
      const filter = randomFilter(['a', 'b', 'c', '+', '+', '$s', ''])
      const matching = UNIVERSE.filter((t) => isMatch(filter.split('/'), t))
      const covers = (rule: RuleConfig): boolean => matching.every((t) => about.get(rule)!.has(t))
      const allowed = ([2, 1, 0] as const).filter((qos) => decide(asked, covers, ['subscribe', qos, false]))
      for (const qos of [0, 1, 2] as const) {
        const expected = allowed.find((q) => q <= qos) ?? null
        expect(rights.grantedQos(filter, qos), `subscribe ${filter} ${qos} ${note}`).toBe(expected)
        const explained = rules.explain(subject, 'subscribe', filter, { qos, retain: false })
        expect(explained.allowed ? explained.qos : null).toBe(expected)
      }
    }
  }
})
