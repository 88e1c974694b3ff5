// All routes, in the order in which the API's description has them.
import type { ApiParts } from './parts.ts'
import type { Route } from './route.ts'
import { aboutRoutes } from './routes/about.ts'
import { alarmRoutes } from './routes/alarms.ts'
import { backupRoutes } from './routes/backup.ts'
import { clientRoutes } from './routes/clients.ts'
import { configurationRoutes } from './routes/configuration.ts'
import { deviceRoutes } from './routes/devices.ts'
import { docsRoutes } from './routes/docs.ts'
import { healthRoutes } from './routes/health.ts'
import { historyRoutes } from './routes/history.ts'
import { logRoutes } from './routes/log.ts'
import { loginRoutes } from './routes/logins.ts'
import { messageRoutes } from './routes/messages.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { retainedRoutes } from './routes/retained.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { statusRoutes } from './routes/status.ts'
import { supportRoutes } from './routes/support.ts'
import { updateRoutes } from './routes/update.ts'
import { uplinkRoutes } from './routes/uplinks.ts'

const MAKERS: readonly ((parts: ApiParts) => readonly Route[])[] = [
  healthRoutes,
  statusRoutes,
  alarmRoutes,
  metricsRoutes,
  loginRoutes,
  clientRoutes,
  sessionRoutes,
  messageRoutes,
  retainedRoutes,
  deviceRoutes,
  historyRoutes,
  uplinkRoutes,
  backupRoutes,
  docsRoutes,
  configurationRoutes,
  updateRoutes,
  logRoutes,
]

export function routesOf(parts: ApiParts): readonly Route[] {
  const asked = MAKERS.flatMap((make) => make(parts))
  const routes = [...asked, ...supportRoutes(parts, asked)]
  return [...routes, ...aboutRoutes(routes)]
}
