// The traffic light: what the gateway says of itself → five lamps, each with a sentence. Pure.
import { bytes, duration, percent, plural } from './format.ts'
import type { Alarm, Status, Uplink } from './shapes.ts'

/** off: there is none of it here. */
export type LampState = 'good' | 'warning' | 'bad' | 'off'

export interface Lamp {
  readonly name: 'Site' | 'Broker' | 'Uplink' | 'Store' | 'Sensors'
  readonly state: LampState
  /** What is so, in few words. */
  readonly text: string
  /** More of it, or what to do. */
  readonly more: string
  /** Where there is more of it. */
  readonly at: string
}

const STORE_WARNING_PERCENT = 80
const GRAVITY: readonly LampState[] = ['off', 'good', 'warning', 'bad']

export const LAMP_WORDS: Readonly<Record<LampState, string>> = { good: 'good', warning: 'needs attention', bad: 'bad', off: 'none' }

/** `uplinks` as soon as they are known: they say whether a connection is wanted at all. */
export function lampsOf(status: Status, uplinks: readonly Uplink[] | null): Lamp[] {
  return [siteLamp(status), brokerLamp(status), uplinkLamp(status, uplinks), storeLamp(status), sensorsLamp(status)]
}

export function worst(states: readonly LampState[]): LampState {
  return states.reduce((one, other) => (GRAVITY.indexOf(other) > GRAVITY.indexOf(one) ? other : one), 'off')
}

/** One sentence for who cannot see the lamps. */
export function summaryOf(lamps: readonly Lamp[], alarms: readonly Alarm[]): { readonly state: LampState; readonly text: string } {
  const active = alarms.filter(({ state }) => state === 'active')
  const state = worst([...lamps.map((lamp) => lamp.state), ...active.map(({ severity }): LampState => (severity === 'critical' ? 'bad' : 'warning'))])
  const troubled = lamps.filter((lamp) => lamp.state === 'bad' || lamp.state === 'warning')
  if (troubled.length === 0) return { state, text: active.length === 0 ? 'All is well' : plural(active.length, 'alarm') }
  return { state, text: troubled.toSorted((a, b) => GRAVITY.indexOf(b.state) - GRAVITY.indexOf(a.state)).map(({ name, text }) => `${name}: ${text}`).join(' · ') }
}

function siteLamp({ config, timeSynced, uptimeSec, version }: Status): Lamp {
  const lamp = { name: 'Site', at: '#/configuration' } as const
  const up = `Sandpiper ${version}, up ${duration(uptimeSec)}`
  if (config.source === 'default') return { ...lamp, state: 'warning', text: 'runs without a configuration', more: config.trouble ?? 'Nothing of this site is configured yet.' }
  if (config.source === 'last-good') return { ...lamp, state: 'warning', text: 'runs on the last good configuration', more: config.trouble ?? 'The file has a mistake.' }
  if (config.trouble !== null) return { ...lamp, state: 'warning', text: 'the configuration has trouble', more: config.trouble }
  if (!config.whole) return { ...lamp, state: 'warning', text: 'a change waits for a restart', more: up }
  if (!timeSynced) return { ...lamp, state: 'warning', text: 'the clock is not set', more: 'Times are put right when it is.' }
  return { ...lamp, state: 'good', text: 'configuration in force', more: up }
}

function brokerLamp({ broker }: Status): Lamp {
  const lamp = { name: 'Broker', at: '#/clients' } as const
  if (broker.listeners.length === 0) return { ...lamp, state: 'warning', text: 'no listener', more: 'No device can connect: see broker.listeners.' }
  return { ...lamp, state: 'good', text: plural(broker.clients, 'client'), more: `${plural(broker.listeners.length, 'listener')}, ${plural(broker.subscriptions, 'subscription')}` }
}

function uplinkLamp({ uplinks, at }: Status, known: readonly Uplink[] | null): Lamp {
  const lamp = { name: 'Uplink', at: '#/uplink' } as const
  if (uplinks.length === 0) return { ...lamp, state: 'off', text: 'none configured', more: 'Messages stay at this site.' }
  const queued = uplinks.reduce((sum, { queued }) => sum + queued, 0)
  const waiting = queued === 0 ? 'Nothing waits.' : `${plural(queued, 'message')} wait.`
  const down = uplinks.filter(({ name, connected, lastError }) => {
    const phase = known?.find((one) => one.name === name)?.phase
    return !connected && phase !== 'idle' && phase !== 'up' && (lastError !== null || phase === 'stopped')
  })
  if (down.length > 0) {
    const [{ name, since, lastError }] = down as [Status['uplinks'][number]]
    const sec = since === null ? 0 : (Date.parse(at) - Date.parse(since)) / 1000
    return { ...lamp, state: 'bad', text: `${name} is down${sec < 1 ? '' : ` for ${duration(sec)}`}`, more: `${lastError ?? 'It has been stopped.'}${queued > 0 ? ` · ${waiting}` : ''}` }
  }
  const exhausted = known?.flatMap(({ budgets }) => budgets).find((budget) => budget.exhausted)
  if (exhausted !== undefined) return { ...lamp, state: 'warning', text: `the budget of ${exhausted.link} is spent`, more: waiting }
  const connected = uplinks.filter((one) => one.connected).length
  return { ...lamp, state: 'good', text: connected === uplinks.length ? 'connected' : connected === 0 ? 'no connection wanted now' : `${connected} of ${uplinks.length} connected`, more: waiting }
}

function storeLamp({ store }: Status): Lamp {
  const lamp = { name: 'Store', at: '#/' } as const
  const used = percent(store.bytes, store.bytesMax)
  const text = `${used < 10 ? used.toFixed(1) : used.toFixed(0)} % used`
  const more = `${bytes(store.bytes)} of ${bytes(store.bytesMax)}`
  if (store.trouble !== null) return { ...lamp, state: 'bad', text, more: store.trouble }
  return { ...lamp, state: used >= STORE_WARNING_PERCENT ? 'warning' : 'good', text, more }
}

function sensorsLamp({ sensors }: Status): Lamp {
  const lamp = { name: 'Sensors', at: '#/readings' } as const
  if (sensors.length === 0) return { ...lamp, state: 'off', text: 'none configured', more: 'Devices bring their own.' }
  const gone = sensors.filter(({ state }) => state === 'gone')
  const ill = sensors.filter(({ state }) => state === 'degraded' || state === 'stopped')
  const of = (some: typeof sensors): string => some.map(({ name, reason }) => (reason === null ? name : `${name}: ${reason}`)).join(' · ')
  if (gone.length > 0) return { ...lamp, state: 'bad', text: gone.length === 1 ? `${gone[0]!.name} cannot be read` : `${gone.length} of ${sensors.length} cannot be read`, more: of(gone) }
  if (ill.length > 0) return { ...lamp, state: 'warning', text: ill.length === 1 ? `${ill[0]!.name} is ${ill[0]!.state}` : `${ill.length} of ${sensors.length} are unwell`, more: of(ill) }
  return { ...lamp, state: 'good', text: `${plural(sensors.length, 'sensor')}`, more: 'All can be read.' }
}
