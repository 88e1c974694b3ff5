// A certificate authority of a test's own and what it issues, made by openssl in a temporary folder. `await using` takes it away.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const openssl = promisify(execFile)
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

export interface KeyPair {
  readonly keyFile: string
  readonly certFile: string
}

export interface ClientOptions {
  /** As openssl takes it, the part that stands first in the certificate first. Default: `/CN=` and the name. */
  readonly subject?: string
  /** Subject alternative names as openssl takes them: `DNS:a,URI:urn:b`. */
  readonly names?: string
  readonly from?: Date
  readonly to?: Date
  /** Default clientAuth. */
  readonly usage?: string
}

const DAY_MS = 86_400_000
const CA_CONFIG = `[ca]
default_ca = authority
[authority]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 2
policy = policy
preserve = yes
unique_subject = no
string_mask = utf8only
[policy]
countryName = optional
organizationName = optional
organizationalUnitName = optional
commonName = optional
serialNumber = optional
emailAddress = optional
`

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

  static async make(name = 'Authority of a test'): Promise<Authority> {
    const authority = new Authority(await mkdtemp(join(tmpdir(), 'sandpiper-certificates-')))
    await openssl('openssl', ['req', '-x509', ...NEW_KEY, '-keyout', authority.#key, '-out', authority.certFile, '-days', '2', '-subj', `/CN=${name}`])
    await authority.#open()
    return authority
  }

  /** One of its own, whose certificate it has signed; gone with it. */
  async intermediate(name: string): Promise<Authority> {
    const folder = join(this.folder, `of ${name}`)
    await mkdir(folder)
    const below = new Authority(folder)
    await this.#sign(below.#key, below.certFile, `/CN=${name}`, ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'], {})
    await below.#open()
    return below
  }

  /** The same key and name with a new certificate: what an authority does before its own ends. */
  async renew(): Promise<void> {
    await openssl('openssl', ['req', '-x509', '-key', this.#key, '-out', this.certFile, '-days', '3', '-subj', await this.#subject()])
  }

  /** A key and a certificate for a client. */
  async issueClient(name: string, options: ClientOptions = {}): Promise<KeyPair> {
    const keyFile = join(this.folder, `${name}.key`)
    const certFile = join(this.folder, `${name}.pem`)
    const extensions = ['basicConstraints=critical,CA:FALSE', `extendedKeyUsage=${options.usage ?? 'clientAuth'}`, ...(options.names === undefined ? [] : [`subjectAltName=${options.names}`])]
    await this.#sign(keyFile, certFile, options.subject ?? `/CN=${name}`, extensions, options)
    return { keyFile, certFile }
  }

  async revoke({ certFile }: KeyPair): Promise<void> {
    await this.#ca('-revoke', certFile)
  }

  /** The list of what it has revoked, as PEM. */
  async crl(times: { readonly from?: Date; readonly to?: Date } = {}): Promise<string> {
    const file = join(this.folder, 'crl.pem')
    const { from = new Date(Date.now() - DAY_MS), to = new Date(Date.now() + DAY_MS) } = times
    await this.#ca('-gencrl', '-out', file, '-crl_lastupdate', asn1(from), '-crl_nextupdate', asn1(to))
    return readFile(file, 'utf8')
  }

  /** A key and a certificate for this machine, or for others by `names` as openssl takes them, whose subject is `name`. */
  async issue(name: string, others = 'DNS:localhost,IP:127.0.0.1,IP:::1'): Promise<KeyPair> {
    const keyFile = join(this.folder, `${name}.key`)
    const certFile = join(this.folder, `${name}.pem`)
    const names = `subjectAltName=${others}`
    const issuer = ['-CA', this.certFile, '-CAkey', this.#key]
    const usage = ['-addext', names, '-addext', 'basicConstraints=critical,CA:FALSE']
    await openssl('openssl', ['req', '-x509', ...NEW_KEY, '-keyout', keyFile, '-out', certFile, '-days', '2', '-subj', `/CN=${name}`, ...issuer, ...usage])
    return { keyFile, certFile }
  }

  async #open(): Promise<void> {
    const files = { 'ca.cnf': CA_CONFIG, 'index.txt': '', serial: '1000\n', crlnumber: '01\n' }
    for (const [name, text] of Object.entries(files)) await writeFile(join(this.folder, name), text)
  }

  async #sign(keyFile: string, certFile: string, subject: string, extensions: readonly string[], { from, to }: ClientOptions): Promise<void> {
    const request = `${certFile}.csr`
    const more = `${certFile}.cnf`
    await openssl('openssl', ['req', '-new', '-utf8', ...NEW_KEY, '-keyout', keyFile, '-out', request, '-subj', subject])
    await writeFile(more, `${extensions.join('\n')}\n`)
    const times = [...(from === undefined ? [] : ['-startdate', asn1(from)]), ...(to === undefined ? [] : ['-enddate', asn1(to)])]
    await this.#ca('-in', request, '-out', certFile, '-notext', '-extfile', more, ...times)
  }

  async #ca(...args: readonly string[]): Promise<void> {
    await openssl('openssl', ['ca', '-batch', '-utf8', '-config', 'ca.cnf', ...args], { cwd: this.folder })
  }

  async #subject(): Promise<string> {
    const { stdout } = await openssl('openssl', ['x509', '-in', this.certFile, '-noout', '-subject', '-nameopt', 'compat'])
    return stdout.trim().replace(/^subject=/, '')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** GeneralizedTime (X.680, 46). */
function asn1(time: Date): string {
  return time.toISOString().replaceAll(/[-:T]|\.\d+/g, '')
}
