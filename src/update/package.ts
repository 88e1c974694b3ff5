// An application update as one file (`*.sandpiper`), pure: bytes in, files out. FORMAT.md has it byte by byte.
//
// Nothing of a package is used before its signature is found good: up to there its manifest is only read for its shape. A package is held in
// memory as a whole; every size has a bound here.
import { createHash, type KeyObject } from 'node:crypto'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Identity } from './identity.ts'
import { isSigned, signed, SIGNATURE_BYTES_MAX } from './signature.ts'
import { decodeTree, encodeTree, type Files, TREE_BYTES_MAX } from './tree.ts'
import { compareVersions, isVersion } from './version.ts'

const MAGIC = Buffer.from('SPAPP1\r\n', 'latin1')
const HEAD_BYTES = MAGIC.length + 4
const MANIFEST_BYTES_MAX = 4096
export const PACKAGE_BYTES_MAX = 8 << 20
/** 8 MiB: what a receiver needs of memory for it, and enough for a program as its own dictionary. */
const WINDOW_LOG = 23

export interface Manifest {
  readonly version: string
  /** Runs only on a root with these. */
  readonly needs: { readonly node: string; readonly addons: string; readonly root: { readonly from: string; readonly before: string } | null }
  /** The program that this one is a delta of; null when it is whole. */
  readonly base: { readonly version: string; readonly sha256: string } | null
  /** The files as tree.ts has them. */
  readonly tree: { readonly bytes: number; readonly sha256: string }
}

export interface Package {
  readonly manifest: Manifest
  readonly payload: Buffer
}

export interface Contents {
  readonly version: string
  readonly needs: Manifest['needs']
  readonly files: Files
}

/** A package of `next`; against `base`, the files of the program that it will be installed over, when there is one. */
export function makePackage(next: Contents, base: { readonly version: string; readonly files: Files } | null, key: KeyObject): Buffer {
  const tree = encodeTree(next.files)
  if (tree.length > TREE_BYTES_MAX) throw new Error(`the program has ${tree.length} bytes: ${TREE_BYTES_MAX} are the most that is taken`)
  const dictionary = base === null ? null : encodeTree(base.files)
  const manifest: Manifest = {
    version: next.version,
    needs: next.needs,
    base: base === null ? null : { version: base.version, sha256: sha256(dictionary!) },
    tree: { bytes: tree.length, sha256: sha256(tree) },
  }
  const text = Buffer.from(JSON.stringify(manifest))
  const params = { [constants.ZSTD_c_compressionLevel]: 19, [constants.ZSTD_c_windowLog]: WINDOW_LOG, [constants.ZSTD_c_enableLongDistanceMatching]: 1 }
  const payload = zstdCompressSync(tree, { params, ...(dictionary === null ? {} : { dictionary }) })
  const signature = signed([text, digest(payload)], key)
  const head = Buffer.alloc(HEAD_BYTES)
  MAGIC.copy(head)
  head.writeUInt16BE(text.length, MAGIC.length)
  head.writeUInt16BE(signature.length, MAGIC.length + 2)
  return Buffer.concat([head, text, signature, payload])
}

/** True when a file that begins so is an application package. */
export function isPackage(bytes: Buffer): boolean {
  return bytes.subarray(0, MAGIC.length).equals(MAGIC)
}

/** The package when one of `keys` has signed it; otherwise a sentence of what is wrong. */
export function openPackage(bytes: Buffer, keys: readonly KeyObject[]): Package | string {
  if (bytes.length > PACKAGE_BYTES_MAX) return `it has ${bytes.length} bytes: ${PACKAGE_BYTES_MAX} are the most that is taken`
  if (!isPackage(bytes) || bytes.length < HEAD_BYTES) return 'this is no application package'
  const manifestLength = bytes.readUInt16BE(MAGIC.length)
  const signatureLength = bytes.readUInt16BE(MAGIC.length + 2)
  const payloadAt = HEAD_BYTES + manifestLength + signatureLength
  if (manifestLength > MANIFEST_BYTES_MAX || signatureLength > SIGNATURE_BYTES_MAX) return 'its manifest or signature is longer than any'
  if (payloadAt > bytes.length) return 'it is cut off'
  const text = bytes.subarray(HEAD_BYTES, HEAD_BYTES + manifestLength)
  const payload = bytes.subarray(payloadAt)
  if (keys.length === 0) return 'no key is known that may sign updates'
  if (!isSigned([text, digest(payload)], bytes.subarray(HEAD_BYTES + manifestLength, payloadAt), keys)) return 'it is damaged, or not signed with a key that this gateway trusts'
  const manifest = manifestOf(text)
  return manifest === null ? 'its manifest is of another kind: a newer Sandpiper may know it' : { manifest, payload }
}

/** Why a root with this program cannot run it; null when it can. */
export function misfit({ needs }: Manifest, root: Identity): string | null {
  if (needs.node !== root.node) return `it needs Node ${needs.node}, and this root has ${root.node}: install a root update`
  if (needs.addons !== root.addons) return `it needs other native add-ons (${needs.addons}) than this root has (${root.addons}): install a root update`
  if (needs.root === null) return null
  const { from, before } = needs.root
  if (compareVersions(root.version, from) >= 0 && compareVersions(root.version, before) < 0) return null
  return `it is for roots from ${from} to before ${before}, and this one is ${root.version}`
}

/** The files of a package; `base`: those of the program that it is to replace. A sentence when they cannot be made. */
export function unpackFiles({ manifest, payload }: Package, base: Files | null): Files | string {
  let dictionary: Buffer | null = null
  if (manifest.base !== null) {
    dictionary = base === null ? null : encodeTree(base)
    if (dictionary === null || sha256(dictionary) !== manifest.base.sha256) return `it is a delta of ${manifest.base.version}, and that is not what is installed: use the whole package`
  }
  let tree: Buffer
  try {
    const params = { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG }
    tree = zstdDecompressSync(payload, { params, maxOutputLength: manifest.tree.bytes, ...(dictionary === null ? {} : { dictionary }) })
  } catch (error) {
    return `it cannot be unpacked (${(error as Error).message})`
  }
  if (tree.length !== manifest.tree.bytes || sha256(tree) !== manifest.tree.sha256) return 'what comes out of it is not what its manifest says'
  return decodeTree(tree)
}

function manifestOf(text: Buffer): Manifest | null {
  let value: Partial<Manifest>
  try {
    value = (JSON.parse(text.toString('utf8')) ?? {}) as Partial<Manifest>
  } catch {
    return null
  }
  const { version, needs, base, tree } = value
  if (!isVersion(version) || !isVersion(needs?.node) || typeof needs.addons !== 'string') return null
  if (needs.root !== null && !(isVersion(needs.root?.from) && isVersion(needs.root.before))) return null
  if (base !== null && !(isVersion(base?.version) && isHash(base.sha256))) return null
  if (tree === undefined || !Number.isSafeInteger(tree.bytes) || tree.bytes < 1 || tree.bytes > TREE_BYTES_MAX || !isHash(tree.sha256)) return null
  return { version, needs, base, tree }
}

function isHash(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{64}$/.test(text)
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function sha256(bytes: Uint8Array): string {
  return digest(bytes).toString('hex')
}
