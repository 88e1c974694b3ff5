// Connections of NetworkManager (nm-settings-keyfile(5)), one for each cable, network and modem of the configuration.
//
// What is always true: a connection's UUID follows from what it is, so that a change of its password is a change of the same connection;
// NetworkManager tries for ever, because nobody is there to tell it to try again; what costs money is marked as metered.
import { createHash } from 'node:crypto'
import type { AddressingConfig, EthernetConfig, HotspotConfig, MachineNetworkConfig, ModemConfig, WifiConfig } from '../config/config.ts'
import { type Groups, keyfileBytes, keyfileList, keyfileValue } from './keyfile.ts'

export interface Connection {
  readonly kind: 'ethernet' | 'wifi' | 'hotspot' | 'modem'
  /** As people and nmcli call it; a modem's is what a link dials. */
  readonly name: string
  readonly uuid: string
  /** NetworkManager brings it up by itself. */
  readonly isAutomatic: boolean
  /** Where it stands in gateway.yaml. */
  readonly path: string
  readonly groups: Groups
}

/** Of NetworkManager: try without end. */
const FOR_EVER = '0'
/** Seconds; NetworkManager's word for: a server may answer at any time. */
const INFINITE_SEC = '2147483647'
/** One profile for all cables that have none of their own. */
const ON_SEVERAL_DEVICES = '3'
const WIFI_PRIORITY_MAX = 100

export function connections({ ethernet, wifi, hotspot, modems }: MachineNetworkConfig): Connection[] {
  return [
    ...ethernet.map((e, i) => ethernetConnection(e, `network.ethernet[${i}]`)),
    ...wifi.map((w, i) => wifiConnection(w, i)),
    ...(hotspot === null ? [] : [hotspotConnection(hotspot)]),
    ...modems.map((m, i) => modemConnection(m, `network.modems[${i}]`)),
  ]
}

function ethernetConnection(e: EthernetConfig, path: string): Connection {
  const isFixed = e.addresses.length > 0
  return make('ethernet', e.interface ?? 'any', path, {
    // Two cables with one address would answer for each other.
    connection: e.interface !== null ? { 'interface-name': keyfileValue(e.interface) } : isFixed ? {} : { 'multi-connect': ON_SEVERAL_DEVICES },
    ethernet: {},
    ...addressing(e),
  })
}

function wifiConnection(w: WifiConfig, index: number): Connection {
  return make('wifi', w.interface === null ? w.ssid : `${w.ssid} at ${w.interface}`, `network.wifi[${index}]`, {
    connection: { ...(w.interface === null ? {} : { 'interface-name': keyfileValue(w.interface) }), 'autoconnect-priority': `${WIFI_PRIORITY_MAX - index}` },
    wifi: { mode: 'infrastructure', ssid: keyfileBytes(w.ssid), hidden: `${w.hidden}` },
    ...(w.isOpen ? {} : { 'wifi-security': { 'key-mgmt': w.security === 'wpa3' ? 'sae' : 'wpa-psk', ...(w.password === null ? {} : { psk: keyfileValue(w.password) }) } }),
    ...addressing(w),
  })
}

function hotspotConnection(h: HotspotConfig): Connection {
  return make('hotspot', h.ssid, 'network.hotspot', {
    connection: h.interface === null ? {} : { 'interface-name': keyfileValue(h.interface) },
    wifi: { mode: 'ap', ssid: keyfileBytes(h.ssid), band: h.band === '5GHz' ? 'a' : 'bg', ...(h.channel === null ? {} : { channel: `${h.channel}` }) },
    'wifi-security': { 'key-mgmt': 'wpa-psk', proto: 'rsn;', pairwise: 'ccmp;', group: 'ccmp;', ...(h.password === null ? {} : { psk: keyfileValue(h.password) }) },
    ipv4: { method: 'shared', address1: `${h.address.address}/${h.address.prefix}`, 'never-default': 'true' },
    ipv6: { method: 'disabled' },
  })
}

function modemConnection(m: ModemConfig, path: string): Connection {
  const gsm = { apn: m.apn, pin: m.pin, username: m.user, password: m.password }
  const given = Object.entries(gsm).flatMap(([key, value]) => (value === null ? [] : [[key, keyfileValue(value)] as const]))
  return make('modem', m.name, path, {
    connection: { autoconnect: `${!m.isDialled}`, metered: '1' },
    gsm: { ...(m.apn === null ? { 'auto-config': 'true' } : {}), ...Object.fromEntries(given) },
    ipv4: { method: 'auto' },
    ipv6: { method: 'auto' },
  })
}

const TYPES = { ethernet: 'ethernet', wifi: 'wifi', hotspot: 'wifi', modem: 'gsm' } as const

function make(kind: Connection['kind'], what: string, path: string, groups: Groups): Connection {
  const name = kind === 'modem' ? what : `${kind} ${what}` // a modem's name has no blank: a link that dials it means no other
  const uuid = uuidOf(`${kind} ${what}`)
  const { connection, ...rest } = groups
  const isAutomatic = connection?.['autoconnect'] !== 'false'
  const first = { id: keyfileValue(name), uuid, type: TYPES[kind], 'autoconnect-retries': FOR_EVER, ...connection }
  return { kind, name, uuid, isAutomatic, path, groups: { connection: first, ...rest } }
}

/** A UUID of version 8 (RFC 9562 section 5.8): of our own making, the same for the same name. */
function uuidOf(name: string): string {
  const bytes = createHash('sha256').update(`sandpiper ${name}`).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

function addressing({ addresses, gateways, dns }: AddressingConfig): Groups {
  const family = (of: 'ipv4' | 'ipv6'): Readonly<Record<string, string>> => {
    const isOf = (address: string): boolean => (of === 'ipv6') === address.includes(':')
    const own = addresses.filter((a) => a.family === of)
    const gateway = gateways.find(isOf)
    const servers = dns.filter(isOf)
    return {
      method: own.length > 0 ? 'manual' : 'auto',
      ...Object.fromEntries(own.map((a, i) => [`address${i + 1}`, `${a.address}/${a.prefix}`])),
      ...(gateway === undefined ? {} : { gateway }),
      ...(servers.length > 0 ? { dns: keyfileList(servers) } : {}),
      ...(dns.length > 0 ? { 'ignore-auto-dns': 'true' } : {}),
      ...(own.length === 0 && of === 'ipv4' ? { 'dhcp-timeout': INFINITE_SEC } : {}),
    }
  }
  return { ipv4: family('ipv4'), ipv6: family('ipv6') }
}
