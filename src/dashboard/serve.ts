// The page as it goes to browsers. Knows nothing of HTTP's server: a path and two header fields in, an answer out.
//
// What is always true
//   1. A file other than the page itself has the digest of all files in its path: browsers keep it for ever, and never mix two versions.
//   2. Nothing is unpacked, or packed in another way, before somebody asks for it so; each at most once.
//   3. The page runs no script and shows no style but its own files', talks to nobody but its gateway, and stands in no other page's frame.
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliDecompress, constants, gzip } from 'node:zlib'
import { pageFiles } from './files.ts'

const INDEX = 'index.html'
/** In the page's text: stands for the folder of all other files. */
const FOLDER = '/dashboard/'
const YEAR_SEC = 365 * 24 * 3600

const SECURITY: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
}

const ENCODINGS = ['br', 'gzip', 'identity'] as const

type Encoding = (typeof ENCODINGS)[number]

export interface PageAnswer {
  readonly status: 200 | 304
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface PageRequest {
  /** Without its query. */
  readonly path: string
  readonly acceptEncoding: string | undefined
  readonly ifNoneMatch: string | undefined
}

interface File {
  readonly type: string
  /** Made when somebody asks for it. */
  readonly as: Map<Encoding, Promise<Buffer>>
}

const unpack = promisify(brotliDecompress)
const pack = promisify(gzip)

export class Page {
  readonly #files: ReadonlyMap<string, File>
  readonly #digest: string

  private constructor(files: ReadonlyMap<string, File>, digest: string) {
    this.#files = files
    this.#digest = digest
  }

  static async load(): Promise<Page> {
    const hash = createHash('sha256')
    const files = new Map<string, File>()
    for (const { name, type, brotli } of await pageFiles()) {
      hash.update(`${name}\n${brotli}\n`)
      files.set(name, { type, as: new Map([['br', Promise.resolve(Buffer.from(brotli, 'base64'))]]) })
    }
    const digest = hash.digest('hex').slice(0, 16)
    const index = files.get(INDEX)!
    const plain = Buffer.from((await textOf(index)).toString('utf8').replaceAll(FOLDER, `${FOLDER}${digest}/`))
    files.set(INDEX, { type: index.type, as: new Map([['identity', Promise.resolve(plain)]]) })
    return new Page(files, digest)
  }

  /** null: there is no such file. */
  async answer({ path, acceptEncoding = '', ifNoneMatch }: PageRequest): Promise<PageAnswer | null> {
    const isIndex = path === '/'
    const file = this.#files.get(isIndex ? INDEX : this.#nameOf(path))
    if (file === undefined) return null
    const encoding = encodingFor(acceptEncoding, isIndex)
    const etag = `"${this.#digest}-${encoding}"`
    const headers = {
      ...(isIndex ? SECURITY : {}), // what it says holds for all that the page loads
      'cache-control': isIndex ? 'no-cache' : `public, max-age=${YEAR_SEC}, immutable`,
      etag,
      vary: 'accept-encoding',
    }
    if (ifNoneMatch !== undefined && matches(ifNoneMatch, etag)) return { status: 304, headers, body: Buffer.alloc(0) }
    const body = await bodyOf(file, encoding)
    return { status: 200, headers: { ...headers, 'content-type': file.type, ...(encoding === 'identity' ? {} : { 'content-encoding': encoding }) }, body }
  }

  #nameOf(path: string): string {
    const folder = `${FOLDER}${this.#digest}/`
    return path.startsWith(folder) && !path.endsWith(INDEX) ? path.slice(folder.length) : ''
  }
}

/** Of what the page has in a form that `accept` takes. The page itself is small, and made anew: it is not there as Brotli. */
function encodingFor(accept: string, isIndex: boolean): Encoding {
  const taken = new Map(accept.toLowerCase().split(',').map((part) => {
    const [name = '', ...parameters] = part.split(';').map((one) => one.trim())
    return [name, !parameters.some((one) => /^q=0(\.0*)?$/.test(one))]
  }))
  return ENCODINGS.find((encoding) => encoding === 'identity' || ((taken.get(encoding) ?? taken.get('*') ?? false) && !(isIndex && encoding === 'br')))!
}

function bodyOf(file: File, encoding: Encoding): Promise<Buffer> {
  const made = file.as.get(encoding) ?? (encoding === 'gzip' ? textOf(file).then((text) => pack(text, { level: constants.Z_BEST_COMPRESSION })) : unpackedOf(file))
  // Plain bytes are for curl, and for the next step: not kept.
  if (encoding !== 'identity') file.as.set(encoding, made)
  return made
}

function textOf(file: File): Promise<Buffer> {
  return bodyOf(file, 'identity')
}

async function unpackedOf(file: File): Promise<Buffer> {
  return unpack(await file.as.get('br')!)
}

/** Weak comparison, as RFC 9110 (13.1.2) wants it here. */
function matches(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch.split(',').some((one) => ['*', etag].includes(one.trim().replace(/^W\//, '')))
}
