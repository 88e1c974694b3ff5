// What stands in the $SYS tree at every interval: the topics that Mosquitto 2.0 publishes, with its meaning and its formats, and the
// gateway's own figures beside them. Pure: reads counters and sizes, says name and value.
//
// Every field of Counters is here: those of losses and refusals by their names (`droppedSlowReader` is `broker/dropped/slow reader`),
// the others in a table. Where a figure cannot mean what it means in Mosquitto, it says so here:
//   - clients of this broker are counted; what goes over an uplink is under broker/uplinks/NAME
//   - messages/stored and store/messages count a message that waits for several clients for each of them
//   - heap/current and heap/maximum are not there: a collected heap is mostly garbage, its size would tell nothing
import type { Counters } from '../counters.ts'

/** All tenants together. */
export interface Broker {
  readonly counters: Counters
  readonly count: number
  readonly onlineCount: number
  readonly onlineMost: number
  readonly subscriptionCount: number
  readonly sharedSubscriptionCount: number
  readonly inFlight: number
  readonly queued: Stored
  readonly retained: Stored
}

/** Where the figures come from. */
export interface SysSources {
  readonly broker: Broker
  /** Messages that wait for uplinks. */
  readonly queuedForUplinks: () => Stored
  readonly storeBytes: () => number
}

/** One tenant. */
export interface TenantSource {
  readonly name: string
  readonly counters: Counters
  readonly sessions: { readonly count: number; readonly onlineCount: number; readonly subscriptionCount: number; readonly queued: Stored }
  readonly router: { readonly retained: Stored }
}

export interface Stored {
  readonly count: number
  readonly bytes: number
}

/** Counters that have no topic of Mosquitto's and do not begin with dropped, refused or delayed. */
const OWN: Readonly<Partial<Record<keyof Counters, string>>> = {
  connectionsOpened: 'broker/sockets/opened',
  connectionsRefused: 'broker/sockets/refused',
  connectionsNow: 'broker/sockets/now',
  connectReceived: 'broker/connects/received',
  connectTimeouts: 'broker/timeouts/connect',
  keepAliveTimeouts: 'broker/timeouts/keep alive',
  endedClientCertificates: 'broker/ended/client certificates',
  keepAlivesShortened: 'broker/keep alives shortened',
  loginsRefused: 'broker/refused/logins',
  retainedRefused: 'broker/refused/retained',
  protocolErrors: 'broker/protocol errors',
  elided: 'broker/store/messages/elided',
  committedMessages: 'broker/store/messages/committed',
  commits: 'broker/store/commits',
  messagesUnpacked: 'broker/messages/unpacked',
  alarmsRaised: 'broker/alarms/raised',
  historyValuesLeftOut: 'broker/history/values left out',
  historyStepsLost: 'broker/history/steps lost',
}

/** What is averaged under broker/load/. */
export const LOADS: Readonly<Record<string, (counters: Counters) => number>> = {
  'messages/received': (c) => c.packetsReceived,
  'messages/sent': packetsSent,
  'publish/received': (c) => c.publishReceived,
  'publish/sent': (c) => c.publishSent,
  'publish/dropped': dropped,
  'bytes/received': (c) => c.bytesReceived,
  'bytes/sent': (c) => c.bytesSent,
  sockets: (c) => c.connectionsOpened,
  connections: (c) => c.connectReceived,
}

/** Name under `$SYS/` and value of each figure, but uptime, version and the load averages. */
export function* sysValues(sources: SysSources): Iterable<readonly [name: string, value: number]> {
  const { counters, retained, queued, ...sessions } = figuresOf(sources.broker)
  const disconnected = sessions.count - sessions.onlineCount
  yield ['broker/clients/total', sessions.count]
  yield ['broker/clients/connected', sessions.onlineCount]
  yield ['broker/clients/active', sessions.onlineCount]
  yield ['broker/clients/disconnected', disconnected]
  yield ['broker/clients/inactive', disconnected]
  yield ['broker/clients/maximum', sessions.onlineMost]
  yield ['broker/clients/expired', counters.sessionsExpired]
  yield ['broker/messages/received', counters.packetsReceived]
  yield ['broker/messages/sent', packetsSent(counters)]
  yield ['broker/messages/inflight', sessions.inFlight]
  yield ['broker/publish/messages/received', counters.publishReceived]
  yield ['broker/publish/messages/sent', counters.publishSent]
  yield ['broker/publish/messages/dropped', dropped(counters)]
  yield ['broker/publish/bytes/received', counters.payloadReceived]
  yield ['broker/publish/bytes/sent', counters.payloadSent]
  yield ['broker/bytes/received', counters.bytesReceived]
  yield ['broker/bytes/sent', counters.bytesSent]
  const shared = sessions.sharedSubscriptionCount
  yield ['broker/subscriptions/count', sessions.subscriptionCount - shared]
  yield ['broker/shared_subscriptions/count', shared]
  yield ['broker/retained messages/count', retained.count]
  const stored = sum(queued, sources.queuedForUplinks(), retained)
  yield ['broker/messages/stored', stored.count]
  yield ['broker/store/messages/count', stored.count]
  yield ['broker/store/messages/bytes', stored.bytes]
  yield ['broker/store/bytes', sources.storeBytes()]
  for (const field of Object.keys(counters) as (keyof Counters)[]) {
    const name = OWN[field] ?? nameOfLoss(field)
    if (name !== null) yield [name, counters[field]]
  }
}

/** Read once: each getter goes through all sessions. */
function figuresOf({ counters, count, onlineCount, onlineMost, subscriptionCount, sharedSubscriptionCount, inFlight, queued, retained }: Broker): Broker {
  return { counters, count, onlineCount, onlineMost, subscriptionCount, sharedSubscriptionCount, inFlight, queued, retained }
}

/** What stands under `$SYS/broker/tenants/NAME`, as JSON. */
export function tenantFigures({ counters, sessions, router: { retained } }: TenantSource): Readonly<Record<string, number>> {
  const { count, onlineCount, subscriptionCount, queued } = sessions
  return {
    connected: onlineCount,
    sessions: count,
    subscriptions: subscriptionCount,
    received: counters.publishReceived,
    receivedBytes: counters.payloadReceived,
    sent: counters.publishSent,
    sentBytes: counters.payloadSent,
    dropped: dropped(counters),
    refused: refused(counters),
    queued: queued.count,
    queuedBytes: queued.bytes,
    retained: retained.count,
    retainedBytes: retained.bytes,
  }
}

/** `refusedPerAddress` → `broker/refused/per address`; null for a counter that is no loss. */
export function nameOfLoss(field: string): string | null {
  const parts = /^(dropped|refused|delayed)([A-Z]\w*)$/.exec(field)
  return parts === null ? null : `broker/${parts[1]}/${parts[2]!.replaceAll(/\B[A-Z]/g, ' $&').toLowerCase()}`
}

function packetsSent(counters: Counters): number {
  return counters.publishSent + counters.otherSent
}

/** A message that came back over an uplink is no loss: whoever was to have it has it. */
function dropped(counters: Counters): number {
  let n = -counters.droppedLoop
  for (const [field, value] of Object.entries(counters)) if (field.startsWith('dropped')) n += value as number
  return n
}

function refused(counters: Counters): number {
  let n = counters.retainedRefused
  for (const [field, value] of Object.entries(counters)) if (field.startsWith('refused')) n += value as number
  return n
}

function sum(...parts: readonly Stored[]): Stored {
  return parts.reduce((a, b) => ({ count: a.count + b.count, bytes: a.bytes + b.bytes }))
}
