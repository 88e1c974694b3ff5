// A certificate authority of a test's own and what it issues, made by openssl in a temporary folder. `await using` takes it away.
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const openssl = promisify(execFile)
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

export interface KeyPair {
  readonly keyFile: string
  readonly certFile: string
}

export class Authority implements AsyncDisposable {
  readonly folder: string
  readonly #key: string
  /** What a client has to trust. */
  readonly certFile: string

  private constructor(folder: string) {
    this.folder = folder
    this.#key = join(folder, 'ca.key')
    this.certFile = join(folder, 'ca.pem')
  }

  static async make(): Promise<Authority> {
    const authority = new Authority(await mkdtemp(join(tmpdir(), 'sandpiper-certificates-')))
    await openssl('openssl', ['req', '-x509', ...NEW_KEY, '-keyout', authority.#key, '-out', authority.certFile, '-days', '2', '-subj', '/CN=Authority of a test'])
    return authority
  }

  /** A key and a certificate for this machine, whose subject is `name`. */
  async issue(name: string): Promise<KeyPair> {
    const keyFile = join(this.folder, `${name}.key`)
    const certFile = join(this.folder, `${name}.pem`)
    const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1'
    const issuer = ['-CA', this.certFile, '-CAkey', this.#key]
    const usage = ['-addext', names, '-addext', 'basicConstraints=critical,CA:FALSE']
    await openssl('openssl', ['req', '-x509', ...NEW_KEY, '-keyout', keyFile, '-out', certFile, '-days', '2', '-subj', `/CN=${name}`, ...issuer, ...usage])
    return { keyFile, certFile }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}
