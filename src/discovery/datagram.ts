// What goes over a link: messages that fit into packets, and whom they are for.
import { bytesOf, type DnsMessage, type DnsRecord, MESSAGE_HEADER_BYTES } from './dns.ts'

/** What fits into a packet of Ethernet, whatever is around it. */
const MESSAGE_BYTES_MAX = 1400

export const MDNS_PORT = 5353

export interface Sender {
  readonly address: string
  readonly port: number
}

export interface Datagram {
  readonly message: DnsMessage
  /** null: everybody on the link. */
  readonly to: Sender | null
}

/** A response with nothing in it. */
export const EMPTY: DnsMessage = { id: 0, isResponse: true, isTruncated: false, questions: [], answers: [], authorities: [], additionals: [] }

/** Responses to everybody with these answers, as many as it takes; `additionals` as far as there is room in the last. */
export function messagesOf(answers: readonly DnsRecord[], additionals: readonly DnsRecord[] = []): Datagram[] {
  const groups: DnsRecord[][] = []
  let left = 0
  for (const record of answers) {
    const bytes = bytesOf(record)
    if (bytes > left) {
      groups.push([])
      left = MESSAGE_BYTES_MAX - MESSAGE_HEADER_BYTES
    }
    groups.at(-1)!.push(record)
    left -= bytes
  }
  const fitting = additionals.filter((record) => (left -= bytesOf(record)) >= 0)
  return groups.map((group, i) => ({ message: { ...EMPTY, answers: group, additionals: i === groups.length - 1 ? fitting : [] }, to: null }))
}
