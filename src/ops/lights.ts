// How the gateway is, as traffic lights: what is yellow somebody should look at, what is red loses data or will. Judged here alone: the report, the API and
// the page show it. Pure.
import type { Status } from './status.ts'
import type { UplinkState } from '../uplink/uplink.ts'

/** `store`, `flash`, `uplink/NAME`, `sensors`, `time`, `config`, `alarms`; what is in neither is green. */
export interface Lights {
  readonly yellow: readonly string[]
  readonly red: readonly string[]
}

export interface LightSources {
  readonly status: Pick<Status, 'config' | 'uplinks' | 'store' | 'sensors' | 'alarms' | 'time'>
  /** Now, as the times of `status`. */
  readonly wallMs: number
  readonly uplinks: readonly Pick<UplinkState, 'name' | 'phase' | 'lastError' | 'order' | 'budgets' | 'queued'>[]
  /** How long the commit that is under way has been. */
  readonly commitAgeMs: number
}

type Light = 'green' | 'yellow' | 'red'

const STORE_HALF_FULL = 0.8
/** No card is that slow and well. */
const COMMIT_MS_MAX = 10_000
/** An uplink that has failed for so long, and something waits. */
const DOWN_MS_MAX = 3_600_000

/** `status` of a gateway that runs, with its lights. */
export function withLights<S extends LightSources['status']>(status: S, { uplinks, commitAgeMs }: { readonly uplinks: readonly { readonly state: UplinkState }[]; readonly commitAgeMs: number }, wallMs: number): S & { readonly lights: Lights } {
  return { ...status, lights: lightsOf({ status, wallMs, uplinks: uplinks.map(({ state }) => state), commitAgeMs }) }
}

export function lightsOf(sources: LightSources): Lights {
  const all = [...lights(sources)]
  const of = (light: Light): string[] => all.filter(([, is]) => is === light).map(([name]) => name)
  return { yellow: of('yellow'), red: of('red') }
}

function* lights({ status, wallMs, uplinks, commitAgeMs }: LightSources): Iterable<readonly [string, Light]> {
  const { store, sensors, time, config, alarms } = status
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
  yield ['config', config.source === 'file' && config.digest !== null && config.trouble === null ? 'green' : 'yellow']
  yield ['alarms', alarms.some(({ severity }) => severity === 'critical') ? 'red' : alarms.length > 0 ? 'yellow' : 'green']
}

function lightOfUplink({ phase, lastError, order, budgets, queued }: LightSources['uplinks'][number], downMs: number): Light {
  if (phase !== 'idle' && lastError !== null) return phase !== 'up' && queued > 0 && downMs > DOWN_MS_MAX ? 'red' : 'yellow'
  return order?.kind === 'pause' || budgets.some(({ exhausted }) => exhausted) ? 'yellow' : 'green'
}
