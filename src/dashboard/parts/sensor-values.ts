// The values of a sensor's last message: as it names them, or as they stand in its payload. Pure.
import type { Sensor, SensorValue } from './shapes.ts'

/** Of a payload that the source has made itself. */
const VALUES_MAX = 16
/** In every payload of a reading, and no value of it. */
const NOT_VALUES: readonly string[] = ['time', 'sequence']

/** null: there was no message yet, or nothing in it that could be read. */
export function sensorValues({ last }: Sensor): readonly SensorValue[] | null {
  if (last === null) return null
  if (last.values !== null) return last.values
  const parsed = parse(last.payload)
  if (typeof parsed === 'number') return [{ name: 'value', value: parsed, unit: null }]
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null
  const values = Object.entries(parsed).filter(([name, value]) => !NOT_VALUES.includes(name) && ['number', 'boolean', 'string'].includes(typeof value))
  return values.length === 0 ? null : values.slice(0, VALUES_MAX).map(([name, value]): SensorValue => ({ name, value, unit: null }))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
