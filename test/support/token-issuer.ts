// An issuer of JSON Web Tokens: its keys, what it signs with them, and a server on loopback that gives its key set to who asks.
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { SignJWT } from 'jose'
import type { VerificationKey } from '../../src/keys/verification-keys.ts'

const KINDS = {
  RSA: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  'P-521': () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  Ed25519: () => generateKeyPairSync('ed25519'),
} as const

export class IssuerKey {
  readonly id: string
  readonly kind: keyof typeof KINDS
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject

  constructor(id: string, kind: keyof typeof KINDS) {
    this.id = id
    this.kind = kind
    const { publicKey, privateKey } = KINDS[kind]()
    this.publicKey = publicKey
    this.privateKey = privateKey
  }

  /** As the configuration holds it. */
  get forChecking(): VerificationKey {
    return { id: this.id, kind: this.kind, algorithm: null, key: this.publicKey }
  }

  get jwk(): Record<string, unknown> {
    return { ...this.publicKey.export({ format: 'jwk' }), kid: this.id, use: 'sig' }
  }
}

/** A token with these claims; `header` adds to what the algorithm needs. */
export async function signed(claims: object, algorithm: string, key: KeyObject | Uint8Array, header: object = {}): Promise<Buffer> {
  return Buffer.from(await new SignJWT({ ...claims }).setProtectedHeader({ alg: algorithm, ...header }).sign(key))
}

const base64url = (value: object | string): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A token as no library would make it. */
export function forged(header: object | string, claims: object | string, signature: string | Buffer = ''): Buffer {
  return Buffer.from(`${base64url(header)}.${base64url(claims)}.${Buffer.from(signature).toString('base64url')}`)
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** `answer` says what the next request gets, until it is set anew. */
export class KeyServer implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #port = 0
  requests = 0
  answer: Answer = (_, response) => void response.writeHead(404).end()

  private constructor() {
    this.#server = createServer((request, response) => {
      this.requests++
      this.answer(request, response)
    })
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  static async start(): Promise<KeyServer> {
    const server = new KeyServer()
    await server.comeBack()
    return server
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${this.#port}/certs`)
  }

  give(...keys: readonly IssuerKey[]): void {
    this.giveText(JSON.stringify({ keys: keys.map((key) => key.jwk) }))
  }

  giveText(text: string): void {
    this.answer = (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(text)
  }

  /** On the port that it had. */
  async comeBack(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  async goAway(): Promise<void> {
    if (!this.#server.listening) return
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await once(this.#server, 'close')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.goAway()
  }
}
