// `sandpiper support` beside a gateway and without one: the file is unpacked, and no secret is found in any of its files, wherever the configuration has one.
import { execFile } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BUNDLE_BYTES_MAX } from '../../src/doctor/bundle.ts'
import { StoredSecrets } from '../../src/config/stored-secrets.ts'
import { Site } from '../support/process.ts'
import { unpacked } from '../support/unpacked.ts'
import { SECRET_PLACES, SECRETS_YAML } from '../unit/config/secret-places.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const IN_FILE = 'secret-in-a-file-of-its-own'
const IN_VARIABLE = 'secret-in-an-environment-variable'
const STORED = 'secret-that-the-gateway-has-stored'
const IN_COMMENT = 'secret-that-was-the-password-before'

let site: Site
let text: string

beforeAll(async () => {
  site = await Site.make()
  const stored = new StoredSecrets(site.folder).keep(Buffer.from(STORED))
  await writeFile(join(site.folder, 'cloud.password'), `${IN_FILE}\n`)
  text = `${SECRETS_YAML.replaceAll('port: 0', `port: ${site.port}`).replace(`http:\n  listeners: [{ port: ${site.port} }]`, 'http:\n  listeners: []')}
  - { name: second, clientId: second, url: "mqtt://127.0.0.1:1", username: a, password: { file: cloud.password }, routes: [{ out: "b/#" }] } # ${IN_COMMENT}
  - { name: third, clientId: third, url: "mqtt://127.0.0.1:1", username: a, password: { env: CLOUD_PASSWORD }, routes: [{ out: "c/#" }] }
  - { name: fourth, clientId: fourth, url: "mqtt://127.0.0.1:1", username: a, password: { stored: ${stored} }, routes: [{ out: "d/#" }] }
store: { path: ./data }
`
  await writeFile(site.configFile, text)
}, 30_000)

afterAll(() => site[Symbol.asyncDispose]())

/** Its files by their names, and what it printed. */
async function support(): Promise<{ readonly printed: string; readonly files: ReadonlyMap<string, string> }> {
  const out = join(site.folder, 'support.tar.gz')
  const env = { ...process.env, CLOUD_PASSWORD: IN_VARIABLE }
  const printed = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, [MAIN, 'support', '--config', site.configFile, '--state', site.folder, '--out', out], { env }, (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(stderr))))
  })
  const { size, mode } = await stat(out)
  expect(size).toBeLessThanOrEqual(BUNDLE_BYTES_MAX)
  expect(mode & 0o777).toBe(0o600)
  return { printed, files: new Map([...unpacked(await readFile(out))].map(([path, content]) => [path.replace(/^.*\//, ''), content])) }
}

function expectNoSecret(files: ReadonlyMap<string, string>): void {
  const found = [...files].flatMap(([name, content]) => [...Object.values(SECRET_PLACES), IN_FILE, IN_VARIABLE, STORED, IN_COMMENT].filter((secret) => content.includes(secret)).map((secret) => `${name}: ${secret}`))
  expect(found).toEqual([])
}

describe('sandpiper support', () => {
  test('without a gateway', async () => {
    const { printed, files } = await support()
    expect(printed).toContain('no gateway could be asked')
    expect(files.get('gateway.yaml')).toContain('name: fourth')
    expect(files.get('findings.txt')).toContain('no gateway runs there')
    expect(files.get('README.txt')).toContain('status.json: no gateway runs')
    expectNoSecret(files)
  })

  test('beside one: what it knows, too', async () => {
    await site.start(['--state', site.folder], { CLOUD_PASSWORD: IN_VARIABLE })
    const { printed, files } = await support()
    expect(printed).not.toContain('no gateway could be asked')
    expect(JSON.parse(files.get('status.json')!)).toMatchObject({ site: 'well-07', pid: site.gateway.pid })
    expect(files.get('log.txt')).toContain('sandpiper is ready')
    expect(files.get('metrics.txt')).toContain('sandpiper_clients 0')
    expectNoSecret(files)
  })

  test('with mistakes in the file, one of them in the name of a password', async () => {
    await writeFile(site.configFile, `${text.replace('password: secret-of-a-user', 'pasword: secret-of-a-user')}nonsense: secret-of-the-uplink\n`)
    const { files } = await support()
    expect(files.get('gateway.yaml')).toContain('pasword: (hidden)')
    expect(files.get('last-good.yaml')).toContain('password: (hidden)')
    expect(files.get('findings.txt')).toContain('unknown key `pasword`')
    expectNoSecret(files)
  })

  test('a place that cannot be written is told', async () => {
    const failed = new Promise<string>((resolve) => void execFile(process.execPath, [MAIN, 'support', '--config', site.configFile, '--out', '/proc/none/x'], (_error, _out, stderr) => resolve(stderr)))
    expect(await failed).toMatch(/^sandpiper: \/proc\/none\/x cannot be written \(ENOENT\): name another place by --out FILE/)
  })
})
