// Which networks the machine is on, and what it is called there: read anew each time, for interfaces come and go.
//
// Left out are loopback, lines to one other machine (PPP, tunnels) and modems: nobody is there to find anything, and each packet would cost.
import { readFileSync } from 'node:fs'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'

export interface NetworkInterface {
  readonly name: string
  readonly addresses: readonly InterfaceAddress[]
}

export interface InterfaceAddress {
  readonly family: 'ipv4' | 'ipv6'
  readonly address: string
  /** Bits of the network. */
  readonly prefix: number
}

export interface Chosen {
  /** Only these; empty for all. */
  readonly only: readonly string[]
  /** Never these, unless they are named in `only`. */
  readonly never: readonly string[]
}

const INTERFACES_MAX = 16
const ADDRESSES_MAX = 16
/** if.h */
const IFF_POINTOPOINT = 0x10
const IFF_MULTICAST = 0x1000
const NO_MAC = '00:00:00:00:00:00'
/** As the kernel and systemd name modems and lines of pppd. */
const COSTLY = /^(ww|ppp)/

export function networksOf(chosen: Chosen): readonly NetworkInterface[] {
  return choose(networkInterfaces(), flagsOf, chosen)
}

/** All addresses of the machine. */
export function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((infos) => (infos ?? []).map(({ address }) => address))
}

/** What others there are told: addresses that hold on one link only, where there are no others. */
export function toldAddresses({ addresses }: NetworkInterface): readonly string[] {
  const all = addresses.map(({ address }) => address)
  const wide = all.filter((address) => !/^(fe[89ab]|169\.254\.)/i.test(address))
  return wide.length > 0 ? wide : all
}

/** `flags`: of an interface in the kernel's words, null when it does not tell. */
export function choose(found: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>, flags: (name: string) => number | null, { only, never }: Chosen): NetworkInterface[] {
  const isNamed = (name: string): boolean => only.includes(name)
  return Object.entries(found)
    .filter(([name, infos = []]) => infos.length > 0 && !infos[0]!.internal && canMulticast(infos, flags(name)) && (isNamed(name) || (only.length === 0 && !never.includes(name) && !COSTLY.test(name))))
    .slice(0, INTERFACES_MAX)
    .map(([name, infos = []]) => ({ name, addresses: infos.slice(0, ADDRESSES_MAX).map(addressOf) }))
}

function canMulticast(infos: readonly NetworkInterfaceInfo[], flags: number | null): boolean {
  if (flags !== null) return (flags & IFF_MULTICAST) !== 0 && (flags & IFF_POINTOPOINT) === 0
  return infos.every(({ mac }) => mac !== NO_MAC)
}

function addressOf({ family, address, cidr }: NetworkInterfaceInfo): InterfaceAddress {
  return { family: family === 'IPv6' ? 'ipv6' : 'ipv4', address, prefix: Number(cidr?.split('/')[1] ?? (family === 'IPv6' ? 64 : 32)) }
}

function flagsOf(name: string): number | null {
  try {
    return Number(readFileSync(`/sys/class/net/${name}/flags`, 'latin1'))
  } catch {
    return null // a container that has no such folder
  }
}
