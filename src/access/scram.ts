// SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's side: the client proves that it knows the password, and we that we know it, and
// nobody who listens learns it. Without channel binding: MQTT gives no place to agree on it.
//
//   client-first  n,,n=USER,r=NONCE                    server-first  r=NONCE…,s=SALT,i=ITERATIONS
//   client-final  c=biws,r=NONCE…,p=PROOF              server-final  v=SIGNATURE
//
// What is always true: an unknown user gets the same answers after the same work as a known one, and fails at the end.
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { ProtocolError, Reason } from '../mqtt/reason.ts'

/** The least that RFC 7677 allows: 2 ms on a desktop, 15 on a small board, outside the event loop. */
const ITERATIONS = 4096
const NONCE_BYTES = 18
const SALT_BYTES = 16
const KEY_BYTES = 32
/** Names and nonces are short; nothing is kept of a longer message. */
const MESSAGE_BYTES_MAX = 1024

const deriveKey = promisify(pbkdf2)
const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()

/** Why an exchange failed is for the log; the client hears only that it did. */
function refused(why: string): ProtocolError {
  return new ProtocolError(Reason.notAuthorized, `SCRAM: ${why}`) // [MQTT-4.12.0-4]
}

/** As a Step, with the user's name only: access.ts knows the rest of who that is. */
export interface ScramStep {
  readonly data: Buffer
  /** null while the exchange goes on. */
  readonly username: string | null
}

export interface ScramOptions {
  /** The password of a user, null when there is no such user. */
  readonly passwordOf: (username: string) => Buffer | null
  /** Makes up salts: the same user gets the same one in every exchange, known or not. */
  readonly secret: Buffer
  /** For tests with known answers. */
  readonly nonce?: string
  readonly salt?: Buffer
}

export class ScramExchange {
  readonly #options: ScramOptions
  #username = ''
  #gs2Header = ''
  #nonce = ''
  #salt: Buffer = Buffer.alloc(0)
  /** client-first-bare and server-first; empty before the first message. */
  #conversation = ''
  #over = false

  constructor(options: ScramOptions) {
    this.#options = options
  }

  /** Takes a message of the client. Rejects with ProtocolError 0x87; the exchange is over then. */
  async next(data: Buffer | null): Promise<ScramStep> {
    if (this.#over) throw refused('the exchange is over')
    this.#over = true // until this message is found to be good
    if (data === null || data.length === 0) throw refused('a message is missing')
    if (data.length > MESSAGE_BYTES_MAX) throw refused(`a message is longer than ${MESSAGE_BYTES_MAX} bytes`)
    const message = data.toString('utf8')
    return this.#conversation === '' ? this.#first(message) : this.#final(message)
  }

  #first(message: string): ScramStep {
    const match = /^(?<gs2>(?<binding>[^,]*),(?<authorization>[^,]*),)(?<bare>n=(?<name>[^,]*),r=(?<nonce>[\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/s.exec(message)
    if (match === null) throw refused('the first message is not what RFC 5802 says')
    const { gs2, binding, authorization, bare, name, nonce } = match.groups as Record<string, string>
    if (binding !== 'n' && binding !== 'y') throw refused('channel binding is not supported')
    if (authorization !== '') throw refused('acting for somebody else is not supported')
    this.#username = unescapeName(name!)
    this.#gs2Header = gs2!
    this.#nonce = `${nonce}${this.#options.nonce ?? randomBytes(NONCE_BYTES).toString('base64')}`
    this.#salt = this.#options.salt ?? hmac(this.#options.secret, this.#username).subarray(0, SALT_BYTES)
    const serverFirst = `r=${this.#nonce},s=${this.#salt.toString('base64')},i=${ITERATIONS}`
    this.#conversation = `${bare},${serverFirst}`
    this.#over = false
    return { data: Buffer.from(serverFirst), username: null }
  }

  async #final(message: string): Promise<ScramStep> {
    const match = /^(?<unproven>c=(?<header>[^,]*),r=(?<nonce>[^,]*)(?:,[^p][^,]*)*),p=(?<proof>[A-Za-z0-9+/]+={0,2})$/s.exec(message)
    if (match === null) throw refused('the last message is not what RFC 5802 says')
    const { unproven, header, nonce, proof } = match.groups as Record<string, string>
    if (header !== Buffer.from(this.#gs2Header).toString('base64')) throw refused('the channel binding has changed')
    if (nonce !== this.#nonce) throw refused('the nonce is not of this exchange')
    const password = this.#options.passwordOf(this.#username)
    const prepared = password === null ? null : preparePassword(password)
    const salted = await deriveKey(prepared ?? this.#options.secret, this.#salt, ITERATIONS, KEY_BYTES, 'sha256')
    const clientKey = hmac(salted, 'Client Key')
    const conversation = `${this.#conversation},${unproven}`
    const expected = xor(clientKey, hmac(sha256(clientKey), conversation))
    const given = Buffer.from(proof!, 'base64')
    const matches = given.length === KEY_BYTES && timingSafeEqual(given, expected)
    if (!matches || prepared === null) throw refused('wrong user or password')
    const signature = hmac(hmac(salted, 'Server Key'), conversation)
    return { data: Buffer.from(`v=${signature.toString('base64')}`), username: this.#username }
  }
}

/** A comma is written =2C, an equals sign =3D (RFC 5802 section 5.1). */
function unescapeName(name: string): string {
  if (name === '' || /=(?!2C|3D)/.test(name)) throw refused('the user name is not what RFC 5802 says')
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=')
}

/** SASLprep (RFC 4013) as far as passwords need it; null when the password can be none of SCRAM. */
function preparePassword(password: Buffer): string | null {
  const text = password.toString('utf8')
  if (!Buffer.from(text, 'utf8').equals(password)) return null
  const mapped = text
    .replaceAll(/[\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000]/g, ' ')
    .replaceAll(/\u00AD|\u034F|\u1806|[\u180B-\u180D]|[\u200B-\u200D]|\u2060|[\uFE00-\uFE0F]|\uFEFF/g, '')
    .normalize('NFKC')
  return /\p{Cc}/u.test(mapped) ? null : mapped
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ b[i]!))
}
