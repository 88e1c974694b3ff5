// What went over the uplink's wire, for a process that stands at its beginning: packets where they can be counted, an estimate else.
import type { LinkEmulator } from '../../support/link-emulator.ts'
import { HEADER_BYTES, type WireBytes } from '../../support/link/wire-estimate.ts'
import { interfaceBytes, interfacePackets } from './wire.ts'

export interface Meter {
  /** IP bytes and packets since the meter was made. */
  read(): WireBytes & { readonly packets: number }
  /** Changes when something passes. */
  packets(): number
  /** Counts a probe of TCP and its answer where they cannot be seen; null where they can. */
  readonly addProbe: (() => void) | null
}

/** An interface of the namespace this process runs in. */
export function interfaceMeter(name: string): Meter {
  const zero = interfaceBytes(name)
  return {
    read() {
      const { up, down, packets } = interfaceBytes(name)
      return { up: up - zero.up, down: down - zero.down, packets: packets - zero.packets }
    },
    packets: () => interfacePackets(name) - zero.packets,
    addProbe: null,
  }
}

/** In place of packets it counts bytes: enough to see that something passes. */
export function emulatorMeter(link: LinkEmulator): Meter {
  let probeBytes = 0 // each way
  const read = () => {
    const { wire, connections } = link.counters
    return { up: wire.up + probeBytes, down: wire.down + probeBytes, packets: wire.up + wire.down + 2 * probeBytes + connections }
  }
  return { read, packets: () => read().packets, addProbe: () => void (probeBytes += HEADER_BYTES) }
}

/** Tells when nothing has passed for a time. */
export class Quiet {
  readonly #meter: Meter
  readonly #ms: number
  #packets = -1
  #sinceMs = 0
  /** Called when something is seen to have passed. */
  onPacket: () => void = () => {}

  constructor(meter: Meter, ms: number) {
    this.#meter = meter
    this.#ms = ms
  }

  get is(): boolean {
    const packets = this.#meter.packets()
    const nowMs = performance.now()
    if (packets !== this.#packets) {
      this.#packets = packets
      this.#sinceMs = nowMs
      this.onPacket()
    }
    return nowMs - this.#sinceMs >= this.#ms
  }
}
