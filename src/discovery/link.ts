// The socket of one link: a network interface and a family of addresses.
//
// What is always true: it is bound to the group's address, not to all, so it hears multicast only and takes no answer away from another responder of
// this machine, whose port it shares; what comes from beyond the link's own networks is dropped (RFC 6762 section 11), and so is what is too much.
// IPv6's group is bound with its interface. IPv4 gives each socket what comes by any interface: there the sender's network tells which it was.
import { createSocket, type Socket } from 'node:dgram'
import { BlockList } from 'node:net'
import { SlidingWindow } from '../rate.ts'
import type { NetworkInterface } from './interfaces.ts'
import { MDNS_PORT, type Sender } from './datagram.ts'

const GROUP = { ipv4: '224.0.0.251', ipv6: 'ff02::fb' } as const
/** Tells that nobody has routed it (RFC 6762 section 11). */
const TTL = 255
const BYTES_MAX = 9000
const PACKETS_PER_SECOND_MAX = 200

export type Family = keyof typeof GROUP

export interface LinkPorts {
  readonly nowMs: () => number
  /** Something was not looked at: too large, or too much. */
  readonly refused: () => void
  readonly receive: (bytes: Buffer, from: Sender) => void
  readonly opened: () => void
  /** It has ended by itself: its interface is gone, or was never fit. */
  readonly failed: (why: string) => void
}

export class Link {
  readonly #network: NetworkInterface
  readonly #family: Family
  readonly #ports: LinkPorts
  readonly #socket: Socket
  readonly #near = new BlockList()
  readonly #rate = new SlidingWindow(PACKETS_PER_SECOND_MAX, 1000)
  #isOpen = false
  /** Sends that are under way. */
  #sending = 0
  #closed: (() => void) | null = null

  constructor(network: NetworkInterface, family: Family, ports: LinkPorts) {
    this.#network = network
    this.#family = family
    this.#ports = ports
    for (const { address, prefix } of network.addresses.filter((a) => a.family === family)) this.#near.addSubnet(address, prefix, family)
    this.#socket = createSocket({ type: family === 'ipv4' ? 'udp4' : 'udp6', reuseAddr: true })
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('message', (bytes, { address, port }) => this.#onMessage(bytes, address, port))
  }

  open(): void {
    this.#socket.bind({ port: MDNS_PORT, address: this.#group }, () => {
      try {
        this.#join()
        this.#isOpen = true
        this.#ports.opened()
      } catch (error) {
        this.#fail(error as Error)
      }
    })
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** `to`: null for everybody. What cannot be sent is lost, as anything on a network may be. */
  send(bytes: Buffer, to: Sender | null): void {
    if (!this.#isOpen) return
    this.#sending++
    this.#socket.send(bytes, to?.port ?? MDNS_PORT, to?.address ?? this.#group, () => {
      this.#sending--
      this.#closeWhenSent()
    })
  }

  /** What was sent before still goes. */
  close(): Promise<void> {
    if (!this.#isOpen) return Promise.resolve()
    this.#isOpen = false
    return new Promise((resolve) => {
      this.#closed = resolve
      this.#closeWhenSent()
    })
  }

  #closeWhenSent(): void {
    if (this.#closed === null || this.#sending > 0) return
    this.#socket.close(this.#closed)
    this.#closed = null
  }

  #join(): void {
    const { name, addresses } = this.#network
    const by = this.#family === 'ipv6' ? `::%${name}` : addresses.find(({ family }) => family === 'ipv4')!.address
    this.#socket.setMulticastInterface(by)
    this.#socket.addMembership(GROUP[this.#family], by)
    this.#socket.setMulticastTTL(TTL)
    this.#socket.setTTL(TTL)
    this.#socket.setMulticastLoopback(true) // programs of this machine look too
    this.#socket.unref()
  }

  #fail(error: Error): void {
    this.#isOpen = false
    try {
      this.#socket.close()
    } catch {
      return // it is closed
    }
    this.#ports.failed(error.message)
  }

  #onMessage(bytes: Buffer, address: string, port: number): void {
    if (!this.#isOpen || !this.#near.check(address.split('%')[0]!, this.#family)) return
    if (bytes.length > BYTES_MAX || !this.#rate.take(this.#ports.nowMs())) {
      this.#ports.refused()
      return
    }
    this.#ports.receive(bytes, { address, port })
  }

  get #group(): string {
    return this.#family === 'ipv6' ? `${GROUP.ipv6}%${this.#network.name}` : GROUP.ipv4
  }
}
