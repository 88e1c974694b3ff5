// What a TCP connection costs on the wire, told from what its socket was given and what came out of it: the model for where the kernel
// is not asked (tcp-info.ts), and for what has passed since it was asked. Pure.
//
//   segment   as many as the bytes need at the maximum segment size; each has its header
//   opening   SYN, SYN with ACK, ACK; an attempt that waits sends its SYN again, as Linux does
//   ACK       one for every second segment, one for a single segment; one that data of the other direction carries costs nothing
//   ending    FIN and ACK of both sides; before that, what nobody answered was sent again and again
//
// It is meant to be too high rather than too low: what cannot be known counts as sent, and a margin is on top. What is lost and sent again
// in the middle of a connection is not in it.

/** For two messages in two segments that were read as one, and what else cannot be seen from here. */
const MARGIN = 1.04
/** Both sides acknowledge the first segments at once, before they know how the other one talks: so many more. */
const FIRST_ACKS = 4
/** A receiver waits so long for data that could carry its acknowledgement (Linux: 40 ms at least). */
const DELAYED_ACK_MS = 40
/** Of a path of 1,400 bytes, which is what cellular networks have at least; a larger one has fewer segments. */
const SEGMENT_BYTES_MAX = 1348
/** When a SYN goes again (Linux 6.5 and later, the most eager): milliseconds after the first one. */
const SYN_AGAIN_MS = [1000, 2000, 3000, 4000, 5000, 7000, 11_000, 19_000, 35_000, 67_000, 131_000]
/** Data that nobody acknowledges goes again after this, then after twice as long, and so on. */
const DATA_AGAIN_MS = 200
const DNS_HEADER_BYTES = 12
const UDP_IPV4_BYTES = 28

export type IpFamily = 'IPv4' | 'IPv6'

/** Sizes of a connection's segments. */
export interface WireShape {
  /** IP and TCP with the options that every segment has. */
  readonly headerBytes: number
  readonly synBytes: number
  readonly segmentBytesMax: number
}

export function wireShape(family: IpFamily, timestamps: boolean, segmentBytesMax = SEGMENT_BYTES_MAX): WireShape {
  const plainBytes = (family === 'IPv6' ? 40 : 20) + 20
  // SYN: maximum segment size, SACK permitted, window scale, and the time stamps (RFC 9293 section 3.2, RFC 7323, RFC 2018).
  return { headerBytes: plainBytes + (timestamps ? 12 : 0), synBytes: plainBytes + (timestamps ? 20 : 12), segmentBytesMax }
}

/** Asking for the addresses of a name: both families, and answers of a size that is common with a few addresses. */
export function lookupBytes(host: string): number {
  const question = UDP_IPV4_BYTES + DNS_HEADER_BYTES + host.length + 6
  return 2 * question + 2 * (question + 48)
}

/** SYNs that an attempt has sent after `elapsedMs`. */
export function synCount(elapsedMs: number): number {
  return 1 + SYN_AGAIN_MS.filter((ms) => ms <= elapsedMs).length
}

/** TLS 1.3: header, content type and tag of one record. */
const TLS_RECORD_BYTES = 22
/** MQTT's longest acknowledgement without properties. */
const MQTT_ACK_BYTES = 5

/**
 * What a PUBLISH of `packetBytes` costs until it is settled: itself, what answers it, TLS's records, and TCP's acknowledgement of the
 * last answer. IPv4; the segments before the last are acknowledged in pairs.
 */
export function publishBytes(packetBytes: number, qos: 0 | 1 | 2, tls: boolean): number {
  const { headerBytes, segmentBytesMax } = wireShape('IPv4', true)
  const record = tls ? TLS_RECORD_BYTES : 0
  const bytes = packetBytes + record
  const segments = Math.ceil(bytes / segmentBytesMax)
  const answers = qos === 2 ? 3 : qos
  return bytes + (segments + (segments >> 1)) * headerBytes + answers * (MQTT_ACK_BYTES + record + headerBytes) + headerBytes
}

/** The acknowledgements that one direction's data causes in the other. */
class Acks {
  /** When the last segment came that no acknowledgement has left for, or -1. */
  #openSinceMs = -1

  /** Data was sent: how many acknowledgements it causes, one that is only owed yet among them. */
  owe(segments: number, nowMs: number): number {
    const open = this.#isOpen(nowMs, 0) ? 1 : 0
    const all = open + segments
    this.#openSinceMs = all % 2 === 1 ? nowMs : -1
    return Math.ceil(all / 2) - open
  }

  /** Data goes the other way `travelMs` after it could have been sent: 1 when it carries what is owed, else 0. */
  carry(nowMs: number, travelMs: number): 0 | 1 {
    if (!this.#isOpen(nowMs, travelMs)) return 0
    this.#openSinceMs = -1
    return 1
  }

  forget(): void {
    this.#openSinceMs = -1
  }

  #isOpen(nowMs: number, travelMs: number): boolean {
    return this.#openSinceMs >= 0 && nowMs - this.#openSinceMs < DELAYED_ACK_MS + travelMs
  }
}

export class WireEstimate {
  #shape: WireShape
  readonly #ours = new Acks() // what the other side acknowledges
  readonly #theirs = new Acks() // what we acknowledge
  #bytes = 0
  #sentAtMs = 0
  #roundTripMs = Infinity
  #unanswered = 0
  #restartedAtMs = 0

  constructor(shape: WireShape) {
    this.#shape = shape
  }

  get bytes(): number {
    return this.#bytes * MARGIN
  }

  /** From now on; what was counted stays. */
  reshape(shape: WireShape): void {
    this.#shape = shape
  }

  /** The last that was sent has no answer yet: it may be going again and again. */
  get waits(): boolean {
    return this.#unanswered > 0
  }

  /** From here on: the kernel has said what it was until now. */
  restart(nowMs: number): void {
    this.#bytes = 0
    this.#ours.forget()
    this.#theirs.forget()
    this.#restartedAtMs = nowMs
  }

  /** TCP is there `elapsedMs` after its first SYN. */
  opened(elapsedMs: number): void {
    const { synBytes, headerBytes } = this.#shape
    this.#bytes += (synCount(elapsedMs) + 1) * synBytes + (1 + FIRST_ACKS) * headerBytes
  }

  /** An attempt that waits for `elapsedMs` has cost this, and is not in `bytes` yet. */
  openingBytes(elapsedMs: number): number {
    return synCount(elapsedMs) * this.#shape.synBytes
  }

  /** An attempt was given up, or refused with RST. */
  notOpened(elapsedMs: number): void {
    this.#bytes += this.openingBytes(elapsedMs) + this.#shape.headerBytes
  }

  sent(bytes: number, nowMs: number): void {
    const segments = Math.ceil(bytes / this.#shape.segmentBytesMax)
    const acks = this.#ours.owe(segments, nowMs) - this.#theirs.carry(nowMs, 0)
    this.#bytes += bytes + (segments + acks) * this.#shape.headerBytes
    this.#unanswered += bytes
    this.#sentAtMs = nowMs
  }

  received(bytes: number, nowMs: number): void {
    const segments = Math.ceil(bytes / this.#shape.segmentBytesMax)
    if (this.#unanswered > 0) this.#roundTripMs = Math.min(this.#roundTripMs, nowMs - this.#sentAtMs)
    const acks = this.#theirs.owe(segments, nowMs) - this.#ours.carry(nowMs, this.#roundTripMs)
    this.#bytes += bytes + (segments + acks) * this.#shape.headerBytes
    this.#unanswered = 0
  }

  /** The connection is over; what was sent last and found nobody went again until then. */
  ended(nowMs: number): void {
    const { headerBytes, segmentBytesMax } = this.#shape
    this.#bytes += 4 * headerBytes
    if (this.#unanswered === 0) return
    const times = this.#timesAgain(nowMs) - this.#timesAgain(this.#restartedAtMs)
    this.#bytes += times * (Math.min(this.#unanswered, segmentBytesMax) + headerBytes)
  }

  #timesAgain(untilMs: number): number {
    const firstMs = Math.max(DATA_AGAIN_MS, Number.isFinite(this.#roundTripMs) ? 2 * this.#roundTripMs : 0)
    return Math.floor(Math.log2(Math.max(0, untilMs - this.#sentAtMs) / firstMs + 1))
  }
}
