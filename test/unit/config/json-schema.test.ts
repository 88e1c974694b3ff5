// The JSON Schema for editors agrees with the checks, and documents every key.
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { defaultConfigText } from '../../../src/config/default.ts'
import { jsonSchema } from '../../../src/config/gateway-schema.ts'
import { check, EXAMPLE, uplink } from './gateway-yaml.ts'
import * as mistakes from './mistakes.ts'

interface Node {
  readonly [keyword: string]: unknown
  readonly type?: string
  readonly properties?: Readonly<Record<string, Node>>
  readonly required?: readonly string[]
  readonly items?: Node
  readonly anyOf?: readonly Node[]
  readonly propertyNames?: { readonly pattern?: string }
}

const KEYWORDS = new Set([
  '$schema', 'title', 'type', 'properties', 'required', 'additionalProperties', 'propertyNames', 'items', 'minItems', 'anyOf', 'enum', 'const',
  'pattern', 'minLength', 'minimum', 'maximum', 'description', 'default', 'writeOnly',
])

/** As much of JSON Schema as the generated one uses. */
function valid(node: Node, value: unknown): boolean {
  for (const keyword of Object.keys(node)) if (!KEYWORDS.has(keyword)) throw new Error(`unknown keyword ${keyword}`)
  if (node.anyOf !== undefined && !node.anyOf.some((n) => valid(n, value))) return false
  if ('const' in node && node['const'] !== value) return false
  if (Array.isArray(node['enum']) && !node['enum'].includes(value)) return false
  switch (node.type) {
    case 'object': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
      if (node.required?.some((key) => !Object.hasOwn(value, key)) === true) return false
      if (node.properties === undefined) return Object.entries(value).every(([key, inner]) => new RegExp(node.propertyNames!.pattern!, 'u').test(key) && valid(node.additionalProperties as Node, inner))
      return Object.entries(value).every(([key, inner]) => Object.hasOwn(node.properties!, key) && valid(node.properties![key]!, inner))
    }
    case 'array':
      return Array.isArray(value) && value.length >= ((node['minItems'] as number | undefined) ?? 0) && value.every((item) => valid(node.items!, item))
    case 'string':
      return typeof value === 'string' && value.length >= ((node['minLength'] as number | undefined) ?? 0) && (node['pattern'] === undefined || new RegExp(node['pattern'] as string, 'u').test(value))
    case 'integer':
    case 'number':
      if (typeof value !== 'number' || (node.type === 'integer' && !Number.isInteger(value))) return false
      return value >= ((node['minimum'] as number | undefined) ?? -Infinity) && value <= ((node['maximum'] as number | undefined) ?? Infinity)
    case 'boolean':
      return typeof value === 'boolean'
    default:
      return true
  }
}

const schema = jsonSchema() as Node

/** Every key of the schema, with its path. */
function keys(node: Node, path = ''): [path: string, node: Node][] {
  const here = Object.entries(node.properties ?? {}).flatMap(([key, inner]): [string, Node][] => [[`${path}${key}`, inner], ...keys(inner, `${path}${key}.`)])
  return [...here, ...(node.items === undefined ? [] : keys(node.items, path)), ...(node.anyOf ?? []).flatMap((n) => keys(n, path))]
}

it('is plain JSON', () => expect(JSON.parse(JSON.stringify(schema))).toEqual(schema))

it.each([['the example', EXAMPLE], ['the default', defaultConfigText], ['an uplink', uplink('password: x\nkeepAlive: 0')], ['times to connect', uplink('connect: { when: { queued: 5, class: [live], schedule: "*/30 * * * *", window: ["mon-fri 22:00-06:00", 2:00-4:00], passes: p, idle: 5s } }')]])('accepts %s', (_, text) => {
  expect(valid(schema, parse(text))).toBe(true)
})

it('describes every key, in sentences', () => {
  const described = keys(schema)
  expect(described.length).toBeGreaterThan(70)
  expect(described.filter(([, node]) => !/^\S.{8,}[.)]$/.test(String(node['description']))).map(([path]) => path)).toEqual([])
})

it('has defaults that it accepts itself', () => {
  expect(keys(schema).filter(([, node]) => 'default' in node && !valid(node, node['default'])).map(([path]) => path)).toEqual([])
})

it('takes every text that the checks take', () => {
  const texts = ['site: s\nalarms: { topic: a/b, uplinkDown: off, queue: off, store: 95.5%, temperature: off, budget: off }', 'site: s\naccess: { rules: [{ allow: publish, topic: a, qos: 1, retain: true }, { deny: [read, publish], topics: [a, "{clientId}"], users: [u], roles: [r], clientIds: [c], anonymous: false }], aclFile: acl }', 'site: s', 'site: s\nbroker: { maxSessionExpiry: never, sysInterval: 0s, maxPacketSize: 64KiB, maxKeepAlive: none, maxPublishesPerSecond: none, maxConnectionsPerAddress: auto }', 'site: s\naccess: { passwordFile: p, users: [{ name: a, tenant: "", roles: [r] }, { name: b, passwordHash: { file: h } }] }', ...['pppd: sat, timeout: 90s, maxCost: 20kB', 'modem: lte', 'interface: wwan0, wait: true', 'command: [up, ""], down: [down], stays: true, interface: ppp0'].map((keys) => uplink(`dial: { ${keys} }`)), uplink('version: 4\nusername: u\npassword: { env: A }\ntls: {}').replace('mqtt:', 'mqtts:'), ...['roles: r, keycloak: true', 'audience: a, scopes: { prefix: p }', 'algorithms: [RS256], roles: [r, s], keycloak: { client: c }, scopes: false'].map((keys) => `site: s\naccess: { tokens: [{ issuer: i, keys: { jwks: "https://h/k" }, ${keys} }] }`)]
  expect(texts.filter((text) => !('config' in check(text)) || !valid(schema, parse(text)))).toEqual([])
})

it('refuses the mistakes of kind and spelling', () => {
  const taken = mistakes.valueMistakes.filter(([, text]) => valid(schema, parse(text))).map(([name]) => name)
  // Whether a quantity is in its range is beyond a pattern.
  expect(taken).toEqual(['duration too long', 'size too small'])
})
