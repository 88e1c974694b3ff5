// What is announced of what is listened on, pure: the same for Avahi's files (appliance/avahi.ts) and for the gateway's own responder.
//
// Types are those that IANA knows. Not among them are WebSockets, for which there is none; a unix socket; and what only proxies may come by.
import { BlockList, isIP, SocketAddress } from 'node:net'
import type { Config } from '../config/config.ts'

export type ServiceType = '_mqtt._tcp' | '_secure-mqtt._tcp' | '_http._tcp' | '_https._tcp'

export interface Service {
  readonly type: ServiceType
  readonly port: number
  /** IP addresses it is reached at, one at least; '*' for all of the machine's. */
  readonly addresses: readonly string[]
  /** key=value each (RFC 6763 section 6). */
  readonly txt: readonly string[]
}

export const ANY_ADDRESS = '*'

/** Ports that are listened on, in the order of the configuration's listeners; 0 where nothing is. */
export interface Ports {
  readonly broker: readonly number[]
  readonly http: readonly number[]
}

const ANY = new BlockList()
ANY.addAddress('0.0.0.0', 'ipv4')
ANY.addAddress('::', 'ipv6')
const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** The ports as the configuration names them, before anything listens. */
export function configuredPorts({ broker, http }: Config): Ports {
  return { broker: broker.listeners.map((l) => (l.kind === 'port' ? l.port : 0)), http: http.listeners.map(({ port }) => port) }
}

/** Whether anything of it is to be announced, whatever the ports turn out to be. */
export function isAnnounced(config: Config): boolean {
  const { mdns } = config.discovery
  if (mdns !== 'auto') return mdns === 'on'
  const any = { broker: config.broker.listeners.map(() => 1), http: config.http.listeners.map(() => 1) }
  return servicesOf(config, any, '').length > 0
}

/** One for each type and port. What only programs of this machine can reach is not among them. */
export function servicesOf({ site, broker, http }: Config, ports: Ports, version: string): Service[] {
  const txt = [`version=${version}`, `site=${site}`]
  const found = new Map<string, Service>()
  const add = (type: ServiceType, host: string, port: number, more: readonly string[] = []): void => {
    const address = addressOf(host)
    if (port === 0 || address === null) return
    const key = `${type} ${port}`
    const before = found.get(key)?.addresses ?? []
    found.set(key, { type, port, addresses: [...new Set([...before, address])], txt: [...txt, ...more] })
  }
  broker.listeners.forEach((listener, i) => {
    if (listener.kind !== 'port' || listener.websocket !== null || listener.proxyProtocol !== null) return
    add(listener.tls === null ? '_mqtt._tcp' : '_secure-mqtt._tcp', listener.host, ports.broker[i] ?? 0)
  })
  http.listeners.forEach(({ host, tls }, i) => add(tls === null ? '_http._tcp' : '_https._tcp', host, ports.http[i] ?? 0, ['path=/']))
  return [...found.values()]
}

/** Those that are reached at one of these addresses. */
export function reachedAt(services: readonly Service[], addresses: readonly string[]): Service[] {
  return services.filter((service) => service.addresses.some((address) => address === ANY_ADDRESS || addresses.includes(address)))
}

/** As the system writes it; null for this machine's own, and for a name, of which it is not known where it leads. */
function addressOf(host: string): string | null {
  const address = host.split('%')[0]!
  const family = isIP(address)
  if (family === 0) return null
  const of = family === 6 ? 'ipv6' : 'ipv4'
  if (LOOPBACK.check(address, of)) return null
  return ANY.check(address, of) ? ANY_ADDRESS : new SocketAddress({ address, family: of }).address
}
