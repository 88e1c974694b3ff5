// GET /support: the bundle of a gateway that runs, for admins only, and with no secret of its configuration.
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BUNDLE_BYTES_MAX } from '../../../src/doctor/bundle.ts'
import { ApiBed, bearer } from '../../support/api-bed.ts'
import { unpacked } from '../../support/unpacked.ts'
import { SECRET_PLACES, SECRETS_YAML } from '../config/secret-places.ts'

const VIEWER = SECRET_PLACES['http.tokens[].token']!
const ADMIN = 'secret-of-an-administrator-who-asks'

let bed: ApiBed

beforeAll(async () => {
  const yaml = SECRETS_YAML.replace('  tokens:\n    - name: prometheus', `  tokens:\n    - { name: helper, token: ${ADMIN}, role: admin }\n    - name: prometheus`)
  bed = await ApiBed.start(yaml)
  bed.said.push('{"level":40,"time":0,"msg":"something was said"}\n')
}, 30_000)

afterAll(() => bed[Symbol.asyncDispose]())

function download(): Promise<{ readonly type: string; readonly bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: bed.api.ports[0]!, path: '/api/v1/support', headers: bearer(ADMIN) }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve({ type: answer.headers['content-type'] ?? '', bytes: Buffer.concat(chunks) })).on('error', reject)
    }).on('error', reject).end()
  })
}

describe('GET /support', () => {
  test('is for admins', async () => {
    expect((await bed.ask('GET /support', { headers: bearer(VIEWER) })).status).toBe(403)
    expect((await bed.ask('GET /support')).status).toBe(401)
  })

  test('has everything that is asked for first, and none of the secrets', async () => {
    const { type, bytes } = await download()
    expect(type).toBe('application/gzip')
    expect(bytes.length).toBeLessThan(BUNDLE_BYTES_MAX)
    const files = new Map([...unpacked(bytes)].map(([path, text]) => [path.replace(/^.*\//, ''), text]))
    for (const name of ['README.txt', 'findings.txt', 'configuration-in-force.yaml', 'log.txt', 'status.json', 'uplinks.json', 'sensors.json', 'outputs.json', 'machine.txt', 'board.json', 'metrics.txt']) {
      expect([...files.keys()]).toContain(name)
    }
    expect(JSON.parse(files.get('status.json')!)).toMatchObject({ site: 'well-07', pid: process.pid })
    expect(files.get('findings.txt')).toMatch(/^fault {2}tcp\/127\.0\.0\.1: nothing listens at 127\.0\.0\.1:1$/m)
    expect(files.get('log.txt')).toContain('something was said')
    expect(files.get('metrics.txt')).toContain('sandpiper_info{')
    expect(files.get('configuration-in-force.yaml')).toContain('password: (hidden)')
    const all = [...files.values()].join('\n')
    for (const secret of [...Object.values(SECRET_PLACES), ADMIN]) expect(all).not.toContain(secret)
  })

  test('asked for twice at once it is made once', async () => {
    const [first, second] = await Promise.all([download(), download()])
    expect(first.bytes.equals(second.bytes)).toBe(true)
  })
})
