// What of each round is remembered for lines of figures: the values of sensors, and how much the broker does.
import { sensorSeries } from '../parts/series.ts'
import type { Recent } from '../parts/recent.ts'
import { sensorValues } from '../parts/sensor-values.ts'
import type { Sensor } from '../parts/shapes.ts'
import type { Site } from '../parts/site.ts'

interface Look {
  readonly atSec: number
  readonly received: number
  readonly sent: number
  readonly uptimeSec: number
}

let before: Look | null = null

export function watch(recent: Recent, site: Site): void {
  for (const sensor of site.get<{ readonly sensors: readonly Sensor[] }>('/sensors')?.sensors ?? []) {
    if (sensor.last === null) continue
    const atSec = Date.parse(sensor.last.at) / 1000
    for (const { name, value } of sensorValues(sensor) ?? []) if (typeof value === 'number') recent.add(sensorSeries(sensor.name, name), atSec, value)
  }
  const { status } = site
  if (status === null) return
  const { received, sent, clients, queued } = status.broker
  const now: Look = { atSec: Date.parse(status.at) / 1000, received, sent, uptimeSec: status.uptimeSec }
  if (before !== null && now.uptimeSec >= before.uptimeSec && now.atSec > before.atSec) {
    const sec = now.atSec - before.atSec
    recent.add('gateway/messages-per-second', now.atSec, (received - before.received) / sec)
    recent.add('gateway/sent-per-second', now.atSec, (sent - before.sent) / sec)
  }
  before = now
  recent.add('gateway/clients', now.atSec, clients)
  recent.add('gateway/queued', now.atSec, queued + status.uplinks.reduce((sum, uplink) => sum + uplink.queued, 0))
  recent.add('gateway/store-bytes', now.atSec, status.store.bytes)
  for (const uplink of status.uplinks) recent.add(`gateway/uplink/${uplink.name}/queued`, now.atSec, uplink.queued)
}
