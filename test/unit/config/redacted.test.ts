// A configuration without its secrets: of every place that takes one by the schema, and of what a person gets wrong.
import { describe, expect, test } from 'vitest'
import { jsonSchema } from '../../../src/config/gateway-schema.ts'
import { redacted } from '../../../src/config/redacted.ts'
import { check } from './gateway-yaml.ts'
import { SECRET_PLACES, SECRETS_YAML } from './secret-places.ts'

interface Node {
  readonly writeOnly?: boolean
  readonly anyOf?: readonly Node[]
  readonly properties?: Readonly<Record<string, Node>>
  readonly items?: Node
  readonly additionalProperties?: Node | boolean
}

/** Paths of the schema whose value is a secret. */
function secretPaths(node: Node, path: string): string[] {
  return [
    ...(node.writeOnly === true ? [path] : []),
    ...(node.anyOf ?? []).flatMap((one) => secretPaths(one, path)),
    ...Object.entries(node.properties ?? {}).flatMap(([key, one]) => secretPaths(one, path === '' ? key : `${path}.${key}`)),
    ...(node.items === undefined ? [] : secretPaths(node.items, `${path}[]`)),
    ...(typeof node.additionalProperties === 'object' ? secretPaths(node.additionalProperties, `${path}.*`) : []),
  ]
}

describe('every place of the schema that takes a secret', () => {
  test('is in the configuration of this test', () => {
    const places = [...new Set(secretPaths(jsonSchema() as Node, ''))].toSorted()
    expect(places.length).toBeGreaterThan(8)
    expect(Object.keys(SECRET_PLACES).toSorted()).toEqual(places)
  })

  test('is hidden, each by itself, and the rest is as it was', () => {
    expect(check(SECRETS_YAML)).not.toHaveProperty('problems')
    const shown = redacted(SECRETS_YAML)!
    for (const secret of Object.values(SECRET_PLACES)) {
      expect(SECRETS_YAML).toContain(secret)
      expect(shown).not.toContain(secret)
    }
    expect(shown.split('\n').length).toBe(SECRETS_YAML.split('\n').length)
    expect(shown).toContain('username: well-07')
    expect(shown.match(/\(hidden\)/g)!.length).toBe(Object.keys(SECRET_PLACES).length)
  })
})

describe('what a person gets wrong is hidden too', () => {
  test.each<[what: string, text: string, shown: string]>([
    ['a misspelt key', 'site: a\naccess: { users: [{ name: b, pasword: s3cret }] }', 'site: a\naccess: { users: [{ name: b, pasword: (hidden) }] }'],
    ['a number', 'access: { users: [{ name: b, password: 123456 }] }', 'access: { users: [{ name: b, password: (hidden) }] }'],
    ['a list', 'access: { users: [{ name: b, password: [s3cret] }] }', 'access: { users: [{ name: b, password: [(hidden)] }] }'],
    ['a group with a key that is none', 'access: { users: [{ name: b, password: { fil: s3cret } }] }', 'access: { users: [{ name: b, password: { fil: (hidden) } }] }'],
    ['a text where a group belongs', 'access: s3cret', 'access: (hidden)'],
    ['a key that is given twice', 'site: a\nuplinks: [{ name: b, password: s3cret, password: other }]', 'site: a\nuplinks: [{ name: b, password: (hidden), (hidden): (hidden) }]'],
    ['a comment', 'site: a # was s3cret\n# password: s3cret', 'site: a #\n#'],
    ['a comment behind the sign of a block', 'access:\n  users:\n    - name: b\n      password: | # s3cret\n        s3cret\nsite: a', 'access:\n  users:\n    - name: b\n      password: (hidden)\n\nsite: a'],
    ['an anchor at a place that is none', 'site: &s s3cret\naccess: { users: [{ name: b, password: *s }] }', 'site: &s (hidden)\naccess: { users: [{ name: b, password: *s }] }'],
    ['user and password in a URL', 'uplinks: [{ name: b, url: "mqtt://ann:s3c/r@t@host:1883" }]', 'uplinks: [{ name: b, url: "mqtt://(hidden)@host:1883" }]'],
    ['a token in the query of a URL', 'uplinks: [{ name: b, url: "wss://host/mqtt?token=s3cret" }]', 'uplinks: [{ name: b, url: "wss://host/mqtt?(hidden)" }]'],
    ['the key itself instead of its file', 'uplinks: [{ name: b, tls: { key: "-----BEGIN PRIVATE KEY-----s3cret" } }]', 'uplinks: [{ name: b, tls: { key: (hidden) } }]'],
  ])('%s', (_what, text, shown) => {
    expect(redacted(text)).toBe(shown)
  })

  test('a text that is no YAML is not shown', () => {
    expect(redacted('access: { users: [{ password: s3cret')).toBeNull()
  })

  test('what is no secret stays, byte for byte', () => {
    const text = 'site: well-07\r\nbroker:\r\n  listeners:\r\n    - { port: 1883, host: "::" }\r\nuplinks:\r\n  - { name: cloud, url: mqtts://broker.example.com:8883, password: { env: SECRET }, tls: { key: /etc/key.pem } }\r\n'
    expect(redacted(text)).toBe(text)
  })

  test('a bomb of aliases is walked once for each place', () => {
    const bomb = ['a: &a [x, x]', ...Array.from({ length: 20 }, (_, i) => `${String.fromCharCode(98 + i)}: &${String.fromCharCode(98 + i)} [${`*${String.fromCharCode(97 + i)}, `.repeat(9).slice(0, -2)}]`)].join('\n')
    const began = performance.now()
    expect(redacted(bomb)).not.toContain('x')
    expect(performance.now() - began).toBeLessThan(2000)
  })
})
