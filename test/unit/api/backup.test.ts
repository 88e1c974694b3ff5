// A backup by the API, and what of a backup is refused: then nothing is left of it, and nothing was touched.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FORMAT, type Manifest } from '../../../src/backup/manifest.ts'
import { end, entryHeader, padding, readTar } from '../../../src/tar.ts'
import { API_SOCKET } from '../../../src/api/api.ts'
import { until } from '../../support/until.ts'
import { ApiBed } from '../../support/api-bed.ts'

let bed: ApiBed
let backup: Buffer
let files: Map<string, Buffer>

beforeAll(async () => {
  bed = await ApiBed.start('', { store: 'sqlite' })
  const client = await bed.gateway.connect(5, { clientId: 'pump' })
  client.send({ cmd: 'publish', messageId: 1, qos: 1, dup: false, retain: true, topic: 'lamp', payload: 'on' })
  await client.expect({ cmd: 'puback' })
  const answer = await bed.ask('GET /backup', { socket: true })
  expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/zstd' } })
  backup = answer.bytes
  files = await filesOf(backup)
})
afterAll(() => bed[Symbol.asyncDispose]())

async function filesOf(bytes: Buffer): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>()
  let name = ''
  let pieces: Buffer[] = []
  await readTar(Readable.from([zstdDecompressSync(bytes)]), {
    begin: (entry) => {
      name = entry.name
      pieces = []
    },
    write: (piece) => void pieces.push(piece),
    finish: () => void found.set(name, Buffer.concat(pieces)),
  })
  return found
}

function packed(of: ReadonlyMap<string, Buffer>): Buffer {
  return zstdCompressSync(Buffer.concat([...[...of].flatMap(([name, content]) => [entryHeader({ name, bytes: content.length }, 0), content, padding(content.length)]), end()]))
}

const folder = (): string => bed.gateway.gateway.config.store.path

function restore(body: Buffer, query = '') {
  return bed.ask(`POST /restore${query}`, { socket: true, rawBody: body, headers: { 'content-type': 'application/zstd' } })
}

function withManifest(change: Partial<Manifest>): Map<string, Buffer> {
  const manifest = JSON.parse(files.get('manifest.json')!.toString()) as Manifest
  return new Map([...files, ['manifest.json', Buffer.from(JSON.stringify({ ...manifest, ...change }))]])
}

test('it has a manifest, the store, and the hashes of both', () => {
  expect([...files.keys()]).toEqual(['manifest.json', 'store.db', 'SHA256SUMS'])
  expect(JSON.parse(files.get('manifest.json')!.toString())).toMatchObject({ format: FORMAT, site: 'test', databaseBytes: files.get('store.db')!.length, shelfFiles: 0 })
  expect(files.get('SHA256SUMS')!.toString()).toMatch(/^[0-9a-f]{64} {2}manifest\.json\n[0-9a-f]{64} {2}store\.db\n$/)
  expect(files.get('store.db')!.toString('latin1', 0, 15)).toBe('SQLite format 3')
})

describe('refused, and nothing is left of it', () => {
  const cases: readonly (readonly [string, () => Buffer, RegExp])[] = [
    ['no archive', () => Buffer.from('hello'), /no backup, or a damaged one/],
    ['cut off', () => backup.subarray(0, backup.length - 20), /refused/],
    ['another archive', () => packed(new Map([['readme.txt', Buffer.from('hello')]])), /it is no backup of Sandpiper/],
    ['a byte of the store changed', () => {
      const store = Buffer.from(files.get('store.db')!)
      store[store.length - 1]! ^= 1
      return packed(new Map([...files, ['store.db', store]]))
    }, /its files are not those that its hashes are of/],
    ['without hashes', () => packed(new Map([...files].filter(([name]) => name !== 'SHA256SUMS'))), /it is cut off/],
    ['something behind the hashes', () => packed(new Map([...files, ['uplinks/cloud/x', Buffer.from('x')]])), /something follows its hashes/],
    ['a store of another size', () => packed(withManifest({ databaseBytes: 5 })), /has not the size that its manifest says/],
    ['a file that leads out of the folder', () => packed(new Map([['manifest.json', withManifest({ shelfFiles: 1, shelfBytes: 1 }).get('manifest.json')!], ['uplinks/../evil', Buffer.from('x')]])), /a file that no backup has/],
    ['more files than named', () => packed(new Map([['manifest.json', files.get('manifest.json')!], ['uplinks/cloud/a', Buffer.from('x')]])), /more files than its manifest says/],
    ['newer tables', () => packed(withManifest({ schema: 99 })), /its store has version 99, and this release knows \d+: install the release that has made it/],
    ['a newer format', () => packed(withManifest({ format: 9 })), /it has format 9, and this release knows 1/],
    ['no manifest', () => packed(new Map([...files, ['manifest.json', Buffer.from('[]')]])), /its manifest is of no backup/],
    ['another site', () => packed(withManifest({ site: 'lake' })), /of the site "lake", and this is "test": add --other-site/],
    ['more than there is room for', () => packed(withManifest({ databaseBytes: 2 ** 50 })), /there is no room for it/],
  ]

  test.each(cases)('%s', async (_what, body, why) => {
    const answer = await restore(body())
    expect(answer).toMatchObject({ status: 422, json: { type: '/api/v1/problems/unusable-backup', detail: expect.stringMatching(why) } })
    expect(readdirSync(folder()).filter((name) => name.startsWith('restore'))).toEqual([])
  })

  test('a store that is damaged, though its hashes are right', async () => {
    const { createHash } = await import('node:crypto')
    const store = Buffer.from(files.get('store.db')!)
    store.fill(0x55, 2048, 6000)
    const sums = files.get('SHA256SUMS')!.toString().replace(/[0-9a-f]{64}(?= {2}store\.db)/, createHash('sha256').update(store).digest('hex'))
    const answer = await restore(packed(new Map([...files, ['store.db', store], ['SHA256SUMS', Buffer.from(sums)]])))
    expect(answer).toMatchObject({ status: 422, json: { detail: expect.stringContaining('the store of the backup cannot be used (') } })
    expect(existsSync(join(folder(), 'restore.new'))).toBe(false)
  })

  test('JSON', async () => {
    expect(await bed.ask('POST /restore', { socket: true, body: {} })).toMatchObject({ status: 415, json: { detail: 'send it with the field `Content-Type: application/zstd`' } })
  })

  test('a backup where JSON belongs', async () => {
    expect(await bed.ask('POST /publish', { socket: true, rawBody: backup, headers: { 'content-type': 'application/zstd' } })).toMatchObject({ status: 415 })
  })
})

test('a body that does not come is waited for so long and no longer, and an upload is not cut off by that', async () => {
  const { connect } = await import('node:net')
  const heard = (path: string, type: string, beginning: Buffer) => {
    const socket = connect(join(bed.folder, API_SOCKET))
    const said: string[] = []
    socket.setEncoding('utf8').on('data', (text: string) => void said.push(text)).on('error', () => {})
    socket.write(`POST /api/v1${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: 1000\r\n\r\n`)
    socket.write(beginning)
    return { socket, said }
  }
  const slow = heard('/publish', 'application/json', Buffer.from('{'))
  const upload = heard('/restore', 'application/zstd', backup.subarray(0, 50))
  await until(() => existsSync(join(folder(), 'restore.new')), 'the upload to begin')
  await until(() => {
    bed.gateway.clock.advance(1000)
    return slow.said.length > 0
  }, 'an answer to the slow one')
  expect(slow.said.join('')).toMatch(/^HTTP\/1\.1 408 /)
  expect(upload.said).toEqual([])
  upload.socket.destroy()
  await until(() => !existsSync(join(folder(), 'restore.new')), 'what was uploaded to be gone')
})

test('taken: it waits for the next start', async () => {
  const other = await restore(packed(withManifest({})))
  expect(other.status).toBe(422) // packed anew, its manifest is not the one that was hashed
  expect(await restore(backup)).toMatchObject({ status: 200, json: { site: 'test', bytes: files.get('store.db')!.length } })
  expect(bed.restarts).toEqual(['a backup takes the place of the store'])
  expect(readdirSync(join(folder(), 'restore'))).toEqual(['store.db'])
  const client = await bed.gateway.connect(5, { clientId: 'pump' })
  client.send({ cmd: 'publish', messageId: 1, qos: 1, dup: false, retain: true, topic: 'lamp', payload: 'off' })
  await client.expect({ cmd: 'puback' })
  await bed.gateway.restart()
  const again = await bed.gateway.connect(5, { clientId: 'pump' })
  again.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'lamp', qos: 0 }] })
  await again.expect({ cmd: 'suback' })
  await again.expect({ cmd: 'publish', payload: Buffer.from('on') })
})
