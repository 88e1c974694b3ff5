// A WebSocket server that compresses when it is asked to, in front of a broker that speaks MQTT over TCP. It counts the bytes of its TCP
// connections: what WebSocket makes of MQTT.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { createWebSocketStream, WebSocketServer } from 'ws'

export class DeflatingProxy implements AsyncDisposable {
  received = 0
  /** Of each connection, what was agreed on. */
  readonly extensions: string[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(to: number, deflate: boolean) {
    this.#server = createServer()
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      socket.on('data', (chunk: Buffer) => (this.received += chunk.length))
    })
    const webSockets = new WebSocketServer({ server: this.#server, perMessageDeflate: deflate ? { threshold: 0 } : false, handleProtocols: () => 'mqtt' })
    webSockets.on('connection', (webSocket) => {
      this.extensions.push(webSocket.extensions)
      const near = createWebSocketStream(webSocket)
      const far = connect({ port: to, host: '127.0.0.1', noDelay: true })
      for (const stream of [near, far]) stream.on('error', () => {})
      near.pipe(far)
      far.pipe(near)
    })
  }

  static async start(to: number, deflate = true): Promise<DeflatingProxy> {
    const proxy = new DeflatingProxy(to, deflate)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/mqtt`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
