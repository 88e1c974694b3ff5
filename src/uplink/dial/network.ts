// What the kernel says of network interfaces: the address a connection can leave by, or why there is none. Nothing is changed here.
//
// An address counts where packets reach further than the next cable: not the ones a machine gives itself when nobody answers
// (169.254.0.0/16, fe80::/10). The kernel lists addresses of interfaces only that are up and have a carrier.
import { existsSync, readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'

export interface Network {
  /** IPv4 first, then IPv6; null while the interface has none that counts. */
  addressOf(name: string): string | null
  /** Why it has no address, to follow its name: `has no carrier`; null when it has one. */
  problemOf(name: string): string | null
}

/** Address of an interface to bind to, IPv4 first; null while it has none that counts. */
export function addressOf(name: string): string | null {
  const usable = networkInterfaces()[name]?.filter((a) => !isSelfGiven(a.address)) ?? []
  return (usable.find((a) => a.family === 'IPv4') ?? usable[0])?.address ?? null
}

function isSelfGiven(address: string): boolean {
  return address.startsWith('169.254.') || /^fe[89ab]/i.test(address)
}

const IFF_UP = 1

/** `sysfs`: the folder with a folder for each interface. */
export function makeNetwork(sysfs = '/sys/class/net', address: (name: string) => string | null = addressOf): Network {
  return {
    addressOf: address,
    problemOf(name) {
      if (address(name) !== null) return null
      if (!existsSync(`${sysfs}/${name}`)) return 'is not there'
      if ((Number(attribute(`${sysfs}/${name}/flags`) ?? IFF_UP) & IFF_UP) === 0) return 'is not up'
      const carrier = attribute(`${sysfs}/${name}/carrier`)
      const state = attribute(`${sysfs}/${name}/operstate`)
      if (carrier === '0' || state === 'down' || state === 'lowerlayerdown') return 'has no carrier'
      return state === 'dormant' ? 'is still negotiating' : 'has no address'
    },
  }
}

/** null where it cannot be read: the carrier of an interface that is not up, an interface that has just gone. */
function attribute(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return null
  }
}
