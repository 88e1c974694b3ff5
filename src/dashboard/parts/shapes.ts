// What the API answers, as far as the page reads it. The reference is /api/v1/openapi.json.

export type ConfigSource = 'file' | 'trial' | 'last-good' | 'default'

export type Role = 'viewer' | 'operator' | 'admin'

export interface Who {
  readonly name: string | null
  readonly role: Role | null
}

export interface StatusUplink {
  readonly name: string
  readonly connected: boolean
  readonly link: string | null
  readonly since: string | null
  readonly queued: number
  readonly queuedBytes: number
  readonly lastError: string | null
}

export interface Status {
  readonly site: string
  readonly version: string
  readonly at: string
  readonly timeSynced: boolean
  readonly uptimeSec: number
  readonly machineUptimeSec: number
  readonly config: { readonly source: ConfigSource; readonly whole: boolean; readonly trouble: string | null }
  readonly broker: {
    readonly listeners: readonly { readonly port?: number; readonly host?: string; readonly socket?: string; readonly tls: boolean }[]
    readonly clients: number
    readonly sessions: number
    readonly subscriptions: number
    readonly retained: number
    readonly queued: number
    readonly received: number
    readonly sent: number
  }
  readonly store: { readonly bytes: number; readonly bytesMax: number; readonly bytesWritten: number; readonly trouble: string | null }
  readonly uplinks: readonly StatusUplink[]
  readonly sensors: readonly { readonly name: string; readonly state: string; readonly reason: string | null }[]
  /** Those that last and that nobody has seen. */
  readonly alarms: readonly { readonly name: string }[]
  /** What is in neither is green: `store`, `flash`, `uplink/NAME`, `sensors`, `time`, `config`, `alarms`. */
  readonly lights: { readonly yellow: readonly string[]; readonly red: readonly string[] }
  readonly lastError: string | null
}

export interface SensorValue {
  readonly name: string
  readonly value: unknown
  readonly unit: string | null
}

export interface Sensor {
  readonly name: string
  readonly status: string
  readonly since: string | null
  readonly readings: number
  readonly skipped: Readonly<Record<string, number>>
  readonly troubles: number
  readonly lastError: string | null
  readonly last: { readonly at: string; readonly topic: string; readonly payload: string; readonly values: readonly SensorValue[] | null; readonly quality: string | null } | null
}

export interface Output {
  readonly name: string
  readonly status: string
  readonly on: boolean | null
  readonly waiting: boolean | null
  readonly commands: number
  readonly refused: number
  readonly madeSafe: number
  readonly lastError: string | null
}

export interface Period {
  readonly bytes: number
  readonly limitBytes: number | null
  readonly lastBytes: number
  readonly forecastBytes: number | null
  readonly endsAt: string | null
  readonly warned: boolean
}

export interface Budget {
  readonly link: string
  readonly countedBy: string
  readonly day: Period
  readonly month: Period
  readonly reservedFor: string | null
  readonly exhausted: boolean
  readonly exhaustedUntil: string | null
}

export interface Uplink {
  readonly name: string
  readonly phase: 'idle' | 'dialling' | 'connecting' | 'up' | 'hanging-up' | 'waiting' | 'stopped'
  readonly link: string | null
  readonly since: string | null
  readonly nextAttemptSec: number | null
  readonly queued: number
  readonly queuedBytes: number
  readonly waiting: Readonly<Record<string, number>>
  readonly inFlight: number
  readonly acknowledged: number
  readonly rejected: number
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly lastError: string | null
  readonly order: { readonly kind: string; readonly leftSec: number } | null
  readonly budgets: readonly Budget[]
  readonly links: readonly { readonly name: string; readonly wanted: boolean; readonly failures: number; readonly nextAttemptSec: number | null; readonly lastError: string | null }[]
}

export interface Client {
  readonly clientId: string
  readonly tenant: string
  readonly user: string | null
  readonly address: string
  readonly transport: string
  readonly version: string
  readonly connectedAt: string
  readonly keepAliveSec: number
  readonly subscriptions: number
  readonly inFlight: number
  readonly queued: number
}

export interface Session {
  readonly clientId: string
  readonly tenant: string
  readonly user: string | null
  readonly connected: boolean
  readonly durable: boolean
  readonly expirySec: number | null
  readonly endsAt: string | null
  readonly subscriptions: number
  readonly inFlight: number
  readonly queued: number
  readonly queuedBytes: number
}

export interface PageOf<T> {
  readonly items: readonly T[]
  readonly next: string | null
  readonly total: number
}

export interface Payload {
  readonly payload: string
  readonly encoding: 'utf8' | 'base64'
  readonly bytes: number
  readonly cut: boolean
}

export interface Message extends Payload {
  readonly topic: string
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly at: string
}

export interface LogLine {
  readonly at: string
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'
  readonly text: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface Alarm {
  readonly name: string
  readonly kind: string
  readonly of: string | null
  readonly severity: 'warning' | 'critical'
  readonly state: 'active' | 'acknowledged'
  readonly since: string
  readonly message: string
  readonly hint: string
}

export interface HistoryList {
  readonly keptSec: number
  readonly stepSec: number
  readonly series: readonly { readonly id: string; readonly source: string; readonly unit: string | null; readonly last: { readonly at: string; readonly value: number } | null }[]
}

export interface Series {
  readonly id: string
  /** Seconds since 1970. */
  readonly at: readonly number[]
  readonly mean: readonly (number | null)[]
  readonly min: readonly (number | null)[]
  readonly max: readonly (number | null)[]
}

export interface SeriesAnswer {
  readonly stepSec: number
  readonly endsAt: string
  readonly series: readonly Series[]
}

export interface Configuration {
  /** null: a secret in it could not be hidden. */
  readonly text: string | null
  readonly digest: string
  readonly source: ConfigSource
  readonly file: string | null
  readonly writable: boolean
  readonly fixedBecause: string | null
  readonly needsRestart: readonly string[]
  readonly trouble: string | null
  readonly lastTrial: { readonly outcome: string; readonly why: string | null } | null
  readonly trial: { readonly digest: string; readonly confirmWithinSec: number } | null
}

export interface ConfigurationProblem {
  readonly severity: 'error' | 'warning'
  readonly line: number
  readonly column: number
  readonly path: string
  readonly message: string
  readonly hint: string
}

export interface ConfigurationVerdict {
  readonly valid: boolean
  readonly problems: readonly ConfigurationProblem[]
  readonly restart: boolean
  readonly needsRestart: readonly string[]
}

export interface UpdateState {
  /** This machine runs from the image, which updates itself. */
  readonly available: boolean
  readonly version: string
  readonly rootVersion: string | null
  readonly slot: string | null
  readonly trial: { readonly kind: string; readonly version: string; readonly from: string; readonly waitsFor: readonly string[] } | null
  /** In words. */
  readonly progress: string | null
  readonly last: { readonly outcome: 'installed' | 'rolled-back' | 'refused' | 'failed'; readonly version: string | null; readonly at: string; readonly text: string } | null
}
