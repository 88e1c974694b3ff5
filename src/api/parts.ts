// What routes are made of.
import type { Clock } from '../clock.ts'
import type { Gateway } from '../gateway.ts'
import type { LogRing } from '../ops/log-ring.ts'
import type { Status } from '../ops/status.ts'
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
}
