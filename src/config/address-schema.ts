// gateway.yaml: how an interface gets its addresses. The same keys stand with Ethernet, Wi-Fi and the hotspot.
import { BlockList, isIP } from 'node:net'
import type { AddressingConfig, InterfaceAddressConfig } from './machine-config.ts'
import { clip, type Place } from './place.ts'
import { text } from './scalar.ts'
import { oneOrMore, optional } from './schema.ts'

const EXAMPLE = 'write for example 192.168.1.20/24 or fd00::20/64'
const ADDRESSES_MAX = 16

/** With the length of the network's part: without it nobody could say who is reached directly. */
export const interfaceAddress = text({ expected: 'an address with its network, such as 192.168.1.20/24' }).into((written, place): InterfaceAddressConfig | undefined => {
  const [address = '', bits, ...more] = written.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0) return place.problem(`${place.name} "${clip(written)}" is no IP address`, EXAMPLE)
  if (bits === undefined) return place.problem(`${place.name} ${clip(written)} does not say how large its network is`, `write ${address}/${version === 4 ? 24 : 64}, if that is the network’s size (netmask 255.255.255.0 is /24)`)
  const bitsMax = version === 4 ? 32 : 128
  const prefix = /^\d{1,3}$/.test(bits) ? Number(bits) : Infinity
  if (prefix < 1 || prefix > bitsMax) return place.problem(`${place.name} "${clip(written)}" has no network of that size`, `a number from 1 to ${bitsMax} stands behind the /: 24 for the netmask 255.255.255.0`)
  return { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' }
})

const address = text({ expected: 'an IP address' }).into((written, place) => {
  return isIP(written) === 0 ? place.problem(`${place.name} "${clip(written)}" is no IP address`, 'write for example 192.168.1.1') : written
})

/** The keys of an interface that says how it is addressed. */
export const addressFields = {
  address: optional('Fixed address with the length of its network: 192.168.1.20/24; a list for several. Left out: DHCP, and for IPv6 what routers tell.', oneOrMore(interfaceAddress)),
  gateway: optional('Router to everywhere else, for a fixed address; a list for one of each family.', oneOrMore(address)),
  dns: optional('Name servers, one or a list. Left out: what the network tells.', oneOrMore(address)),
} as const

interface Given {
  readonly address: readonly InterfaceAddressConfig[] | null
  readonly gateway: readonly string[] | null
  readonly dns: readonly string[] | null
}

/** `place`: of the group that has these keys. */
export function addressingOf({ address: addresses, gateway: gateways, dns }: Given, place: Place): AddressingConfig | undefined {
  const all = addresses ?? []
  if (all.length > ADDRESSES_MAX) return place.key('address').problem(`${place.name} has ${all.length} addresses`, `${ADDRESSES_MAX} at most`)
  const families = (gateways ?? []).map((gateway) => isIP(gateway))
  if (new Set(families).size < families.length) return place.key('gateway').problem('`gateway` has two of one family', 'one is the way to everywhere else: keep it')
  for (const gateway of gateways ?? []) if (!gatewayFits(gateway, all, place.key('gateway'))) return undefined
  if (gateways === null && all.some((a) => a.family === 'ipv4')) {
    place.key('address').warning('a fixed address without `gateway` reaches its own network only', 'add the router’s address: `gateway: 192.168.1.1`, or leave it out if that is what you want')
  }
  return { addresses: all, gateways: gateways ?? [], dns: dns ?? [] }
}

function gatewayFits(gateway: string, addresses: readonly InterfaceAddressConfig[], place: Place): boolean {
  const family = isIP(gateway) === 6 ? 'ipv6' : 'ipv4'
  const own = addresses.filter((a) => a.family === family)
  if (own.length === 0) {
    place.problem(`the gateway ${gateway} stands without an address of its family`, `give a fixed \`address\`, or leave \`gateway\` out: the network tells it`)
    return false
  }
  const network = new BlockList()
  for (const { address: base, prefix } of own) network.addSubnet(base, prefix, family)
  const isLinkLocal = family === 'ipv6' && /^fe[89ab]/i.test(gateway)
  if (network.check(gateway, family) || isLinkLocal) return !own.some((a) => a.address === gateway) || refuseOwn(gateway, place)
  place.problem(`the gateway ${gateway} is not in the network of ${own[0]!.address}/${own[0]!.prefix}: it could not be reached`, 'correct one of them; netmask 255.255.255.0 is /24, 255.255.0.0 is /16')
  return false
}

function refuseOwn(gateway: string, place: Place): false {
  place.problem(`the gateway ${gateway} is this machine’s own address`, 'write the router’s address')
  return false
}
