// Updates by the API: what is installed, and asking the update service.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ApiBed } from '../../support/api-bed.ts'

let bed: ApiBed
beforeEach(async () => {
  bed = await ApiBed.start('http: { listeners: [{ port: 0 }], anonymous: admin }\n')
})
afterEach(() => bed[Symbol.asyncDispose]())

function put(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}

const requests = () => readdirSync(join(bed.places.gateway, 'requests')).map((name) => JSON.parse(readFileSync(join(bed.places.gateway, 'requests', name), 'utf8')) as unknown)

test('elsewhere than on the image nothing is installed, and that is said', async () => {
  expect((await bed.ask('GET /update')).json).toMatchObject({ available: false, trial: null, last: null })
  const { status, json } = await bed.ask('POST /update/install', { body: { url: 'https://h/x.sandpiper' } })
  expect({ status, json }).toMatchObject({ status: 409, json: { detail: expect.stringContaining('install the newer package') } })
})

test('on the image the service is asked, by a request of the gateway', async () => {
  put(bed.places.raucConfig, '')
  const sha256 = 'ab'.repeat(32)
  const { json } = await bed.ask('POST /update/install', { body: { url: 'https://h/x.sandpiper', sha256 } })
  expect(requests()).toEqual([{ id: (json as { id: string }).id, install: 'https://h/x.sandpiper', sha256, asker: null }])
})

test('going back is asked for in the same way', async () => {
  put(bed.places.raucConfig, '')
  const { json } = await bed.ask('POST /update/rollback')
  expect(requests()).toEqual([{ id: (json as { id: string }).id, rollback: true, asker: null }])
})

test('what is on trial and what became of the last one', async () => {
  put(bed.places.raucConfig, '')
  put(join(bed.places.data, 'trial.json'), JSON.stringify({ kind: 'application', version: '0.3.0', from: '0.2.0', slot: 'x', isInstalled: true, uplinks: ['cloud'], wasDefault: false, waitedMs: 0, job: 'j', asker: null }))
  put(join(bed.places.data, 'last.json'), JSON.stringify({ outcome: 'refused', kind: null, version: null, reason: 'it is not signed', atMs: Date.UTC(2026, 10, 22), job: 'i', source: 'https://h', asker: null }))
  expect((await bed.ask('GET /update')).json).toMatchObject({
    available: true,
    trial: { kind: 'application', version: '0.3.0', from: '0.2.0', waitsFor: ['cloud'] },
    last: { id: 'i', outcome: 'refused', at: '2026-11-22T00:00:00.000Z', text: 'https://h: refused because it is not signed (2026-11-22 00:00 UTC)' },
  })
})

test.each([['file:///etc/passwd'], ['/srv/x.sandpiper'], ['']])('an address has http or https: %j', async (url) => {
  put(bed.places.raucConfig, '')
  expect((await bed.ask('POST /update/install', { body: { url } })).json).toMatchObject({ status: 400, errors: [{ field: '#/url' }] })
})
