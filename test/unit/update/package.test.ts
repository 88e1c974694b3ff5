// Application packages: what is refused, and why; and that a delta makes exactly the program it was made of.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { identityOf } from '../../../src/update/identity.ts'
import { type Contents, type Manifest, makePackage, misfit, openPackage, PACKAGE_BYTES_MAX, unpackFiles } from '../../../src/update/package.ts'
import { keysOf, signed } from '../../../src/update/signature.ts'
import { decodeTree, encodeTree, type Files } from '../../../src/update/tree.ts'
import { makeKeyPair, program } from '../../support/update-bed.ts'

const folder = mkdtempSync(join(tmpdir(), 'package-'))
const ours = makeKeyPair(folder)
const theirs = makeKeyPair(folder, 'other')
const keys = keysOf(ours.certificate)
afterAll(() => rmSync(folder, { recursive: true }))

const contents = (files: Files, version = '0.2.0'): Contents => ({ version, needs: { node: '26.10.0', addons: 'a@1', root: null }, files })
const text = (length: number, seed: number): string => Array.from({ length }, (_, i) => `line ${(i * 7919 + seed) % 10007} of a program\n`).join('')

function opened(bytes: Buffer): Exclude<ReturnType<typeof openPackage>, string> {
  const result = openPackage(bytes, keys)
  if (typeof result === 'string') throw new Error(result)
  return result
}

/** With the right key, whatever the manifest says. */
function forged(manifest: unknown, payload: Buffer): Buffer {
  const words = Buffer.from(typeof manifest === 'string' ? manifest : JSON.stringify(manifest))
  const signature = signed([words, createHash('sha256').update(payload).digest()], ours.key)
  const head = Buffer.from('SPAPP1\r\n\0\0\0\0', 'latin1')
  head.writeUInt16BE(words.length, 8)
  head.writeUInt16BE(signature.length, 10)
  return Buffer.concat([head, words, signature, payload])
}

function manifestOf(tree: Buffer, change: Partial<Manifest> = {}): Manifest {
  return { version: '0.2.0', needs: { node: '26.10.0', addons: 'a@1', root: null }, base: null, tree: { bytes: tree.length, sha256: createHash('sha256').update(tree).digest('hex') }, ...change }
}

describe('whole', () => {
  const files = program('0.2.0', text(2000, 1))
  const bytes = makePackage(contents(files), null, ours.key)

  test('comes out as it went in', () => expect(unpackFiles(opened(bytes), null)).toEqual(files))
  test('the same program makes the same tree', () => expect(encodeTree(files)).toEqual(encodeTree(new Map([...files].toReversed()))))

  test('is not taken with another key, or none', () => {
    expect(openPackage(makePackage(contents(files), null, theirs.key), keys)).toMatch(/not signed with a key/)
    expect(openPackage(bytes, keysOf(theirs.certificate))).toMatch(/not signed with a key/)
    expect(openPackage(bytes, keysOf('no certificate'))).toMatch(/no key is known/)
  })

  test('any of several certificates will do: keys can be changed', () => expect(typeof openPackage(bytes, keysOf(theirs.certificate + ours.certificate))).toBe('object'))

  test('each changed byte, and each cut, is noticed', () => {
    for (let at = 0; at < bytes.length; at += at < 800 ? 1 : 97) {
      const changed = Buffer.from(bytes)
      changed[at]! ^= 0x10
      expect(typeof openPackage(changed, keys), `byte ${at}`).toBe('string')
      expect(typeof openPackage(bytes.subarray(0, at), keys), `cut at ${at}`).toBe('string')
    }
    expect(typeof openPackage(Buffer.concat([bytes, Buffer.from([0])]), keys)).toBe('string')
  })

  test.each([['ed25519'], ['rsa:2048']])('%s signs too', (kind) => {
    const pair = makeKeyPair(folder, kind.replace(':', '-'), [kind])
    expect(typeof openPackage(makePackage(contents(files), null, pair.key), keysOf(pair.certificate))).toBe('object')
  })
})

describe('a delta', () => {
  const base = program('0.1.0', text(20_000, 1))
  const next = program('0.2.0', text(10_000, 1) + 'one more line\n' + text(20_000, 1).slice(250_000))
  const bytes = makePackage(contents(next), { version: '0.1.0', files: base }, ours.key)

  test('is small, and makes the whole program', () => {
    expect(bytes.length).toBeLessThan(2000)
    expect(unpackFiles(opened(bytes), base)).toEqual(next)
  })
  test('fits no other program', () => {
    expect(unpackFiles(opened(bytes), program('0.1.0', text(20_000, 2)))).toBe('it is a delta of 0.1.0, and that is not what is installed: use the whole package')
    expect(unpackFiles(opened(bytes), null)).toMatch(/use the whole package/)
  })
})

describe('signed, and wrong all the same', () => {
  const tree = encodeTree(program('0.2.0'))

  test('more comes out than the manifest says', () => {
    const bomb = zstdCompressSync(Buffer.alloc(200 << 20))
    expect(bomb.length).toBeLessThan(100_000)
    expect(unpackFiles(opened(forged(manifestOf(tree), bomb)), null)).toMatch(/cannot be unpacked/)
  })
  test('a window larger than is held', () => {
    // RFC 8878 section 3.1.1: magic number, a descriptor without anything else, the window, one raw block
    const packed = (windowLog: number): Buffer => {
      const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (windowLog - 10) << 3, 0, 0, 0])
      head.writeUIntLE((tree.length << 3) | 1, 6, 3)
      return Buffer.concat([head, tree])
    }
    expect(unpackFiles(opened(forged(manifestOf(tree), packed(23))), null)).toEqual(program('0.2.0'))
    expect(unpackFiles(opened(forged(manifestOf(tree), packed(27))), null)).toMatch(/cannot be unpacked/)
  })
  test('another program comes out than the manifest says', () => {
    const other = encodeTree(program('0.2.1'))
    expect(unpackFiles(opened(forged(manifestOf(tree), zstdCompressSync(other))), null)).toBe('what comes out of it is not what its manifest says')
  })
  test('too large', () => expect(openPackage(Buffer.concat([forged(manifestOf(tree), Buffer.alloc(PACKAGE_BYTES_MAX))]), keys)).toMatch(/are the most/))
  test.each([
    ['a version that is a path', { version: '../../etc' }],
    ['a tree of 2 GB', { tree: { bytes: 2 ** 31, sha256: '0'.repeat(64) } }],
    ['a tree of no size', { tree: { bytes: 0.5, sha256: '0'.repeat(64) } }],
    ['no hash', { tree: { bytes: 5, sha256: 'x' } }],
    ['a base without a hash', { base: { version: '0.1.0', sha256: '' } }],
    ['needs that are none', { needs: { node: 26 } }],
    ['a root without an end', { needs: { node: '26.10.0', addons: '', root: { from: '0.1.0' } } }],
  ] as [string, object][])('%s', (_, change) => expect(openPackage(forged({ ...manifestOf(tree), ...change }, tree), keys)).toMatch(/of another kind/))
  test.each(['', 'null', '[]', '{', '7', '"x"'])('a manifest of %j', (manifest) => expect(openPackage(forged(manifest, tree), keys)).toMatch(/of another kind/))
})

describe('paths', () => {
  const entry = (path: string, content = 'x'): Buffer => Buffer.concat([Buffer.from([path.length]), Buffer.from(path, 'latin1'), Buffer.from([0, 0, 0, content.length]), Buffer.from(content)])
  test.each(['../sandpiper.mjs', '/etc/passwd', 'board/../../x', 'board//x', 'board/.x', 'board/', 'board', 'addons/sqlite.node', 'root', 'cache/x', 'board/a/b/c/d.yaml', 'board/x\0y', 'board/X', 'sandpiper.mjs/x', ''])('%j is no file of a program', (path) => {
    expect(decodeTree(Buffer.concat([entry(path), entry('sandpiper.mjs')]))).toMatch(/is no file of a program|not in order/)
    expect(() => encodeTree(new Map([[path, Buffer.from('x')]]))).toThrow(/is no file of a program/)
  })
  test('one that comes twice', () => expect(decodeTree(Buffer.concat([entry('sandpiper.mjs'), entry('sandpiper.mjs')]))).toMatch(/twice/))
  test('no program among them', () => expect(decodeTree(entry('board/a.yaml'))).toBe('the program itself is not among the files'))
  test('cut anywhere', () => {
    const tree = encodeTree(program('0.2.0'))
    for (let at = 0; at < tree.length; at++) expect(typeof decodeTree(tree.subarray(0, at)), `at ${at}`).toBe('string')
  })
})

describe('which root', () => {
  const root = identityOf('0.1.5', '26.10.0', ['a@1'], 'x')
  const needing = (needs: Partial<Manifest['needs']>): Manifest => manifestOf(Buffer.from('x'), { needs: { node: '26.10.0', addons: 'a@1', root: null, ...needs } })
  test('one with the same Node and add-ons', () => expect(misfit(needing({}), root)).toBeNull())
  test('no other', () => {
    expect(misfit(needing({ node: '26.11.0' }), root)).toBe('it needs Node 26.11.0, and this root has 26.10.0: install a root update')
    expect(misfit(needing({ addons: 'a@2' }), root)).toMatch(/other native add-ons/)
  })
  test('within a range, its end not in it', () => {
    expect(misfit(needing({ root: { from: '0.1.5', before: '0.1.6' } }), root)).toBeNull()
    expect(misfit(needing({ root: { from: '0.1.0', before: '0.1.5' } }), root)).toMatch(/this one is 0.1.5/)
    expect(misfit(needing({ root: { from: '0.1.6', before: '0.2.0' } }), root)).toMatch(/this one is 0.1.5/)
  })
})
