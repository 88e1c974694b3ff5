// The keys that JSON Web Tokens are checked with: read from PEM or from a JSON Web Key Set (RFC 7517), and which algorithms
// (RFC 7518, RFC 8037) go with which kind of key.
//
// What is always true: an algorithm belongs to one kind, so that a public key is never taken for the secret of an HMAC; nothing
// private is kept of a key pair. A key object shows nothing of itself when it is printed.
import type { KeyObject } from 'node:crypto'

const ALGORITHMS = {
  secret: ['HS256', 'HS384', 'HS512'],
  RSA: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
  Ed25519: ['EdDSA', 'Ed25519'],
} as const

export type KeyKind = keyof typeof ALGORITHMS
export type TokenAlgorithm = (typeof ALGORITHMS)[KeyKind][number]

export const TOKEN_ALGORITHMS: readonly TokenAlgorithm[] = Object.values(ALGORITHMS).flat()

/** A secret is at least as long as the hash (RFC 7518 section 3.2). */
export const SECRET_BYTES_MIN = { HS256: 32, HS384: 48, HS512: 64 } as const

export interface VerificationKey {
  /** Its name in a key set; null without one. */
  readonly id: string | null
  readonly kind: KeyKind
  /** The one that its issuer uses it with; null when it does not say. */
  readonly algorithm: string | null
  readonly key: KeyObject
}

const KEYS_MAX = 64
const ID_LENGTH_MAX = 256
/** Less is broken (RFC 7518 section 3.3), more takes the time of others. */
const RSA_BITS_MIN = 2048
const RSA_BITS_MAX = 8192
const CURVES: Readonly<Record<string, KeyKind>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }
/** The members of a JSON Web Key that make the public key, and those that must not be known here. */
const PUBLIC_MEMBERS = ['kty', 'crv', 'n', 'e', 'x', 'y'] as const
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'] as const

/** Whether tokens signed with `algorithm` may be checked with this key. */
export function fits({ kind, algorithm: own }: VerificationKey, algorithm: string): boolean {
  const all: readonly string[] = ALGORITHMS[kind]
  // EdDSA is the old name of Ed25519 (RFC 9864): a key may have the one and its tokens the other.
  return all.includes(algorithm) && (own === null || own === algorithm || kind === 'Ed25519')
}

/** Loads node:crypto. */
export function secretKey(secret: Buffer): VerificationKey {
  return { id: null, kind: 'secret', algorithm: null, key: process.getBuiltinModule('node:crypto').createSecretKey(secret) }
}

/** The public keys of PEM blocks, certificates among them. Throws Error with a sentence. Loads node:crypto. */
export function keysOfPem(text: string): VerificationKey[] {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) throw new Error('it holds a private key')
  const blocks = text.match(/-----BEGIN ([A-Z ]+)-----[A-Za-z0-9+/=\s]+-----END \1-----/g) ?? []
  if (blocks.length === 0) throw new Error('it holds no PEM block')
  if (blocks.length > KEYS_MAX) throw new Error(`it holds more than ${KEYS_MAX} keys`)
  const { createPublicKey } = process.getBuiltinModule('node:crypto')
  return blocks.map((block) => {
    let key: KeyObject
    try {
      key = createPublicKey(block)
    } catch (error) {
      throw new Error(`a PEM block of it is no public key (${(error as Error).message})`, { cause: error })
    }
    const kind = kindOf(key)
    if (kind === null) throw new Error(`it holds a key that no token can be checked with (${nameOf(key)})`)
    return { id: null, kind, algorithm: null, key }
  })
}

/**
 * The public keys of a key set, or of a single key, in JSON. Keys for other purposes and of other kinds are passed over. Private
 * members are never read; with `strict` a key that has some is refused. Throws Error with a sentence, also when no key is left.
 * Loads node:crypto.
 */
export function keysOfSet(text: string, strict: boolean): VerificationKey[] {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    throw new Error('it is no JSON') // what the parser says would quote the text
  }
  if (!isGroup(set)) throw new Error('it is no JSON Web Key Set')
  const entries: unknown = Object.hasOwn(set, 'keys') ? set['keys'] : [set]
  if (!Array.isArray(entries)) throw new Error('it is no JSON Web Key Set: `keys` must be a list')
  if (entries.length > KEYS_MAX) throw new Error(`it holds more than ${KEYS_MAX} keys`)
  if (strict && entries.some(isPrivate)) throw new Error('it holds a private or secret key')
  const keys = entries.map(keyOfEntry).filter((key) => key !== null)
  if (keys.length === 0) throw new Error('it holds no key that tokens could be checked with')
  return keys
}

/** The set in JSON, public members only: the same text for the same keys. */
export function setOfKeys(keys: readonly VerificationKey[]): string {
  const entries = keys.map(({ id, algorithm, key }) => {
    const names = { ...(id === null ? {} : { kid: id }), ...(algorithm === null ? {} : { alg: algorithm }) }
    return { ...key.export({ format: 'jwk' }), ...names, use: 'sig' }
  })
  return `${JSON.stringify({ keys: entries })}\n`
}

function keyOfEntry(entry: unknown): VerificationKey | null {
  if (!isGroup(entry)) return null
  const { kid = null, alg = null, use = 'sig', key_ops: operations = ['verify'] } = entry
  if (use !== 'sig' || !Array.isArray(operations) || !operations.includes('verify')) return null
  if (kid !== null && (typeof kid !== 'string' || kid.length > ID_LENGTH_MAX)) return null
  if (alg !== null && typeof alg !== 'string') return null
  const members = PUBLIC_MEMBERS.filter((name) => Object.hasOwn(entry, name)).map((name) => [name, entry[name]])
  let key: KeyObject
  try {
    key = process.getBuiltinModule('node:crypto').createPublicKey({ key: Object.fromEntries(members), format: 'jwk' })
  } catch {
    return null // broken, or no public key that is known here: a secret (oct) never comes in this way
  }
  const kind = kindOf(key)
  if (kind === null) return null
  const found: VerificationKey = { id: kid, kind, algorithm: alg, key }
  return alg === null || fits(found, alg) ? found : null
}

/** null when no token can be checked with it. */
function kindOf(key: KeyObject): KeyKind | null {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'rsa') return modulusLength >= RSA_BITS_MIN && modulusLength <= RSA_BITS_MAX ? 'RSA' : null
  if (key.asymmetricKeyType === 'ec') return CURVES[namedCurve] ?? null
  return key.asymmetricKeyType === 'ed25519' ? 'Ed25519' : null
}

function nameOf(key: KeyObject): string {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
  return [key.asymmetricKeyType, namedCurve, modulusLength === undefined ? undefined : `${modulusLength} bits`].filter((part) => part !== undefined).join(', ')
}

function isPrivate(entry: unknown): boolean {
  return isGroup(entry) && PRIVATE_MEMBERS.some((name) => Object.hasOwn(entry, name))
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
