// gateway.yaml, `broker:`, `store:` and `log:`. The descriptions are the reference documentation.
// Defaults suit 512 MB of memory and an SD card.
import { BlockList, isIP } from 'node:net'
import { resolve } from 'node:path'
import type { BrokerConfig, ListenerConfig, QueueConfig, StoreConfig } from './config.ts'
import { clip, type Place } from './place.ts'
import { boolean, choice, duration, integer, size, text } from './scalar.ts'
import { defaulted, list, object, optional, required, type Schema } from './schema.ts'

const DAY_MS = 86_400_000
const KB = 1000
const MB = 1_000_000
const TB = 1_000_000_000_000
/** Session Expiry Interval of a session that never ends (MQTT 5.0 section 3.1.2.11.2). */
const NEVER_SEC = 0xffff_ffff

export function host(): Schema<string> {
  return text({ expected: 'a host name or IP address' }).into((name, place) => {
    if (isIP(name) !== 0 || /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/.test(name)) return name
    return place.problem(`${place.name} "${clip(name)}" is not a host name or IP address`, 'write for example 127.0.0.1, ::1 or gateway.local')
  })
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

function isLoopback(name: string): boolean {
  const family = isIP(name)
  return family === 0 ? name === 'localhost' : LOOPBACK.check(name, family === 6 ? 'ipv6' : 'ipv4')
}

const listener = object({
  port: required('TCP port. 1883 is MQTT’s own. 0 takes any free port (for tests).', integer(0, 65_535)),
  host: defaulted('Address to listen on. 127.0.0.1: this machine only; 0.0.0.0 or ::: every network it is on.', '127.0.0.1', host()),
  anonymous: optional('Clients may connect without user and password. On 127.0.0.1 and ::1 this is the default; elsewhere it must be said.', boolean()),
}).into(checkListener)

function checkListener(value: { port: number; host: string; anonymous: boolean | null }, place: Place): ListenerConfig | undefined {
  if (value.anonymous === false) {
    return place.key('anonymous').problem('`anonymous: false` needs users, and this version cannot be given any: nobody could connect', 'remove the line, or remove the listener')
  }
  if (value.anonymous === null && !isLoopback(value.host)) {
    return place.key('host').problem(
      `listening on ${value.host} lets everyone on that network connect, publish and read`,
      'add `anonymous: true` if that is what you want, or listen on 127.0.0.1',
    )
  }
  return { port: value.port, host: value.host, anonymous: true }
}

const listeners = list(listener, {
  unique: [
    {
      key: 'port',
      of: (l) => (l.port === 0 ? null : `${l.host} ${l.port}`),
      message: (address) => `port ${address.split(' ')[1]} on ${address.split(' ')[0]} is taken twice`,
      hint: 'give each listener of a host a port of its own',
    },
  ],
})

/** A queue of messages that wait for a destination, on flash. */
export function queue(whose: string, bytes: string): Schema<QueueConfig> {
  return object({
    maxSize: defaulted(`Bytes that may wait for ${whose}, on the card.`, bytes, size(64 * KB, 100 * TB)),
    maxMessages: defaulted(`Messages that may wait for ${whose}.`, 10_000_000, integer(1, 1_000_000_000)),
    maxAge: defaulted('Older messages are dropped and counted.', '30d', duration(1000, 3650 * DAY_MS)),
    whenFull: defaulted('What makes room. drop-oldest: newest data matters most; drop-newest: keep the beginning, refuse the rest.', 'drop-oldest', choice(['drop-oldest', 'drop-newest'])),
  }).into((q) => ({ bytesMax: q.maxSize, countMax: q.maxMessages, ageMsMax: q.maxAge, whenFull: q.whenFull }))
}

const retained = object({
  maxMessages: defaulted('Retained messages kept, one per topic. Another one is refused.', 10_000, integer(0, 10_000_000)),
  maxSize: defaulted('Bytes of retained messages, in memory and on the card.', '32MB', size(0, TB)),
})

export const broker: Schema<BrokerConfig> = object({
  listeners: defaulted('Where MQTT clients connect.', [{ port: 1883 }], listeners),
  maxConnections: defaulted('Connections at once per listener. One more is closed before it can say anything.', 1000, integer(1, 100_000)),
  connectTimeout: defaulted('A connection that has not sent its CONNECT by then is closed.', '10s', duration(100, 300_000)),
  maxPacketSize: defaulted('A larger packet closes its connection with Packet too large.', '1MB', size(KB, 268_435_455)),
  receiveMaximum: defaulted('QoS 1 and 2 messages on their way to or from one client at a time.', 1000, integer(1, 65_535)),
  topicAliasMaximum: defaulted('Topic aliases one MQTT 5 client may use. 0 allows none.', 32, integer(0, 65_535)),
  maxSubscriptionsPerClient: defaulted('Topic filters of one session. One more is refused in SUBACK.', 1000, integer(1, 1_000_000)),
  retained: defaulted('Bounds of the retained messages.', {}, retained),
  maxSessionExpiry: defaulted('A disconnected session is kept as long as its client asks for, this at most.', '30d', duration(0, (NEVER_SEC - 1) * 1000, { never: NEVER_SEC * 1000 })),
  maxSessions: defaulted('Sessions kept, connected or not. One more is refused with Quota exceeded.', 10_000, integer(1, 10_000_000)),
  sessionQueue: defaulted('Messages that wait for one disconnected client.', {}, queue('one client', '256MB')),
  outputBuffer: defaulted('Bytes waiting for a slow client before its QoS 0 messages are dropped and counted.', '1MB', size(16 * KB, 1000 * MB)),
  sysInterval: defaulted('How often $SYS topics are published. 0s: never.', '10s', duration(0, DAY_MS)),
}).into((b) => ({
  listeners: b.listeners,
  connectionsMax: b.maxConnections,
  connectTimeoutMs: b.connectTimeout,
  packetBytesMax: b.maxPacketSize,
  receiveMaximum: b.receiveMaximum,
  topicAliasMaximum: b.topicAliasMaximum,
  subscriptionsPerClientMax: b.maxSubscriptionsPerClient,
  retainedMessagesMax: b.retained.maxMessages,
  retainedBytesMax: b.retained.maxSize,
  // Whole seconds on the wire; a started second counts.
  sessionExpirySecMax: Math.ceil(b.maxSessionExpiry / 1000),
  sessionsMax: b.maxSessions,
  sessionQueue: b.sessionQueue,
  outputBytesMax: b.outputBuffer,
  sysIntervalMs: b.sysInterval,
}))

export const storePath = text({ expected: 'a folder' }).into((path, place) => resolve(place.run.folder, path))

export const store: Schema<StoreConfig> = object({
  path: defaulted('Folder of the database. A relative path starts at the folder of this file.', './data', storePath),
  commitWindow: defaulted('How long messages that nobody has acknowledged yet are collected for one write to the card. Longer: less wear (100 messages/s: 2.0 kB written per message at 20ms, 0.9 kB at 60ms), and QoS 1 acknowledgements wait up to that long.', '60ms', duration(0, 10_000)),
  maxSize: defaulted('Bytes of the whole store. When it is full, new messages that must be kept are refused and counted.', '2GB', size(16 * MB, 100 * TB)),
}).into((s) => ({ path: s.path, commitWindowMs: s.commitWindow, bytesMax: s.maxSize }))

export const log = object({
  level: defaulted('The least important lines that are written.', 'info', choice(['trace', 'debug', 'info', 'warn', 'error'])),
})
