// What carries messages over a link: an MQTT client, or a modem for short messages. A port: links.ts says when, the classes behind it do it.

export interface Carrier {
  /** The remote has accepted us: messages may go. */
  readonly up: boolean
  /** Says goodbye (DISCONNECT) and ends; `ended` is told at once, or when the remote can have read it. */
  stop(): void
}

/** Whom a carrier tells what becomes of it. */
export interface CarrierOwner {
  accepted(): void
  /** Exactly once, also when it was stopped. `why` is a sentence for the operator. */
  ended(why: string): void
}
