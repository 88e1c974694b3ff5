// MQTT over WebSocket (MQTT 5.0 section 6), both sides: a stream of bytes over binary frames. The only importer of the `ws` package. Loaded by
// the first listener or uplink that needs it, because it brings node:http, node:https and node:tls with it.
//
// What is always true
//   1. Packets do not have to fit into frames: what a frame holds goes on as bytes.
//   2. A frame is held until it is complete, so its size and the number of pieces it comes in are bounded.
//   3. Both directions have back-pressure: a stream that is not read pauses the socket, a write is done when the kernel has it.
//   4. Only an uplink compresses, when it is told to: the context of one costs 300 kB.
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { type ClientOptions, type ServerOptions, WebSocket, WebSocketServer } from 'ws'

/** MQTT 3.1's clients know its name only; where both are offered, the standard's is taken. */
export const SUBPROTOCOLS: readonly string[] = ['mqtt', 'mqttv3.1']
/** Senders that join packets into one frame add to the largest packet. */
const JOINED_BYTES_MAX = 64 * 1024
/** A message may come in so many pieces, and one more for every PIECE_BYTES: each is a buffer, and single bytes would take hundreds of times their size. */
const PIECES_MIN = 64
const PIECE_BYTES = 128
/** A peer that does not answer our Close is cut off. */
const CLOSE_MS_MAX = 1000
/** Close codes of RFC 6455 section 7.4.1. */
const NORMAL = 1000
const UNSUPPORTED_DATA = 1003
/** A shorter write is longer when it is compressed. */
const COMPRESSED_BYTES_MIN = 24

/** Options of ws that its types do not know yet. */
interface Bounds {
  readonly maxFragments: number
  readonly maxBufferedChunks: number
  readonly closeTimeout: number
}

function boundsFor(packetBytesMax: number): Bounds & { readonly maxPayload: number; readonly skipUTF8Validation: boolean } {
  const maxPayload = packetBytesMax + JOINED_BYTES_MAX
  const piecesMax = PIECES_MIN + Math.ceil(maxPayload / PIECE_BYTES)
  return { maxPayload, maxFragments: piecesMax, maxBufferedChunks: piecesMax, closeTimeout: CLOSE_MS_MAX, skipUTF8Validation: true } // text is refused as such
}

// ---- the server's side

export interface Upgrades {
  /** From a request that asks for it to a stream. Requests that are malformed end in `refused`. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer, done: (stream: Duplex) => void): void
}

/** `violated`: a peer broke the protocol. */
export function webSocketUpgrades(packetBytesMax: number, refused: (socket: Socket, why: string) => void, violated: () => void): Upgrades {
  const options: ServerOptions & Bounds = {
    ...boundsFor(packetBytesMax),
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    handleProtocols: (offered) => SUBPROTOCOLS.find((name) => offered.has(name)) ?? false, // [MQTT-6.0.0-4]
  }
  const server = new WebSocketServer(options)
  server.on('wsClientError', (error, socket) => refused(socket as Socket, error.message))
  return {
    upgrade: (request, socket, head, done) => server.handleUpgrade(request, socket, head, (webSocket) => done(new WebSocketStream(webSocket, violated))),
  }
}

// ---- the client's side

export interface WebSocketTarget {
  readonly host: string
  readonly port: number
  readonly path: string
  /** Offer permessage-deflate (RFC 7692), with a context that is kept from message to message. */
  readonly compress: boolean
  readonly packetBytesMax: number
}

export interface OpenedWebSocket {
  readonly stream: Duplex
  /** The server has agreed to compress. */
  readonly compresses: boolean
}

/** The opening handshake over a connection that is there. Rejects with an Error that tells what the server has said instead. */
export function openWebSocket(connection: Duplex, target: WebSocketTarget): Promise<OpenedWebSocket> {
  const { host, port, path, compress, packetBytesMax } = target
  const options: ClientOptions & Bounds = {
    ...boundsFor(packetBytesMax),
    // Small messages that look alike are what a kept context shortens most: nothing is too small by itself.
    perMessageDeflate: compress ? { threshold: 0, zlibDeflateOptions: { level: 9, memLevel: 9 } } : false,
    createConnection: () => connection as Socket,
  }
  const name = host.includes(':') ? `[${host}]` : host
  const webSocket = new WebSocket(`ws://${name}:${port}${path}`, ['mqtt'], options) // [MQTT-6.0.0-3]
  const { promise, resolve, reject } = Promise.withResolvers<OpenedWebSocket>()
  webSocket.on('error', reject)
  webSocket.once('unexpected-response', (_request, { statusCode }) => {
    reject(new Error(`the server answers the WebSocket's request with status ${statusCode}: check the path of \`url\``))
    webSocket.terminate()
  })
  webSocket.once('open', () => {
    const compresses = webSocket.extensions.includes('permessage-deflate')
    resolve({ stream: new WebSocketStream(webSocket, () => {}, compresses), compresses })
  })
  return promise
}

/** The bytes in a WebSocket's binary frames. */
class WebSocketStream extends Duplex {
  readonly #webSocket: WebSocket
  readonly #violated: () => void
  readonly #compresses: boolean
  /** The first message may hold a password: what a compressed one is like says something about it. */
  #isFirst = true
  /** A Close is on its way, or with the peer. */
  #closing = false

  constructor(webSocket: WebSocket, violated: () => void, compresses = false) {
    super()
    this.#webSocket = webSocket
    this.#violated = violated
    this.#compresses = compresses
    webSocket.on('message', (data: Buffer, isBinary: boolean) => this.#onMessage(data, isBinary))
    webSocket.on('error', (error) => this.#fail(error)) // it has sent its Close already
    webSocket.on('close', () => this.push(null))
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (this.destroyed) return
    if (!isBinary) {
      this.#webSocket.close(UNSUPPORTED_DATA, 'MQTT is binary') // [MQTT-6.0.0-1]
      this.#fail(new Error('a text frame'))
    } else if (data.length > 0 && !this.push(data)) this.#webSocket.pause() // [MQTT-6.0.0-2]
  }

  #fail(error: Error): void {
    if (this.destroyed) return
    this.#violated()
    this.#closing = true
    this.destroy(error)
  }

  override _read(): void {
    if (this.#webSocket.isPaused) this.#webSocket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const compress = this.#compresses && !this.#isFirst && chunk.length >= COMPRESSED_BYTES_MIN
    this.#isFirst = false
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.send(chunk, { compress }, done)
    else done() // the peer has said that it takes nothing more
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: (error?: Error | null) => void): void {
    const last = chunks.length - 1
    chunks.forEach(({ chunk }, i) => this._write(chunk, 'binary', i === last ? done : () => {}))
  }

  override _final(done: () => void): void {
    this.#webSocket.close(NORMAL)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#closing) this.#webSocket.terminate()
    done(error)
  }
}
