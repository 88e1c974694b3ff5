// Can the remote brokers be reached: name, TCP, TLS? What costs is not tried: a link that is dialled, a modem, one that is connected already.
//
//   name ─► TCP ─► TLS ─► whose certificate is it, by whose word, and is today one of its days?
import { lookup } from 'node:dns/promises'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import { readText } from '../board/sysfs.ts'
import type { Clock } from '../clock.ts'
import type { UplinkConfig } from '../config/config.ts'
import { within } from './deadline.ts'
import { fault, type Finding, ok, unknown, warning } from './finding.ts'
import type { Edges, Patient } from './patient.ts'

/** For all names together. */
const LOOKUP_MS_MAX = 3000
/** From the first packet to the end of TLS. */
const HANDSHAKE_MS_MAX = 3000
/** Each of them costs some kilobytes of somebody's data plan. */
const REMOTES_MAX = 8
/** The system has so many threads for names, and the gateway needs one too. */
const LOOKUPS_MAX = 2
const DAY_MS = 86_400_000
const SOON_MS = 14 * DAY_MS

export interface TlsFacts {
  /** Node's word for what is wrong with the chain or the name; null when it is good. */
  readonly trouble: string | null
  readonly certificate: { readonly subject: string; readonly issuer: string; readonly names: string; readonly fromMs: number; readonly toMs: number } | null
}

export async function checkRemotes({ config, gateway, clock, root, edges }: Patient): Promise<Finding[]> {
  if (config === null) return []
  const findings: Finding[] = []
  const tried: UplinkConfig[] = []
  for (const uplink of config.uplinks) {
    const view = gateway?.uplinks.find(({ name }) => name === uplink.name)
    if (view?.phase === 'up') findings.push(ok(`uplink/${uplink.name}`, `connected over ${view.link ?? uplink.name}`))
    else if (uplink.url === null || !uplink.links.some(isFree)) findings.push(unknown(`uplink/${uplink.name}`, `not connected, and not tried: its links are dialled, or cost${lastWords(view?.lastError ?? null)}`))
    else if (tried.length === REMOTES_MAX) findings.push(unknown(`uplink/${uplink.name}`, `not tried: ${REMOTES_MAX} remote brokers are enough for one look`))
    else {
      tried.push(uplink)
      const lastError = view?.lastError ?? null
      // What no look from outside finds: that the remote refuses who the gateway is, or what it sends.
      if (lastError !== null) findings.push(fault(`uplink/${uplink.name}`, `not connected: ${lastError}`, 'see what else is at fault here; user name, password and client identifier must be known to that broker'))
    }
  }
  if (tried.length === 0) return findings
  const found = await namesOf(tried, clock, edges?.lookup ?? ((host) => lookup(host, { all: true }).then((all) => all.map(({ address }) => address))))
  for (const [host, name] of found) if (isIP(host) === 0) findings.push(nameFinding(host, name, nameServers(root)))
  const reached = await Promise.all(tried.filter(({ host }) => !('code' in found.get(host)!)).map((uplink) => reach(uplink, clock)))
  return [...findings, ...reached]
}

function lastWords(lastError: string | null): string {
  return lastError === null ? '' : `; its last error: ${lastError}`
}

/** Trying it costs no more than what the uplink does all day by itself. */
function isFree({ dial, sbd, connect: policy, interface: device }: UplinkConfig['links'][number]): boolean {
  return dial === null && sbd === null && device === null && policy.kind === 'always'
}

// ---- names

type Name = { readonly addresses: readonly string[] } | { readonly code: string }

async function namesOf(uplinks: readonly UplinkConfig[], clock: Clock, ask: Edges['lookup']): Promise<ReadonlyMap<string, Name>> {
  const names = new Map<string, Name>()
  const hosts = [...new Set(uplinks.map(({ host }) => host))]
  const endMs = clock.now() + LOOKUP_MS_MAX
  const nameOf = async (host: string): Promise<Name> => {
    if (isIP(host) !== 0) return { addresses: [host] }
    const asked = ask(host).then((addresses): Name => ({ addresses }), ({ code, message }: NodeJS.ErrnoException) => ({ code: code ?? message }))
    return within(clock, Math.max(0, endMs - clock.now()), asked, { code: 'ETIMEDOUT' })
  }
  const askInTurn = async (): Promise<void> => {
    for (let host = hosts.shift(); host !== undefined; host = hosts.shift()) names.set(host, await nameOf(host))
  }
  await Promise.all(Array.from({ length: LOOKUPS_MAX }, askInTurn))
  return names
}

function nameServers(root: string): readonly string[] {
  return [...(readText(`${root}/etc/resolv.conf`) ?? '').matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, server]) => server!)
}

export function nameFinding(host: string, name: Name, servers: readonly string[]): Finding {
  const label = `dns/${host}`
  if ('addresses' in name) return ok(label, `${host} is ${name.addresses.slice(0, 3).join(', ')}`)
  if (servers.length === 0) return fault(label, `no name server is known (/etc/resolv.conf has none), so ${host} cannot be found`, 'the network has none to tell yet: check cable, Wi-Fi and DHCP (`ip address`), or give `dns` with a fixed address under `network`')
  const asked = `asked: ${servers.slice(0, 3).join(', ')}`
  if (name.code === 'ENOTFOUND') return fault(label, `the name ${host} does not exist (${asked})`, 'correct `url` of the uplink; a name of a private network is known to its own name server only')
  return fault(label, `no name server answers for ${host} (${asked})`, 'check the network, and that it lets UDP port 53 through to that server; another server can be given as `dns` under `network`')
}

// ---- TCP and TLS

async function reach(uplink: UplinkConfig, clock: Clock): Promise<Finding> {
  const { host, port, tls } = uplink
  const name = `${tls ? 'tls' : 'tcp'}/${host}`
  let socket: Socket | null = null
  const attempt = async (): Promise<Finding> => {
    socket = connect({ host, port })
    await opened(socket, 'connect')
    if (!tls) return ok(name, `${host}:${port} can be reached`)
    const secure = handshake(socket, uplink)
    await opened(secure, 'secureConnect')
    return tlsFinding(uplink, factsOf(secure), clock.wall())
  }
  const finding = await within(clock, HANDSHAKE_MS_MAX, attempt().catch((error: NodeJS.ErrnoException) => brokenOff(uplink, error)), null)
  ;(socket as Socket | null)?.destroy()
  return finding ?? fault(name, `${host}:${port} does not answer`, 'a firewall drops what goes there, or the network has no way out: check with another program on this machine (nc -vz), and the port in `url`')
}

function opened(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve()).once('error', reject).once('close', () => reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' })))
  })
}

/** As the uplink does it, but a chain that is not good is looked at instead of ended. Nothing is sent to whom it belongs. */
function handshake(socket: Socket, { host, tlsOptions: { ca, identity, servername, alpn, versionMax } }: UplinkConfig): TLSSocket {
  const name = servername ?? (isIP(host) === 0 ? host : null)
  return connectTls({
    socket,
    host,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    maxVersion: versionMax,
    ...(name === null ? {} : { servername: name }),
    ...(ca === null ? {} : { ca }),
    ...(identity === null ? {} : identity),
    ...(alpn === null ? {} : { ALPNProtocols: [alpn] }),
  })
}

function factsOf(socket: TLSSocket): TlsFacts {
  const { subject, issuer, subjectaltname, valid_from: from, valid_to: to } = socket.getPeerCertificate() as Partial<DetailedPeerCertificate>
  const trouble = socket.authorized ? null : codeOf(socket.authorizationError)
  const certificate = from === undefined || to === undefined ? null : { subject: subjectName(subject), issuer: subjectName(issuer), names: subjectaltname ?? '', fromMs: Date.parse(from), toMs: Date.parse(to) }
  return { trouble, certificate }
}

/** The types say Error; it is a code, or an error with one. */
function codeOf(error: unknown): string {
  return typeof error === 'string' ? error : ((error as NodeJS.ErrnoException | null)?.code ?? String(error))
}

function subjectName(subject: { readonly CN?: string | string[]; readonly O?: string | string[] } | undefined): string {
  return String(subject?.CN ?? subject?.O ?? 'nobody')
}

const CLOCK_OR = 'when the date here is wrong (see clock), set it; else'

export function tlsFinding({ host, port, tlsOptions }: Pick<UplinkConfig, 'host' | 'port' | 'tlsOptions'>, { trouble, certificate }: TlsFacts, wallMs: number): Finding {
  const name = `tls/${host}`
  const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
  const today = `here it is ${day(wallMs)}`
  switch (trouble) {
    case null:
      if (certificate !== null && certificate.toMs - wallMs < SOON_MS) return warning(name, `the certificate of ${host} ends on ${day(certificate.toMs)}`, 'whoever runs that broker has to renew it')
      return ok(name, `${host}:${port} has a certificate that is trusted${certificate === null ? '' : `, until ${day(certificate.toMs)}`}`)
    case 'CERT_NOT_YET_VALID':
      return fault(name, `the certificate of ${host} is not valid yet${certificate === null ? '' : `: from ${day(certificate.fromMs)} on`}, and ${today}`, `${CLOCK_OR} wait until then`)
    case 'CERT_HAS_EXPIRED':
      return fault(name, `the certificate of ${host} has expired${certificate === null ? '' : ` on ${day(certificate.toMs)}`}, and ${today}`, `${CLOCK_OR} whoever runs that broker has to renew it`)
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return fault(name, `${host} shows a certificate that it has signed itself (${certificate?.subject ?? 'no name'})`, trustHint(tlsOptions))
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return fault(name, `nobody who is trusted here has signed the certificate of ${host}; it says it was ${certificate?.issuer ?? 'nobody'}`, trustHint(tlsOptions))
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return fault(name, `the certificate of ${host} is for another name: ${certificate?.names.replaceAll('DNS:', '') || (certificate?.subject ?? 'none')}`, 'correct the host in `url`, or, if it is the right server, give the name of the certificate as `tls.servername`')
    default:
      return fault(name, `the certificate of ${host} is not good (${trouble})`, `look at it: openssl s_client -connect ${host}:${port}`)
  }
}

function trustHint({ ca }: UplinkConfig['tlsOptions']): string {
  if (ca?.length === 0) return 'the file of `tls.ca` could not be read, so nobody is trusted: make it readable for the gateway'
  return ca === null ? 'give the authority’s certificate as `tls.ca` of the uplink: whoever runs that broker has it' : 'the file of `tls.ca` is of another authority: get the right one from whoever runs that broker; it must also send the certificates between'
}

function brokenOff({ host, port, tls, tlsOptions }: UplinkConfig, { code = '', message }: NodeJS.ErrnoException): Finding {
  const name = `${tls ? 'tls' : 'tcp'}/${host}`
  const where = `${host}:${port}`
  if (code === 'ECONNREFUSED') return fault(name, `nothing listens at ${where}`, 'correct the port in `url`, or start the broker there; a firewall may refuse in its place')
  if (code === 'ENETUNREACH' || code === 'EHOSTUNREACH') return fault(name, `no network path to ${where}`, 'check cable, Wi-Fi and the default route (`ip route`)')
  if (code === 'ETIMEDOUT') return fault(name, `${where} does not answer`, 'a firewall drops what goes there, or that machine is off')
  if (/_ALERT_(CERTIFICATE|UNKNOWN_CA|BAD_CERTIFICATE|ACCESS_DENIED|UNSUPPORTED_CERTIFICATE)/.test(code)) {
    return fault(name, `${host} ${tlsOptions.identity === null ? 'asks for a certificate' : 'refuses the certificate of this gateway'}`, tlsOptions.identity === null ? 'give this gateway’s as `tls.cert` and `tls.key`' : 'have it registered there, or give the right one as `tls.cert`')
  }
  if (code.endsWith('_ALERT_HANDSHAKE_FAILURE')) return fault(name, `${host} refuses the TLS handshake`, 'it wants a certificate of this gateway (`tls.cert`, `tls.key`), or another version of TLS: ask whoever runs it')
  if (tls) return fault(name, `${where} broke off the TLS handshake (${code || message})`, 'does this port speak TLS? mqtts:// has 8883 and wss:// 443 usually')
  return fault(name, `${where}: ${message}`, 'check `url` and the network')
}
