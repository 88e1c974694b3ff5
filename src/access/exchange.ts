// An enhanced authentication under way (section 4.12): what a method has to be able to do.
import type { Identity } from './identity.ts'

export interface Step {
  /** What the client gets: in AUTH while the exchange goes on, with the end in CONNACK or AUTH; null for nothing. */
  readonly data: Buffer | null
  /** Who the client has proved to be; null while the exchange goes on. */
  readonly identity: Identity | null
}

export interface Exchange {
  /** Takes the client's authentication data. Rejects with ProtocolError: the client is refused, and the exchange over. */
  next(data: Buffer | null): Promise<Step>
}
