// Which parts of two configurations differ, by who has to do something about it.
import { isDeepStrictEqual } from 'node:util'
import type { Config } from './config.ts'
import { checkText } from './load.ts'

/** Top-level keys that only a start of the gateway can change. What says how clients may come in, and how the gateway is found, takes effect at once;
 *  what is the machine's own the appliance applies. */
export function sectionsThatNeedStart(before: Config, after: Config): string[] {
  const a = ofStart(before)
  const b = ofStart(after)
  return Object.keys(a).filter((key) => !isDeepStrictEqual(a[key], b[key]))
}

function ofStart(config: Config): Record<string, unknown> {
  const { access: _access, tenants: _tenants, hostname: _hostname, network: _network, ssh: _ssh, time: _time, discovery: _discovery, broker, http, ...rest } = config
  const { listeners, ...limits } = broker
  return {
    ...rest,
    broker: limits,
    http: { listeners: http.listeners, requestsPerMinuteMax: http.requestsPerMinuteMax },
    'broker.listeners': listeners.map(({ anonymous: _anonymous, tenant: _tenant, ...listener }) => ({ ...listener, tls: 'tls' in listener ? (listener.tls?.minVersion ?? null) : null })),
  }
}

/** Whether two configurations mean the same in every respect. */
export function isSameConfig(a: Config, b: Config): boolean {
  return isDeepStrictEqual(a, b)
}

const MACHINE_SECTIONS = ['hostname', 'network', 'time', 'ssh'] as const

/** The machine's own sections that ask for something: the appliance applies them, and nobody else does. */
export function machineSections(config: Config): string[] {
  const silent = checkText(`site: ${JSON.stringify(config.site)}`, 'gateway.yaml', { secrets: 'skip' })
  if ('problems' in silent) return []
  return MACHINE_SECTIONS.filter((key) => !isDeepStrictEqual(config[key], silent.config[key]))
}

/** For a line of a terminal: how much there is of what. */
export function summary(config: Config): string {
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
  return [`site ${config.site}`, count(config.broker.listeners.length, 'listener'), count(config.sensors.length, 'sensor'), count(config.uplinks.length, 'uplink')].join(', ')
}
