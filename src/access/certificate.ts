// Who a client is by its certificate. Pure: a certificate that TLS has verified in, what of it is kept out, and from that the user.
//
//   certificate ─► ClientCertificate ─► identity (CN, subject, or a name of SAN) ─► user name, tenant, roles
//
// What is kept is a few short texts: ten thousand clients have them. Of several names of a kind the first counts, in the order of the
// certificate; one that cannot be read as text is not passed over, the client is refused.
import type { CertificateRuleConfig, ClientCertificatesConfig } from '../config/config.ts'
import { Der, DerError, readBoolean, readInteger, readObjectIdentifier, readTime, Tag } from '../keys/der.ts'
import { type DistinguishedName, readName, textOf } from '../keys/distinguished-name.ts'
import type { Issuer } from './issuer.ts'

export interface ClientCertificate {
  /** RFC 4514: `CN=pump-1,O=Acme`. */
  readonly subject: string
  readonly commonName: string | null
  /** Of the subject alternative names (RFC 5280, 4.2.1.6) the first of each kind. */
  readonly dns: string | null
  readonly uri: string | null
  readonly email: string | null
  /** In hexadecimal. */
  readonly serial: string
  /** Wall time of its end, in milliseconds. */
  readonly validToMs: number
  /** Shared by all certificates of that issuer. */
  readonly issuer: Issuer
}

/** Whom a certificate makes its client. */
export interface CertificateUser {
  readonly username: string
  readonly tenant: string
  readonly roles: readonly string[]
}

/** What is read of any certificate, of a client or of an authority. */
export interface CertificateFields {
  readonly serial: string
  readonly issuer: DistinguishedName
  readonly subject: DistinguishedName
  readonly validToMs: number
  readonly names: AlternativeNames
}

/** The first of each kind; null where there is none, or it is no text. */
export type AlternativeNames = Readonly<Record<'dns' | 'uri' | 'email', string | null>>

const USERNAME_BYTES_MAX = 65_535
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17'
/** The kinds of GeneralName (RFC 5280, 4.2.1.6) that can be an identity. */
const KINDS: Readonly<Record<number, keyof AlternativeNames>> = { 0x81: 'email', 0x82: 'dns', 0x86: 'uri' }
const CONTEXT = { 0: 0xa0, 1: 0x81, 2: 0x82, 3: 0xa3 } as const

/** Reads a certificate (DER, RFC 5280 section 4.1). Throws DerError. */
export function readCertificate(bytes: Buffer): CertificateFields {
  const file = new Der(bytes)
  const certificate = file.read(Tag.sequence).read(Tag.sequence)
  file.expectEnd()
  certificate.readOptional(CONTEXT[0]) // version
  const serial = readInteger(certificate)
  certificate.read(Tag.sequence) // signature algorithm
  const issuer = readName(certificate)
  const validity = certificate.read(Tag.sequence)
  readTime(validity)
  const validToMs = readTime(validity)
  const subject = readName(certificate)
  certificate.read(Tag.sequence) // public key
  certificate.readOptional(CONTEXT[1])
  certificate.readOptional(CONTEXT[2])
  const extensions = certificate.readOptional(CONTEXT[3])
  certificate.expectEnd()
  return { serial, issuer, subject, validToMs, names: readAlternativeNames(extensions) }
}

export function clientCertificate({ subject, serial, validToMs, names }: CertificateFields, issuer: Issuer): ClientCertificate {
  return { subject: subject.text, commonName: subject.commonName, dns: names.dns, uri: names.uri, email: names.email, serial, validToMs, issuer }
}

/** The user of a certificate; null when its identity cannot be a user name, or no rule of `map` matches it. */
export function certificateUser(certificate: ClientCertificate, { user, map }: Pick<ClientCertificatesConfig, 'user' | 'map'>): CertificateUser | null {
  const identity = user === 'cn' ? certificate.commonName : certificate[user]
  if (identity === null || !isUsername(identity)) return null
  if (map === null) return { username: identity, tenant: '', roles: [] }
  for (const rule of map) {
    const match = rule.match.exec(identity)
    if (match !== null) return byRule(rule, match, identity)
  }
  return null
}

function byRule({ user, tenant, roles }: CertificateRuleConfig, { groups }: RegExpExecArray, identity: string): CertificateUser | null {
  let isWhole = true
  const username = user === null ? identity : user.replaceAll(/\{([^{}]*)\}/g, (_, name: string) => {
    const part = groups?.[name]
    isWhole &&= part !== undefined // a group of an alternative that was not taken: two clients would share what is left of the name
    return part ?? ''
  })
  return isWhole && isUsername(username) ? { username, tenant, roles } : null
}

function isUsername(text: string): boolean {
  return text !== '' && Buffer.byteLength(text) <= USERNAME_BYTES_MAX && !/\p{Cc}/u.test(text)
}

function readAlternativeNames(extensions: Der | null): AlternativeNames {
  const names = { dns: null, uri: null, email: null } as Record<keyof AlternativeNames, string | null>
  if (extensions === null) return names
  const list = extensions.read(Tag.sequence)
  extensions.expectEnd()
  let isThere = false
  while (!list.done) {
    const extension = list.read(Tag.sequence)
    const identifier = readObjectIdentifier(extension)
    if (extension.tag === Tag.boolean) readBoolean(extension)
    const value = extension.read(Tag.octetString)
    extension.expectEnd()
    if (identifier !== SUBJECT_ALTERNATIVE_NAME) continue
    if (isThere) throw new DerError('two lists of alternative names')
    isThere = true
    readGeneralNames(value, names)
  }
  return names
}

function readGeneralNames(value: Der, names: Record<keyof AlternativeNames, string | null>): void {
  const seen = new Set<keyof AlternativeNames>()
  const list = value.read(Tag.sequence)
  value.expectEnd()
  while (!list.done) {
    const kind = KINDS[list.tag]
    if (kind === undefined || seen.has(kind)) list.skip()
    else {
      seen.add(kind)
      names[kind] = textOf(Tag.ia5String, list.read(list.tag).bytes)
    }
  }
}
