// The report: how the gateway is, in as few bytes as JSON that a person can read takes. Its keys are in COMMANDS.md. Pure.
import type { Status } from '../ops/status.ts'
import type { UplinkState } from '../uplink/uplink.ts'

export interface ReportSources {
  readonly status: Omit<Status, 'at' | 'uptimeMs'>
  readonly wallMs: number
  readonly uplinks: readonly UplinkState[]
  /** Since the last commit; null when there was none. */
  readonly committedAgoMs: number | null
  /** Since the gateway was started. */
  readonly upMs: number
}

/** Names that a list of the report has; how many more there are follows them. As many as there is room for. */
const NAMES_MAX = [8, 4, 2, 1, 0] as const

type Listed = readonly (string | number)[]

/** What is told, with `namesMax` names in each list. */
export function reportOf(sources: ReportSources, namesMax: number): Readonly<Record<string, unknown>> {
  const { status, wallMs, uplinks, committedAgoMs, upMs } = sources
  const { yellow, red } = status.lights
  const first = uplinks.slice(0, namesMax)
  const list = (names: readonly string[]): Listed | undefined => (names.length === 0 ? undefined : listed(names, namesMax))
  const budgets = first.flatMap(({ name, budgets: all }) => all.map(({ link, day, month }) => [`${name}/${link}`, [percent(day), percent(month)]] as const))
  return {
    s: status.site,
    v: status.version,
    t: status.time.isSynced ? Math.floor(wallMs / 1000) : null,
    u: Math.floor(upMs / 1000),
    l: red.length > 0 ? 'r' : yellow.length > 0 ? 'y' : 'g',
    r: list(red),
    y: list(yellow),
    n: status.broker.clients,
    q: uplinks.length === 0 ? undefined : Object.fromEntries([...first.map(({ name, queued, queuedBytes }) => [name, [queued, queuedBytes]]), ...(first.length < uplinks.length ? [['+', uplinks.length - first.length]] : [])]),
    f: Math.round((100 * status.store.bytes) / status.store.bytesMax),
    c: committedAgoMs === null ? null : Math.floor(committedAgoMs / 1000),
    b: budgets.length === 0 ? undefined : Object.fromEntries(budgets),
    a: list(status.alarms.map(({ name }) => name)),
    g: list(status.sensors.filter(({ state }) => state === 'gone').map(({ name }) => name)),
  }
}

/** What makes a report worth sending before its time. */
export function signatureOf({ status: { lights: { yellow, red }, alarms, sensors } }: ReportSources): string {
  const active = alarms.map(({ name }) => name)
  const gone = sensors.filter(({ state }) => state === 'gone').map(({ name }) => name)
  return JSON.stringify([yellow, red, active, gone])
}

/** The first of `make(8)`, `make(4)` … that has `bytesMax` bytes of JSON at most; the shortest when none has. */
export function fitted(make: (namesMax: number) => Readonly<Record<string, unknown>>, bytesMax: number): Readonly<Record<string, unknown>> {
  let made = make(NAMES_MAX[0])
  for (const namesMax of NAMES_MAX) {
    made = make(namesMax)
    if (Buffer.byteLength(JSON.stringify(made)) <= bytesMax) break
  }
  return made
}

export function listed(names: readonly string[], namesMax: number): Listed {
  return names.length <= namesMax ? names : [...names.slice(0, namesMax), names.length - namesMax]
}

function percent({ bytes, limitBytes }: { readonly bytes: number; readonly limitBytes: number | null }): number | null {
  return limitBytes === null ? null : Math.round((100 * bytes) / limitBytes)
}
