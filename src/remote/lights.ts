// How the gateway is, as traffic lights: what is yellow somebody should look at, what is red loses data or will. Pure. Whatever is not named is green.
import type { Status } from '../ops/status.ts'
import type { UplinkState } from '../uplink/uplink.ts'

export interface Lights {
  readonly yellow: readonly string[]
  readonly red: readonly string[]
}

/** An alarm, as far as it shows here. */
export interface AlarmShown {
  readonly name: string
  readonly severity: 'warning' | 'critical'
  readonly state: 'active' | 'acknowledged'
}

export interface LightSources {
  readonly status: Pick<Status, 'config' | 'uplinks' | 'store' | 'sensors' | 'time'>
  /** Now, as the times of `status`. */
  readonly wallMs: number
  readonly uplinks: readonly Pick<UplinkState, 'name' | 'phase' | 'lastError' | 'order' | 'budgets' | 'queued'>[]
  /** How long the commit that is under way has been. */
  readonly commitAgeMs: number
  readonly alarms: readonly AlarmShown[]
}

type Light = 'green' | 'yellow' | 'red'

const STORE_HALF_FULL = 0.8
/** No card is that slow and well. */
const COMMIT_MS_MAX = 10_000
/** An uplink that has failed for so long, and something waits. */
const DOWN_MS_MAX = 3_600_000

export function lightsOf(sources: LightSources): Lights {
  const all = [...lights(sources)]
  const of = (light: Light): string[] => all.filter(([, is]) => is === light).map(([name]) => name)
  return { yellow: of('yellow'), red: of('red') }
}

function* lights({ status, wallMs, uplinks, commitAgeMs, alarms }: LightSources): Iterable<readonly [string, Light]> {
  const { store, sensors, time, config } = status
  yield ['store', store.trouble !== null ? 'red' : store.bytes >= store.bytesMax * STORE_HALF_FULL ? 'yellow' : 'green']
  yield ['flash', commitAgeMs > COMMIT_MS_MAX ? 'red' : 'green']
  for (const uplink of uplinks) {
    const since = status.uplinks.find(({ name }) => name === uplink.name)?.sinceMs ?? wallMs
    yield [`uplink/${uplink.name}`, lightOfUplink(uplink, wallMs - since)]
  }
  const gone = sensors.filter(({ state }) => state === 'gone').length
  const unwell = sensors.some(({ state }) => state === 'gone' || state === 'degraded')
  yield ['sensors', gone > 0 && gone === sensors.length ? 'red' : unwell ? 'yellow' : 'green']
  yield ['time', time.isSynced ? 'green' : 'yellow']
  yield ['config', config.source === 'file' && config.trouble === null ? 'green' : 'yellow']
  const active = alarms.filter(({ state }) => state === 'active')
  yield ['alarms', active.some(({ severity }) => severity === 'critical') ? 'red' : active.length > 0 ? 'yellow' : 'green']
}

function lightOfUplink({ phase, lastError, order, budgets, queued }: LightSources['uplinks'][number], downMs: number): Light {
  if (phase !== 'idle' && lastError !== null) return phase !== 'up' && queued > 0 && downMs > DOWN_MS_MAX ? 'red' : 'yellow'
  return order?.kind === 'pause' || budgets.some(({ exhausted }) => exhausted) ? 'yellow' : 'green'
}
