// Listeners of mosquitto.conf → `broker.listeners`, and what they ask of clients → `access`.
//
// Always true: a listener takes anonymous clients only when Mosquitto would (`allow_anonymous true`, or no listener at all: then loopback
// only), and is there only when nothing that keeps somebody out of it had to be left out. Every other one is written as a comment.
import { AccessFiles, accessOf, type Door } from './access.ts'
import type { Conf, Section, Settings } from './conf.ts'
import { directiveOf, whyNot } from './directives.ts'
import { addReason, type Item, type Plain } from './draft.ts'
import { place, type Findings } from './findings.ts'
import { tlsOf } from './listener-tls.ts'
import { absolute, flag, integer, text, wholeNumber, within } from './values.ts'

const CONNECTIONS_MAX = 100_000

export interface Listeners {
  readonly listeners: readonly Item[]
  /** Each with one key of `access`. */
  readonly access: readonly Item[]
}

export function listenersOf(conf: Conf, findings: Findings): Listeners {
  const doors = new Doors(conf, findings).list
  return { access: accessOf(doors, findings), listeners: doors.map(({ item }) => item) }
}

function isNot(name: string): boolean {
  return directiveOf(name)?.fate.kind === 'not'
}

type Where = Readonly<Record<string, Plain>>

class Doors {
  readonly list: readonly Door[]
  readonly #conf: Conf
  readonly #findings: Findings
  readonly #files: AccessFiles

  constructor(conf: Conf, findings: Findings) {
    this.#conf = conf
    this.#findings = findings
    this.#files = new AccessFiles(findings)
    this.list = this.#all()
  }

  #all(): Door[] {
    const { defaultListener, listeners } = this.#conf
    const asksForDefault = defaultListener.settings.lines.some((line) => line.name === 'port' || line.name === 'bind_address')
    const doors = listeners.map((section) => this.#listener(section))
    if (asksForDefault) return [this.#default(), ...doors]
    if (listeners.length > 0) {
      for (const settings of [defaultListener.settings, defaultListener.security]) {
        for (const line of settings.lines.filter(({ name }) => !isNot(name))) {
          settings.takeAll(line.name)
          this.#findings.leftOut(line, 'no `listener` is above it, and the default one is not opened')
        }
      }
      return doors
    }
    for (const line of defaultListener.settings.lines) {
      if (!isNot(line.name)) this.#findings.changed(line, 'no `listener` or `port` is given: only programs on this machine can connect, at 127.0.0.1:1883')
    }
    return [this.#door(defaultListener, { port: 1883, host: '127.0.0.1' }, true)]
  }

  #default(): Door {
    const { settings } = this.#conf.defaultListener
    const port = settings.take('port')
    const address = settings.take('bind_address')
    const where = { port: port === null ? 1883 : portOf(port.words[0]), host: text(address, this.#findings) ?? anyHost(settings, this.#findings) }
    return this.#door({ ...this.#conf.defaultListener, opened: port ?? address }, where, false)
  }

  #listener(section: Section): Door {
    const [port, address] = section.opened!.words
    const number = portOf(port)
    const bound = address === undefined || address.startsWith('#') ? null : address
    if (number === 0 && bound !== null) return this.#door(section, { socket: absolute(bound, section.opened!, this.#findings) }, false)
    return this.#door(section, { port: number, host: bound ?? anyHost(section.settings, this.#findings) }, false)
  }

  /** `localOnly`: nobody but this machine can connect, which Mosquitto takes for reason enough to let everybody in. */
  #door(section: Section, where: Where, localOnly: boolean): Door {
    const findings = this.#findings
    const { settings } = section
    const security = this.#conf.perListener ? section.security : this.#conf.security
    const reasons: string[] = []
    const domain = settings.take('socket_domain')
    if (domain !== null && where['host'] !== '0.0.0.0' && where['host'] !== '::') findings.leftOut(domain, 'its address says which of them it is')
    if (where['socket'] === undefined && !(Number(where['port']) >= 1)) addReason(reasons, 'its port must be a whole number from 1 to 65535; 0 needs the path of a socket')

    const allowed = security.take('allow_anonymous')
    const anonymous = allowed === null ? localOnly : flag(allowed, findings) === true
    for (const line of [settings, security, this.#conf.settings].flatMap((part) => part.guards)) addReason(reasons, `${line.name} (${place(line)}) cannot be honoured: ${whyNot(line)}`)
    for (const line of [...this.#conf.doubts, ...section.doubts]) addReason(reasons, `${place(line)} is not understood, and may have been about it`)
    const tls = tlsOf(settings, findings, reasons)
    const value = { ...where, ...tls.value, ...protocolOf(settings, findings, reasons), anonymous: anonymous && tls.certificates === null, ...limits(settings, findings) }
    const { proof, certificates, bySubject } = tls
    return { item: { line: section.opened, value, reasons }, set: this.#files.setOf(security), proof, certificates, anonymous, allowed, bySubject }
  }
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

function protocolOf(settings: Settings, findings: Findings, reasons: string[]): Record<string, Plain> {
  const protocol = settings.take('protocol')
  const websocket = protocol?.words[0] === 'websockets'
  if (protocol !== null && !websocket && protocol.words[0] !== 'mqtt') {
    findings.leftOut(protocol, 'the value must be mqtt or websockets')
    addReason(reasons, 'its protocol is not known')
  }
  if (websocket) findings.changed(protocol!, 'it is served at the paths /mqtt and / only')
  return websocket ? { websocket } : {}
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
