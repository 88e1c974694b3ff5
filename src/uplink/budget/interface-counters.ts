// The byte counters of a network interface, as /sys/class/net has them, and the sum of what they say over time: an interface goes and
// comes back with new counters, and on 32-bit systems some drivers start over at 4 GB.
//
// What is counted are IP bytes of both directions: of an interface with Ethernet frames the frames' headers are taken off. They count what
// every program sends and receives over it, which is what the provider counts.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const SYSTEM_FOLDER = '/sys/class/net'
const ETHERNET_HEADER_BYTES = 14
const WRAP = 2 ** 32
/** More than this does not pass between two readings. */
const WRAP_BYTES_MAX = 2 ** 28
/** ARPHRD_… of <linux/if_arp.h>, as `type` says them. */
const TYPE_ETHERNET = 1
const TYPE_PPP = 512

export interface InterfaceReading {
  /** Another number for every time the interface is made. */
  readonly index: number
  /** Modem or dial-up line: what goes over it has a price. */
  readonly isMobile: boolean
  readonly headerBytes: number
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly receivedPackets: number
  readonly sentPackets: number
}

/** null: there is no such interface now. */
export async function readInterface(name: string, folder = SYSTEM_FOLDER): Promise<InterfaceReading | null> {
  const read = (file: string): Promise<string> => readFile(join(folder, name, file), 'utf8')
  try {
    const [index, type, uevent, ...counts] = await Promise.all([
      read('ifindex'),
      read('type'),
      read('uevent'),
      ...['rx_bytes', 'tx_bytes', 'rx_packets', 'tx_packets'].map((counter) => read(`statistics/${counter}`)),
    ])
    const [receivedBytes, sentBytes, receivedPackets, sentPackets] = counts.map(Number)
    const numbers = { index: Number(index), receivedBytes: receivedBytes!, sentBytes: sentBytes!, receivedPackets: receivedPackets!, sentPackets: sentPackets! }
    if (!Object.values(numbers).every(Number.isFinite)) return null
    const isMobile = Number(type) === TYPE_PPP || /^DEVTYPE=wwan$/m.test(uevent)
    return { ...numbers, isMobile, headerBytes: Number(type) === TYPE_ETHERNET ? ETHERNET_HEADER_BYTES : 0 }
  } catch {
    return null // it went while it was read
  }
}

/** Adds up readings of one interface. The first one is where counting starts. */
export class InterfaceCount {
  #last: InterfaceReading | null = null
  #bytes = 0

  /** IP bytes of both directions since the first reading. */
  get bytes(): number {
    return this.#bytes
  }

  /** There was a first reading. */
  get started(): boolean {
    return this.#last !== null
  }

  add(reading: InterfaceReading): void {
    const last = this.#last
    this.#last = reading
    if (last === null) return
    const again = last.index !== reading.index
    const moved = (counter: 'receivedBytes' | 'sentBytes' | 'receivedPackets' | 'sentPackets'): number => difference(again ? 0 : last[counter], reading[counter])
    const bytes = moved('receivedBytes') + moved('sentBytes')
    const packets = moved('receivedPackets') + moved('sentPackets')
    this.#bytes += Math.max(0, bytes - packets * reading.headerBytes)
  }
}

/** What a counter has moved. One that is smaller than it was has started over: at 4 GB if that is near, else at 0. */
function difference(before: number, now: number): number {
  if (now >= before) return now - before
  const overWrap = now + WRAP - before
  return overWrap >= 0 && overWrap < WRAP_BYTES_MAX ? overWrap : now
}
