// MQTT over WebSocket (MQTT 5.0 section 6) at a listener: from an HTTP request to a stream of bytes. Loaded by the first listener that needs
// it, because it brings node:http, node:https and node:tls with it.
//
//   request ──path, subprotocol, upgrade──► WebSocket ──binary frames──► Duplex
//           ──anything else──► a short 4xx answer, and the end
//
// What is always true: a request is answered once. What is true of the streams stands in src/websocket.ts.
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { WebSocketConfig } from '../config/config.ts'
import type { Counters } from '../counters.ts'
import { SUBPROTOCOLS, type Upgrades, webSocketUpgrades } from '../websocket.ts'

const REQUEST_BYTES_MAX = 16 * 1024

interface Request {
  readonly done: (stream: Duplex) => void
  readonly refused: (why: string) => void
}

export class WebSockets {
  readonly #paths: readonly string[]
  readonly #server: Server
  readonly #upgrades: Upgrades
  readonly #requests = new WeakMap<Socket, Request>()

  constructor({ paths }: WebSocketConfig, packetBytesMax: number, counters: Counters) {
    this.#paths = paths
    this.#upgrades = webSocketUpgrades(packetBytesMax, (socket, why) => this.#refuse(socket, 400, why), () => counters.protocolErrors++)
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
    this.#upgrades.upgrade(request, socket, head, (upgraded) => {
      const { done } = this.#requests.get(socket)!
      this.#requests.delete(socket)
      done(upgraded)
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
