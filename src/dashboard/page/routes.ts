// Which views there are, and where.
import type { IconName } from '../parts/icon.ts'
import type { Role } from '../parts/shapes.ts'
import type { MakeView } from '../parts/view.ts'
import { clientsView } from '../views/clients.ts'
import { configurationView } from '../views/configuration.ts'
import { logsView } from '../views/logs.ts'
import { messagesView } from '../views/messages.ts'
import { overviewView } from '../views/overview.ts'
import { readingsView } from '../views/readings.ts'
import { updatesView } from '../views/updates.ts'
import { uplinkView } from '../views/uplink.ts'

export interface PageRoute {
  readonly hash: string
  readonly title: string
  readonly icon: IconName
  /** What it takes to see anything there. */
  readonly role: Role
  /** A path that only some gateways have: without it the view is not offered. */
  readonly path?: string
  readonly make: MakeView
}

export const ROUTES: readonly PageRoute[] = [
  { hash: '#/', title: 'Overview', icon: 'overview', role: 'viewer', make: overviewView },
  { hash: '#/readings', title: 'Readings', icon: 'readings', role: 'viewer', make: readingsView },
  { hash: '#/messages', title: 'Messages', icon: 'messages', role: 'viewer', make: messagesView },
  { hash: '#/uplink', title: 'Uplink', icon: 'uplink', role: 'viewer', make: uplinkView },
  { hash: '#/clients', title: 'Clients', icon: 'clients', role: 'viewer', make: clientsView },
  { hash: '#/configuration', title: 'Configuration', icon: 'configuration', role: 'admin', path: '/configuration', make: configurationView },
  { hash: '#/updates', title: 'Updates', icon: 'updates', role: 'viewer', path: '/update', make: updatesView },
  { hash: '#/logs', title: 'Logs', icon: 'logs', role: 'viewer', make: logsView },
]

/** The overview, where there is no such view. */
export function routeOf(hash: string): PageRoute {
  const [place = ''] = hash.split('?')
  return ROUTES.find((route) => route.hash === place) ?? ROUTES[0]!
}
