// The traffic light: five lamps, each with a sentence. Which colour is the gateway's own judgement (ops/lights.ts); the words for it are found here. Pure.
import { bytes, duration, percent, plural } from './format.ts'
import type { Status, StatusUplink, Uplink } from './shapes.ts'

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

const UPLINK = 'uplink/'
const GRAVITY: readonly LampState[] = ['off', 'good', 'warning', 'bad']

export const LAMP_WORDS: Readonly<Record<LampState, string>> = { good: 'good', warning: 'needs attention', bad: 'bad', off: 'none' }

/** `uplinks` as soon as they are known: they say more of what is wrong with one. */
export function lampsOf(status: Status, uplinks: readonly Uplink[] | null): Lamp[] {
  return [siteLamp(status), brokerLamp(status), uplinkLamp(status, uplinks), storeLamp(status), sensorsLamp(status)]
}

export function worst(states: readonly LampState[]): LampState {
  return states.reduce((one, other) => (GRAVITY.indexOf(other) > GRAVITY.indexOf(one) ? other : one), 'off')
}

/** One sentence for who cannot see the lamps. */
export function summaryOf(status: Status, lamps: readonly Lamp[]): { readonly state: LampState; readonly text: string } {
  const { alarms } = status
  const all = [{ state: stateOf(status, 'alarms'), text: plural(alarms.length, 'alarm') }, ...lamps.map(({ name, state, text }) => ({ state, text: `${name}: ${text}` }))]
  const troubled = all.filter(({ state }) => state === 'bad' || state === 'warning').toSorted((a, b) => GRAVITY.indexOf(b.state) - GRAVITY.indexOf(a.state))
  return { state: worst(all.map(({ state }) => state)), text: troubled.length === 0 ? 'All is well' : troubled.map(({ text }) => text).join(' · ') }
}

/** The worst of these lights. */
function stateOf({ lights: { yellow, red } }: Status, ...names: readonly string[]): LampState {
  const has = (lit: readonly string[]): boolean => names.some((name) => lit.includes(name))
  return has(red) ? 'bad' : has(yellow) ? 'warning' : 'good'
}

function siteLamp(status: Status): Lamp {
  const { config, timeSynced, uptimeSec, version } = status
  const lamp = { name: 'Site', at: '#/configuration', state: stateOf(status, 'config', 'time') } as const
  const up = `Sandpiper ${version}, up ${duration(uptimeSec)}`
  if (config.source === 'default') return { ...lamp, text: 'runs without a configuration', more: config.trouble ?? 'Nothing of this site is configured yet.' }
  if (config.source === 'last-good') return { ...lamp, text: 'runs on the last good configuration', more: config.trouble ?? 'The file has a mistake.' }
  if (config.source === 'trial') return { ...lamp, text: 'a configuration is on trial', more: 'The one before comes back unless somebody confirms it.' }
  if (config.trouble !== null) return { ...lamp, text: 'the configuration has trouble', more: config.trouble }
  if (!config.whole) return { ...lamp, text: 'a change waits for a restart', more: up }
  if (!timeSynced) return { ...lamp, text: 'the clock is not set', more: 'Times are put right when it is.' }
  return { ...lamp, text: 'configuration in force', more: up }
}

function brokerLamp({ broker }: Status): Lamp {
  const lamp = { name: 'Broker', at: '#/clients' } as const
  if (broker.listeners.length === 0) return { ...lamp, state: 'off', text: 'no listener', more: 'No device can connect: see broker.listeners.' }
  return { ...lamp, state: 'good', text: plural(broker.clients, 'client'), more: `${plural(broker.listeners.length, 'listener')}, ${plural(broker.subscriptions, 'subscription')}` }
}

function uplinkLamp(status: Status, known: readonly Uplink[] | null): Lamp {
  const { uplinks, at, lights: { yellow, red } } = status
  const lamp = { name: 'Uplink', at: '#/uplink' } as const
  if (uplinks.length === 0) return { ...lamp, state: 'off', text: 'none configured', more: 'Messages stay at this site.' }
  const state = stateOf(status, ...uplinks.map(({ name }) => UPLINK + name))
  const lit = [...red, ...yellow].find((name) => name.startsWith(UPLINK))?.slice(UPLINK.length)
  const troubled = uplinks.find(({ name }) => name === lit)
  if (troubled !== undefined) return { ...lamp, state, ...troubleOf(troubled, known?.find(({ name }) => name === lit), at) }
  const queued = uplinks.reduce((sum, { queued }) => sum + queued, 0)
  const connected = uplinks.filter((one) => one.connected).length
  return { ...lamp, state, text: connected === uplinks.length ? 'connected' : connected === 0 ? 'no connection wanted now' : `${connected} of ${uplinks.length} connected`, more: waiting(queued) }
}

function troubleOf({ name, connected, since, lastError, queued }: StatusUplink, known: Uplink | undefined, at: string): Pick<Lamp, 'text' | 'more'> {
  const isIdle = known?.phase === 'idle'
  if (lastError !== null && !connected && !isIdle) {
    const sec = since === null ? 0 : (Date.parse(at) - Date.parse(since)) / 1000
    return { text: `${name} is down${sec < 1 ? '' : ` for ${duration(sec)}`}`, more: `${lastError}${queued > 0 ? ` · ${waiting(queued)}` : ''}` }
  }
  if (lastError !== null && !isIdle) return { text: `${name} has trouble`, more: lastError }
  if (known?.order?.kind === 'pause') return { text: `${name} is paused`, more: waiting(queued) }
  const spent = known?.budgets.find(({ exhausted }) => exhausted)
  return { text: spent === undefined ? `${name} waits` : `the budget of ${spent.link} is spent`, more: waiting(queued) }
}

function waiting(queued: number): string {
  return queued === 0 ? 'Nothing waits.' : `${plural(queued, 'message')} wait.`
}

function storeLamp(status: Status): Lamp {
  const { bytes: used, bytesMax, trouble } = status.store
  const lamp = { name: 'Store', at: '#/', state: stateOf(status, 'store', 'flash') } as const
  if (status.lights.red.includes('flash')) return { ...lamp, text: 'a write does not end', more: 'The card may be failing: run `sudo sandpiper doctor`.' }
  const part = percent(used, bytesMax)
  return { ...lamp, text: `${part < 10 ? part.toFixed(1) : part.toFixed(0)} % used`, more: trouble ?? `${bytes(used)} of ${bytes(bytesMax)}` }
}

function sensorsLamp(status: Status): Lamp {
  const { sensors } = status
  const lamp = { name: 'Sensors', at: '#/readings' } as const
  if (sensors.length === 0) return { ...lamp, state: 'off', text: 'none configured', more: 'Devices bring their own.' }
  const gone = sensors.filter(({ state }) => state === 'gone')
  const ill = sensors.filter(({ state }) => state === 'degraded')
  const of = (some: typeof sensors): string => some.map(({ name, reason }) => (reason === null ? name : `${name}: ${reason}`)).join(' · ')
  const state = stateOf(status, 'sensors')
  if (gone.length > 0) return { ...lamp, state, text: gone.length === 1 ? `${gone[0]!.name} cannot be read` : `${gone.length} of ${sensors.length} cannot be read`, more: of(gone) }
  if (ill.length > 0) return { ...lamp, state, text: ill.length === 1 ? `${ill[0]!.name} is degraded` : `${ill.length} of ${sensors.length} are degraded`, more: of(ill) }
  return { ...lamp, state, text: `${plural(sensors.length, 'sensor')}`, more: 'All can be read.' }
}
