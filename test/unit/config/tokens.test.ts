// `access.tokens`: what is made of it, and key files as they come.
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { parse } from 'yaml'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TokenConfig } from '../../../src/config/config.ts'
import { jsonSchema } from '../../../src/config/gateway-schema.ts'
import { checkText, type LoadResult } from '../../../src/config/load.ts'
import { accepted } from './gateway-yaml.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-tokens-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const FULL = `site: s
access:
  tokens:
    - issuer: https://id.example.com/realms/site
      audience: sandpiper
      keys: { jwks: https://id.example.com/realms/site/protocol/openid-connect/certs, refresh: 2h }
      algorithms: [RS256, ES256]
      clockTolerance: 1m
      username: preferred_username
      tenant: tenant
      roles: [roles, groups]
      keycloak: { client: sandpiper }
      scopes: { claim: scp, prefix: "sandpiper." }
      permissions: mqtt
    - { issuer: other, audience: [a, b], keys: { jwks: "http://127.0.0.1:8080/keys" }, roles: group, keycloak: true, scopes: true }
`
const tokensOf = (text: string): readonly TokenConfig[] => accepted(text).access.tokens

describe('the values', () => {
  it('all keys', () => {
    const [first, second] = tokensOf(FULL)
    expect(first).toEqual({
      issuer: 'https://id.example.com/realms/site', audiences: ['sandpiper'], algorithms: ['RS256', 'ES256'], clockToleranceMs: 60_000,
      keys: { kind: 'url', url: new URL('https://id.example.com/realms/site/protocol/openid-connect/certs'), refreshMs: 7_200_000, ca: null },
      username: 'preferred_username', tenant: 'tenant', roles: ['roles', 'groups'], keycloak: { client: 'sandpiper' }, scopes: { claim: 'scp', prefix: 'sandpiper.' }, permissions: 'mqtt',
    })
    expect(second).toMatchObject({ audiences: ['a', 'b'], roles: ['group'], keycloak: { client: null }, scopes: { claim: 'scope', prefix: '' }, permissions: null })
  })

  it('the defaults', () => {
    expect(tokensOf('site: s\naccess: { tokens: [{ keys: { jwks: "https://h/k" } }] }')).toEqual([{
      issuer: null, audiences: null, clockToleranceMs: 30_000, username: 'sub', tenant: null, roles: [], keycloak: null, scopes: null, permissions: null,
      algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
      keys: { kind: 'url', url: new URL('https://h/k'), refreshMs: 3_600_000, ca: null },
    }])
    expect(tokensOf('site: s')).toEqual([])
    expect(tokensOf('site: s\naccess: { tokens: [{ keys: { jwks: "https://h/k" }, keycloak: false, scopes: false }] }')[0]).toMatchObject({ keycloak: null, scopes: null })
  })

  it('a secret takes the algorithms that it is long enough for, and shows in nothing', () => {
    const algorithms = (bytes: number): readonly string[] => tokensOf(`site: s\naccess: { tokens: [{ keys: { secret: ${'s'.repeat(bytes)} } }] }`)[0]!.algorithms
    expect(algorithms(32)).toEqual(['HS256'])
    expect(algorithms(48)).toEqual(['HS256', 'HS384'])
    expect(algorithms(64)).toEqual(['HS256', 'HS384', 'HS512'])
    const secret = randomBytes(32).toString('hex')
    const config = accepted(`site: s\naccess: { tokens: [{ keys: { secret: ${secret} } }] }`)
    for (const text of [JSON.stringify(config), inspect(config, { depth: 20, showHidden: true })]) {
      expect(text).not.toContain(secret)
      expect(text).not.toContain([...Buffer.from(secret)].slice(0, 8).join(','))
      expect(text).not.toContain(Buffer.from(secret).toString('hex').slice(0, 16))
    }
  })

  it('has its keys in the schema for editors', () => {
    const schema = jsonSchema() as { properties: { access: { properties: { tokens: { items: { properties: object } } } } } }
    const { tokens } = (parse(FULL) as { access: { tokens: object[] } }).access
    expect(Object.keys(schema.properties.access.properties.tokens.items.properties)).toEqual(Object.keys(tokens[0]!))
  })
})

describe('key files', () => {
  const load = async (name: string, text: string | Buffer, more = '', secrets: 'require' | 'optional' = 'require'): Promise<LoadResult> => {
    await writeFile(join(folder, name), text)
    return checkText(`site: s\naccess: { tokens: [{ keys: { file: ${name} }${more} }] }`, join(folder, 'gateway.yaml'), { secrets })
  }
  const kinds = (result: LoadResult): string[] => {
    if ('problems' in result) throw new Error(result.problems.map((p) => p.message).join('; '))
    const { keys } = result.config.access.tokens[0]!
    return keys.kind === 'fixed' ? keys.keys.map((key) => `${key.kind} ${key.id ?? '-'} ${key.key.type}`) : []
  }
  const problems = (result: LoadResult): string[] => ('problems' in result ? result.problems.map((p) => `${p.line}:${p.column} ${p.code} ${p.message.replace(folder, '')}`) : [])

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const pem = (key: typeof rsa.publicKey, type: 'spki' | 'pkcs1' = 'spki'): string => key.export({ format: 'pem', type }).toString()
  const jwk = (key: typeof rsa.publicKey): object => key.export({ format: 'jwk' })

  it('PEM, several of all kinds, with text between them', async () => {
    const result = await load('a.pem', `a comment\n${pem(rsa.publicKey)}\n${pem(rsa.publicKey, 'pkcs1')}${pem(ec.publicKey)}`)
    expect(kinds(result)).toEqual(['RSA - public', 'RSA - public', 'P-384 - public'])
    expect(result).toMatchObject({ config: { access: { tokens: [{ algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES384'] }] } } })
  })

  it('a certificate that openssl made', async () => {
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(folder, 'x.key'), '-subj', '/CN=id', '-days', '2']
    expect(kinds(await load('b.pem', execFileSync('openssl', made, { stdio: 'pipe' })))).toEqual(['P-256 - public'])
  })

  it('a key set, and a single key of one', async () => {
    const encryption = { ...jwk(rsa.publicKey), use: 'enc', kid: 'x' }
    expect(kinds(await load('c.json', JSON.stringify({ keys: [{ ...jwk(rsa.publicKey), kid: 'one' }, encryption, jwk(ec.publicKey)] })))).toEqual(['RSA one public', 'P-384 - public'])
    expect(kinds(await load('d.json', `\n ${JSON.stringify(jwk(ec.publicKey))}`))).toEqual(['P-384 - public'])
  })

  it.each([
    ['a private key in PEM', () => rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }), 'it holds a private key'],
    ['the old kind', () => rsa.privateKey.export({ format: 'pem', type: 'pkcs1' }), 'it holds a private key'],
    ['one that is encrypted', () => rsa.privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }), 'it holds a private key'],
    ['one beside a public one', () => `${pem(ec.publicKey)}${ec.privateKey.export({ format: 'pem', type: 'sec1' }).toString()}`, 'it holds a private key'],
    ['one in a key set', () => JSON.stringify({ keys: [jwk(ec.publicKey), ec.privateKey.export({ format: 'jwk' })] }), 'it holds a private or secret key'],
    ['a secret in a key set', () => JSON.stringify({ keys: [jwk(ec.publicKey), { kty: 'oct', k: 'AAAA' }] }), 'it holds a private or secret key'],
    ['a kind that no token has', () => pem(generateKeyPairSync('x25519').publicKey as typeof rsa.publicKey), 'it holds a key that no token can be checked with (x25519)'],
    ['a curve that no token has', () => pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey), 'it holds a key that no token can be checked with (ec, secp256k1)'],
    ['no key', () => 'hello', 'it holds no PEM block'],
    ['half a key', () => pem(rsa.publicKey).slice(0, 200), 'it holds no PEM block'],
    ['a set without keys', () => '{ "keys": [] }', 'it holds no key that tokens could be checked with'],
    ['broken JSON', () => '{ "keys": [', 'it is no JSON'],
    ['too much', () => 'x'.repeat(300_000), 'it is larger than 256 KiB'],
  ])('%s: refused; where the gateway must come up, a warning and no keys', async (_, made, why) => {
    const text = made()
    expect(problems(await load('bad', text))).toEqual([`2:36 E_SECRET /bad cannot be used: ${why}`])
    const result = await load('bad', text, '', 'optional')
    expect(kinds(result)).toEqual([])
    expect('warnings' in result && result.warnings.map((w) => w.code)).toEqual(['E_SECRET'])
  })

  it('garbage in a PEM block: refused, without what it holds', async () => {
    const [problem] = problems(await load('bad', '-----BEGIN PUBLIC KEY-----\nQUJDREVGR0hJSktM\n-----END PUBLIC KEY-----\n'))
    expect(problem).toMatch(/E_SECRET \/bad cannot be used: a PEM block of it is no public key/)
    expect(problem).not.toContain('QUJD')
  })

  it('a missing one is a problem at its place, and is waited for', () => {
    const text = 'site: s\naccess: { tokens: [{ keys: { file: none.pem } }] }'
    expect(problems(checkText(text, join(folder, 'gateway.yaml')))).toEqual(['2:36 E_SECRET /none.pem does not exist'])
    const optional = checkText(text, join(folder, 'gateway.yaml'), { secrets: 'optional' })
    expect(kinds(optional)).toEqual([])
  })

  it('an algorithm that no key of the file has', async () => {
    const result = await load('e.pem', pem(ec.publicKey), ', algorithms: [ES384, RS256]')
    expect(problems(result)).toEqual(['2:65 E_CONFIG RS256 cannot be used with `keys`'])
    expect('problems' in result && result.problems[0]!.hint).toBe('they are for ES384')
  })
})
