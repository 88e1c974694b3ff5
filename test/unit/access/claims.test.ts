// Claims of a verified token → who its bearer is.
import { describe, expect, it } from 'vitest'
import { checkBounds, type Claims, claimAt, identityOf } from '../../../src/access/claims.ts'
import type { Identity } from '../../../src/access/identity.ts'
import type { TokenConfig } from '../../../src/config/config.ts'
import { LoginRefused, Reason } from '../../../src/mqtt/reason.ts'

const CONFIG: TokenConfig = {
  issuer: 'i', audiences: null, keys: { kind: 'fixed', keys: [] }, algorithms: [], clockToleranceMs: 0,
  username: 'sub', tenant: null, roles: [], keycloak: null, scopes: null, permissions: null,
}

/** As JSON.parse makes them: `__proto__` is a member like any other. */
function identity(json: string | object, config: Partial<TokenConfig> = {}, tenant = ''): Identity & { readonly told: readonly string[] } {
  const claims = (typeof json === 'string' ? JSON.parse(json) : JSON.parse(JSON.stringify(json))) as Claims
  const told: string[] = []
  return { ...identityOf({ sub: 'u', ...claims }, { config: { ...CONFIG, ...config }, tenant, endsAtMs: 7, tell: (why) => told.push(why) }), told }
}

function whyNot(json: string | object, config: Partial<TokenConfig> = {}): string {
  try {
    identity(json, config)
  } catch (error) {
    if (!(error instanceof LoginRefused)) throw error
    expect(error.reason).toBe(Reason.badUserNameOrPassword)
    expect(error.message).toBe('wrong user or password')
    return error.why
  }
  throw new Error('accepted')
}

const rules = ({ grants }: Identity): string[] | null => grants?.map((r) => `${r.effect} ${r.verbs.join('+')} ${r.filter}`) ?? null

describe('paths', () => {
  const claims = { a: { b: { c: 1 } }, 'https://example.com/roles': 2, 'a.b': 3, list: [4] }
  it.each([
    ['a.b.c', 1],
    ['https://example.com/roles', 2],
    ['a.b', 3],
    ['list', [4]],
    ['a', { b: { c: 1 } }],
    ['a.b.d', undefined],
    ['a.b.c.d', undefined],
    ['list.0', undefined],
    ['list.length', undefined],
    ['a..c', undefined],
  ])('%s', (path, value) => expect(claimAt(claims, path)).toEqual(value))

  it.each(['__proto__', 'constructor', 'toString', 'a.__proto__', 'a.constructor.name', '__proto__.polluted'])('%s is no claim where the token has none', (path) => {
    expect(claimAt(JSON.parse('{"a":{}}') as Claims, path)).toBeUndefined()
  })

  it('__proto__ is a claim where the token has one', () => {
    expect(claimAt(JSON.parse('{"__proto__":{"x":1}}') as Claims, '__proto__.x')).toBe(1)
    expect(identity('{"__proto__":"p"}', { username: '__proto__' }).username).toBe('p')
  })
})

describe('user', () => {
  it('is the claim that the configuration names', () => {
    expect(identity({})).toMatchObject({ username: 'u', tenant: '', roles: [], grants: null, endsAtMs: 7, by: 'token' })
    expect(identity({ a: { b: 'x' } }, { username: 'a.b' }).username).toBe('x')
  })

  it.each([
    ['a number', '{"sub":5}', 'its claim sub is no text'],
    ['true', '{"sub":true}', 'its claim sub is no text'],
    ['null', '{"sub":null}', 'its claim sub is no text'],
    ['a list', '{"sub":["u"]}', 'its claim sub is no text'],
    ['an object', '{"sub":{}}', 'its claim sub is no text'],
    ['empty', '{"sub":""}', 'its claim sub is empty'],
    ['a control character', '{"sub":"a\\u0000b"}', 'its claim sub has a character that no name has'],
    ['a line end', '{"sub":"a\\nb"}', 'its claim sub has a character that no name has'],
    ['half a character', '{"sub":"\\ud800"}', 'its claim sub has a character that no name has'],
    ['too long', JSON.stringify({ sub: 'u'.repeat(257) }), 'its claim sub is longer than 256 characters'],
  ])('%s: refused', (_, json, why) => expect(whyNot(json)).toBe(`the token is refused: ${why}`))

  it('missing: refused', () => expect(whyNot({}, { username: 'constructor' })).toBe('the token is refused: it has no claim constructor'))
})

describe('tenant', () => {
  it('is the claim, else what the listener says', () => {
    expect(identity({ t: 'site-a' }, { tenant: 't' }).tenant).toBe('site-a')
    expect(identity({ t: 'site-a' }, { tenant: 't' }, 'site-b').tenant).toBe('site-a')
    expect(identity({}, { tenant: 't' }, 'site-b').tenant).toBe('site-b')
    expect(identity({ t: 'site-a' }).tenant).toBe('')
    expect(whyNot({}, { tenant: 't' })).toMatch(/no claim t, which says its tenant/)
  })

  it.each(['', 5, null, ['a'], 'a/b', '../a', 'a b', '+', '#', '-a', 'a'.repeat(65)])('%j: refused', (t) => {
    expect(whyNot({ t }, { tenant: 't' })).toMatch(/^the token is refused: its claim t /)
  })
})

describe('roles', () => {
  it('come from lists and from texts with blanks, each once', () => {
    expect(identity({ r: ['a', 'b c'], s: ' b  d ', n: { r: ['a', 'e'] } }, { roles: ['r', 's', 'n.r', 'none'] }).roles).toEqual(['a', 'b c', 'b', 'd', 'e'])
  })

  it('may have the names of a prototype', () => {
    expect(identity('{"r":["__proto__","constructor"]}', { roles: ['r'] }).roles).toEqual(['__proto__', 'constructor'])
  })

  const realm = { realm_access: { roles: ['offline_access', 'ops'] }, resource_access: { 'my.client': { roles: ['reader'] }, account: { roles: ['manage-account'] } } }
  it('of Keycloak: the realm’s, and those of one client', () => {
    expect(identity(realm, { keycloak: { client: null } }).roles).toEqual(['offline_access', 'ops'])
    expect(identity(realm, { keycloak: { client: 'my.client' } }).roles).toEqual(['offline_access', 'ops', 'reader'])
    expect(identity(realm, { keycloak: { client: 'constructor' } }).roles).toEqual(['offline_access', 'ops'])
    expect(identity(realm).roles).toEqual([])
    expect(identity({}, { keycloak: { client: 'my.client' } }).roles).toEqual([])
  })

  it.each([[5], [{}], [[1]], [['']], [['a\nb']], [['a'.repeat(257)]], [null], [Array.from({ length: 257 }, (_, i) => `r${i}`)]])('%j: refused', (r) => {
    expect(whyNot({ r }, { roles: ['r'] })).toMatch(/^the token is refused: /)
  })
})

describe('what it allows', () => {
  it('nothing is said where nothing is configured, and nothing is allowed where the token has nothing', () => {
    expect(identity({ mqtt: { publish: ['a'] }, scope: 'read:*/*' }).grants).toBeNull()
    expect(identity({}, { permissions: 'mqtt' }).grants).toEqual([])
    expect(identity({}, { scopes: { claim: 'scope', prefix: '' } }).grants).toEqual([])
  })

  it('permissions are filters by verb', () => {
    const mqtt = { publish: ['a', 'a/+'], subscribe: ['b/#'], receive: ['c'], read: ['d'], all: ['e'] }
    expect(rules(identity({ mqtt }, { permissions: 'mqtt' }))).toEqual([
      'allow publish a', 'allow publish a/+', 'allow subscribe b/#', 'allow receive c', 'allow receive+subscribe d', 'allow publish+receive+subscribe e',
    ])
    expect(identity({ mqtt }, { permissions: 'mqtt' }).grants![0]).toMatchObject({ qos: null, retain: null, where: 'token, mqtt.publish', who: { users: null, anonymous: null } })
  })

  it.each(['a/#/b', 'a+', '', 'a\0', 'u/{username}', '{', '}', '$share/g/a'])('the filter %j allows nothing, and that is told without it', (filter) => {
    const known = identity({ mqtt: { publish: [filter, 'ok'] } }, { permissions: 'mqtt' })
    expect(rules(known)).toEqual(['allow publish ok'])
    expect(known.told).toEqual(['mqtt.publish has what is no topic filter, or has { or }: it allows nothing'])
  })

  it.each(['write', '__proto__', 'constructor', 'Publish'])('a permission %s allows nothing', (verb) => {
    const known = identity(`{"mqtt":{"${verb}":["a"]}}`, { permissions: 'mqtt' })
    expect(known.grants).toEqual([])
    expect(known.told).toEqual(['mqtt has a permission that is not known here: it allows nothing'])
  })

  it.each([['text'], [5], [['a']], [{ publish: 'a' }], [{ publish: [5] }], [null]])('permissions that are %j: refused', (mqtt) => {
    expect(whyNot({ mqtt }, { permissions: 'mqtt' })).toMatch(/^the token is refused: its claim mqtt is no /)
  })

  it('scopes are of the tenant that the bearer is in', () => {
    const scopes = { claim: 'scope', prefix: 'sp.' }
    expect(rules(identity({ scope: 'openid sp.read:site-a/x sp.read:%2F/y' }, { scopes }, 'site-a'))).toEqual(['allow receive+subscribe x'])
    expect(rules(identity({ scope: ['openid', 'sp.write:*/x', 'sp.read:site-a/y'], t: 'site-b' }, { scopes, tenant: 't' }, ''))).toEqual(['allow publish x'])
  })

  it('more than 256 permissions: refused', () => {
    const publish = Array.from({ length: 257 }, (_, i) => `t/${i}`)
    expect(whyNot({ mqtt: { publish } }, { permissions: 'mqtt' })).toBe('the token is refused: it has more than 256 permissions')
    expect(identity({ mqtt: { publish: publish.slice(1) } }, { permissions: 'mqtt' }).grants).toHaveLength(256)
  })
})

describe('what is kept', () => {
  it('short texts, numbers and true or false, without what changes with every token', () => {
    const { claims } = identity({ site: 'a', n: 5, b: true, long: 'x'.repeat(129), list: ['a'], group: {}, none: null, exp: 1, jti: 'j', iat: 2 })
    expect({ ...claims }).toEqual({ sub: 'u', site: 'a', n: 5, b: true })
  })

  it('has no members but the claims', () => {
    const { claims } = identity('{"__proto__":"p"}')
    expect(claims!['constructor']).toBeUndefined()
    expect(claims!['toString']).toBeUndefined()
    expect(claims!['__proto__']).toBe('p')
    expect(({} as Record<string, unknown>)['p']).toBeUndefined()
  })

  it('32 of them at most', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`c${i}`, i]))
    expect(Object.keys(identity(many).claims!)).toHaveLength(32)
  })
})

describe('bounds', () => {
  it('16 levels, 128 claims', () => {
    const deep = (levels: number): Claims => JSON.parse(`${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`) as Claims
    const wide = (count: number): Claims => Object.fromEntries(Array.from({ length: count }, (_, i) => [`c${i}`, i]))
    expect(() => checkBounds(deep(16))).not.toThrow()
    expect(() => checkBounds(deep(17))).toThrow(LoginRefused)
    expect(() => checkBounds({ a: JSON.parse(`${'['.repeat(8000)}${']'.repeat(8000)}`) as unknown })).toThrow(LoginRefused)
    expect(() => checkBounds(wide(128))).not.toThrow()
    expect(() => checkBounds(wide(129))).toThrow(LoginRefused)
  })
})
