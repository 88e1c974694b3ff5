// SCRAM-SHA-256 as a client does it (RFC 5802 section 3), written apart from the gateway's side.
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

export class ScramClient {
  readonly #password: string
  readonly #bare: string
  #expected = ''

  constructor(username: string, password: string, nonce = randomBytes(12).toString('hex')) {
    this.#password = password
    this.#bare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`
  }

  get first(): Buffer {
    return Buffer.from(`n,,${this.#bare}`)
  }

  /** The last message, in answer to the server's first one. */
  final(serverFirst: Buffer): Buffer {
    const text = serverFirst.toString()
    const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(text)!
    const salted = pbkdf2Sync(this.#password, Buffer.from(salt!, 'base64'), Number(iterations), 32, 'sha256')
    const mac = (key: Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest()
    const unproven = `c=biws,r=${nonce}`
    const conversation = `${this.#bare},${text},${unproven}`
    const clientKey = mac(salted, 'Client Key')
    const signature = mac(createHash('sha256').update(clientKey).digest(), conversation)
    const proof = Buffer.alloc(32)
    for (let i = 0; i < 32; i++) proof[i] = clientKey[i]! ^ signature[i]!
    this.#expected = `v=${mac(mac(salted, 'Server Key'), conversation).toString('base64')}`
    return Buffer.from(`${unproven},p=${proof.toString('base64')}`)
  }

  /** The server knows the password too. */
  accepts(serverFinal: Buffer): boolean {
    return serverFinal.toString() === this.#expected
  }
}
