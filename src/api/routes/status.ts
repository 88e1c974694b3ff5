// How the gateway is, in one answer: what a person asks first.
import { bootOffsetMs } from '../../clock.ts'
import { CONFIG_SOURCES } from '../../config/choose.ts'
import type { ApiParts } from '../parts.ts'
import { count, flag, list, orNull, record, type Route, text, time } from '../route.ts'

const TROUBLE = orNull(text('What is wrong, and what to do; null when nothing is.'))

export const STATUS = record({
  site: text('Name of the site.'),
  version: text('Of Sandpiper.'),
  pid: count('Its process.'),
  at: time('When this was said.'),
  timeSynced: flag('The clock is known to be right.'),
  uptimeSec: count('Since the gateway was started.'),
  machineUptimeSec: count('Since the machine was started.'),
  config: record({
    source: { enum: CONFIG_SOURCES, description: 'Which configuration is in force.' },
    whole: flag('The file is in force as a whole; false: a part of a change waits for a restart.'),
    trouble: TROUBLE,
  }),
  broker: record({
    listeners: list({ type: 'object', properties: { port: count('TCP port.'), host: text('Address.'), socket: text('Path of a unix socket.'), tls: flag('With TLS.') }, required: ['tls'], additionalProperties: false }),
    clients: count('Connected now.'),
    sessions: count('Kept, connected or not.'),
    subscriptions: count('Topic filters of all of them.'),
    retained: count('Retained messages.'),
    queued: count('Messages that wait for clients.'),
    received: count('Messages that clients have published.'),
    sent: count('Messages that clients were sent.'),
  }),
  store: record({ bytes: count('On the card.'), bytesMax: count('store.maxSize'), bytesWritten: count('Written to the card since the start.'), trouble: TROUBLE }),
  uplinks: list(record({
    name: text('Name in the configuration.'),
    connected: flag('It is connected.'),
    link: orNull(text('The link in use.')),
    since: time('Since when it is connected, or not.'),
    queued: count('Messages that wait.'),
    queuedBytes: count('Their bytes.'),
    lastError: orNull(text('Why there is no connection, or what was refused.')),
  })),
  sensors: list(record({ name: text('Name in the configuration.'), state: text('starting, ok, degraded, gone or stopped.'), reason: orNull(text('What is wrong with it.')) })),
  alarms: list(record({ name: text('uplink-down/cloud.'), severity: text('critical or warning.'), message: text('What is wrong.'), hint: text('What to do.') }), 'Those that last and that nobody has cleared, the most severe first.'),
  lights: record({ yellow: list(text('uplink/cloud'), 'Somebody should look at it.'), red: list(text('store'), 'Loses data, or will.') }),
  lastError: orNull(text('Of the log, since the start.')),
})

export function statusRoutes({ gateway, clock, status, startedMs }: ApiParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/status',
      role: 'viewer',
      tag: 'status',
      summary: 'How the gateway is',
      answer: STATUS,
      handle: () => {
        const { site, version, config, broker, uplinks, store, sensors, alarms, time: { isSynced }, lights, lastError } = status()
        const { tenants } = gateway
        const { counters } = tenants
        return {
          site,
          version,
          pid: process.pid,
          at: new Date(clock.wall()).toISOString(),
          timeSynced: isSynced,
          uptimeSec: Math.floor((clock.now() - startedMs) / 1000),
          machineUptimeSec: Math.floor((clock.now() + bootOffsetMs) / 1000),
          config: { source: config.source, whole: config.digest !== null, trouble: config.trouble },
          broker: {
            listeners: broker.listeners, // the probe's secret stays
            clients: broker.clients,
            sessions: tenants.count,
            subscriptions: tenants.subscriptionCount,
            retained: tenants.retained.count,
            queued: tenants.queued.count,
            received: counters.publishReceived,
            sent: counters.publishSent,
          },
          store: { ...store, bytesWritten: gateway.stored.bytesWritten },
          uplinks: uplinks.map(({ name, connected, link, sinceMs, queued, lastError: why }) => ({ name, connected, link, since: new Date(sinceMs).toISOString(), queued: queued.messages, queuedBytes: queued.bytes, lastError: why })),
          sensors,
          alarms,
          lights,
          lastError,
        }
      },
    },
  ]
}
