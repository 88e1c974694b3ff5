// Key and certificate that the gateway makes for itself, once, beside its store. Who opens the page is asked by the browser whether to trust them: the
// fingerprint that it shows is in the log, and stays the same for as long as the files are there.
import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { RELEASE_DATE_MS } from '../clock.ts'
import { makeOwnPair } from '../keys/self-signed.ts'
import { replaceFile } from '../replace-file.ts'
import { ownPaths } from './own-paths.ts'

const MODE = 0o600
const DAY_MS = 86_400_000
/** The clock may not have been set when it is made, and nobody renews it. */
const LASTS_MS = 20 * 365 * DAY_MS

export interface OwnFiles {
  /** SHA-256, as browsers show it. */
  readonly fingerprint: string
  /** Just now. */
  readonly isNew: boolean
}

/** Throws the file system's error, or what is wrong with files that are there. */
export function ownFiles(folder: string, { site, hostname: told }: { readonly site: string; readonly hostname: string }): OwnFiles {
  const { keyFile, certFile } = ownPaths(folder)
  if (existsSync(keyFile) && existsSync(certFile)) return { fingerprint: new X509Certificate(readFileSync(certFile)).fingerprint256, isNew: false }
  const names = [...new Set([hostname(), `${hostname()}.local`, `${told}.local`, site, 'localhost', '127.0.0.1', '::1'])]
  const { key, cert, fingerprint } = makeOwnPair(names, RELEASE_DATE_MS - DAY_MS, RELEASE_DATE_MS + LASTS_MS)
  replaceFile(keyFile, Buffer.from(key), { mode: MODE })
  replaceFile(certFile, Buffer.from(cert), { mode: MODE })
  return { fingerprint, isNew: true }
}
