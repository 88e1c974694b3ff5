// TLS of one listener: the handshakes under way, and its key and certificate, which are loaded again when their files have changed.
//
//   files changed ──usable──► new connections get the new certificate; those that are there go on with theirs
//                 ──broken──► the old certificate stays; told and counted once, tried again at every look
//
// Without a usable certificate at the start the listener listens all the same: every handshake fails until there is one.
import { readFile, stat } from 'node:fs/promises'
import type { Socket } from 'node:net'
import type { Server, TLSSocket } from 'node:tls'
import type { Clock, Timer } from '../clock.ts'
import type { TlsConfig } from '../config/config.ts'
import type { Counters } from '../counters.ts'
import { keyPairProblem } from '../key-pair.ts'

/** File times are looked at this often: renewed certificates have days. */
const LOOK_MS = 10_000
/** More than any chain of certificates. */
const FILE_BYTES_MAX = 65_535
/** The listener's own deadline comes first. */
const HANDSHAKE_MS_MAX = 3_600_000

export interface TlsLog {
  info(fields: object, text: string): void
  error(fields: object, text: string): void
}

export interface TlsDeps {
  readonly clock: Clock
  readonly counters: Counters
  readonly log: TlsLog
}

interface Handshake {
  readonly done: (secured: TLSSocket) => void
  readonly failed: (why: string) => void
}

export class Tls {
  readonly #config: TlsConfig
  readonly #deps: TlsDeps
  readonly #server: Server
  readonly #handshakes = new WeakMap<Socket, Handshake>()
  /** Times and sizes of the files that are in use; empty before the first. */
  #stamp = ''
  /** What was last told about files that cannot be used. */
  #told = ''
  #looking = false
  #timer: Timer | null = null

  /** Loads node:tls: it takes 6 MB that a site without TLS keeps. */
  constructor(config: TlsConfig, deps: TlsDeps) {
    this.#config = config
    this.#deps = deps
    // It never listens: it is given the sockets that the listener has accepted.
    this.#server = process.getBuiltinModule('node:tls').createServer({ minVersion: config.minVersion, handshakeTimeout: HANDSHAKE_MS_MAX })
    this.#server.on('secureConnection', (secured) => this.#take(secured)?.done(secured))
    this.#server.on('tlsClientError', (error, secured) => this.#take(secured)?.failed(error.message))
  }

  async start(): Promise<void> {
    await this.#look()
    this.#timer = this.#deps.clock.every(LOOK_MS, () => void this.#look())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** The server's side of a handshake. What is unread in the socket is its beginning. One of the two is called. */
  secure(socket: Socket, done: Handshake['done'], failed: Handshake['failed']): void {
    this.#handshakes.set(socket, { done, failed })
    this.#server.emit('connection', socket)
  }

  #take(secured: TLSSocket): Handshake | undefined {
    // Node keeps the socket under TLS there, and has no other way back to it.
    const socket = (secured as unknown as { readonly _parent: Socket })._parent
    const handshake = this.#handshakes.get(socket)
    this.#handshakes.delete(socket)
    return handshake
  }

  async #look(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    let stamp = ''
    try {
      stamp = await stampOf(this.#config)
      if (stamp !== this.#stamp) await this.#load(stamp)
      this.#told = ''
    } catch (error) {
      this.#complain(stamp, (error as Error).message)
    } finally {
      this.#looking = false
    }
  }

  async #load(stamp: string): Promise<void> {
    const { keyFile, certFile, minVersion } = this.#config
    const [key, cert] = await Promise.all([readFile(keyFile), readFile(certFile)])
    const problem = keyPairProblem(key, cert)
    if (problem !== null) throw new Error(problem.text)
    this.#server.setSecureContext({ key, cert, minVersion })
    if (this.#stamp !== '') this.#deps.log.info({ certificate: certFile, validTo: validTo(cert) }, 'the new certificate is in use')
    this.#stamp = stamp
  }

  #complain(stamp: string, why: string): void {
    const complaint = `${stamp} ${why}`
    if (complaint === this.#told) return
    this.#told = complaint
    const { counters, log } = this.#deps
    counters.refusedCertificates++
    const { keyFile, certFile } = this.#config
    const text = this.#stamp === '' ? 'there is no usable certificate: TLS connections are refused until there is one' : 'the new certificate cannot be used: the old one stays'
    log.error({ key: keyFile, certificate: certFile, why }, text)
  }
}

/** Changes when a file is written or replaced, also behind a symbolic link. Throws when one cannot be read. */
async function stampOf({ keyFile, certFile }: TlsConfig): Promise<string> {
  const stamps: string[] = []
  for (const file of [keyFile, certFile]) {
    const stats = await stat(file)
    if (!stats.isFile() || stats.size > FILE_BYTES_MAX) throw new Error(`${file} is no file of ${FILE_BYTES_MAX} bytes at most`)
    stamps.push(`${stats.dev} ${stats.ino} ${stats.mtimeMs} ${stats.ctimeMs} ${stats.size}`)
  }
  return stamps.join(', ')
}

function validTo(cert: Buffer): string {
  return new (process.getBuiltinModule('node:crypto').X509Certificate)(cert).validTo
}
