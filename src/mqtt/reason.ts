// Reason codes of MQTT 5.0 (section 2.4) and the mistake that carries one.
// Code anywhere in a connection throws a ProtocolError; net/connection catches it once and turns it into CONNACK, DISCONNECT or a close.
import type { Counters } from '../counters.ts'

export const Reason = {
  success: 0x00,
  normalDisconnection: 0x00,
  grantedQos0: 0x00,
  grantedQos1: 0x01,
  grantedQos2: 0x02,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  continueAuthentication: 0x18,
  reAuthenticate: 0x19,
  unspecifiedError: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecificError: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  banned: 0x8a,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierInUse: 0x91,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  messageRateTooHigh: 0x96,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  payloadFormatInvalid: 0x99,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
  useAnotherServer: 0x9c,
  serverMoved: 0x9d,
  sharedSubscriptionsNotSupported: 0x9e,
  connectionRateExceeded: 0x9f,
  maximumConnectTime: 0xa0,
  subscriptionIdentifiersNotSupported: 0xa1,
  wildcardSubscriptionsNotSupported: 0xa2,
} as const

/** Counters of what is refused. */
export type RefusalCounter = Extract<keyof Counters, `refused${string}`>

export type ReasonCode = (typeof Reason)[keyof typeof Reason]

/** The peer's fault: what it sent cannot be accepted. Never thrown for a fault of ours. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly reason: ReasonCode

  constructor(reason: ReasonCode, message: string) {
    super(message)
    this.reason = reason
  }
}

/** Well-formed, but more than a limit of ours allows. `counter`: where that is counted. */
export class LimitExceeded extends ProtocolError {
  readonly counter: RefusalCounter

  constructor(counter: RefusalCounter, reason: ReasonCode, message: string) {
    super(reason, message)
    this.counter = counter
  }
}

/** The client has not proved who it is, or may not come in. It hears only that; `why` is for the log. */
export class LoginRefused extends ProtocolError {
  readonly why: string
  /** So long its answer waits, or the next one would be had too cheaply; null where nobody has counted it. */
  readonly delayMs: number | null

  constructor(reason: ReasonCode, why: string, delayMs: number | null = null) {
    super(reason, reason === Reason.badUserNameOrPassword ? 'wrong user or password' : 'the client may not connect')
    this.why = why
    this.delayMs = delayMs
  }
}

/** The client speaks a protocol that we do not. */
export class UnsupportedProtocol extends ProtocolError {
  /** The version in whose form it may be able to read the refusal. */
  readonly answerVersion: 4 | 5

  constructor(answerVersion: 4 | 5, message: string) {
    super(Reason.unsupportedProtocolVersion, message)
    this.answerVersion = answerVersion
  }
}

export function malformed(message: string): ProtocolError {
  return new ProtocolError(Reason.malformedPacket, message)
}

export function protocolError(message: string): ProtocolError {
  return new ProtocolError(Reason.protocolError, message)
}
