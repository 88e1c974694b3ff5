// What the doctor is told by a gateway that runs: a few fields of its API's answers, by whoever can ask it.
import { fault, type Finding, unknown, warning } from './finding.ts'

export interface GatewayView {
  /** Of its process. */
  readonly pid: number
  readonly timeSynced: boolean
  readonly config: { readonly source: 'file' | 'last-good' | 'default'; readonly whole: boolean; readonly trouble: string | null }
  readonly listeners: readonly { readonly port?: number; readonly host?: string; readonly socket?: string }[]
  readonly store: { readonly bytes: number; readonly trouble: string | null }
  readonly uplinks: readonly ViewedUplink[]
  readonly sensors: readonly ViewedSensor[]
}

export interface ViewedUplink {
  readonly name: string
  readonly phase: string
  readonly link: string | null
  readonly lastError: string | null
  readonly budgets: readonly { readonly link: string; readonly day: ViewedPeriod; readonly month: ViewedPeriod; readonly reservedFor: string | null; readonly exhausted: boolean; readonly exhaustedUntil: string | null }[]
}

export interface ViewedPeriod {
  readonly bytes: number
  readonly limitBytes: number | null
  readonly warned: boolean
}

export interface ViewedSensor {
  readonly name: string
  readonly status: string
  readonly readings: number
  readonly skipped: Readonly<Record<string, number>>
  readonly lastError: string | null
}

/** Gets a path below the API's base: its answer. */
export type Ask = (path: string) => Promise<unknown>

interface StatusAnswer {
  readonly pid: number
  readonly timeSynced: boolean
  readonly config: GatewayView['config']
  readonly broker: { readonly listeners: GatewayView['listeners'] }
  readonly store: GatewayView['store']
}

/** Rejects as `ask` does. */
export async function viewOf(ask: Ask): Promise<GatewayView> {
  const [status, { uplinks }, { sensors }] = await Promise.all([ask('/status') as Promise<StatusAnswer>, ask('/uplinks') as Promise<Pick<GatewayView, 'uplinks'>>, ask('/sensors') as Promise<Pick<GatewayView, 'sensors'>>])
  const { pid, timeSynced, config, broker, store } = status
  return { pid, timeSynced, config, listeners: broker.listeners, store, uplinks, sensors }
}

/** What it means that nobody answers. `code`: of the socket; `isExpected`: the service of this machine should run. */
export function noGateway(why: string, code: string | null, isExpected: boolean): Finding {
  if (code === 'EACCES' || code === 'EPERM') return unknown('gateway', why, 'as root it is asked: sudo sandpiper doctor')
  const start = 'start it (sudo systemctl start sandpiper); journalctl -u sandpiper says why it does not run'
  return isExpected ? fault('gateway', why, start) : warning('gateway', why, start)
}
