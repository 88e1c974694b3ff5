// A gateway with a WebSocket listener, plain or behind TLS, a plain MQTT one beside it, and packets to send through the first.
import { readFileSync } from 'node:fs'
import type { Duplex } from 'node:stream'
import { Authority } from './certificates.ts'
import { FrameClient, type HandshakeOptions } from './frame-client.ts'
import { TestGateway, type TestGatewayOptions } from './gateway.ts'
import { dial, dialTls, listenersOf } from './listeners.ts'

export const SCHEMES = ['ws', 'wss'] as const

export const CONNECT = '10 0f 0004 4d515454 04 02 0000 0003 616263' // "abc", 3.1.1, clean
export const CONNECT_WITH_WILL = '10 18 0004 4d515454 04 06 0000 0003 616263 0004 77696c6c 0001 78' // "x" to "will"
export const CONNACK = '20 02 00 00'
export const SUBSCRIBE = '82 06 0001 0001 74 00' // "t"
export const SUBACK = '90 03 0001 00'
export const PUBLISH = '30 04 0001 74 78' // "x" to "t"
export const PING = 'c0 00'
export const PINGRESP = 'd0 00'

export function bytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex')
}

export class WebSocketBed implements AsyncDisposable {
  /** Its own `connect` and `open` go to the plain listener. */
  readonly gateway: TestGateway
  readonly #authority: Authority | null

  private constructor(gateway: TestGateway, authority: Authority | null) {
    this.gateway = gateway
    this.#authority = authority
  }

  /** `more`: keys of the listener. */
  static async start(scheme: (typeof SCHEMES)[number], more = 'websocket: true', broker: TestGatewayOptions['broker'] = {}): Promise<WebSocketBed> {
    const authority = scheme === 'wss' ? await Authority.make() : null
    const pair = await authority?.issue('gateway')
    const tls = pair === undefined ? '' : `tls: { key: "${pair.keyFile}", cert: "${pair.certFile}" }, `
    return new WebSocketBed(await TestGateway.start({ broker: { ...listenersOf('port: 0', `port: 0, ${tls}${more}`), ...broker } }), authority)
  }

  /** A connection on which no request was made. */
  async reach(): Promise<Duplex> {
    const port = this.gateway.gateway.ports[1]!
    return this.#authority === null ? dial({ port }) : dialTls(port, { ca: readFileSync(this.#authority.certFile) })
  }

  async open(options?: HandshakeOptions): Promise<FrameClient> {
    return FrameClient.open(await this.reach(), options)
  }

  /** A client whose CONNECT was accepted. */
  async enter(connect = CONNECT): Promise<FrameClient> {
    const client = await this.open()
    client.send(connect)
    await client.expectBytes(CONNACK)
    return client
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]()
    await this.#authority?.[Symbol.asyncDispose]()
  }
}
