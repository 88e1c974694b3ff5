// The records that make services and a name findable on one network (RFC 6763 section 4, RFC 6762 section 10), pure.
import { isIPv6 } from 'node:net'
import { type DnsRecord, keyOf, type Name, nameData, nsecData, srvData, txtData, Type } from './dns.ts'
import { hostLabel, instanceLabel, type Label } from './label.ts'
import type { Service } from './services.ts'

/** Of records with a host's name or address, and of all others (RFC 6762 section 10). */
const HOST_TTL_SEC = 120
const OTHER_TTL_SEC = 4500

const LOCAL = 'local'
/** Whoever looks for types of services asks for this (RFC 6763 section 9). */
const ALL_TYPES: Name = ['_services', '_dns-sd', '_udp', LOCAL]

/** A record, and when it may be said. */
export interface Published {
  readonly record: DnsRecord
  /** It names this, which nobody else may have: key of a name. Nothing is said of it before it is ours. */
  readonly needs: string
  /** Nobody else may have this name: `flush` is set. */
  readonly isUnique: boolean
  /** Whoever gets it will ask for these next: keys of names. */
  readonly leadsTo: readonly string[]
}

export interface Wanted {
  readonly services: readonly Service[]
  /** As people see it in a list, and the how manieth of that name on this network. */
  readonly instance: Label
  readonly host: Label
  /** Of the machine on this network; none when somebody else tells them. */
  readonly addresses: readonly string[]
}

export function recordsOf({ services, instance, host, addresses }: Wanted): Published[] {
  const hostName: Name = [hostLabel(host), LOCAL]
  const all: Published[] = addresses.map((address) => unique(hostName, isIPv6(address) ? Type.AAAA : Type.A, HOST_TTL_SEC, addressData(address)))
  if (all.length > 0) all.push(unique(hostName, Type.NSEC, HOST_TTL_SEC, nsecData(hostName, all.map(({ record }) => record.type))))
  const seen = new Set<string>()
  for (const { type, port, txt } of services) {
    const typeName: Name = [...type.split('.'), LOCAL]
    // A second one of its type is told apart by its port.
    const name: Name = [instanceLabel(instance, seen.has(type) ? port : null), ...typeName]
    const needs = keyOf(name)
    if (!seen.has(type)) all.push({ record: shared(ALL_TYPES, typeName), needs, isUnique: false, leadsTo: [] })
    seen.add(type)
    all.push(
      { record: shared(typeName, name), needs, isUnique: false, leadsTo: [needs, keyOf(hostName)] },
      unique(name, Type.SRV, HOST_TTL_SEC, srvData(port, hostName), [keyOf(hostName)]),
      unique(name, Type.TXT, OTHER_TTL_SEC, txtData(txt)),
      unique(name, Type.NSEC, OTHER_TTL_SEC, nsecData(name, [Type.TXT, Type.SRV])),
    )
  }
  return all
}

export function addressData(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail] = address.split('::')
  const groups = (text: string): number[] => (text === '' ? [] : text.split(':').flatMap((group) => (group.includes('.') ? twoGroups(group) : [Number.parseInt(group, 16)])))
  const [before, after] = [groups(head), tail === undefined ? [] : groups(tail)]
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after]
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

/** The last four bytes of an IPv6 address, written as an IPv4 one. */
function twoGroups(dotted: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number)
  return [a << 8 | b, c << 8 | d]
}

function unique(name: Name, type: number, ttlSec: number, data: Buffer, leadsTo: readonly string[] = []): Published {
  return { record: { name, type, flush: true, ttlSec, data }, needs: keyOf(name), isUnique: true, leadsTo }
}

function shared(name: Name, to: Name): DnsRecord {
  return { name, type: Type.PTR, flush: false, ttlSec: OTHER_TTL_SEC, data: nameData(to) }
}
