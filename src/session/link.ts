// What a session needs of the connection its client is on.
import type { Message } from '../message.ts'
import type { ProtocolVersion } from '../mqtt/packet.ts'
import type { ReasonCode } from '../mqtt/reason.ts'
import type { Transport } from './outgoing.ts'

/** What the listener that the client came by allows one client. */
export interface LinkLimits {
  /** Receive Maximum of the broker, and the most it sends unacknowledged. */
  readonly receiveMaximum: number
  readonly subscriptionsPerClientMax: number
  /** Of topic filters. */
  readonly topicBytesMax: number
  readonly topicLevelsMax: number
}

/** What is to be seen of a connection. */
export interface LinkFacts {
  /** '' at a unix socket. */
  readonly address: string
  readonly transport: string
  /** When it was accepted (Clock.now). */
  readonly sinceMs: number
  /** As it was granted; 0 for none. */
  readonly keepAliveSec: number
}

export interface Link extends Transport {
  readonly version: ProtocolVersion
  readonly facts: LinkFacts
  readonly limits: LinkLimits
  /** The longest packet the client takes [MQTT-3.1.2-24]. */
  readonly maximumPacketSize: number
  /** At most once: dropped and counted when the client does not read. */
  sendQos0(message: Message, retain: boolean, subscriptionIdentifiers: readonly number[]): void
  /** A whole packet. */
  send(packet: Buffer): void
  /** This client's queue is long: whoever publishes to it in this turn is held back. */
  press(): void
  /** Does not read from the client until `release`: flash is behind. */
  holdForFlash(): void
  releaseForFlash(): void
  /** Does not read from the client until `release`: retained messages that it has asked for are being looked for. */
  holdForRetained(): void
  releaseForRetained(): void
  /** Ends the connection; a 5.0 client is told why [MQTT-3.14.4-1]. */
  end(reason: ReasonCode, why: string): void
}
