// Where a connection comes from, by which transport, and what it has shown of itself on its way.
import type { ClientCertificate } from '../access/certificate.ts'

export type Transport = 'tcp' | 'tls' | 'ws' | 'wss' | 'unix'

export class Peer {
  /** The client's own IP address, also behind a proxy; empty at a unix socket, whose clients are on this machine. */
  readonly address: string
  readonly port: number
  readonly transport: Transport
  /** When it was accepted, on Clock.now(): the time to CONNECT runs from there, handshakes of the transport included. */
  readonly acceptedAtMs: number
  /** The one TLS has verified; null where none was asked for, or none shown. */
  readonly certificate: ClientCertificate | null

  constructor(address: string, port: number, transport: Transport, acceptedAtMs: number, certificate: ClientCertificate | null = null) {
    this.address = address
    this.port = port
    this.transport = transport
    this.acceptedAtMs = acceptedAtMs
    this.certificate = certificate
  }

  /** The same, with its certificate. */
  with(certificate: ClientCertificate): Peer {
    return new Peer(this.address, this.port, this.transport, this.acceptedAtMs, certificate)
  }

  /** For the log. */
  get name(): string {
    if (this.address === '') return 'unix socket'
    return this.address.includes(':') ? `[${this.address}]:${this.port}` : `${this.address}:${this.port}`
  }
}
