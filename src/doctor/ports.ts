// Can devices and people come in: is each port of the configuration the gateway's own?
import { networkInterfaces } from 'node:os'
import type { Config } from '../config/config.ts'
import { fault, type Finding, ok } from './finding.ts'
import { canonical, type Listening, listeningOn } from './listening.ts'
import type { Patient } from './patient.ts'

interface Wanted {
  readonly host: string
  readonly port: number
  /** Where it stands in the configuration. */
  readonly key: string
}

export interface PortFacts {
  readonly wanted: Wanted
  readonly listening: readonly Listening[]
  /** Of this machine. */
  readonly addresses: readonly string[]
  /** Of the gateway that runs; null when none does. */
  readonly gatewayPid: number | null
  /** The gateway says that it listens there. */
  readonly isSaid: boolean
}

export async function checkPorts({ config, gateway, root, edges }: Patient): Promise<Finding[]> {
  if (config === null) return []
  const wanted = wantedBy(config)
  const listening = await listeningOn(new Set(wanted.map(({ port }) => port)), root)
  const addresses = edges?.addresses?.() ?? Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => canonical(address)))
  return wanted.map((one) => {
    const isSaid = gateway?.listeners.some(({ port, host }) => port === one.port && host === one.host) ?? false
    return portFinding({ wanted: one, listening, addresses, gatewayPid: gateway?.pid ?? null, isSaid })
  })
}

/** Port 0 is any: nobody can have taken it. */
function wantedBy({ broker, http }: Config): readonly Wanted[] {
  const ofBroker = broker.listeners.flatMap((one) => (one.kind === 'port' ? [{ host: one.host, port: one.port, key: 'broker.listeners' }] : []))
  const ofHttp = http.listeners.map(({ host, port }) => ({ host, port, key: 'http.listeners' }))
  return [...ofBroker, ...ofHttp].filter(({ port }) => port !== 0)
}

export function portFinding({ wanted: { host, port, key }, listening, addresses, gatewayPid, isSaid }: PortFacts): Finding {
  const name = `port/${port}`
  const there = listening.filter((one) => one.port === port && overlaps(host, one.address))
  if (isSaid) return ok(name, `the gateway listens on ${host} port ${port}`)
  const other = there.find(({ pid }) => pid === null || pid !== gatewayPid)
  // Whose it is may be for root to see: the gateway that runs says of the broker's ports that they are its own, and of the others it is likely.
  if (there.length > 0 && gatewayPid !== null && (other === undefined || (other.pid === null && key === 'http.listeners'))) return ok(name, `the gateway listens on ${host} port ${port}`)
  if (other !== undefined) {
    const who = other.pid === null ? 'another program (as root, sandpiper doctor tells which one)' : `${other.program ?? 'a program'} (process ${other.pid})`
    return fault(name, `port ${port} is taken by ${who}`, `stop that program, or set another \`port\` under ${key}`)
  }
  if (!isHere(host, addresses)) return fault(name, `${host} is no address of this machine, so nothing can listen there`, `correct \`host\` under ${key}; addresses are ${addresses.join(', ')}, and "::" means all of them`)
  if (gatewayPid !== null) return fault(name, `the gateway runs and does not listen on ${host} port ${port}`, 'a changed port waits for a restart (sudo systemctl restart sandpiper); else sandpiper logs --level warn says why')
  return ok(name, `port ${port} is free for the gateway`)
}

const EVERYWHERE = ['::', '0.0.0.0']

/** Two sockets on one port cannot be had on these two addresses. `::` takes IPv4 too, as Node opens it. */
export function overlaps(host: string, address: string): boolean {
  const wanted = host === 'localhost' ? '127.0.0.1' : canonical(host)
  if (wanted === address || wanted === '::' || address === '::') return true
  if (wanted === '0.0.0.0') return !address.includes(':')
  return address === '0.0.0.0' && !wanted.includes(':')
}

function isHere(host: string, addresses: readonly string[]): boolean {
  const wanted = canonical(host)
  return EVERYWHERE.includes(wanted) || host === 'localhost' || wanted.startsWith('127.') || addresses.includes(wanted)
}
