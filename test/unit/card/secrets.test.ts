// Secrets leave the user's file, and everything else in it stays byte for byte.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { exchangeSecrets, ownerOf } from '../../../src/card/secrets.ts'
import { workedSecrets } from '../../../src/card/worked.ts'
import { type Accepted, checkText } from '../../../src/config/load.ts'
import { isSameConfig } from '../../../src/config/sections.ts'
import { StoredSecrets } from '../../../src/config/stored-secrets.ts'
import type { Status } from '../../../src/ops/status.ts'

const state = mkdtempSync(join(tmpdir(), 'sandpiper-stored-'))
afterAll(() => rmSync(state, { recursive: true }))

function accepted(text: string, of = state): Accepted {
  const result = checkText(text, '/card/gateway.yaml', { state: of })
  if ('problems' in result) throw new Error(result.problems[0]!.message)
  return result
}

/** All secrets of a file moved. */
function moved(text: string): string {
  const before = accepted(text)
  const store = new StoredSecrets(state)
  const exchanges = before.secrets.map((secret) => ({ secret, fingerprint: store.keep(secret.bytes) }))
  const { text: changed } = exchangeSecrets(text, exchanges, (next) => {
    const result = checkText(next, '/card/gateway.yaml', { state })
    return !('problems' in result) && isSameConfig(result.config, before.config)
  })
  expect(accepted(changed).config).toEqual(before.config)
  return changed.replaceAll(/g[0-9a-f]{20}/g, 'F')
}

describe('in the file', () => {
  const users = (user: string): string => `site: s # é\naccess:\n  users:\n    - ${user}\n# end\n`

  test.each([
    ['plain', users('{ name: a, password: secret }'), users('{ name: a, password: { stored: F } }')],
    ['quoted, with signs and a comment', users('{ name: a, password: "s: #\\" é" } # mine'), users('{ name: a, password: { stored: F } } # mine')],
    ['single quotes', users("{ password: 'it''s', name: a }"), users('{ password: { stored: F }, name: a }')],
    ['a block group', 'site: s\naccess:\n  users:\n    - name: a\n      password:   secret   # why\n', 'site: s\naccess:\n  users:\n    - name: a\n      password:   { stored: F }   # why\n'],
    ['Windows line ends', 'site: s\r\naccess:\r\n  users:\r\n    - name: a\r\n      password: secret\r\n# end', 'site: s\r\naccess:\r\n  users:\r\n    - name: a\r\n      password: { stored: F }\r\n# end'],
    ['a block of lines', 'site: s\naccess:\n  users:\n    - name: a\n      password: |- # why\n        secret\n      roles: [b]\n', 'site: s\naccess:\n  users:\n    - name: a\n      password: { stored: F } # why\n\n      roles: [b]\n'],
    ['an anchor and its use', 'site: s\naccess: { users: [{ name: a, password: &p secret }, { name: b, password: *p }] }\n', 'site: s\naccess: { users: [{ name: a, password: &p { stored: F } }, { name: b, password: *p }] }\n'],
    ['a tag, with which nothing else can stand', users('{ name: a, password: !!str secret }'), users('{ name: a, password: !!str secret }')],
    ['one that is stored, one that is new', users('{ name: a, password: one }').replace('# end', '    - { name: b, password: "two" }'), users('{ name: a, password: { stored: F } }').replace('# end', '    - { name: b, password: { stored: F } }')],
    ['a file of its own is none of it', users('{ name: a, password: { env: PATH } }'), users('{ name: a, password: { env: PATH } }')],
  ])('%s', (_, before, after) => expect(moved(before)).toBe(after))

  test('many at once, of every section', () => {
    const text = `site: s
access: { users: [{ name: a, password: "a1" }] }
network:
  country: DE
  wifi: [{ ssid: w, password: "wifi pass" }]
  hotspot: { ssid: h, password: "hot  pass", interface: wlan1 }
  modems: [{ name: m, pin: "0123", password: 'p' }]
  dialup: [{ name: d, device: /dev/ttyS0, number: "1", password: x }]
uplinks:
  - { name: u, url: mqtt://h, password: ü, routes: [{ out: a }] }
`
    expect(moved(text).match(/stored: F/g)).toHaveLength(7)
  })
})

describe('fingerprints', () => {
  test('are the same for the same secret, of this gateway only, and tell nothing', () => {
    const store = new StoredSecrets(state)
    const fingerprint = store.keep(Buffer.from('0000'))
    expect(store.keep(Buffer.from('0000'))).toBe(fingerprint)
    expect(store.keep(Buffer.from('0001'))).not.toBe(fingerprint)
    const other = mkdtempSync(join(tmpdir(), 'sandpiper-stored-'))
    expect(new StoredSecrets(other).keep(Buffer.from('0000'))).not.toBe(fingerprint)
    expect(new StoredSecrets(other).read(fingerprint)).toBeNull()
    rmSync(other, { recursive: true })
    expect(new StoredSecrets(state).read(fingerprint)?.toString()).toBe('0000')
  })

  test('lie where only their owner reads them', () => {
    new StoredSecrets(state).keep(Buffer.from('x'))
    expect(statSync(join(state, 'secrets')).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(join(state, 'secrets'))) expect(statSync(join(state, 'secrets', name)).mode & 0o777).toBe(0o600)
    expect(readFileSync(join(state, 'secrets', 'key'))).toHaveLength(32)
  })

  test('of another gateway are refused where the file is run, and pass where it is only looked at', () => {
    const text = 'site: s\naccess: { users: [{ name: a, password: { stored: g00000000000000000000 } }] }'
    expect(checkText(text, '/card/gateway.yaml', { state })).toMatchObject({ problems: [{ code: 'E_SECRET', line: 2, column: 50, message: 'this secret was stored on another gateway', hint: 'write it again: a password as text in quotes, a key as the name of its file' }] })
    expect(checkText(text, '/card/gateway.yaml', { state: null })).toMatchObject({ problems: [{ code: 'E_SECRET' }] })
    expect(checkText(text, '/card/gateway.yaml', { state, secrets: 'optional' })).toMatchObject({ config: { access: { users: [{ password: null }] } }, warnings: [{ code: 'E_SECRET' }] })
    expect(checkText(text, '/card/gateway.yaml')).toMatchObject({ config: { site: 's' }, warnings: [] })
  })

  test.each(['0', '../key', 'key', 'g0', 'G00000000000000000000'])('what is none is refused: %s', (written) => {
    expect(new StoredSecrets(state).read(written)).toBeNull()
    const text = `site: s\naccess: { users: [{ name: a, password: { stored: "${written}" } }] }`
    expect(checkText(text, '/card/gateway.yaml', { state })).toMatchObject({ problems: [{ code: 'E_CONFIG' }] })
  })

  test('very many are not kept for ever, but those in use are', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sandpiper-stored-'))
    const store = new StoredSecrets(folder)
    const used = store.keep(Buffer.from('used'))
    for (let i = 0; i < 210; i++) store.keep(Buffer.from(`${i}`))
    store.tidy((fingerprint) => fingerprint === used)
    expect(readdirSync(join(folder, 'secrets'))).toHaveLength(202) // the key, the one in use, 200 more
    expect(store.read(used)?.toString()).toBe('used')
    rmSync(folder, { recursive: true })
  })
})

describe('what has worked', () => {
  const { config, secrets } = accepted(`site: s
access: { users: [{ name: a, password: a1 }] }
network:
  country: DE
  wifi: [{ ssid: w, password: "wifi pass" }, { ssid: v, password: "wifi pass" }]
  modems: [{ name: m, pin: "0123" }]
  dialup: [{ name: d, device: /dev/ttyS0, number: "1", password: x }]
uplinks:
  - { name: u, url: mqtt://h, password: y, routes: [{ out: a }], links: [{ name: cable }, { name: sat, dial: { pppd: d } }] }
`)
  const status = (uplink: object): Status => ({ uplinks: [{ name: 'u', connected: false, everConnected: false, link: null, ...uplink }] }) as unknown as Status
  const worked = (uplink: object, paths: readonly string[] = []): string[] => workedSecrets(secrets, { config, status: status(uplink), connectedPaths: new Set(paths) }).map(({ path }) => path)

  test.each([
    ['users at once', {}, [], ['access.users[0].password']],
    ['an uplink that was connected', { everConnected: true }, [], ['access.users[0].password', 'uplinks[0].password']],
    ['Wi-Fi that is joined', {}, ['network.wifi[1]'], ['access.users[0].password', 'network.wifi[1].password']],
    ['a modem that is up', {}, ['network.modems[0]'], ['access.users[0].password', 'network.modems[0].pin']],
    ['a line that an uplink uses', { connected: true, everConnected: true, link: 'sat' }, [], ['access.users[0].password', 'uplinks[0].password', 'network.dialup[0].password']],
    ['another link', { connected: true, link: 'cable' }, [], ['access.users[0].password']],
  ] as const)('%s', (_, uplink, paths, expected) => expect(worked(uplink, paths).sort()).toEqual([...expected].sort()))

  test('an anchored secret when all have that use it', () => {
    const both = accepted('site: s\naccess: { users: [{ name: a, password: &p x }] }\nuplinks: [{ name: u, url: mqtt://h, username: u, password: *p, routes: [{ out: a }] }]')
    const of = (everConnected: boolean): number => workedSecrets(both.secrets, { config: both.config, status: status({ everConnected }), connectedPaths: new Set() }).length
    expect([of(false), of(true)]).toEqual([0, 1])
  })

  test.each([['uplinks[0].tls.key', { kind: 'uplink', index: 0 }], ['uplinks[0].tls.cert', null], ['broker.listeners[0].tls.key', null], ['network.hotspot.password', { kind: 'connection', path: 'network.hotspot' }], ['access.users[12].passwordHash', { kind: 'user' }], ['http.tokens[3].token', { kind: 'user' }]])('%s', (path, owner) => expect(ownerOf(path)).toEqual(owner))
})
