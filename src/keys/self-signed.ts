// A certificate that nobody but its own key vouches for (RFC 5280): for a server whose users know it by the certificate's fingerprint.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { Tag } from './der.ts'
import { toPem } from './pem.ts'

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
const COMMON_NAME = '2.5.4.3'
const KEY_USAGE = '2.5.29.15'
const SUBJECT_ALT_NAME = '2.5.29.17'
const BASIC_CONSTRAINTS = '2.5.29.19'
const EXTENDED_KEY_USAGE = '2.5.29.37'
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
/** X.520, ub-common-name. */
const COMMON_NAME_MAX = 64

export interface OwnPair {
  /** PEM, PKCS #8: EC P-256. */
  readonly key: string
  /** PEM. */
  readonly cert: string
  /** SHA-256 of the certificate, as browsers show it: AB:CD:… */
  readonly fingerprint: string
}

/** A new key and its certificate for a server of these names and addresses, the first of which is its common name. Times are wall milliseconds. */
export function makeOwnPair(names: readonly string[], fromMs: number, toMs: number): OwnPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(set(sequence(oid(COMMON_NAME), tlv(Tag.utf8String, Buffer.from(names[0]!.slice(0, COMMON_NAME_MAX), 'utf8')))))
  const algorithm = sequence(oid(ECDSA_WITH_SHA256))
  const extensions = sequence(
    extension(BASIC_CONSTRAINTS, true, sequence()),
    extension(KEY_USAGE, true, tlv(Tag.bitString, Buffer.from([7, 0x80]))), // digitalSignature
    extension(EXTENDED_KEY_USAGE, false, sequence(oid(SERVER_AUTH))),
    extension(SUBJECT_ALT_NAME, false, sequence(...names.map(generalName))),
  )
  const toBeSigned = sequence(
    context(0, tlv(Tag.integer, Buffer.from([2]))), // version 3
    serialNumber(),
    algorithm,
    name,
    sequence(time(fromMs), time(toMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    context(3, extensions),
  )
  const signature = sign('sha256', toBeSigned, privateKey)
  const cert = sequence(toBeSigned, algorithm, tlv(Tag.bitString, Buffer.concat([Buffer.from([0]), signature])))
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: toPem(cert, 'CERTIFICATE').toString('latin1'), fingerprint: fingerprintOf(cert) }
}

/** SHA-256 of a certificate (DER), as browsers show it. */
export function fingerprintOf(cert: Buffer): string {
  return createHash('sha256').update(cert).digest('hex').toUpperCase().match(/../g)!.join(':')
}

// ---- DER (X.690), written

function tlv(tag: number, contents: Buffer): Buffer {
  const { length } = contents
  const octets = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...octets]), contents])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(Tag.sequence, Buffer.concat(parts))
}

function set(...parts: readonly Buffer[]): Buffer {
  return tlv(Tag.set, Buffer.concat(parts))
}

/** [n], explicit. */
function context(n: number, contents: Buffer): Buffer {
  return tlv(0xa0 | n, contents)
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const octets = rest.flatMap((arc) => {
    const sevens = [arc & 0x7f]
    for (let left = arc >>> 7; left > 0; left >>>= 7) sevens.unshift((left & 0x7f) | 0x80)
    return sevens
  })
  return tlv(Tag.objectIdentifier, Buffer.from([first * 40 + second, ...octets]))
}

/** Positive, and of a length that nobody guesses (RFC 5280, 4.1.2.2). */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return tlv(Tag.integer, bytes)
}

/** As RFC 5280 (4.1.2.5) wants it: UTCTime up to 2049, GeneralizedTime from then on. */
function time(wallMs: number): Buffer {
  const digits = new Date(wallMs).toISOString().replaceAll(/\.\d+|[-:T]/g, '')
  const isEarly = new Date(wallMs).getUTCFullYear() < 2050
  return tlv(isEarly ? Tag.utcTime : Tag.generalizedTime, Buffer.from(isEarly ? digits.slice(2) : digits, 'latin1'))
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [tlv(Tag.boolean, Buffer.from([0xff]))] : []), tlv(Tag.octetString, value))
}

/** dNSName [2] or iPAddress [7]. */
function generalName(name: string): Buffer {
  switch (isIP(name)) {
    case 4:
      return tlv(0x87, Buffer.from(name.split('.').map(Number)))
    case 6:
      return tlv(0x87, octetsOf6(name))
    default:
      return tlv(0x82, Buffer.from(name, 'latin1'))
  }
}

function octetsOf6(address: string): Buffer {
  const groups = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::').map((part) => part.split(':').filter(Boolean))
  const [head = [], tail = []] = groups
  const all = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => '0'), ...tail]
  return Buffer.from(all.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]))
}
