// TLS of a listener of mosquitto.conf → `tls`, with what it asks of its clients.
//
// What Mosquitto 2.0 does: `cafile` alone asks nobody for a certificate; with `require_certificate` one is needed for the connection, and CONNECT
// says who the client is, unless use_identity_as_username (its CN, which goes before the other) or use_subject_as_username is said: then
// passwords and allow_anonymous do not count.
//
// Always true: a listener with TLS is written with TLS or has a reason against it, and so is one that asks for certificates.
import { readBounded } from '../config/access-file.ts'
import type { Proof } from './access.ts'
import type { Settings } from './conf.ts'
import type { Line } from './conf-file.ts'
import { addReason, type Plain } from './draft.ts'
import { place, type Findings } from './findings.ts'
import { flag, path } from './values.ts'

const TLS_LINES = ['certfile', 'keyfile', 'cafile', 'capath', 'crlfile', 'tls_version']

export interface ListenerTls {
  /** Empty without TLS. */
  readonly value: Readonly<Record<string, Plain>>
  readonly proof: Proof
  /** The line that asks for certificates; null for none. */
  readonly certificates: Line | null
  readonly bySubject: boolean
}

interface Asked extends Omit<ListenerTls, 'value'> {
  /** Certificates, or a user name out of one: TLS it has to be. */
  readonly needsTls: boolean
}

export function tlsOf(settings: Settings, findings: Findings, reasons: string[]): ListenerTls {
  const asked = certificatesOf(settings, findings, reasons)
  const { proof, certificates, bySubject } = asked
  const wants = asked.needsTls || settings.lines.some((line) => TLS_LINES.includes(line.name))
  const cert = path(settings.take('certfile'), findings)
  const key = path(settings.take('keyfile'), findings)
  const version = settings.take('tls_version')
  if (!wants) return { value: {}, proof, certificates, bySubject }
  if (cert === null || key === null) {
    addReason(reasons, 'TLS needs both certfile and keyfile')
    return { value: {}, proof, certificates, bySubject }
  }
  const word = version?.words[0]
  if (version !== null && word !== 'tlsv1.2' && word !== 'tlsv1.3') findings.changed(version, 'TLS 1.2 is the oldest that is spoken')
  const clients = clientsOf(settings, asked, findings, reasons)
  return { value: { tls: { cert, key, ...(word === 'tlsv1.3' ? { minVersion: 1.3 } : {}), ...clients } }, proof, certificates, bySubject }
}

function certificatesOf(settings: Settings, findings: Findings, reasons: string[]): Asked {
  const [required, identity, subject] = ['require_certificate', 'use_identity_as_username', 'use_subject_as_username'].map((name) => {
    const line = settings.take(name)
    const value = flag(line, findings)
    if (line !== null && value === null) addReason(reasons, `${name} (${place(line)}) says neither true nor false`)
    return value === true ? line : null
  }) as [Line | null, Line | null, Line | null]
  const named = identity ?? subject
  if (identity !== null && subject !== null) findings.leftOut(subject, `use_identity_as_username (${place(identity)}) goes before it, as in Mosquitto`)
  if (named !== null && required === null) addReason(reasons, `${named.name} (${place(named)}) needs \`require_certificate true\`: without it Mosquitto lets nobody in over TLS`)
  const proof = required === null ? 'connect' : named === null ? 'both' : 'certificate'
  return { proof, certificates: required, bySubject: required !== null && identity === null && subject !== null, needsTls: (required ?? named) !== null }
}

function clientsOf(settings: Settings, { certificates, bySubject }: Asked, findings: Findings, reasons: string[]): Record<string, Plain> {
  const authorities = settings.take('cafile')
  const revoked = settings.take('crlfile')
  if (certificates === null) {
    if (authorities !== null) findings.leftOut(authorities, 'without `require_certificate true` nobody is asked for a certificate; those between that of certfile and its authority belong into certfile')
    if (revoked !== null) findings.leftOut(revoked, 'without `require_certificate true` nobody is asked for a certificate')
    return {}
  }
  const ca = path(authorities, findings)
  const crl = path(revoked, findings)
  const folder = settings.last('capath')
  if (ca === null) addReason(reasons, folder === null ? `it asks for certificates (${place(certificates)}) and has no cafile: nobody could connect` : `its authorities are in a folder (${place(folder)}), and are read from one file here: join them, and give that as \`ca\``)
  if (revoked !== null && crl === null) addReason(reasons, `${revoked.name} (${place(revoked)}) names no file`)
  if (revoked !== null && ca !== null && countOf(ca) > 1) findings.changed(revoked, `every authority of ${ca} that stands above a client needs a list in it; Mosquitto looks at that of the last one only`)
  return { clients: { ca: ca ?? folder?.rest ?? '', ...(crl === null ? {} : { crl }), need: 'required', user: bySubject ? 'subject' : 'cn' } }
}

/** How many certificates are in a file; 0 when it cannot be read, which the check will tell. */
function countOf(file: string): number {
  const pem = readBounded(file)
  return typeof pem === 'string' ? 0 : pem.toString('latin1').split('-----BEGIN CERTIFICATE-----').length - 1
}
