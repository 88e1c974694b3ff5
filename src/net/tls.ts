// TLS of one listener: the handshakes under way, its own key and certificate, and those by whom it trusts its clients. Their files are
// loaded again when they have changed.
//
//   files changed ──usable──► new connections get the new certificate; those that are there go on with theirs
//                 ──broken──► the old ones stay; told and counted once, tried again at every look
//   what clients are trusted by has changed ──► `trustChanged`: who would not be let in any more can be told apart
//
// What is always true
//   1. Without usable files at the start the listener listens all the same: every handshake fails until there are some.
//   2. A session can be resumed only where it began: each change of files makes a new server, whose tickets have new keys. What OpenSSL
//      checks at a full handshake only (who is trusted, who is revoked) cannot have changed since; what ends by time is looked at here.
//   3. A handshake that began under other trust than that of now is refused.
import type { Socket } from 'node:net'
import type { Server, TLSSocket } from 'node:tls'
import type { ClientCertificate } from '../access/certificate.ts'
import { DerError } from '../keys/der.ts'
import { Trust } from '../access/issuer.ts'
import type { Clock, Timer } from '../clock.ts'
import type { TlsConfig } from '../config/config.ts'
import type { Counters } from '../counters.ts'
import { isAboutCertificate, refusalWords } from './handshake-refusal.ts'
import { readTlsFiles, stampOf, type TlsFiles } from './tls-files.ts'

/** File times are looked at this often: renewed certificates have days. */
const LOOK_MS = 10_000
/** The listener's own deadline comes first. */
const HANDSHAKE_MS_MAX = 3_600_000
/** Of the time of a list of revoked certificates: when less is left, somebody has to be told. */
const NEAR_END = 0.25

export interface TlsLog {
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}

export interface TlsDeps {
  readonly clock: Clock
  readonly counters: Counters
  readonly log: TlsLog
}

/** Why a client that was let in with this certificate (null: without one) would not be let in now; null when it would. */
export type ProblemOf = (certificate: ClientCertificate | null) => string | null

interface Handshake {
  readonly done: (secured: TLSSocket, certificate: ClientCertificate | null) => void
  /** `unfit`: we have ended it because of its certificate, and not the other side. */
  readonly failed: (why: string, unfit: boolean) => void
}

export class Tls {
  #config: TlsConfig
  readonly #deps: TlsDeps
  readonly #trustChanged: (problemOf: ProblemOf) => void
  #server: Server
  readonly #handshakes = new WeakMap<Socket, Handshake>()
  /** The files that are in use, the configuration that named them, and their times and sizes; null and empty before the first. */
  #files: TlsFiles | null = null
  #inUse: TlsConfig | null = null
  #stamp = ''
  /** A list of revoked certificates of those in use had ended when it was loaded. */
  #hadEnded = false
  /** What was last told about files that cannot be used, and about lists that end. */
  #told = ''
  #toldOfEnd = ''
  #look: Promise<void> = Promise.resolve()
  /** Looks that are under way or wait for that. */
  #looks = 0
  #timer: Timer | null = null

  /** Loads node:tls: it takes 6 MB that a site without TLS keeps. */
  constructor(config: TlsConfig, deps: TlsDeps, trustChanged: (problemOf: ProblemOf) => void = () => {}) {
    this.#config = config
    this.#deps = deps
    this.#trustChanged = trustChanged
    this.#server = this.#serverOf(config, null)
  }

  async start(): Promise<void> {
    await this.#lookAgain()
    this.#timer = this.#deps.clock.every(LOOK_MS, () => {
      if (this.#looks === 0) void this.#lookAgain()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** From now on this holds, as soon as its files have been read; when they cannot be used, what was there before stays. */
  reconfigure(config: TlsConfig): Promise<void> {
    this.#config = config
    return this.#lookAgain()
  }

  /** The server's side of a handshake. What is unread in the socket is its beginning. One of the two is called. */
  secure(socket: Socket, done: Handshake['done'], failed: Handshake['failed']): void {
    this.#handshakes.set(socket, { done, failed })
    this.#server.emit('connection', socket)
  }

  // ---- handshakes

  /** It never listens: it is given the sockets that the listener has accepted. */
  #serverOf({ minVersion, clients }: TlsConfig, files: TlsFiles | null): Server {
    const options = { minVersion, handshakeTimeout: HANDSHAKE_MS_MAX }
    const own = files === null ? {} : { key: files.key, cert: files.cert }
    const asked = files === null || files.clients === null ? {} : {
      requestCert: true,
      rejectUnauthorized: clients?.need !== 'optional', // who shows none gets an alert that says so (RFC 8446, 6.2)
      ca: files.clients.ca,
      ...(files.clients.crl.length === 0 ? {} : { crl: [...files.clients.crl] }),
    }
    const server = process.getBuiltinModule('node:tls').createServer({ ...options, ...own, ...asked })
    const trust = files?.clients?.trust ?? null
    server.on('secureConnection', (secured) => this.#onSecured(secured, trust))
    server.on('tlsClientError', (error, secured) => this.#onFailed(error, secured))
    return server
  }

  #take(secured: TLSSocket): Handshake | undefined {
    // Node keeps the socket under TLS there, and has no other way back to it.
    const socket = (secured as unknown as { readonly _parent: Socket })._parent
    const handshake = this.#handshakes.get(socket)
    this.#handshakes.delete(socket)
    return handshake
  }

  #onSecured(secured: TLSSocket, trust: Trust | null): void {
    const handshake = this.#take(secured)
    if (handshake === undefined) return
    const certificate = this.#certificateOf(secured, trust)
    if (typeof certificate !== 'string') return handshake.done(secured, certificate)
    this.#deps.counters.refusedClientCertificates++
    secured.destroy()
    handshake.failed(certificate, true)
  }

  #onFailed(error: NodeJS.ErrnoException, secured: TLSSocket): void {
    const handshake = this.#take(secured)
    if (handshake === undefined) return
    // Where a certificate was the reason, Node says only that the connection has ended.
    const problem = secured.authorizationError as unknown as string | null | undefined
    const code = typeof problem === 'string' ? problem : error.code
    const unfit = isAboutCertificate(code) || typeof problem === 'string'
    if (unfit) this.#deps.counters.refusedClientCertificates++
    handshake.failed(refusalWords(code, typeof problem === 'string' ? `its certificate does not verify: ${problem}` : error.message), unfit)
  }

  /** The certificate of a client, null without one; text: why it is refused. */
  #certificateOf(secured: TLSSocket, trust: Trust | null): ClientCertificate | null | string {
    if (trust !== this.#trust) return 'whom this listener trusts has changed meanwhile'
    if (trust === null) return null
    const x509 = secured.getPeerX509Certificate()
    if (x509 === undefined) return this.#inUse?.clients?.need === 'optional' ? null : refusalWords('ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', '')
    if (!secured.authorized) {
      const code = String(secured.authorizationError)
      return refusalWords(code, `its certificate does not verify: ${code}`)
    }
    try {
      const certificate = trust.admit(x509)
      const isOver = secured.isSessionReused() && Trust.validToMs(certificate) < this.#deps.clock.wall() // a full handshake has looked at that
      return isOver ? refusalWords('CERT_HAS_EXPIRED', '') : certificate
    } catch (error) {
      if (!(error instanceof DerError)) throw error
      return `its certificate cannot be read: ${error.message}`
    }
  }

  get #trust(): Trust | null {
    return this.#files?.clients?.trust ?? null
  }

  // ---- files

  #lookAgain(): Promise<void> {
    const isFirst = this.#looks++ === 0
    this.#look = isFirst ? this.#lookOnce() : this.#look.then(() => this.#lookOnce())
    return this.#look
  }

  async #lookOnce(): Promise<void> {
    const config = this.#config
    let stamp = ''
    try {
      stamp = await stampOf(config)
      // A list that ends makes all sessions begin anew: from then on OpenSSL refuses its clients, at full handshakes.
      if (stamp !== this.#stamp || this.#hadEnded !== this.#hasEnded()) this.#use(config, stamp, await readTlsFiles(config, this.#files))
      this.#told = ''
    } catch (error) {
      this.#complain(config, stamp, (error as Error).message)
    } finally {
      this.#looks--
    }
    this.#tellOfEnd()
  }

  #use(config: TlsConfig, stamp: string, files: TlsFiles): void {
    const before = this.#files
    const needed = this.#inUse?.clients?.need
    this.#server = this.#serverOf(config, files)
    this.#files = files
    this.#inUse = config
    this.#stamp = stamp
    this.#hadEnded = this.#hasEnded()
    if (before === null) return this.#trust?.compared()
    const { log } = this.#deps
    const { certFile, clients } = config
    if (files.pairDigest !== before.pairDigest) log.info({ certificate: certFile, validTo: validTo(files.cert) }, 'the new certificate is in use')
    if (files.trustDigest === before.trustDigest && clients?.need === needed) return
    log.info({ ca: clients?.caFile ?? null, crl: clients?.crlFile ?? null }, 'clients are trusted by the new authorities and revocation lists')
    this.#trustChanged((certificate) => this.#problemOf(certificate))
    this.#trust?.compared()
  }

  #problemOf(certificate: ClientCertificate | null): string | null {
    const clients = this.#inUse?.clients ?? null
    if (certificate === null) return clients?.need === 'required' ? 'this listener asks for a certificate' : null
    return this.#trust === null ? 'this listener takes no certificates any more' : this.#trust.problemOf(certificate)
  }

  #complain({ keyFile, certFile, clients }: TlsConfig, stamp: string, why: string): void {
    const complaint = `${stamp} ${why}`
    if (complaint === this.#told) return
    this.#told = complaint
    const { counters, log } = this.#deps
    counters.refusedCertificates++
    const text = this.#stamp === '' ? 'there is no usable certificate: TLS connections are refused until there is one' : 'the new certificate cannot be used: the old one stays'
    log.error({ key: keyFile, certificate: certFile, ...(clients === null ? {} : { ca: clients.caFile, crl: clients.crlFile }), why }, text)
  }

  #hasEnded(): boolean {
    const first = this.#trust?.firstToEnd ?? null
    return first !== null && first.nextUpdateMs <= this.#deps.clock.wall()
  }

  /** Of the list that ends first, once when that is near and once when it has happened. */
  #tellOfEnd(): void {
    const first = this.#trust?.firstToEnd ?? null
    if (first === null) return
    const { thisUpdateMs, nextUpdateMs, issuer } = first
    const leftMs = nextUpdateMs - this.#deps.clock.wall()
    const state = leftMs <= 0 ? 'past' : leftMs < (nextUpdateMs - thisUpdateMs) * NEAR_END ? 'near' : 'far'
    const told = state === 'far' ? '' : `${state} ${issuer} ${nextUpdateMs}`
    if (told === this.#toldOfEnd) return
    this.#toldOfEnd = told
    if (state === 'far') return
    const text = state === 'past'
      ? 'a list of revoked certificates has ended: all clients of its authority are refused until a newer one is in its place'
      : 'a list of revoked certificates ends soon: put a newer one in its place, or all clients of its authority will be refused'
    this.#deps.log.warn({ crl: this.#inUse?.clients?.crlFile, authority: issuer, nextUpdate: new Date(nextUpdateMs).toISOString() }, text)
  }
}

function validTo(cert: Buffer): string {
  return new (process.getBuiltinModule('node:crypto').X509Certificate)(cert).validTo
}
