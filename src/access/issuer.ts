// Who has issued certificates of clients, and whom a listener trusts with that: its authorities, those between them and the clients, and
// what all of them have revoked.
//
// TLS verifies a certificate when it is shown. Here it is found out for a client that is connected already, and for one that resumes a
// session, whether it would still be let in: its certificate is not kept, the chain of its issuers is, once for all clients of it.
// What is always true: an issuer that is known has been verified up to an authority, by TLS or here.
import type { X509Certificate } from 'node:crypto'
import { type CertificateFields, type ClientCertificate, clientCertificate, readCertificate } from './certificate.ts'
import type { Crl } from '../keys/crl.ts'
import { DerError } from '../keys/der.ts'
import { certificatesOf } from '../keys/pem.ts'

/** Between a client and its authority there are one or two. */
const CHAIN_MAX = 10
/** Remembered besides the authorities; only an authority can make more. */
const INTERMEDIATES_MAX = 1000

export class Issuer {
  /** RFC 4514. */
  readonly name: string
  readonly key: string
  readonly fields: CertificateFields
  readonly x509: X509Certificate
  /** null for one that has signed itself, and for an authority whose own issuer is not known here. */
  readonly issuer: Issuer | null

  constructor(x509: X509Certificate, fields: CertificateFields, issuer: Issuer | null) {
    this.name = fields.subject.text
    this.key = fields.subject.key
    this.fields = fields
    this.x509 = x509
    this.issuer = issuer
  }

  get isRoot(): boolean {
    return this.key === this.fields.issuer.key
  }
}

/** What a listener trusts, from the time its files were read to the time they are other ones. */
export class Trust {
  /** The list that ends first; null without lists. */
  readonly firstToEnd: Omit<Crl, 'serials'> | null
  #revocations: readonly Crl[]
  readonly #authorities = new Map<string, Issuer[]>()
  readonly #intermediates = new Map<string, Issuer[]>()
  #intermediateCount = 0
  /** What was found out about issuers of another Trust: thousands of clients have the same one. */
  readonly #vouched = new Map<Issuer, boolean>()

  constructor(authorities: readonly Issuer[], revocations: readonly Crl[]) {
    for (const authority of authorities) add(this.#authorities, authority)
    this.#revocations = revocations
    const [first] = revocations.toSorted((a, b) => a.nextUpdateMs - b.nextUpdateMs)
    this.firstToEnd = first === undefined ? null : { issuer: first.issuer, issuerKey: first.issuerKey, thisUpdateMs: first.thisUpdateMs, nextUpdateMs: first.nextUpdateMs }
  }

  /** From PEM. Throws DerError. */
  static authorities(pem: Buffer): Issuer[] {
    return certificatesOf(pem).map((x509) => new Issuer(x509, readCertificate(x509.raw), null))
  }

  /** Once the connections have been compared with it: the revoked serials can take megabytes. */
  compared(): void {
    this.#revocations = []
    this.#vouched.clear()
  }

  /** What is kept of a certificate that TLS has verified. Throws DerError when it cannot be read, or its issuer is not known. */
  admit(x509: X509Certificate): ClientCertificate {
    const fields = readCertificate(x509.raw)
    const issuer = this.#issuerOf(x509, fields, chainOf(x509), CHAIN_MAX)
    if (issuer === null) throw new DerError('its issuer is not known any more')
    return clientCertificate(fields, issuer)
  }

  /** The end of the certificate, or of one of those it depends on, whichever comes first: wall time, milliseconds. */
  static validToMs(certificate: ClientCertificate): number {
    let ms = certificate.validToMs
    for (const issuer of chain(certificate.issuer)) ms = Math.min(ms, issuer.fields.validToMs)
    return ms
  }

  /** Why a client with this certificate, which another Trust has admitted, would not be let in now; null when it would. */
  problemOf(certificate: ClientCertificate): string | null {
    if (this.#isRevoked(certificate.issuer.key, certificate.serial)) return 'its certificate was revoked'
    if (!this.#isTrusted(certificate.issuer)) return 'its certificate is of no authority that is still trusted'
    for (const { fields } of chain(certificate.issuer)) if (this.#isRevoked(fields.issuer.key, fields.serial)) return 'the certificate of its issuer was revoked'
    return null
  }

  #isRevoked(issuerKey: string, serial: string): boolean {
    return this.#revocations.some((list) => list.issuerKey === issuerKey && list.serials.has(serial))
  }

  #isTrusted(issuer: Issuer): boolean {
    let answer = this.#vouched.get(issuer)
    if (answer === undefined) this.#vouched.set(issuer, (answer = this.#vouchesFor(issuer, CHAIN_MAX)))
    return answer
  }

  /** `issuer`, of an earlier Trust: an authority of now, with the same key, or issued by one. */
  #vouchesFor(issuer: Issuer, depth: number): boolean {
    if (depth === 0) return false
    for (const authority of this.#authorities.get(issuer.key) ?? []) {
      if (haveSameKey(authority.x509, issuer.x509) && this.#reachesRoot(authority, depth)) return true
    }
    if (issuer.isRoot) return false
    if (issuer.issuer !== null && this.#vouchesFor(issuer.issuer, depth - 1)) return true
    return this.#authoritiesOf(issuer).some((authority) => this.#reachesRoot(authority, depth - 1))
  }

  /** As TLS wants it: a chain ends at an authority that has signed itself. */
  #reachesRoot(authority: Issuer, depth: number): boolean {
    if (authority.isRoot) return true
    return depth > 0 && this.#authoritiesOf(authority).some((above) => this.#reachesRoot(above, depth - 1))
  }

  #authoritiesOf({ fields, x509 }: Issuer): Issuer[] {
    const named = this.#authorities.get(fields.issuer.key) ?? []
    return named.filter((authority) => isSignedBy(x509, authority.x509))
  }

  /** `sent`: certificates that came with it, which may be anything. */
  #issuerOf(x509: X509Certificate, { issuer: { key } }: CertificateFields, sent: readonly Sent[], depth: number): Issuer | null {
    if (depth === 0) return null
    const known = [...(this.#authorities.get(key) ?? []), ...(this.#intermediates.get(key) ?? [])].filter((issuer) => x509.checkIssued(issuer.x509) || x509.raw.equals(issuer.x509.raw))
    const others = sent.filter((other) => other.fields.subject.key === key && x509.checkIssued(other.x509) && !known.some((issuer) => issuer.x509.raw.equals(other.x509.raw)))
    // TLS has verified the chain: where there is no choice, that has said it.
    if (known.length === 1 && others.length === 0) return known[0]!
    const right = known.find((issuer) => isSignedBy(x509, issuer.x509))
    if (right !== undefined) return right
    for (const other of others) {
      if (!isSignedBy(x509, other.x509)) continue
      const above = this.#issuerOf(other.x509, other.fields, sent, depth - 1)
      if (above !== null) return this.#remember(new Issuer(other.x509, other.fields, above))
    }
    return null
  }

  #remember(issuer: Issuer): Issuer {
    if (this.#intermediateCount < INTERMEDIATES_MAX) {
      this.#intermediateCount++
      add(this.#intermediates, issuer)
    }
    return issuer
  }
}

interface Sent {
  readonly x509: X509Certificate
  readonly fields: CertificateFields
}

/** A key of a kind that is not known here has signed nothing. */
function isSignedBy(x509: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return x509.checkIssued(issuer) && x509.verify(issuer.publicKey)
  } catch {
    return false
  }
}

function haveSameKey(a: X509Certificate, b: X509Certificate): boolean {
  try {
    return a.publicKey.equals(b.publicKey)
  } catch {
    return false
  }
}

/** What a client has sent besides its own certificate, as far as names connect it. */
function chainOf(x509: X509Certificate): Sent[] {
  const sent: Sent[] = []
  for (let at = x509.issuerCertificate; at !== undefined && sent.length < CHAIN_MAX; at = at.issuerCertificate) sent.push({ x509: at, fields: readCertificate(at.raw) })
  return sent
}

function* chain(first: Issuer): Iterable<Issuer> {
  for (let at: Issuer | null = first; at !== null; at = at.issuer) yield at
}

function add(issuers: Map<string, Issuer[]>, issuer: Issuer): void {
  const named = issuers.get(issuer.key)
  if (named === undefined) issuers.set(issuer.key, [issuer])
  else named.push(issuer)
}
