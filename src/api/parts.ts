// What routes are made of.
import type { Clock } from '../clock.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { Gateway } from '../gateway.ts'
import type { LogRing } from '../ops/log-ring.ts'
import type { Status } from '../ops/status.ts'
import type { Places } from '../update/places.ts'
import type { Callers } from './caller.ts'

export interface ApiParts {
  readonly gateway: Gateway
  readonly clock: Clock
  /** When the gateway was started (Clock.now). */
  readonly startedMs: number
  readonly callers: Callers
  /** The last lines that were written. */
  readonly log: LogRing
  /** As it is now, but for its date. */
  readonly status: () => Omit<Status, 'at' | 'uptimeMs'>
  readonly configuration: Configuration
  /** Stops the gateway in order and starts it anew, when what has asked for it has its answer. */
  readonly restart: (why: string) => void
  /** Of the appliance. */
  readonly places: Places
  /** Tells the operator what nobody asked for. */
  readonly warn: (fields: object, text: string) => void
  /** What starts this program: for work that a process of its own does. */
  readonly program: readonly string[]
}
