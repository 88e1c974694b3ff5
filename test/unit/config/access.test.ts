// `access.users` and the password file: who is there, and what that means for listeners.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Config } from '../../../src/config/config.ts'
import { checkText, type LoadOptions, type LoadResult } from '../../../src/config/load.ts'
import { describePassword, formatPasswordHash, type PasswordHash } from '../../../src/config/password-hash.ts'
import { lines } from './gateway-yaml.ts'

const HASH = `$7$101$AAECAwQFBgcICQoL$${Buffer.alloc(64, 1).toString('base64')}`
const OTHER = `$6$AAECAwQFBgcICQoL$${Buffer.alloc(64, 2).toString('base64')}`

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sandpiper-access-'))
  mkdirSync(join(folder, 'sub'))
  writeFileSync(join(folder, 'passwd'), `# users\npump:${HASH}\nmeter:${OTHER}\n`)
  writeFileSync(join(folder, 'empty'), '# nobody yet\n')
  writeFileSync(join(folder, 'broken'), `pump:${HASH}\nmeter:secret\n\nsecret\n`)
  writeFileSync(join(folder, 'large'), '#'.repeat(10_000_001))
  writeFileSync(join(folder, 'hash'), `${HASH}\n`)
  writeFileSync(join(folder, 'plain'), 'secret\n')
})
afterAll(() => rmSync(folder, { recursive: true }))

function check(text: string, options: LoadOptions = { env: {} }): LoadResult {
  return checkText(`site: s\n${text}`, join(folder, 'gateway.yaml'), options)
}

function accepted(text: string, options?: LoadOptions): Config {
  const result = check(text, options)
  if ('problems' in result) throw new Error(lines(result).join('\n'))
  return result.config
}

/** Name, password, tenant and roles of each. */
function users(text: string, options?: LoadOptions): string[] {
  return accepted(text, options).access.users.map(({ name, password, tenant, roles }) => [name, password === null ? '-' : password.kind === 'plain' ? password.password.toString() : formatPasswordHash(password), tenant, ...roles].join(' ').trimEnd())
}

describe('users', () => {
  it.each([
    ['users: [{ name: a, password: x }]', ['a x']],
    [`users: [{ name: a, passwordHash: "${HASH}" }]`, [`a ${HASH}`]],
    ['users: [{ name: a, passwordHash: { file: hash } }]', [`a ${HASH}`]],
    ['users: [{ name: a, passwordHash: { env: A } }]', [`a ${OTHER}`]],
    ['users: [{ name: a }]', ['a -']],
    ['users: [{ name: a, password: x, roles: [admin, ops-1] }]', ['a x  admin ops-1']],
    ['passwordFile: passwd', [`pump ${HASH}`, `meter ${OTHER}`]],
    ['passwordFile: sub/../passwd', [`pump ${HASH}`, `meter ${OTHER}`]],
    ['passwordFile: passwd\n  users: [{ name: a, password: x }, { name: meter, roles: [r] }]', ['a x', `meter ${OTHER}  r`, `pump ${HASH}`]],
    ['passwordFile: empty', []],
  ])('%s', (keys, expected) => expect(users(`access:\n  ${keys}\n`, { env: { A: OTHER } })).toEqual(expected))

  it('are in a tenant that is there', () => {
    expect(users('tenants: [{ name: acme }]\naccess: { users: [{ name: a, password: x, tenant: acme }] }')).toEqual(['a x acme'])
    expect(lines(check('access: { users: [{ name: a, password: x, tenant: acme }] }'))).toEqual(['2:51 access.users[0].tenant: there is no tenant "acme"'])
  })

  it('of the file are looked for again when it changes, also when it was not there', () => {
    const files = (file: string): unknown => {
      const result = check(`access: { passwordFile: ${file} }`, { secrets: 'optional' })
      return 'files' in result && result.files
    }
    expect(files('passwd')).toContain(join(folder, 'passwd'))
    expect(files('none')).toContain(join(folder, 'none'))
  })

  it('are not in a dump', () => {
    const config = accepted(`access:\n  passwordFile: passwd\n  users: [{ name: a, password: hunter2 }, { name: b, passwordHash: "${HASH}" }]`)
    expect(config.access.users.map(({ password }) => describePassword(password!).split(',')[0])).toEqual(['plain text', 'PBKDF2-SHA512', 'PBKDF2-SHA512', 'SHA-512'])
    for (const dump of [JSON.stringify(config), inspect(config, { depth: 20 })]) expect(dump).not.toMatch(/hunter2|\b104,|68 75 6e|AQEBAQ|01 01 01|1,1,1/)
    expect((config.access.users[1]!.password as PasswordHash).hash).toHaveLength(64)
  })
})

describe('mistakes', () => {
  it.each([
    ['a file that is not there', 'passwordFile: none', ['3:17 access.passwordFile: FOLDER/none does not exist']],
    ['a folder', 'passwordFile: sub', ['3:17 access.passwordFile: FOLDER/sub is no ordinary file']],
    ['a device', 'passwordFile: /dev/zero', ['3:17 access.passwordFile: /dev/zero is no ordinary file']],
    ['a file that is too large', 'passwordFile: large', ['3:17 access.passwordFile: FOLDER/large is larger than 10 MB']],
    ['a broken file', 'passwordFile: broken', ['3:17 access.passwordFile: FOLDER/broken line 2: user "meter": the password is there as plain text, not as a hash', '3:17 access.passwordFile: FOLDER/broken line 4: the line has no colon']],
    ['a password in both', 'passwordFile: passwd\n  users: [{ name: meter, password: x }]', ['4:19 access.users[0].name: the user "meter" has a password here and on line 3 of FOLDER/passwd']],
    ['no hash in its file', 'users: [{ name: a, passwordHash: { file: plain } }]', ['3:36 access.users[0].passwordHash: `passwordHash`: the password is there as plain text, not as a hash']],
  ])('%s', (_, keys, problems) => {
    const result = check(`access:\n  ${keys}\n`)
    expect(lines(result)).toEqual(problems.map((line) => line.replaceAll('FOLDER', folder)))
    expect(JSON.stringify(result)).not.toMatch(/"secret|secret"/)
    for (const { hint } of 'problems' in result ? result.problems : []) expect(hint.length).toBeGreaterThan(8)
  })

  // The last good configuration must come up: with those whose passwords can be read.
  it.each([
    ['passwordFile: none', [], 1],
    ['passwordFile: broken', [`pump ${HASH}`], 2],
    ['passwordFile: passwd\n  users: [{ name: meter, password: x }]', ['meter x', `pump ${HASH}`], 1],
    ['users: [{ name: a, passwordHash: { file: plain } }]', ['a -'], 1],
    ['users: [{ name: a, passwordHash: { file: none } }, { name: b, password: { file: none } }]', ['a -', 'b -'], 2],
  ])('are warnings where the gateway must come up: %s', (keys, expected, warnings) => {
    const text = `access:\n  ${keys}\n`
    expect(users(text, { secrets: 'optional', env: {} })).toEqual(expected)
    const result = check(text, { secrets: 'optional', env: {} })
    expect('warnings' in result && result.warnings).toHaveLength(warnings)
    // And nobody comes in because of it.
    expect(accepted(text, { secrets: 'optional', env: {} }).broker.listeners.map((l) => l.anonymous)).toEqual([false])
  })

  it('a file without users is a warning: the last one may be taken away', () => {
    const result = check('access: { passwordFile: empty }')
    expect('warnings' in result && result.warnings.map((w) => w.message)).toEqual([`${join(folder, 'empty')} has no users yet`])
  })
})

describe('listeners without `anonymous`', () => {
  const LISTENERS = 'broker: { listeners: [{ port: 1 }, { port: 2, host: "::" }, { socket: s }, { port: 3, anonymous: true }, { port: 4, host: 0.0.0.0, anonymous: true }] }\n'
  const anonymous = (text: string, options?: LoadOptions): boolean[] => accepted(LISTENERS + text, options).broker.listeners.map((l) => l.anonymous)

  it.each([
    ['a user with a password', 'access: { users: [{ name: a, password: x }] }'],
    ['a user with a hash', `access: { users: [{ name: a, passwordHash: "${HASH}" }] }`],
    ['a password file', 'access: { passwordFile: passwd }'],
    ['a password file without users yet', 'access: { passwordFile: empty }'],
  ])('ask for users on every address when there is %s', (_, text) => {
    expect(anonymous(text)).toEqual([false, false, false, true, true])
    expect(anonymous(text, { secrets: 'skip' })).toEqual([false, false, false, true, true])
  })

  it.each([['', 'site'], ['access: { users: [{ name: a }] }', 'a user without a password']])('let in whoever is on this machine, and must say so elsewhere: %j', (text) => {
    expect(lines(check(LISTENERS + text))).toEqual(['2:53 broker.listeners[1].host: listening on :: lets everyone on that network connect, publish and read'])
    expect(accepted(text).broker.listeners).toMatchObject([{ host: '127.0.0.1', anonymous: true }])
  })
})
