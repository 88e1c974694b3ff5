// A real wire, as root: a gateway and a cloud in network namespaces of their own, and between them a link that delays, slows and counts packets.
//
//   this process ──lan── gateway ══wan══ packets.py ══wan══ cloud ──lan── this process
//                                  (in a third namespace)
//
// On "wan" are the packets of the uplink and no others: addresses are known (no ARP), IPv6 is off. MTU 1500 and no offloads, so that what the
// kernel counts are packets as a real interface would see them. TCP runs from end to end. "lan" is for devices, subscribers and the
// bench itself, and is not counted. Congestion control is cubic and buffers have their defaults, as on a board with Debian.
//
// Wire bytes are IP bytes: those of the interface minus 14 of Ethernet for each packet.
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { endWithUs } from '../../support/orphans.ts'
import type { WireBytes } from '../../support/link/wire-estimate.ts'

const PACKETS = fileURLToPath(new URL('packets.py', import.meta.url))
const ETHERNET_BYTES = 14
const QUEUE_BYTES_MIN = 12_000
const TAG = 'sandpiper-link'

/** Where something runs on the wire. */
export interface Place {
  /** What a command line there begins with. */
  readonly within: readonly string[]
  /** Its address on the link. */
  readonly address: string
  /** Its address for this process. */
  readonly lan: string
}

export interface WireShape {
  /** Bits per second of IP packets, each way; default no bound. */
  readonly bitsPerSec?: number
  /** Default 0. */
  readonly rttMs?: number
  /** In front of each line; default: what it carries in one round trip, eight full packets at least. */
  readonly queueBytesMax?: number
}

interface LineStats {
  readonly bytes: number
  readonly packets: number
  readonly dropped: number
  /** IP bytes and packets by TCP port of the gateway's side: a connection each, the newest last. */
  readonly flows: readonly (readonly [port: number, bytes: number, packets: number])[]
}

export interface WireStats {
  readonly up: LineStats
  readonly down: LineStats
}

export class Wire implements AsyncDisposable {
  readonly gateway: Place
  readonly cloud: Place
  readonly #names: Names
  readonly #link: ChildProcessByStdio<Writable, Readable, null>
  readonly #answers: AsyncIterator<string>
  #turn: Promise<unknown> = Promise.resolve()
  readonly #onExit = (): void => this.#remove()

  private constructor(names: Names) {
    this.#names = names
    this.gateway = { within: within(names.gateway), address: names.wan(1), lan: names.lan(2) }
    this.cloud = { within: within(names.cloud), address: names.wan(2), lan: names.lan(6) }
    process.once('exit', this.#onExit)
    const [command, ...args] = [...within(names.link), '/usr/bin/python3', PACKETS, 'near', 'far']
    this.#link = endWithUs(spawn(command!, args, { stdio: ['pipe', 'pipe', 'inherit'] }))
    this.#answers = createInterface({ input: this.#link.stdout })[Symbol.asyncIterator]()
  }

  /** Why there can be none here; null when there can. */
  static missing(): string | null {
    if (process.getuid?.() !== 0) return 'this needs root'
    try {
      const name = `${TAG}-${process.pid}-try`
      sh(`ip netns add ${name} && ip netns del ${name} && ethtool --version && /usr/bin/python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)'`)
      return null
    } catch (error) {
      return `no network namespaces, raw sockets or ethtool here: ${(error as Error).message.split('\n')[1] ?? ''}`
    }
  }

  static async lay(shape: WireShape = {}): Promise<Wire> {
    removeLeftovers()
    const names = freeNames()
    try {
      sh(layout(names))
    } catch (error) {
      remove(names)
      throw error
    }
    const wire = new Wire(names)
    await wire.reshape(shape)
    return wire
  }

  async reshape({ bitsPerSec = Infinity, rttMs = 0, queueBytesMax }: WireShape): Promise<void> {
    const rate = bitsPerSec === Infinity ? null : bitsPerSec
    const queueBytes = queueBytesMax ?? Math.max(QUEUE_BYTES_MIN, ((rate ?? 0) / 8000) * rttMs)
    await this.#ask(`shape ${JSON.stringify({ up: rate, down: rate, delayMs: rttMs / 2, jitterMs: 0, queueBytes, loss: 0 })}`)
  }

  /** Packets vanish, as they do when a link is gone that nobody has taken down. */
  async down(): Promise<void> {
    await this.#ask('down')
  }

  async up(): Promise<void> {
    await this.#ask('up')
  }

  async stats(): Promise<WireStats> {
    return (await this.#ask('stats')) as WireStats
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#link, 'exit')
    this.#link.stdin.end()
    await ended
    process.removeListener('exit', this.#onExit)
    this.#remove()
  }

  /** One command at a time. */
  #ask(command: string): Promise<unknown> {
    const answer = this.#turn.then(async () => {
      this.#link.stdin.write(`${command}\n`)
      const { value, done } = await this.#answers.next()
      if (done === true) throw new Error('packets.py has ended')
      return JSON.parse(value) as unknown
    })
    this.#turn = answer.catch(() => {})
    return answer
  }

  #remove(): void {
    remove(this.#names)
  }
}

/** IP bytes that went through an interface of the namespace this process runs in. */
export function interfaceBytes(name: string): WireBytes & { readonly packets: number } {
  const [sent, received] = [statistic(name, 'tx_packets'), statistic(name, 'rx_packets')]
  return { up: statistic(name, 'tx_bytes') - sent * ETHERNET_BYTES, down: statistic(name, 'rx_bytes') - received * ETHERNET_BYTES, packets: sent + received }
}

export function interfacePackets(name: string): number {
  return statistic(name, 'tx_packets') + statistic(name, 'rx_packets')
}

function statistic(name: string, what: string): number {
  return Number(readFileSync(`/sys/class/net/${name}/statistics/${what}`, 'latin1'))
}

// ---- names, addresses, and what makes them

interface Names {
  readonly gateway: string
  readonly cloud: string
  readonly link: string
  readonly number: number
  readonly wan: (host: number) => string
  readonly lan: (host: number) => string
}

const within = (namespace: string): string[] => ['ip', 'netns', 'exec', namespace]

function namesOf(pid: number, number: number): Names {
  const name = (what: string): string => `${TAG}-${pid}-${number}-${what}`
  return { gateway: name('gateway'), cloud: name('cloud'), link: name('link'), number, wan: (host) => `10.213.${number}.${16 + host}`, lan: (host) => `10.213.${number}.${host}` }
}

/** Addresses that nobody has here. */
function freeNames(): Names {
  const taken = sh('ip -4 -o address show')
  for (let number = process.pid % 200; number < 250; number++) if (!taken.includes(` 10.213.${number}.`)) return namesOf(process.pid, number)
  throw new Error('no free addresses for another wire')
}

/** Of runs that were killed. */
function removeLeftovers(): void {
  for (const [, pid, number] of sh('ip netns list').matchAll(new RegExp(`^${TAG}-(\\d+)-(\\d+)-gateway`, 'gm'))) {
    if (!existsSync(`/proc/${pid}`)) remove(namesOf(Number(pid), Number(number)))
  }
}

/** Interfaces go with their namespaces. */
function remove(names: Names): void {
  sh([names.gateway, names.cloud, names.link].map((name) => `ip netns del ${name} 2>/dev/null || true`).join('\n'))
}

function layout(names: Names): string {
  const { gateway, cloud, link, number, wan, lan } = names
  const place = (name: string, other: string, address: string, otherAddress: string, linkEnd: string, outside: string, here: string, there: string): string => `
    ip netns add ${name}
    ip netns exec ${name} sh -c 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6;
      echo cubic > /proc/sys/net/ipv4/tcp_congestion_control; echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save'
    ip -n ${name} link set lo up
    ip link add ${outside} type veth peer name lan netns ${name}
    ip link add wan netns ${name} address ${macOf(name)} type veth peer name ${linkEnd} netns ${link}
    ip netns exec ${name} ethtool -K wan tx off rx off sg off tso off gso off gro off >/dev/null
    ip netns exec ${link} ethtool -K ${linkEnd} tx off rx off sg off tso off gso off gro off >/dev/null
    ip address add ${here}/30 dev ${outside}; ip link set ${outside} up
    ip -n ${name} address add ${there}/30 dev lan; ip -n ${name} link set lan up
    ip -n ${name} address add ${address}/28 dev wan; ip -n ${name} link set wan up
    ip -n ${name} neighbour add ${otherAddress} lladdr ${macOf(other)} dev wan nud permanent
    ip -n ${link} link set ${linkEnd} up`
  return `set -e
    ip netns add ${link}
    ip netns exec ${link} sh -c 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6'
    ${place(gateway, cloud, wan(1), wan(2), 'near', `spg${number}`, lan(1), lan(2))}
    ${place(cloud, gateway, wan(2), wan(1), 'far', `spc${number}`, lan(5), lan(6))}`
}

/** Locally administered. */
const macOf = (name: string): string => `02:53:50:00:00:${name.endsWith('gateway') ? '01' : '02'}`

function sh(script: string): string {
  return execFileSync('sh', ['-c', script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
