// gateway.yaml, limits of connections: under `broker:` for all listeners, or with one listener for its own. The descriptions are the
// reference documentation. Defaults suit 512 MB of memory.
import type { ListenerLimits, PerAddress } from './config.ts'
import { duration, integer, size } from './scalar.ts'
import { defaulted, type Field, type Schema } from './schema.ts'

const KB = 1000
const MB = 1_000_000
/** Keep Alive has two bytes (MQTT 5.0 section 3.1.2.10). */
const KEEP_ALIVE_SEC_MAX = 65_535
/** Topics are walked level by level: this many fit on any stack. */
const TOPIC_LEVELS_MAX = 1000

/** A limit for each address. `auto` spares this machine: its programs all come from one address. */
function perAddress(max: number, remote: number): Schema<PerAddress> {
  const auto = 0 // outside the range on purpose
  return integer(1, max, { auto }).into((n) => (n === auto ? { remote, local: Infinity } : { remote: n, local: n }))
}

export const limitFields = {
  maxConnections: defaulted('Connections at once per listener. One more is closed before it can say anything.', 1000, integer(1, 100_000)),
  maxConnectionsPerAddress: defaulted('Connections at once from one IP address. auto: 250 from another machine, no limit from this one (loopback, unix socket). A number holds for both.', 'auto', perAddress(100_000, 250)),
  maxConnectionsPerMinute: defaulted('New connections from one IP address in any minute. auto: 600 from another machine, no limit from this one. A number holds for both.', 'auto', perAddress(1_000_000, 600)),
  connectTimeout: defaulted('A connection that has not sent its CONNECT by then is closed.', '10s', duration(100, 300_000)),
  maxConnectSize: defaulted('Bytes of a CONNECT, and of every packet until the client is let in; never more than maxPacketSize. A larger one closes the connection.', '64kB', size(256, 10 * MB)),
  maxPacketSize: defaulted('A larger packet closes its connection with Packet too large.', '1MB', size(KB, 268_435_455)),
  maxTopicLength: defaulted('Bytes of a topic name or topic filter, in UTF-8 ($share/NAME/ counts). A longer one is refused.', '1kB', size(16, 65_535)),
  maxTopicLevels: defaulted('Levels of a topic name or topic filter ($share/NAME/ counts). One with more is refused.', 64, integer(1, TOPIC_LEVELS_MAX)),
  maxKeepAlive: defaulted('The longest keep alive. MQTT 5 clients that ask for more, or for none (0), get this and are told; those of 3.1 and 3.1.1 cannot be told, and keep theirs.', '1h', duration(1000, KEEP_ALIVE_SEC_MAX * 1000, { none: Infinity })),
  maxPublishesPerSecond: defaulted('Messages one client may publish in any second. After that many it is not read from until there is room again: nothing is lost.', 'none', integer(1, 1_000_000, { none: Infinity })),
  receiveMaximum: defaulted('QoS 1 and 2 messages on their way to or from one client at a time.', 1000, integer(1, 65_535)),
  topicAliasMaximum: defaulted('Topic aliases one MQTT 5 client may use. 0 allows none.', 32, integer(0, 65_535)),
  maxSubscriptionsPerClient: defaulted('Topic filters of one session, and of one SUBSCRIBE. One more is refused in SUBACK.', 1000, integer(1, 1_000_000)),
  outputBuffer: defaulted('Bytes waiting for a slow client before its QoS 0 messages are dropped and counted.', '1MB', size(16 * KB, 1000 * MB)),
}

type Values = { readonly [K in keyof typeof limitFields]: (typeof limitFields)[K] extends Field<infer T> ? T : never }

/** The checked values; null is what a listener leaves to the broker. */
export type Limits = { readonly [K in keyof Values]: Values[K] | null }

/** Under the names of the configuration, without those that are null. */
export function limitsOf(values: Values): ListenerLimits
export function limitsOf(values: Limits): Partial<ListenerLimits>
export function limitsOf(values: Limits): Partial<ListenerLimits> {
  const all: { readonly [K in keyof ListenerLimits]: ListenerLimits[K] | null } = {
    connectionsMax: values.maxConnections,
    connectionsPerAddressMax: values.maxConnectionsPerAddress,
    connectionsPerMinuteMax: values.maxConnectionsPerMinute,
    connectTimeoutMs: values.connectTimeout,
    connectBytesMax: values.maxConnectSize,
    packetBytesMax: values.maxPacketSize,
    topicBytesMax: values.maxTopicLength,
    topicLevelsMax: values.maxTopicLevels,
    // Whole seconds on the wire; a started second counts.
    keepAliveSecMax: values.maxKeepAlive === null ? null : Math.ceil(values.maxKeepAlive / 1000),
    publishesPerSecondMax: values.maxPublishesPerSecond,
    receiveMaximum: values.receiveMaximum,
    topicAliasMaximum: values.topicAliasMaximum,
    subscriptionsPerClientMax: values.maxSubscriptionsPerClient,
    outputBytesMax: values.outputBuffer,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null))
}
