// Bridges of mosquitto.conf (`connection` and what stands below it) → `uplinks`.
//
// Always true: a bridge with TLS becomes an uplink with TLS or none at all, and its password is never part of a text.
import { isIP } from 'node:net'
import { filtersOverlap } from '../config/routes.ts'
import { mappingsOf, routesOf, type Mapping } from './bridge-topics.ts'
import type { Conf, Section } from './conf.ts'
import type { Line } from './conf-file.ts'
import { whyNot } from './directives.ts'
import { addReason, type Plain, type UplinkItem } from './draft.ts'
import { place, type Findings } from './findings.ts'
import { flag, integer, path, text, wholeNumber } from './values.ts'

const PORT = 1883 // also with TLS
const KEEP_ALIVE_SEC_MIN = 5
/** The system's bundle under its usual names. */
const SYSTEM_AUTHORITIES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/ssl/cert.pem', '/etc/pki/tls/certs/ca-bundle.crt']
const TLS_LINES = ['bridge_cafile', 'bridge_capath', 'bridge_certfile', 'bridge_keyfile', 'bridge_insecure', 'bridge_tls_version', 'bridge_alpn', 'bridge_require_ocsp']

/** `hostName`: of this machine, part of the client identifier of a bridge that gives none. */
export function uplinksOf(conf: Conf, hostName: string, findings: Findings): UplinkItem[] {
  const names = new Set<string>()
  return conf.bridges.map((bridge) => uplinkOf(bridge, conf, nameOf(bridge.opened!, names, findings), hostName, findings))
}

function uplinkOf(bridge: Section, conf: Conf, name: string, hostName: string, findings: Findings): UplinkItem {
  const { settings } = bridge
  const line = bridge.opened!
  const reasons: string[] = []
  for (const doubt of bridge.doubts) addReason(reasons, `${place(doubt)} is not understood, and may have been about it`)
  for (const guard of settings.guards) addReason(reasons, `${guard.name} (${place(guard)}) cannot be honoured: ${whyNot(guard)}`)
  const withTls = settings.lines.some(({ name }) => TLS_LINES.includes(name))
  const ca = authorities(settings.take('bridge_cafile'), findings)
  const cert = path(settings.take('bridge_certfile'), findings)
  const key = path(settings.take('bridge_keyfile'), findings)
  const alpn = plain(settings.take('bridge_alpn'), findings)
  const tls = { ...(ca === null ? {} : { ca }), ...(cert === null ? {} : { cert }), ...(key === null ? {} : { key }), ...(alpn === null ? {} : { alpn }) }
  const mappings = mappingsOf(bridge, findings)
  const routes = routesOf(bridge, mappings, findings)
  const url = urlOf(settings.take('address', 'addresses'), withTls, findings)
  if (url === null) addReason(reasons, 'it has no address')
  if (routes.length === 0) addReason(reasons, 'it has no topics')

  const username = plain(settings.take('remote_username', 'username'), findings)
  const secret = settings.take('remote_password', 'password')
  const password = text(secret, findings)
  if (secret !== null && username === null) findings.leftOut(secret, 'a password is not sent without a user name')
  const inflight = conf.settings.take('max_inflight_messages')
  const value: Record<string, Plain> = {
    name,
    url: url ?? '',
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    clientId: plain(settings.take('remote_clientid', 'clientid'), findings) ?? `${hostName}.${/[{}]/.test(line.rest) ? name : line.words[0]}`,
    ...(username === null ? {} : { username }),
    version: versionOf(bridge, mappings, findings),
    ...keepAlive(settings.take('keepalive_interval'), findings),
    ...backoff(settings.take('restart_timeout'), findings),
    ...(inflight === null ? {} : inflightMax(wholeNumber(inflight.words[0]))),
    ...stateTopic(bridge, name, findings),
    ...(mappings.some(readsStatistics) ? { metered: false } : {}),
  }
  for (const mapping of mappings.filter(readsStatistics)) findings.changed(mapping.line, '`metered: false` is written: statistics are not carried over a link that costs by the byte')
  const first = mappings.find((m) => m.directions.includes('out') && m.qos > 0)
  if (first !== undefined) findings.changed(first.line, 'messages of QoS 0 are carried at the QoS of the topic too: most small clients can publish nothing else')
  return { line, value, reasons, routes, password: secret === null || username === null || password === null ? null : { text: password, line: secret } }
}

/** A name of ours: it becomes part of topics and file names. */
function nameOf(line: Line, taken: Set<string>, findings: Findings): string {
  const wanted = line.words[0] ?? ''
  const clean = wanted.replaceAll(/[^A-Za-z0-9._-]/g, '-').replace(/^[^A-Za-z0-9]+/, '').slice(0, 60) || 'bridge'
  let name = clean
  for (let n = 2; taken.has(name); n++) name = `${clean}-${n}`
  taken.add(name)
  if (name !== wanted) findings.changed(line, `the uplink is called ${name}`)
  return name
}

function urlOf(line: Line | null, withTls: boolean, findings: Findings): string | null {
  if (line === null) return null
  const comment = line.words.findIndex((word) => word.startsWith('#'))
  const [first, ...others] = comment < 0 ? line.words : line.words.slice(0, comment)
  if (first === undefined) {
    findings.leftOut(line, 'there is no address behind it')
    return null
  }
  if (others.length > 0) findings.changed(line, `an uplink has one address: ${first} is taken, ${others.join(' ')} is not`)
  const colon = first.lastIndexOf(':')
  const host = colon < 0 ? first : first.slice(0, colon)
  const port = colon < 0 ? PORT : wholeNumber(first.slice(colon + 1))
  if (port === null || port < 1 || port > 65_535 || /[/?#@]/.test(host)) {
    findings.leftOut(line, 'the value must be HOST or HOST:PORT')
    return null
  }
  return `${withTls ? 'mqtts' : 'mqtt'}://${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

/** The file of those to trust; null for those that are trusted anyway. */
function authorities(line: Line | null, findings: Findings): string | null {
  const file = path(line, findings)
  if (line === null || file === null || !SYSTEM_AUTHORITIES.includes(file)) return file
  findings.changed(line, 'the authorities that are trusted without `tls: { ca: … }` are taken')
  return null
}

/** MQTT 3.1.1, which Mosquitto speaks unless told otherwise, has no means against hearing oneself; MQTT 5 has No Local. */
function versionOf(bridge: Section, mappings: readonly Mapping[], findings: Findings): 4 | 5 {
  const line = bridge.settings.take('bridge_protocol_version')
  const word = line?.rest ?? 'mqttv311'
  if (line !== null && !['mqttv31', 'mqttv311', 'mqttv50'].includes(word)) findings.leftOut(line, 'the value must be mqttv31, mqttv311 or mqttv50')
  if (word === 'mqttv50') return 5
  const fetched = mappings.filter((m) => m.directions.includes('in'))
  const echo = mappings.some((m) => m.directions.includes('out') && fetched.some((other) => filtersOverlap(m.remote, other.remote)))
  if (echo) findings.changed(line ?? bridge.opened!, 'MQTT 5 is spoken: in 3.1.1 an uplink would be sent again what it has published under the topics that it fetches')
  else if (word === 'mqttv31') findings.changed(line!, 'MQTT 3.1.1 is spoken')
  if (!echo && fetched.length > 0) findings.changed(fetched[0]!.line, 'in MQTT 3.1.1 the remote takes RETAIN from messages that it passes on: `version: 5` keeps it')
  return echo ? 5 : 4
}

function keepAlive(line: Line | null, findings: Findings): Record<string, Plain> {
  const seconds = integer(line, 0, 65_535, findings)
  return seconds === null ? {} : { keepAlive: `${Math.max(seconds, KEEP_ALIVE_SEC_MIN)}s` }
}

function backoff(line: Line | null, findings: Findings): Record<string, Plain> {
  const min = integer(line, 0, 3600, findings)
  if (line === null || min === null) return {}
  const written = line.words[1] !== undefined && !line.words[1].startsWith('#')
  const max = written ? wholeNumber(line.words[1]) : Math.max(min, 1)
  if (max === null || max < min || max > 86_400) {
    findings.leftOut(line, 'the second value must be a whole number from the first to 86400')
    return {}
  }
  return { backoff: { min: `${Math.max(min, 1)}s`, max: `${Math.max(max, 1)}s` } }
}

function inflightMax(count: number | null): Record<string, Plain> {
  return count === null || count < 0 || count > 65_535 ? {} : { maxInflight: count === 0 ? 65_535 : count }
}

function stateTopic(bridge: Section, name: string, findings: Findings): Record<string, Plain> {
  const { settings } = bridge
  const topic = settings.take('notification_topic')
  const wanted = flag(settings.take('notifications'), findings) ?? true
  const onlyHere = flag(settings.take('notifications_local_only'), findings) ?? false
  const here = `$SYS/broker/connection/${name}/state`
  if (!wanted) {
    findings.changed(settings.take('notifications')!, `${here} says 1 or 0 on this broker all the same`)
    return {}
  }
  const written = topic === null || onlyHere ? null : plain(topic, findings)
  if (topic !== null && onlyHere) findings.changed(topic, `the state of the uplink is at ${here}, as 1 or 0`)
  if (written === null && !onlyHere) findings.changed(bridge.opened!, `its state is at ${here} on this broker only; \`stateTopic\` tells the remote too`)
  if (written === null) return {}
  if (written.startsWith('$')) {
    findings.leftOut(topic!, `a topic with $ belongs to the remote; the state is at ${here} on this broker`)
    return {}
  }
  findings.changed(topic!, `the remote is told \`online\` or \`offline\` there; on this broker it is ${here}, as 1 or 0`)
  return { stateTopic: written }
}

function readsStatistics({ directions, local, remote }: Mapping): boolean {
  const isStatistics = (filter: string): boolean => filter === '$SYS' || filter.startsWith('$SYS/')
  return directions.some((direction) => isStatistics(direction === 'out' ? local : remote))
}

/** A text in which gateway.yaml would not see a name to be replaced. */
function plain(line: Line | null, findings: Findings): string | null {
  const written = text(line, findings)
  if (written === null || !/\{[^{}/]*\}/.test(written)) return written
  findings.leftOut(line!, 'names in { } stand for something else in gateway.yaml, and cannot be written there')
  return null
}
