// gateway.yaml, `broker.listeners[].tls`: the listener's own certificate, and those of its clients. The descriptions are the reference documentation.
import { resolve } from 'node:path'
import { readCrls } from '../keys/crl.ts'
import { certificatesOf, pemBlocks, toPem } from '../keys/pem.ts'
import { readAccessFile } from './access-file.ts'
import type { CertificateRuleConfig, ClientCertificatesConfig, TlsConfig } from './config.ts'
import { isKeyPair } from './key-pair-check.ts'
import { clip, type Place } from './place.ts'
import { choice, tenantName, text } from './scalar.ts'
import { defaulted, list, object, optional, required, type Schema } from './schema.ts'
import { readSecretFile } from './secret.ts'

function file(): Schema<string> {
  return text({ expected: 'a file' }).into((path, place) => resolve(place.run.folder, path))
}

// ---- certificates of clients

const rule = object({
  match: required('Regular expression for the whole identity: `pump-(?<number>[0-9]+)`. Its named groups can stand in `user`.', text({ expected: 'a regular expression' })),
  user: optional('The user name. {number} stands for what the group of that name matched. Default: the identity as it is.', text({ expected: 'a user name' })),
  tenant: defaulted('The tenant of these clients.', '', tenantName()),
  roles: defaulted('Their roles, for the rules about what clients may do.', [], list(text({ expected: 'a role' }))),
}).into((r, place): CertificateRuleConfig | undefined => {
  const match = wholeMatch(r.match, place.key('match'))
  if (match === undefined) return undefined
  return isNamed(r.user ?? '', match.groups, place.key('user')) ? { match: match.pattern, user: r.user, tenant: r.tenant, roles: r.roles } : undefined
})

interface WholeMatch {
  readonly pattern: RegExp
  readonly groups: readonly string[]
}

/** Anchored at both ends: `pump-1` is not to let `not-a-pump-1` in. */
function wholeMatch(written: string, place: Place): WholeMatch | undefined {
  try {
    void new RegExp(written, 'u') // by itself first: what stands around it below could mend it
    const groups = new RegExp(`${written}|`, 'u').exec('')?.groups ?? {}
    return { pattern: new RegExp(`^(?:${written})$`, 'u'), groups: Object.keys(groups) }
  } catch (error) {
    const why = (error as Error).message.replace(/^.*\/u: /s, '')
    return place.problem(`${place.name} "${clip(written)}" is not a regular expression: ${clip(why)}`, 'write for example "pump-(?<number>[0-9]+)", in single quotes when it has a backslash')
  }
}

function isNamed(user: string, groups: readonly string[], place: Place): boolean {
  for (const [whole, name] of user.matchAll(/\{([^{}]*)\}/g)) {
    if (groups.includes(name!)) continue
    const known = groups.map((group) => `{${group}}`).join(', ')
    place.problem(`${place.name} has ${clip(whole)}, and \`match\` has no group of that name`, known === '' ? 'name a group in `match`: (?<number>[0-9]+)' : `its groups are ${known}`)
    return false
  }
  return true
}

const clients = object({
  ca: required('The authorities whose certificates are taken (PEM): those of your devices only, they say who may connect. Looked at again when it changes: who is connected by an authority that is gone is disconnected.', file()),
  crl: optional('Lists of revoked certificates (PEM), one of each authority. Looked at again when it changes: who is revoked is disconnected. When a list has ended (nextUpdate) nobody of its authority gets in.', file()),
  need: defaulted('required: who shows no certificate is turned away in the handshake. optional: a client without one may come with a password or token; one that is not in order is refused all the same.', 'required', choice(['required', 'optional'])),
  user: defaulted('The identity in a certificate: its common name, the whole subject (CN=pump-1,O=Acme), or the first DNS name, URI or email address of its subject alternative names.', 'cn', choice(['cn', 'subject', 'dns', 'uri', 'email'])),
  map: optional('Which user an identity is, with tenant and roles: the first rule that matches decides, and a client that none matches is refused. Default: the identity is the user name.', list(rule, { min: 1 })),
}).into((c, place): ClientCertificatesConfig | undefined => {
  const isCa = isReadable(place.key('ca'), c.ca, (pem) => void certificatesOf(pem), 'give the file with the certificate of the authority of your devices, as PEM')
  const isCrl = c.crl === null || isReadable(place.key('crl'), c.crl, checkCrls, 'write the list anew: openssl ca -gencrl -out FILE')
  return isCa && isCrl ? { caFile: c.ca, crlFile: c.crl, need: c.need, user: c.user, map: c.map } : undefined
})

/** Where the gateway must come up anyway, a broken file is a warning: the listener lets nobody in until there is a better one. */
function isReadable(place: Place, path: string, check: (pem: Buffer) => void, hint: string): boolean {
  const read = readAccessFile(place, path)
  if (read === undefined) return false
  if (read.bytes === null) return true
  try {
    check(read.bytes)
    return true
  } catch (error) {
    const message = `${path} cannot be used: ${(error as Error).message}`
    if (place.run.secrets.mode === 'require') place.problem(message, hint, 'E_SECRET')
    else place.warning(message, hint, 'E_SECRET')
    return place.run.secrets.mode !== 'require'
  }
}

/** As we read them, and as TLS does. */
function checkCrls(pem: Buffer): void {
  readCrls(pem)
  process.getBuiltinModule('node:tls').createSecureContext({ crl: pemBlocks(pem, 'X509 CRL').map((list) => toPem(list, 'X509 CRL')) })
}

// ---- the listener's own

const pair = {
  key: required('File with the private key (PEM, not encrypted). A relative path starts at the folder of this file.', file()),
  cert: required('File with the certificate and those between it and its authority (PEM). When key and certificate are replaced, new connections get the new ones within 10 s.', file()),
  minVersion: defaulted('Oldest TLS version that is spoken. 1.3 shuts out many microcontrollers.', 1.2, choice([1.2, 1.3], '1.2 or 1.3')),
}

type OwnPair = Omit<TlsConfig, 'clients'>

function pairOf(t: { readonly key: string; readonly cert: string; readonly minVersion: 1.2 | 1.3 }, place: Place): OwnPair | undefined {
  const key = readSecretFile(place.key('key'), t.key)
  const cert = readSecretFile(place.key('cert'), t.cert)
  if (key === undefined || cert === undefined) return undefined
  if (key.bytes !== null && cert.bytes !== null && !isKeyPair(key.bytes, cert.bytes, place)) return undefined
  return { keyFile: t.key, certFile: t.cert, minVersion: t.minVersion === 1.3 ? 'TLSv1.3' : 'TLSv1.2' }
}

/** Where clients show no certificates. */
export const ownPair: Schema<OwnPair> = object(pair).into(pairOf)

export const tls = object({
  ...pair,
  clients: optional('Clients show certificates too (mutual TLS), and are who those say.', clients),
}).into((t, place): TlsConfig | undefined => {
  const own = pairOf(t, place)
  return own === undefined ? undefined : { ...own, clients: t.clients }
})
