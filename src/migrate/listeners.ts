// Listeners of mosquitto.conf → `broker.listeners`.
//
// Always true: a listener takes anonymous clients only when Mosquitto would (`allow_anonymous true`, or no listener at all: then loopback
// only), and when nothing that keeps somebody out of it had to be left out. Every other one is written as a comment.
import type { Conf, Section, Settings } from './conf.ts'
import { directiveOf, whyNot } from './directives.ts'
import { addReason, type Item, type Plain } from './draft.ts'
import { place, type Findings } from './findings.ts'
import { absolute, flag, integer, path, text, wholeNumber, within } from './values.ts'

const CONNECTIONS_MAX = 100_000

export function listenersOf(conf: Conf, findings: Findings): Item[] {
  const { defaultListener, listeners } = conf
  const asksForDefault = defaultListener.settings.lines.some((line) => line.name === 'port' || line.name === 'bind_address')
  const items = listeners.map((section) => listenerOf(section, conf, findings))
  if (asksForDefault) return [defaultItem(conf, findings), ...items]
  if (listeners.length > 0) {
    for (const settings of [defaultListener.settings, defaultListener.security]) {
      for (const line of settings.lines.filter(({ name }) => !isNot(name))) {
        settings.takeAll(line.name)
        findings.leftOut(line, 'no `listener` is above it, and the default one is not opened')
      }
    }
    return items
  }
  for (const line of defaultListener.settings.lines) {
    if (!isNot(line.name)) findings.changed(line, 'no `listener` or `port` is given: only programs on this machine can connect, at 127.0.0.1:1883')
  }
  return [itemOf(defaultListener, conf, findings, { port: 1883, host: '127.0.0.1' }, true)]
}

function isNot(name: string): boolean {
  return directiveOf(name)?.fate.kind === 'not'
}

function defaultItem(conf: Conf, findings: Findings): Item {
  const { settings } = conf.defaultListener
  const port = settings.take('port')
  const address = settings.take('bind_address')
  const where = { port: port === null ? 1883 : portOf(port.words[0]), host: text(address, findings) ?? anyHost(settings, findings) }
  return itemOf({ ...conf.defaultListener, opened: port ?? address }, conf, findings, where, false)
}

function listenerOf(section: Section, conf: Conf, findings: Findings): Item {
  const [port, address] = section.opened!.words
  const number = portOf(port)
  const bound = address === undefined || address.startsWith('#') ? null : address
  if (number === 0 && bound !== null) return itemOf(section, conf, findings, { socket: absolute(bound, section.opened!, findings) }, false)
  return itemOf(section, conf, findings, { port: number, host: bound ?? anyHost(section.settings, findings) }, false)
}

/** -1 for what is none. */
function portOf(word: string | undefined): number {
  const port = wholeNumber(word)
  return port !== null && port <= 65_535 ? port : -1
}

/** Every network this machine is on. */
function anyHost(settings: Settings, findings: Findings): string {
  const line = settings.take('socket_domain')
  const domain = line?.words[0]
  if (line !== null && domain !== 'ipv4' && domain !== 'ipv6') findings.leftOut(line, 'the value must be ipv4 or ipv6')
  if (line !== null && domain === 'ipv6') findings.changed(line, 'it takes IPv4 too')
  return domain === 'ipv4' ? '0.0.0.0' : '::'
}

/** `localOnly`: nobody but this machine can connect, which Mosquitto takes for reason enough to let everybody in. */
function itemOf(section: Section, conf: Conf, findings: Findings, where: Readonly<Record<string, Plain>>, localOnly: boolean): Item {
  const { settings } = section
  const security = conf.perListener ? section.security : conf.security
  const reasons: string[] = []
  const domain = settings.take('socket_domain')
  if (domain !== null && where['host'] !== '0.0.0.0' && where['host'] !== '::') findings.leftOut(domain, 'its address says which of them it is')
  if (where['socket'] === undefined && !(Number(where['port']) >= 1)) addReason(reasons, 'its port must be a whole number from 1 to 65535; 0 needs the path of a socket')

  const allowed = security.take('allow_anonymous')
  const anonymous = allowed === null ? localOnly : flag(allowed, findings) === true
  if (!anonymous) addReason(reasons, allowed === null ? 'it asks for users (Mosquitto 2.0 does, unless `allow_anonymous true` is said)' : `it asks for users (${place(allowed)})`)
  for (const line of [settings, security, conf.settings].flatMap((part) => part.guards)) addReason(reasons, `${line.name} (${place(line)}) cannot be honoured: ${whyNot(line)}`)
  for (const line of [...conf.doubts, ...section.doubts]) addReason(reasons, `${place(line)} is not understood, and may have been about it`)
  const value = { ...where, ...transport(settings, findings, reasons), anonymous, ...limits(settings, findings) }
  return { line: section.opened, value, reasons }
}

function transport(settings: Settings, findings: Findings, reasons: string[]): Record<string, Plain> {
  const protocol = settings.take('protocol')
  const websocket = protocol?.words[0] === 'websockets'
  if (protocol !== null && !websocket && protocol.words[0] !== 'mqtt') {
    findings.leftOut(protocol, 'the value must be mqtt or websockets')
    addReason(reasons, 'its protocol is not known')
  }
  if (websocket) findings.changed(protocol!, 'it is served at the paths /mqtt and / only')
  return { ...tls(settings, findings, reasons), ...(websocket ? { websocket } : {}) }
}

function tls(settings: Settings, findings: Findings, reasons: string[]): Record<string, Plain> {
  const cert = path(settings.take('certfile'), findings)
  const key = path(settings.take('keyfile'), findings)
  const version = settings.take('tls_version')
  const wants = cert !== null || key !== null || settings.lines.some((line) => ['certfile', 'keyfile', 'cafile', 'capath', 'crlfile', 'tls_version'].includes(line.name))
  if (!wants) return {}
  if (cert === null || key === null) {
    addReason(reasons, 'TLS needs both certfile and keyfile')
    return {}
  }
  const word = version?.words[0]
  if (version !== null && word !== 'tlsv1.2' && word !== 'tlsv1.3') findings.changed(version, 'TLS 1.2 is the oldest that is spoken')
  return { tls: { cert, key, ...(word === 'tlsv1.3' ? { minVersion: 1.3 } : {}) } }
}

function limits(settings: Settings, findings: Findings): Record<string, Plain> {
  const connections = settings.take('max_connections')
  const aliases = settings.take('max_topic_alias')
  const count = wholeNumber(connections?.words[0])
  if (connections !== null && count === null) findings.leftOut(connections, 'the value must be a whole number')
  const maxConnections = within(count !== null && count < 0 ? Infinity : count, 0, CONNECTIONS_MAX, connections, findings)
  const topicAliasMaximum = integer(aliases, 0, 65_535, findings)
  return { ...(maxConnections === null ? {} : { maxConnections }), ...(topicAliasMaximum === null ? {} : { topicAliasMaximum }) }
}
