// What stands under $SYS of uplinks, sensors and outputs: published at every interval, and when one of them changes. Pure: says name and value.
import type { OutputState } from '../outputs/output.ts'
import type { SensorState } from '../sensors/state.ts'
import type { UplinkState } from '../uplink/uplink.ts'

/** Sensors in each are counted. */
const COUNTED_STATES = ['ok', 'degraded', 'gone'] as const

export type SysValue = readonly [name: string, value: string | number]

export function uplinkValues(state: UplinkState): SysValue[] {
  const { name, sinceMs: _, ...figures } = state
  return [
    [`broker/connection/${name}/state`, figures.phase === 'up' ? 1 : 0], // as Mosquitto tells of its bridges
    // inFlight counts QoS 2 handshakes too whose message has left the queue already: it is no part of queued.
    [`broker/uplinks/${name}`, JSON.stringify(figures)],
  ]
}

export function sensorValue({ name, status, readings, skipped, troubles, lastError }: SensorState): SysValue {
  const happened = Object.fromEntries(Object.entries(skipped).filter(([, count]) => count > 0))
  return [`broker/sensors/${name}`, JSON.stringify({ status, readings, skipped: happened, troubles, lastError })]
}

export function sensorCounts(states: readonly SensorState[]): SysValue[] {
  return COUNTED_STATES.map((status) => [`broker/sensor states/${status}`, states.filter((state) => state.status === status).length])
}

export function outputValue({ name, ...figures }: OutputState): SysValue {
  return [`broker/outputs/${name}`, JSON.stringify(figures)]
}
