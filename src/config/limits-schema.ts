// gateway.yaml, limits of connections: under `broker:` for all listeners, or with one listener for its own. The descriptions are the
// reference documentation. Defaults suit 512 MB of memory.
import type { ListenerLimits } from './config.ts'
import { duration, integer, size } from './scalar.ts'
import { defaulted } from './schema.ts'

const KB = 1000
const MB = 1_000_000

export const limitFields = {
  maxConnections: defaulted('Connections at once per listener. One more is closed before it can say anything.', 1000, integer(1, 100_000)),
  connectTimeout: defaulted('A connection that has not sent its CONNECT by then is closed.', '10s', duration(100, 300_000)),
  maxPacketSize: defaulted('A larger packet closes its connection with Packet too large.', '1MB', size(KB, 268_435_455)),
  receiveMaximum: defaulted('QoS 1 and 2 messages on their way to or from one client at a time.', 1000, integer(1, 65_535)),
  topicAliasMaximum: defaulted('Topic aliases one MQTT 5 client may use. 0 allows none.', 32, integer(0, 65_535)),
  maxSubscriptionsPerClient: defaulted('Topic filters of one session. One more is refused in SUBACK.', 1000, integer(1, 1_000_000)),
  outputBuffer: defaulted('Bytes waiting for a slow client before its QoS 0 messages are dropped and counted.', '1MB', size(16 * KB, 1000 * MB)),
}

/** The checked values; null is what a listener leaves to the broker. */
export type Limits = { readonly [K in keyof typeof limitFields]: number | null }

/** Under the names of the configuration, without those that are null. */
export function limitsOf(values: { readonly [K in keyof typeof limitFields]: number }): ListenerLimits
export function limitsOf(values: Limits): Partial<ListenerLimits>
export function limitsOf(values: Limits): Partial<ListenerLimits> {
  const all = {
    connectionsMax: values.maxConnections,
    connectTimeoutMs: values.connectTimeout,
    packetBytesMax: values.maxPacketSize,
    receiveMaximum: values.receiveMaximum,
    topicAliasMaximum: values.topicAliasMaximum,
    subscriptionsPerClientMax: values.maxSubscriptionsPerClient,
    outputBytesMax: values.outputBuffer,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null))
}
