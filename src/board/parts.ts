// LEDs, watchdogs and thermal zones that are there.
import { namesIn, readNumber, readText } from './sysfs.ts'

export interface FoundWatchdog {
  readonly device: string
  readonly identity: string | null
  readonly timeoutSec: number | null
  /** null: as long as one likes, or the driver does not say. */
  readonly timeoutSecMax: number | null
}

export interface FoundThermal {
  /** Its type, by which it is known. */
  readonly zone: string
  readonly temperatureC: number | null
  /** Where the kernel switches off, and where it makes things slower. */
  readonly criticalC: number | null
  readonly passiveC: number | null
}

const LED_MAX = 64

/** `root` stands before /sys. Never throws. */
export function findLeds(root: string): readonly string[] {
  return namesIn(`${root}/sys/class/leds`, /./).slice(0, LED_MAX)
}

export function findWatchdogs(root: string): readonly FoundWatchdog[] {
  const folder = `${root}/sys/class/watchdog`
  return namesIn(folder, /^watchdog\d+$/).map((name) => {
    const max = readNumber(`${folder}/${name}/max_timeout`)
    return { device: `/dev/${name}`, identity: readText(`${folder}/${name}/identity`), timeoutSec: readNumber(`${folder}/${name}/timeout`), timeoutSecMax: max === 0 ? null : max }
  })
}

export function findThermal(root: string): readonly FoundThermal[] {
  const folder = `${root}/sys/class/thermal`
  return namesIn(folder, /^thermal_zone\d+$/).flatMap((name) => {
    const zone = readText(`${folder}/${name}/type`)
    if (zone === null) return []
    const at = `${folder}/${name}`
    return [{ zone, temperatureC: celsius(readNumber(`${at}/temp`)), criticalC: trip(at, 'critical'), passiveC: trip(at, 'passive') }]
  })
}

function trip(zone: string, type: string): number | null {
  const name = namesIn(zone, /^trip_point_\d+_type$/).find((file) => readText(`${zone}/${file}`) === type)
  return name === undefined ? null : celsius(readNumber(`${zone}/${name.replace(/_type$/, '_temp')}`))
}

function celsius(milli: number | null): number | null {
  return milli === null ? null : milli / 1000
}
