// What a person at a terminal wants to know first when the gateway has started: where it listens, what it publishes and drives, and the one line that shows it.
import type { Config, ListenerConfig, SensorConfig } from './config/config.ts'

function sourceWords(sensor: SensorConfig): string {
  switch (sensor.kind) {
    case 'simulate':
      return `simulated ${sensor.simulate.kind}, every ${sensor.simulate.everyMs / 1000} s`
    case 'serial':
      return `${sensor.serial.path}, ${sensor.serial.baud} baud`
    case 'modbus':
      return `slave ${sensor.modbus.slave} of the bus ${sensor.modbus.bus}, every ${sensor.modbus.pollMs / 1000} s`
    case 'gpio':
      return `${sensor.gpio.input.kind} of a GPIO line`
    case 'kernel':
      return `${sensor.device.kind} of the kernel, every ${sensor.pollMs / 1000} s`
    case 'nmea': {
      const { line } = sensor.nmea
      return `NMEA 0183 from ${line.kind === 'serial' ? `${line.serial.path}, ${line.serial.baud} baud` : `${line.host}:${line.port}`}`
    }
  }
}

/** Ports as they were opened, in the order of the listeners: 0 where one could not be had yet. */
export interface OpenPorts {
  readonly broker: readonly number[]
  readonly http: readonly number[]
}

/** `name` of the configuration. */
export function banner(config: Config, { broker: ports, http }: OpenPorts, name: string, version: string): string {
  const lines = [`Sandpiper ${version}, site ${config.site}, configured by ${name}`, '']
  config.broker.listeners.forEach((listener, i) => lines.push(`  listening  ${urlOf(listener, ports[i]!)}   MQTT 3.1, 3.1.1 and 5.0`))
  for (const sensor of config.sensors) lines.push(`  publishing ${sensor.topic}   (${sourceWords(sensor)})`)
  for (const output of config.outputs) lines.push(`  driving    ${output.name} by commands at ${output.command}`)
  for (const uplink of config.uplinks) lines.push(`  uplink     ${uplink.name} ─► ${uplink.url === null ? 'satellite modem' : `${uplink.host}:${uplink.port}`}`)
  config.http.listeners.forEach(({ host, tls }, i) => {
    if (http[i] !== 0) lines.push(`  dashboard  ${tls === null ? 'http' : 'https'}://${hostText(host)}:${http[i]}/`)
  })
  lines.push(`  store      ${config.store.path}`, '')
  const way = wayIn(config.broker.listeners, ports)
  if (way !== null) lines.push('See it:', '', `  mosquitto_sub -t '${commonPrefix(config.sensors.map((s) => s.topic))}#' -v${way}`, '', '')
  return lines.join('\n')
}

function urlOf(listener: ListenerConfig, port: number): string {
  const { websocket } = listener
  const isSecure = listener.kind === 'port' && listener.tls !== null
  const scheme = `${websocket === null ? 'mqtt' : 'ws'}${isSecure ? 's' : ''}`
  const path = websocket === null ? '' : websocket.paths[0]!
  if (listener.kind === 'socket') return `${websocket === null ? '' : 'ws+'}unix:${listener.path}${path === '' ? '' : `:${path}`}`
  return `${scheme}://${hostText(listener.host)}:${port}${path}`
}

function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** How mosquitto_sub reaches a listener that asks for nothing more than MQTT; null when there is none. */
function wayIn(listeners: readonly ListenerConfig[], ports: readonly number[]): string | null {
  const plain = listeners.findIndex((l) => l.websocket === null && (l.kind === 'socket' || (l.tls === null && l.proxyProtocol === null)))
  const listener = listeners[plain]
  if (listener === undefined) return null
  if (listener.kind === 'socket') return ` --unix ${listener.path}`
  return ports[plain] === 1883 ? '' : ` -p ${ports[plain]}`
}

/** The levels that all topics share, with a slash at the end; empty when there are none. */
function commonPrefix(topics: readonly string[]): string {
  if (topics.length === 0) return ''
  const levels = topics.map((t) => t.replace(/\{value\}.*/, '').split('/').slice(0, -1))
  const shared: string[] = []
  for (let i = 0; levels.every((l) => l[i] !== undefined && l[i] === levels[0]![i]); i++) shared.push(levels[0]![i]!)
  return shared.map((l) => `${l}/`).join('')
}
