// The files of a listener's TLS: noticed when they change, read and checked as a whole, so that half of a change is never in use.
import { readFile, stat } from 'node:fs/promises'
import { readCrls } from '../keys/crl.ts'
import { DerError } from '../keys/der.ts'
import { Trust } from '../access/issuer.ts'
import { pemBlocks, toPem } from '../keys/pem.ts'
import type { ClientCertificatesConfig, TlsConfig } from '../config/config.ts'
import { keyPairProblem } from '../keys/key-pair.ts'

/** More than any chain of certificates. */
const PAIR_BYTES_MAX = 65_535
/** A list of revoked certificates has about 40 bytes for each. */
const TRUST_BYTES_MAX = 10_000_000

/** What a listener's handshakes are made of. */
export interface TlsFiles {
  readonly key: Buffer
  readonly cert: Buffer
  readonly clients: ClientFiles | null
  /** Of key and certificate, and of what clients are trusted by: equal when that is the same. */
  readonly pairDigest: string
  readonly trustDigest: string
}

export interface ClientFiles {
  readonly ca: Buffer
  /** TLS takes one list at a time. */
  readonly crl: readonly Buffer[]
  readonly trust: Trust
}

/** Changes when the configuration names other files, or when one is written or replaced, also behind a symbolic link. Throws when one cannot be read. */
export async function stampOf({ keyFile, certFile, minVersion, clients }: TlsConfig): Promise<string> {
  const stamps: string[] = [minVersion, clients?.need ?? 'none']
  const files: (readonly [string, number])[] = [[keyFile, PAIR_BYTES_MAX], [certFile, PAIR_BYTES_MAX]]
  if (clients !== null) files.push([clients.caFile, TRUST_BYTES_MAX])
  if (clients !== null && clients.crlFile !== null) files.push([clients.crlFile, TRUST_BYTES_MAX])
  for (const [file, bytesMax] of files) {
    const stats = await stat(file)
    if (!stats.isFile() || stats.size > bytesMax) throw new Error(`${file} is no file of ${bytesMax} bytes at most`)
    stamps.push(`${file} ${stats.dev} ${stats.ino} ${stats.mtimeMs} ${stats.ctimeMs} ${stats.size}`)
  }
  return stamps.join(', ')
}

/** Throws when one cannot be read or used. `before`: what is in use; what clients are trusted by is the same object as long as its files say the same. */
export async function readTlsFiles({ keyFile, certFile, clients }: TlsConfig, before: TlsFiles | null): Promise<TlsFiles> {
  const [key, cert] = await Promise.all([readFile(keyFile), readFile(certFile)])
  const problem = keyPairProblem(key, cert)
  if (problem !== null) throw new Error(problem.text)
  const pairDigest = digestOf(key, cert)
  if (clients === null) return { key, cert, clients: null, pairDigest, trustDigest: '' }
  const ca = await readFile(clients.caFile)
  const crl = clients.crlFile === null ? null : await readFile(clients.crlFile)
  const trustDigest = digestOf(ca, ...(crl === null ? [] : [crl]))
  if (before !== null && before.clients !== null && before.trustDigest === trustDigest) return { key, cert, clients: before.clients, pairDigest, trustDigest }
  return { key, cert, clients: clientFiles(clients, ca, crl), pairDigest, trustDigest }
}

function clientFiles({ caFile, crlFile }: ClientCertificatesConfig, ca: Buffer, crl: Buffer | null): ClientFiles {
  const lists = crl === null ? [] : used(crlFile!, () => pemBlocks(crl, 'X509 CRL').map((list) => toPem(list, 'X509 CRL')))
  const trust = new Trust(used(caFile, () => Trust.authorities(ca)), crl === null ? [] : used(crlFile!, () => readCrls(crl)))
  return { ca, crl: lists, trust }
}

/** Says whose fault it was. */
function used<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof DerError) throw new Error(`${file} cannot be used: ${error.message}`, { cause: error })
    throw error
  }
}

function digestOf(...files: readonly Buffer[]): string {
  const { hash } = process.getBuiltinModule('node:crypto')
  return files.map((bytes) => hash('sha256', bytes)).join(' ')
}
