// What the gateway is like now, in few words: what a person asks first, and what other programs of this machine decide by. Pure: figures in, one
// record out. The figures are those that $SYS has too, each from where it is kept.
import type { Config, ListenerConfig } from '../config/config.ts'
import type { ConfigSource } from '../config/choose.ts'
import type { SensorState } from '../sensors/state.ts'
import type { Lights } from './lights.ts'

export interface Status {
  readonly version: string
  /** Wall milliseconds. */
  readonly at: number
  /** The same moment in milliseconds since the machine's start, which no setting of the clock moves. */
  readonly uptimeMs: number
  /** The kernel's identifier of this start of the machine. */
  readonly boot: string
  readonly site: string
  readonly config: StatusConfig
  /** `probe`: what ops/broker-probe.ts proves itself by. */
  readonly broker: { readonly listeners: readonly StatusListener[]; readonly clients: number; readonly probe: string }
  readonly uplinks: readonly StatusUplink[]
  readonly store: { readonly bytes: number; readonly bytesMax: number; readonly trouble: string | null }
  readonly sensors: readonly { readonly name: string; readonly state: string; readonly reason: string | null }[]
  /** Those that last and that nobody has cleared, the most severe first. */
  readonly alarms: readonly StatusAlarm[]
  readonly time: { readonly isSynced: boolean }
  readonly lights: Lights
  /** Of the log; null for none since the start. */
  readonly lastError: string | null
}

export interface StatusConfig {
  readonly source: ConfigSource
  /** Of the text that is in force as a whole (config/digest.ts); null when the file has changed and only a part of it is. */
  readonly digest: string | null
  /** Why another runs than the file's, although that is in order; null where there is no such reason. */
  readonly trouble: string | null
}

export type StatusListener = ({ readonly port: number; readonly host: string } | { readonly socket: string }) & { readonly tls: boolean }

export interface StatusAlarm {
  readonly name: string
  readonly severity: string
  readonly message: string
  readonly hint: string
}

export interface StatusUplink {
  readonly name: string
  readonly connected: boolean
  /** Since the gateway was started. */
  readonly everConnected: boolean
  /** That it is connected over; null while it is not. */
  readonly link: string | null
  readonly queued: { readonly messages: number; readonly bytes: number }
  readonly lastError: string | null
  /** Wall milliseconds since when it is connected, or not. */
  readonly sinceMs: number
}

/** What an uplink tells of itself, as far as it stands here. */
export interface UplinkFigures {
  readonly name: string
  readonly phase: string
  readonly link: string | null
  readonly queued: number
  readonly queuedBytes: number
  readonly lastError: string | null
}

export interface StatusSources {
  readonly config: Config
  /** Ports as they were opened, in the order of the configuration. */
  readonly ports: readonly number[]
  readonly clients: number
  readonly probe: string
  readonly uplinks: readonly { readonly figures: UplinkFigures; readonly everConnected: boolean; readonly ageMs: number }[]
  readonly storeBytes: number
  readonly sensors: readonly SensorState[]
  readonly alarms: readonly StatusAlarm[]
  readonly isTimeSynced: boolean
  /** Now. */
  readonly wallMs: number
}

export type GatewayStatus = Omit<Status, 'version' | 'at' | 'uptimeMs' | 'boot' | 'config' | 'lights' | 'lastError'>

/** From here on new messages are soon refused, or old ones dropped. */
const FULL = 0.95

export function isFull(bytes: number, bytesMax: number): boolean {
  return bytes >= bytesMax * FULL
}

export function statusOf({ config, ports, clients, probe, uplinks, storeBytes, sensors, alarms, isTimeSynced, wallMs }: StatusSources): GatewayStatus {
  const { bytesMax } = config.store
  return {
    site: config.site,
    broker: { listeners: config.broker.listeners.map((listener, i) => listenerOf(listener, ports[i] ?? 0)), clients, probe },
    uplinks: uplinks.map(({ figures: f, everConnected, ageMs }) => ({
      name: f.name,
      connected: f.phase === 'up',
      everConnected,
      link: f.phase === 'up' ? f.link : null,
      queued: { messages: f.queued, bytes: f.queuedBytes },
      lastError: f.lastError,
      // whole seconds: what is the same must look the same
      sinceMs: Math.round((wallMs - ageMs) / 1000) * 1000,
    })),
    store: { bytes: storeBytes, bytesMax, trouble: isFull(storeBytes, bytesMax) ? 'the store is full: see store.maxSize, and the queues of uplinks and sessions' : null },
    sensors: sensors.map(({ name, status, lastError }) => ({ name, state: status, reason: status === 'ok' || status === 'starting' ? null : lastError })),
    alarms: alarms.map(({ name, severity, message, hint }) => ({ name, severity, message, hint })), // no figures: what is the same must look the same
    time: { isSynced: isTimeSynced },
  }
}

function listenerOf(listener: ListenerConfig, port: number): StatusListener {
  return listener.kind === 'socket' ? { socket: listener.path, tls: false } : { port, host: listener.host, tls: listener.tls !== null }
}
