// MQTT over WebSocket (MQTT 5.0 section 6): from an HTTP request to a stream of bytes. The only importer of the `ws` package. Loaded by
// the first listener that needs it, because it brings node:http, node:https and node:tls with it.
//
//   request ──path, subprotocol, upgrade──► WebSocket ──binary frames──► Duplex
//           ──anything else──► a short 4xx answer, and the end
//
// What is always true
//   1. Packets do not have to fit into frames: what a frame holds goes on as bytes.
//   2. A frame is held until it is complete, so its size and the number of pieces it comes in are bounded. Nothing is compressed.
//   3. Both directions have back-pressure: a stream that is not read pauses the socket, a write is done when the kernel has it.
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import type { WebSocketConfig } from '../config/config.ts'
import type { Counters } from '../counters.ts'

/** MQTT 3.1's clients know its name only; where both are offered, the standard's is taken. */
const SUBPROTOCOLS = ['mqtt', 'mqttv3.1']
const REQUEST_BYTES_MAX = 16 * 1024
/** Clients that join packets into one frame add to the largest packet. */
const JOINED_BYTES_MAX = 64 * 1024
/** A message may come in so many pieces, and one more for every PIECE_BYTES: each is a buffer, and single bytes would take hundreds of times their size. */
const PIECES_MIN = 64
const PIECE_BYTES = 128
/** A peer that does not answer our Close is cut off. */
const CLOSE_MS_MAX = 1000
/** Close codes of RFC 6455 section 7.4.1. */
const NORMAL = 1000
const UNSUPPORTED_DATA = 1003

/** Options of ws that its types do not know yet. */
interface Bounds {
  readonly maxFragments: number
  readonly maxBufferedChunks: number
  readonly closeTimeout: number
}

interface Request {
  readonly done: (stream: Duplex) => void
  readonly refused: (why: string) => void
}

export class WebSockets {
  readonly #paths: readonly string[]
  readonly #counters: Counters
  readonly #server: Server
  readonly #upgrades: WebSocketServer
  readonly #requests = new WeakMap<Socket, Request>()

  constructor({ paths }: WebSocketConfig, packetBytesMax: number, counters: Counters) {
    this.#paths = paths
    this.#counters = counters
    const maxPayload = packetBytesMax + JOINED_BYTES_MAX
    const piecesMax = PIECES_MIN + Math.ceil(maxPayload / PIECE_BYTES)
    const options: ServerOptions & Bounds = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      skipUTF8Validation: true, // text is refused as such
      maxPayload,
      maxFragments: piecesMax,
      maxBufferedChunks: piecesMax,
      closeTimeout: CLOSE_MS_MAX,
      handleProtocols: (offered) => SUBPROTOCOLS.find((name) => offered.has(name)) ?? false, // [MQTT-6.0.0-4]
    }
    this.#upgrades = new WebSocketServer(options)
    this.#upgrades.on('wsClientError', (error, socket) => this.#refuse(socket as Socket, 400, error.message))
    // It never listens: it is given the sockets that the listener has accepted.
    this.#server = createServer({ maxHeaderSize: REQUEST_BYTES_MAX })
    this.#server.on('upgrade', (request, stream, head) => this.#upgrade(request, stream, head))
    this.#server.on('connect', (request: IncomingMessage) => this.#refuse(request.socket, 405, 'no proxy'))
    this.#server.on('request', (request) => this.#refuse(request.socket, ...this.#statusOf(request)))
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      if (error.code?.startsWith('HPE_') === true) this.#refuse(socket as Socket, error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400, 'malformed request')
      else socket.destroy() // it broke off
    })
  }

  /** The server's side of an opening handshake. One of the two is called, or none when the socket ends before. */
  open(socket: Socket, done: Request['done'], refused: Request['refused']): void {
    this.#requests.set(socket, { done, refused })
    this.#server.emit('connection', socket)
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const { socket, headers } = request
    if (stream !== socket) return this.#refuse(socket, 400, 'a request with a body')
    const [status, why] = this.#statusOf(request)
    if (status === 404) return this.#refuse(socket, status, why)
    const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
    // [MQTT-6.0.0-3] Who does not offer it cannot be answered with it, as [MQTT-6.0.0-4] wants: RFC 6455 section 4.2.2 lets a server
    // choose from what is offered only. So this is no client for MQTT.
    if (!SUBPROTOCOLS.some((name) => offered.includes(name))) return this.#refuse(socket, 400, 'Sec-WebSocket-Protocol must offer mqtt')
    this.#upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      const { done } = this.#requests.get(socket)!
      this.#requests.delete(socket)
      done(new WebSocketStream(webSocket, this.#counters))
    })
  }

  #statusOf({ url }: IncomingMessage): readonly [status: number, why: string] {
    const path = (url ?? '').split('?', 1)[0]!
    return this.#paths.includes(path) ? [426, 'this is MQTT over WebSocket'] : [404, `MQTT over WebSocket is at ${this.#paths.join(' and ')}`]
  }

  /** A request is answered once; what is still to come of it is not waited for. */
  #refuse(socket: Socket, status: number, why: string): void {
    const request = this.#requests.get(socket)
    if (request === undefined) return
    this.#requests.delete(socket)
    request.refused(why)
    const upgrade = status === 426 ? 'Upgrade: websocket\r\n' : ''
    const text = `${why}\n`
    const head = `HTTP/1.1 ${status} ${REASONS[status]}\r\n${upgrade}Connection: close\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n`
    if (socket.writable) socket.end(head + text, () => socket.destroy())
    else socket.destroy()
  }
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  426: 'Upgrade Required',
  431: 'Request Header Fields Too Large',
}

/** The bytes in a WebSocket's binary frames. */
class WebSocketStream extends Duplex {
  readonly #webSocket: WebSocket
  readonly #counters: Counters
  /** A Close is on its way, or with the peer. */
  #closing = false

  constructor(webSocket: WebSocket, counters: Counters) {
    super()
    this.#webSocket = webSocket
    this.#counters = counters
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
    this.#counters.protocolErrors++
    this.#closing = true
    this.destroy(error)
  }

  override _read(): void {
    if (this.#webSocket.isPaused) this.#webSocket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.send(chunk, done)
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
