// A cable at a machine that ends in this process: every frame is a datagram on the loopback interface, and goes to no network.
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo } from 'node:net'
import { decode, type DnsMessage } from '../../src/discovery/dns.ts'
import { freeUdpPort } from '../support/ports.ts'

const ETHERNET_BYTES = 14
const IPV4 = 0x0800
const IPV6 = 0x86dd
const UDP = 17
const MDNS_PORT = 5353
const FRAMES_MAX = 10_000

/** `await using` ends it. */
export class Lan implements AsyncDisposable {
  /** For the machine's command line. */
  readonly args: readonly string[]
  readonly frames: Buffer[] = []
  readonly #socket: Socket

  private constructor(socket: Socket, machinePort: number) {
    const { port } = socket.address() as AddressInfo
    this.#socket = socket
    this.args = ['-netdev', `dgram,id=lan,local.type=inet,local.host=127.0.0.1,local.port=${machinePort},remote.type=inet,remote.host=127.0.0.1,remote.port=${port}`, '-device', 'virtio-net-pci,netdev=lan,mac=52:54:00:00:00:77']
    socket.on('message', (frame) => void (this.frames.length < FRAMES_MAX && this.frames.push(frame)))
  }

  static async make(): Promise<Lan> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new Lan(socket, await freeUdpPort())
  }

  /** What has been said by mDNS, in its order. */
  get mdns(): readonly DnsMessage[] {
    return this.frames.flatMap((frame) => {
      const payload = mdnsOf(frame)
      const message = payload === null ? null : decode(payload)
      return message === null ? [] : [message]
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close()
    await once(this.#socket, 'close')
  }
}

/** The payload of a UDP packet from the port of mDNS, without options of IP; null for any other frame. */
function mdnsOf(frame: Buffer): Buffer | null {
  const type = frame.readUInt16BE(12)
  const ip = frame.subarray(ETHERNET_BYTES)
  const [protocol, headerBytes] = type === IPV4 ? [ip[9], (ip[0]! & 15) * 4] : type === IPV6 ? [ip[6], 40] : [0, 0]
  if (protocol !== UDP) return null
  const udp = ip.subarray(headerBytes)
  return udp.readUInt16BE(0) === MDNS_PORT ? udp.subarray(8, udp.readUInt16BE(4)) : null
}
