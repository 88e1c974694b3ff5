// Names of subjects and issuers (X.501), as text: RFC 4514, the form that OpenSSL calls RFC2253 and Mosquitto uses for its user names,
// with letters beyond ASCII as they are. The last part of the name stands first: `CN=pump-1,O=Acme,C=NL`.
import { isUtf8 } from 'node:buffer'
import { Der, DerError, readObjectIdentifier, Tag } from './der.ts'

export interface DistinguishedName {
  readonly text: string
  /** The first in the order of the certificate; null when there is none, or it cannot be read as text. */
  readonly commonName: string | null
  /** The same for two names that are equal, however their letters are encoded, in which case, and with what spaces (RFC 5280, 7.1). */
  readonly key: string
}

const COMMON_NAME = '2.5.4.3'

/** The names of RFC 4514, and those that OpenSSL has for others that certificates of devices hold. */
const TYPES: Readonly<Record<string, string>> = {
  [COMMON_NAME]: 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.13': 'description',
  '2.5.4.17': 'postalCode',
  '2.5.4.42': 'GN',
  '2.5.4.46': 'dnQualifier',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
}

/** Reads a Name (RFC 5280, 4.1.2.4). Throws DerError. */
export function readName(der: Der): DistinguishedName {
  const sets = der.read(Tag.sequence)
  const parts: string[] = []
  let commonName: string | null = null
  let isFirst = true
  while (!sets.done) {
    const set = sets.read(Tag.set)
    if (set.done) throw new DerError('a part of a name without attributes')
    const attributes: string[] = []
    while (!set.done) {
      const attribute = set.read(Tag.sequence)
      const type = readObjectIdentifier(attribute)
      const { tag } = attribute
      const encoded = attribute.skip()
      attribute.expectEnd()
      const value = textOf(tag, new Der(encoded).read(tag).bytes)
      if (type === COMMON_NAME && isFirst) {
        commonName = value
        isFirst = false
      }
      const name = TYPES[type]
      attributes.push(name === undefined || value === null ? `${name ?? type}=#${encoded.toString('hex').toUpperCase()}` : `${name}=${escaped(value)}`)
    }
    parts.push(attributes.toReversed().join('+'))
  }
  const text = parts.toReversed().join(',')
  return { text, commonName, key: text.toLowerCase().replaceAll(/ +/g, ' ') }
}

/** A DirectoryString as it was meant; null when its bytes are not what its type says, or its type is none for text. */
export function textOf(tag: number, bytes: Buffer): string | null {
  switch (tag) {
    case Tag.utf8String:
      return isUtf8(bytes) ? bytes.toString('utf8') : null
    case Tag.printableString:
    case Tag.ia5String:
    case Tag.numericString:
      return bytes.some((byte) => byte >= 0x80) ? null : bytes.toString('latin1')
    case Tag.teletexString: // Latin-1 is what everybody puts into it
      return bytes.toString('latin1')
    case Tag.bmpString: {
      if (bytes.length % 2 !== 0) return null
      const text = Buffer.from(bytes).swap16().toString('utf16le')
      return text.isWellFormed() ? text : null
    }
    default:
      return null
  }
}

/** RFC 4514, 2.4. Control characters too: a name is one line of a log. */
function escaped(value: string): string {
  return value
    .replaceAll(/["+,;<>\\]|^[ #]| $/g, String.raw`\$&`)
    .replaceAll(/\p{Cc}/gu, (character) => Buffer.from(character).toString('hex').toUpperCase().replaceAll(/../g, String.raw`\$&`))
}
