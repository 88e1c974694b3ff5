// The way to a remote broker, opened layer by layer: TCP, TLS, WebSocket. What comes out is a stream of MQTT's bytes, or a sentence that
// says what is wrong.
//
//   lookup ─► TCP (from the link's interface) ─► TLS (with a ticket, when there is one) ─► WebSocket ─► stream
//
// An interface is chosen by its address: the connection leaves from it, and the system's routes decide where it goes. Where several
// interfaces have a route to the broker, the site needs a rule for each of those addresses (`ip rule add from ADDRESS table N`).
//
// What is always true: it is told once that it has opened, and once that it is over, but not when it was destroyed from here.
import { connect, isIP, type Socket, type TcpNetConnectOpts } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import type { UplinkConfig } from '../../config/config.ts'
import { addressOf, makeNetwork } from '../dial/network.ts'
import type { WireSource } from '../budget/meter.ts'
import type { TlsTickets } from './tls-tickets.ts'

export interface EndpointTarget {
  readonly config: UplinkConfig
  /** Network interface to leave by; null leaves it to the system. */
  readonly interface: string | null
  readonly tickets: TlsTickets
  readonly packetBytesMax: number
}

export interface EndpointEvents {
  /** `compresses`: a WebSocket on which both sides do. */
  opened(stream: Duplex, compresses: boolean): void
  /** It did not open, or is over. `why` is a sentence for the operator. */
  failed(why: string, loss: Loss): void
}

/** What ended a connection: nobody answered, a reset, a goodbye of the other side, or something that says nothing about the path. */
export type Loss = 'no answer' | 'reset' | 'closed' | 'other'

export interface Endpoint {
  /** TCP's, below TLS and WebSocket; null where there is none. */
  readonly socket: Socket | null
  /** Who counts what goes over the wire; null where nobody does. */
  readonly source: WireSource | null
  /** Ends at once, whatever it has come to. */
  destroy(): void
  /** The same, and what is written and not delivered is given up: the system would go on trying. */
  abort(): void
}

/** What is being opened. */
type Step = 'TCP' | 'TLS' | 'WebSocket' | 'open'

/** One of several addresses of a name is given up for the next after this: links with long delays need their time. */
const ADDRESS_MS = 6000

export function openEndpoint(target: EndpointTarget, events: EndpointEvents): Endpoint {
  const { config } = target
  let socket: Socket | null = null
  let top: Duplex | null = null
  let step: Step = 'TCP'
  let isOver = false
  const failed = (error: NodeJS.ErrnoException): void => {
    if (isOver) return
    isOver = true
    const loss = lossOf(error)
    events.failed(step !== 'open' && (loss === 'closed' || loss === 'reset') ? brokenOff(step, config) : sentence(error, config), loss)
    // To whom has closed nothing more is said, least of all the goodbye of TLS.
    if (loss === 'closed') socket?.resetAndDestroy()
    top?.destroy()
  }
  /** Only what is on top says that it is over: it has read to the end then. */
  const on = <T extends Duplex>(layer: T): T => {
    top = layer
    layer.on('error', failed)
    for (const event of ['end', 'close']) layer.on(event, () => layer === top && failed(closed()))
    return layer
  }
  const opened = (stream: Duplex, compresses: boolean): void => {
    if (stream !== top) on(stream)
    step = 'open'
    if (isOver) stream.destroy()
    else events.opened(stream, compresses)
  }
  const openTop = (below: Duplex): void => {
    if (config.websocketPath === null) return opened(below, false)
    step = 'WebSocket'
    openWebSocketOver(below, target).then(({ stream, compresses }) => opened(stream, compresses), failed)
  }
  const options = tcpOptions(config, target.interface)
  if (options instanceof Error) {
    queueMicrotask(() => failed(options))
    return { socket: null, source: null, destroy: () => (isOver = true), abort: () => (isOver = true) }
  }
  const tcp = on(connect(options))
  socket = tcp
  tcp.once('connect', () => {
    if (!config.tls) return openTop(tcp)
    step = 'TLS'
    const secure = on(openTls(tcp, target))
    secure.once('secureConnect', () => openTop(secure))
  })
  const destroy = (): void => {
    isOver = true
    top!.destroy()
  }
  const abort = (): void => {
    isOver = true
    tcp.resetAndDestroy()
    top!.destroy()
  }
  return { socket, source: socket, destroy, abort }
}

/** A stream that somebody else opens: it says so by `connect`. */
export function adoptEndpoint(stream: Duplex, config: UplinkConfig, events: EndpointEvents): Endpoint {
  const failed = (error: NodeJS.ErrnoException): void => events.failed(sentence(error, config), lossOf(error))
  stream.once('connect', () => events.opened(stream, false))
  stream.on('error', failed)
  stream.on('close', () => failed(closed()))
  const source = 'bytesWritten' in stream ? (stream as Duplex & WireSource) : null
  return { socket: null, source, destroy: () => stream.destroy(), abort: () => stream.destroy() }
}

/**
 * Whether a broker can be reached: TCP's handshake, and nothing more. Rejects with a sentence; ends at once when `signal` says so. `count` gets
 * the socket: a link that is probed for hours pays for it.
 */
export async function reachEndpoint(config: UplinkConfig, device: string | null, signal: AbortSignal, count: (source: WireSource) => void): Promise<void> {
  const options = tcpOptions(config, device)
  if (options instanceof Error) throw options
  const socket = connect({ ...options, signal })
  count(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.on('error', (error) => reject(new Error(sentence(error, config), { cause: error })))
  }).finally(() => socket.destroy())
}

/** An error when the interface has no address: the system must not choose another one. */
function tcpOptions({ host, port, metered }: UplinkConfig, device: string | null): TcpNetConnectOpts | Error {
  // Where bytes cost, small packets wait for the answer to the one before, and go together (RFC 896).
  const options = { host, port, noDelay: !metered, autoSelectFamilyAttemptTimeout: ADDRESS_MS }
  if (device === null) return options
  const localAddress = addressOf(device)
  if (localAddress === null) return Object.assign(new Error(`the interface ${device} ${makeNetwork().problemOf(device) ?? 'has no address'}`), { code: SAID })
  return { ...options, localAddress, family: isIP(localAddress) }
}

// ---- TLS

/**
 * What is offered over a link that costs by the byte. One key share of 32 bytes instead of one of 1,216 that quantum computers cannot break,
 * as many signatures as real servers need, and of TLS 1.3 the ciphers with the short hash, one of which every server must have (RFC 8446
 * section 9.1): 1.5 kB less in every handshake. A server that refuses is offered everything from then on.
 */
const SMALL_HELLO: ConnectionOptions = {
  ecdhCurve: 'X25519:P-256:P-384',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-CHACHA20-POLY1305', // of TLS 1.2: eight bytes less in every record
    'ECDHE-RSA-CHACHA20-POLY1305',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
  ].join(':'),
  sigalgs: [
    'ecdsa_secp256r1_sha256',
    'ecdsa_secp384r1_sha384',
    'ed25519',
    'rsa_pss_rsae_sha256',
    'rsa_pss_rsae_sha384',
    'rsa_pkcs1_sha256',
    'rsa_pkcs1_sha384',
  ].join(':'),
}

function openTls(socket: Socket, { config, tickets }: EndpointTarget): TLSSocket {
  const { host, tlsOptions, metered } = config
  const { ca, identity, servername, alpn, versionMax } = tlsOptions
  const name = servername ?? (isIP(host) === 0 ? host : null) // an address is no server name (RFC 6066 section 3)
  const ticket = tickets.take()
  const isSmall = metered && !tickets.wasRefused
  // Loaded by the first TLS uplink: it takes 6 MB that a site without one keeps.
  const secure = process.getBuiltinModule('node:tls').connect({
    socket,
    host, // the certificate has to be for it, also where it is an address
    minVersion: isSmall && ticket?.version === 'TLSv1.3' ? 'TLSv1.3' : 'TLSv1.2',
    maxVersion: versionMax,
    ...(isSmall ? SMALL_HELLO : {}),
    ...(name === null ? {} : { servername: name }),
    ...(ca === null ? {} : { ca }),
    ...(identity === null ? {} : identity),
    ...(alpn === null ? {} : { ALPNProtocols: [alpn] }),
    ...(ticket === null ? {} : { session: ticket.session }),
  })
  let version: string | null = null
  const early: Buffer[] = []
  // In TLS 1.2 it comes before anybody knows whether the server is the right one.
  secure.on('session', (session: Buffer) => (version === null ? early.push(session) : tickets.add({ session, version })))
  secure.once('secureConnect', () => {
    version = secure.getProtocol() ?? ''
    if (ticket !== null && early.length === 0 && version === 'TLSv1.2' && secure.isSessionReused()) tickets.add(ticket)
    for (const session of early) tickets.add({ session, version })
  })
  secure.on('error', (error: NodeJS.ErrnoException) => {
    if (version === null && error.code?.startsWith('ERR_SSL_') === true) tickets.refused()
  })
  return secure
}

// ---- WebSocket

async function openWebSocketOver(below: Duplex, { config, packetBytesMax }: EndpointTarget) {
  const { host, port, websocketPath, compress } = config
  const { openWebSocket } = await import('../../websocket.ts')
  return openWebSocket(below, { host, port, path: websocketPath!, compress, packetBytesMax })
}

// ---- what went wrong, for the operator

/** Codes of our own, beside those of the system. */
const CLOSED = 'CLOSED'
/** The message is the sentence. */
const SAID = 'SAID'

function closed(): NodeJS.ErrnoException {
  return Object.assign(new Error('the connection was closed'), { code: CLOSED })
}

function lossOf({ code }: NodeJS.ErrnoException): Loss {
  switch (code) {
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
      return 'no answer'
    case 'ECONNRESET':
    case 'EPIPE':
      return 'reset'
    case CLOSED:
      return 'closed'
    default:
      return 'other'
  }
}

function brokenOff(step: Step, { host, port }: UplinkConfig): string {
  if (step === 'TCP') return `${host} closed the connection`
  return `${host}:${port} broke off the ${step} handshake: does this port speak ${step}?`
}

function sentence(error: NodeJS.ErrnoException, config: UplinkConfig): string {
  const { host, port } = config
  const where = `${host}:${port}`
  switch (error.code) {
    case 'ECONNREFUSED':
      return `nothing listens at ${where}`
    case 'ENOTFOUND':
      return `the name ${host} does not exist`
    case 'EAI_AGAIN':
      return `no name server answers for ${host}`
    case 'ETIMEDOUT':
      return `${where} does not answer`
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `no network path to ${where}`
    case 'EADDRNOTAVAIL':
      return `no network path to ${where} from the link's interface: its address has changed`
    case CLOSED:
      return `${host} closed the connection`
    case SAID:
      return error.message
    case 'CERT_NOT_YET_VALID':
      return `the certificate of ${host} is not valid yet: is this machine's clock right?`
    case 'CERT_HAS_EXPIRED':
      return `the certificate of ${host} has expired: whoever runs it must renew it, unless this machine's clock is wrong`
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return `nobody who is trusted here has signed the certificate of ${host}: give its authority as \`tls.ca\``
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `the certificate of ${host} is for another name: give that name as \`tls.servername\`, if it is the right server`
    default:
      return refusedCertificate(error, config) ?? `${where}: ${error.message}`
  }
}

/** The remote has ended TLS because of who we are (RFC 8446 section 6.2), or null. */
function refusedCertificate({ code = '' }: NodeJS.ErrnoException, { host, tlsOptions }: UplinkConfig): string | null {
  const alert = /_ALERT_(CERTIFICATE_REQUIRED|UNKNOWN_CA|ACCESS_DENIED|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(?:EXPIRED|REVOKED|UNKNOWN))$/.exec(code)?.[1]
  if (alert === undefined) return null
  if (tlsOptions.identity === null) return `${host} asks for a certificate: give this gateway's as \`tls.cert\` and \`tls.key\``
  return `${host} refuses this gateway's certificate (${alert.toLowerCase().replaceAll('_', ' ')}): have it registered there, or give the right one as \`tls.cert\``
}
