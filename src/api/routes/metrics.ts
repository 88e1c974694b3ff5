// For Prometheus. A name without the API's version, as every scraper expects it.
import { readdirSync } from 'node:fs'
import { VERSION } from '../../layout.ts'
import type { ApiParts } from '../parts.ts'
import type { Route } from '../route.ts'

export function metricsRoutes({ gateway, clock, startedMs }: ApiParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/metrics',
      absolute: true,
      role: 'viewer',
      tag: 'status',
      summary: 'All figures, as Prometheus reads them',
      answer: { mediaType: 'text/plain; version=0.0.4; charset=utf-8' },
      handle: async () => {
        const { prometheusText } = await import('../../ops/prometheus.ts') // not needed by a gateway that nobody scrapes
        const { tenants, config, stored, devices, uplinks } = gateway
        const { user, system } = process.cpuUsage()
        const { rss, heapUsed } = process.memoryUsage()
        return prometheusText({
          version: VERSION,
          site: config.site,
          counters: tenants.counters,
          clients: tenants.onlineCount,
          sessions: tenants.count,
          subscriptions: tenants.subscriptionCount,
          inFlight: tenants.inFlight,
          queued: tenants.queued,
          retained: tenants.retained,
          store: { bytes: stored.bytesUsed, bytesMax: config.store.bytesMax, bytesWritten: stored.bytesWritten, commitAgeMs: gateway.commitAgeMs },
          isTimeSynced: gateway.isTimeSynced,
          uplinks: uplinks.map(({ state }) => state),
          sensors: devices?.sensors.map(({ state }) => state) ?? [],
          outputs: devices?.outputs.map(({ state }) => state) ?? [],
          alarms: gateway.alarms.list(),
          process: { cpuSec: (user + system) / 1e6, residentBytes: rss, heapBytes: heapUsed, startSec: (clock.wall() - clock.now() + startedMs) / 1000, openFiles: openFiles() },
        })
      },
    },
  ]
}

function openFiles(): number | null {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return null // a sandbox without /proc
  }
}
