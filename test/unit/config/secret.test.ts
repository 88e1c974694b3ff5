// Secrets come from the file, another file or the environment; a missing one has its code and place, and no value is ever shown.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkText, type LoadOptions, type LoadResult } from '../../../src/config/load.ts'
import { lines, uplink } from './gateway-yaml.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sandpiper-secret-'))
  writeFileSync(join(folder, 'plain'), 'pass word\n')
  writeFileSync(join(folder, 'windows'), 'pass word\r\n')
  writeFileSync(join(folder, 'bytes'), Buffer.from([0xff, 0x00, 0x0a, 0x0a]))
  writeFileSync(join(folder, 'empty'), '\n')
  writeFileSync(join(folder, 'long'), 'x'.repeat(65_536))
  writeFileSync(join(folder, 'longest'), `${'x'.repeat(65_535)}\r\n`)
  writeFileSync(join(folder, 'ca.pem'), '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n')
})
afterAll(() => rmSync(folder, { recursive: true }))

function check(keys: string, options: LoadOptions = {}, url = 'mqtt://h'): LoadResult {
  return checkText(uplink(keys).replace('mqtt://h', url), join(folder, 'gateway.yaml'), options)
}

function password(result: LoadResult): Buffer | null | undefined {
  return 'config' in result ? result.config.uplinks[0]!.password : undefined
}

it.each([
  ['password: pass word', 'pass word'],
  ['password: { file: plain }', 'pass word'],
  ['password: { file: ./windows }', 'pass word'],
  ['password: { env: CLOUD }', 'from env'],
])('%s', (keys, expected) => expect(password(check(keys, { env: { CLOUD: 'from env' } }))?.toString()).toBe(expected))

it('keeps bytes as they are, but for one newline', () => {
  expect(password(check('password: { file: bytes }'))).toEqual(Buffer.from([0xff, 0x00, 0x0a]))
  expect(password(check('password: { file: longest }'))).toHaveLength(65_535)
})

it.each([
  ['{ file: none }', '6:23 uplinks[0].password.file: FOLDER/none does not exist'],
  ['{ file: . }', '6:23 uplinks[0].password.file: FOLDER cannot be read (EISDIR)'],
  ['{ file: empty }', '6:23 uplinks[0].password.file: FOLDER/empty is empty'],
  ['{ file: long }', '6:23 uplinks[0].password.file: FOLDER/long is longer than 65535 bytes'],
  ['{ env: CLOUD }', '6:22 uplinks[0].password.env: the environment variable CLOUD is not set'],
])('missing %s', (written, line) => {
  const refused = check(`password: ${written}`, { env: { CLOUD: '' } })
  expect(lines(refused)).toEqual([line.replace('FOLDER', folder)])
  expect(refused).toMatchObject({ problems: [{ code: 'E_SECRET' }] })
  const optional = check(`password: ${written}`, { env: {}, secrets: 'optional' })
  expect(password(optional)).toBeNull()
  expect(optional).toMatchObject({ warnings: [{ code: 'E_SECRET', line: 6 }] })
  expect(check(`password: ${written}`, { env: {}, secrets: 'skip' })).toMatchObject({ warnings: [] })
})

it('reads certificates', () => {
  const options = (keys: string, more?: LoadOptions): unknown => {
    const result = check(keys, more, 'mqtts://h')
    return 'config' in result ? result.config.uplinks[0]!.tlsOptions : lines(result)
  }
  expect(options('tls: { ca: ca.pem, servername: cloud }')).toMatchObject({ ca: expect.any(Buffer), servername: 'cloud' })
  expect(options('tls: {}')).toEqual({ ca: null, identity: null, servername: null, alpn: null, versionMax: 'TLSv1.3' })
  expect(options('tls: { ca: plain }')).toEqual(['6:16 uplinks[0].tls.ca: plain holds no PEM certificate'])
  expect(options('tls: { ca: none }')).toEqual([`6:16 uplinks[0].tls.ca: ${folder}/none does not exist`])
  // Trusting nobody, not the system's authorities instead.
  expect(options('tls: { ca: none }', { secrets: 'optional' })).toMatchObject({ ca: Buffer.alloc(0), servername: null })
})

it.each(['password: 77001', 'password: [hunter]', 'password: hunter\nversion: 4', 'password: true'])('%j stays out of every message', (keys) => {
  const result = check(keys)
  expect('problems' in result && JSON.stringify(result.problems)).toMatch(/^\[\{(?!.*(hunter|77001))/)
})
