// Lists of revoked certificates (CRL, RFC 5280 section 5): which serials of which issuer. Signatures are OpenSSL's to check, at every
// handshake; here is read what the connections that are there already are compared with.
import { Der, DerError, readBoolean, readInteger, readObjectIdentifier, readTime, Tag } from './der.ts'
import { readName } from './distinguished-name.ts'
import { pemBlocks } from './pem.ts'

/** One list. */
export interface Crl {
  /** As in a certificate's issuer: DistinguishedName. */
  readonly issuer: string
  readonly issuerKey: string
  /** In hexadecimal, as `readInteger` gives them. */
  readonly serials: ReadonlySet<string>
  readonly thisUpdateMs: number
  /** Afterwards it does not count, and nobody of its issuer gets in; Infinity when it does not say. */
  readonly nextUpdateMs: number
}

/** Extensions that may be critical (RFC 5280, 5.2 and 5.3) and change nothing in who is revoked. */
const HARMLESS = new Set(['2.5.29.20', '2.5.29.21', '2.5.29.23', '2.5.29.24', '2.5.29.28', '2.5.29.35'])

const CONTEXT_0 = 0xa0

/** The lists of a PEM file. Throws DerError when one of them cannot be read or there is none. */
export function readCrls(pem: Buffer): Crl[] {
  return pemBlocks(pem, 'X509 CRL').map(readCrl)
}

/** One list, as DER. Throws DerError. */
export function readCrl(bytes: Buffer): Crl {
  const file = new Der(bytes)
  const signed = file.read(Tag.sequence)
  file.expectEnd()
  const list = signed.read(Tag.sequence)
  signed.read(Tag.sequence)
  signed.read(Tag.bitString)
  signed.expectEnd()

  if (list.tag === Tag.integer && readInteger(list) !== '01') throw new DerError('a version that is not known')
  list.read(Tag.sequence)
  const { text: issuer, key: issuerKey } = readName(list)
  const thisUpdateMs = readTime(list)
  const nextUpdateMs = list.tag === Tag.utcTime || list.tag === Tag.generalizedTime ? readTime(list) : Infinity
  const serials = readSerials(list.readOptional(Tag.sequence))
  const extensions = list.readOptional(CONTEXT_0)
  list.expectEnd()
  if (extensions !== null) {
    readExtensions(extensions)
    extensions.expectEnd()
  }
  return { issuer, issuerKey, serials, thisUpdateMs, nextUpdateMs }
}

function readSerials(entries: Der | null): Set<string> {
  const serials = new Set<string>()
  if (entries === null) return serials
  while (!entries.done) {
    const entry = entries.read(Tag.sequence)
    serials.add(readInteger(entry))
    readTime(entry)
    if (!entry.done) readExtensions(entry)
    entry.expectEnd()
  }
  return serials
}

/** Those that would make the list mean something else (of other issuers, of changes only) are critical, and not known here. */
function readExtensions(der: Der): void {
  const extensions = der.read(Tag.sequence)
  while (!extensions.done) {
    const extension = extensions.read(Tag.sequence)
    const identifier = readObjectIdentifier(extension)
    const isCritical = extension.tag === Tag.boolean && readBoolean(extension)
    extension.read(Tag.octetString)
    extension.expectEnd()
    if (isCritical && !HARMLESS.has(identifier)) throw new DerError(`the extension ${identifier} is not known here: give a list of one issuer, with all that it has revoked`)
  }
}
