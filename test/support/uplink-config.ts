// Configurations of uplinks as config/load.ts would make them, for tests that build the parts themselves: what a test does not say has its default.
import type { ClassConfig, LinkConfig, QueueConfig, RouteConfig, UplinkConfig } from '../../src/config/config.ts'

export const QUEUE: QueueConfig = { bytesMax: 1e9, countMax: 1e7, ageMsMax: Infinity, whenFull: 'drop-oldest' }

export function routeConfig(route: Partial<RouteConfig> & Pick<RouteConfig, 'from'>): RouteConfig {
  return { direction: 'out', tenant: '', to: route.from, qos: 1, retain: false, class: 'live', batch: null, only: null, command: null, unpack: false, ...route }
}

export function classConfig(name: string, more: Partial<ClassConfig> = {}): ClassConfig {
  return { name, priority: 2, share: 0, queue: QUEUE, ...more }
}

export function linkConfig(more: Partial<LinkConfig> = {}): LinkConfig {
  const none = { interface: null, classes: null, dial: null, budget: null, sbd: null }
  return { name: 'cloud', ...none, connect: { kind: 'always' }, stableMs: 0, keepAlive: { minSec: 60, maxSec: 60 }, ...more }
}

export function uplinkConfig(more: Partial<UplinkConfig> = {}): UplinkConfig {
  return {
    name: 'cloud',
    url: new URL('mqtt://cloud'),
    host: 'cloud',
    port: 1883,
    tls: false,
    websocketPath: null,
    compress: false,
    metered: true,
    tlsOptions: { ca: null, identity: null, servername: null, alpn: null, versionMax: 'TLSv1.3' },
    clientId: 'gateway',
    username: null,
    password: null,
    version: 5,
    connectTimeoutMs: 20_000,
    inflightMax: 10_000,
    stateTopic: null,
    backoff: { minMs: 1000, maxMs: 120_000 },
    routes: [routeConfig({ from: '#' })],
    classes: [classConfig('live')],
    links: [linkConfig()],
    ...more,
  }
}
