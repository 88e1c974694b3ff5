// What the handshakes of a new connection say of a link before anything has been sent over it: TCP's took a round trip with hardly a byte,
// TLS's one with a kilobyte or two. The difference is what those bytes took. A slow machine at either end makes the guess too low, but not by much, and
// the first acknowledgement knows better.
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../clock.ts'

/** What is counted: bytes of the handshake, and the headers of its packets beyond those of TCP's own. */
const HEADER_BYTES = 100
/** TCP sends its first packet again after this (RFC 6298 section 2.1). */
const SYN_AGAIN_MS = 1000
/** No guess is quicker. */
const SEC_MIN = 0.001

export interface Guess {
  readonly bytesPerSec: number
  readonly roundTripMs: number
}

export class FirstGuess {
  readonly #clock: Clock
  readonly #socket: Socket
  #askedMs = 0
  #connectedMs = 0

  /** Of a socket that is being connected. */
  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket
    this.#clock = clock
    socket.on('connectionAttempt', () => (this.#askedMs = clock.now())) // behind the name's lookup, and once for each address
    socket.once('connect', () => (this.#connectedMs = clock.now()))
  }

  /**
   * When `stream`, above the socket, has just opened; null when that was not by a handshake of one round trip (TLS 1.3, and nothing else), or when the
   * first packet may have been lost, so that nobody knows how long a round trip is.
   */
  of(stream: Duplex): Guess | null {
    if ((stream as Partial<TLSSocket>).getProtocol?.() !== 'TLSv1.3') return null
    const { bytesRead, bytesWritten } = this.#socket
    const roundTripMs = this.#connectedMs - this.#askedMs
    if (roundTripMs >= SYN_AGAIN_MS) return null
    const sec = (this.#clock.now() - this.#connectedMs - roundTripMs) / 1000
    return { bytesPerSec: (bytesRead + bytesWritten + HEADER_BYTES) / Math.max(SEC_MIN, sec), roundTripMs }
  }
}
