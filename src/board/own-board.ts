// How the board itself is: the temperature of its processor, and whether its supply is too weak. For those who watch over it without a sensor being configured.
//
// These are registers of the processor or what its driver has kept: reading one takes microseconds, a question to a Raspberry Pi's firmware a millisecond. So it is done at once.
// Always true: what cannot be read is null, and what is not there is looked for again, for drivers may come late; nothing is thrown.
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { namesIn, readNumber, readText } from './sysfs.ts'

/** What the thermal zone of the processor is called, by those who made the boards. */
export const PROCESSOR_ZONES: readonly string[] = ['cpu-thermal', 'cpu_thermal', 'CPU-therm', 'soc-thermal', 'x86_pkg_temp']
/** Monitors of processors without such a zone: PCs, some vendors' kernels. */
const PROCESSOR_CHIPS: readonly string[] = ['cpu_thermal', 'soc_thermal', 'coretemp', 'k10temp']
/** Bit of `get_throttled`. */
const UNDER_VOLTAGE_NOW = 1
const FIND_AGAIN_MS = 60_000

type Read<T> = () => T | null

export class OwnBoard {
  readonly #temperature: Found<number>
  readonly #underVoltage: Found<boolean>

  /** `root`: where /sys is; '' for this machine. */
  constructor(root: string, clock: Clock) {
    this.#temperature = new Found(clock, () => findTemperature(root))
    this.#underVoltage = new Found(clock, () => findUnderVoltage(root))
  }

  /** Of the processor, in °C; null where no driver tells. */
  get temperatureC(): number | null {
    return this.#temperature.value
  }

  /** Now, or since the last look; null where the board does not tell. */
  get isUnderVoltage(): boolean | null {
    return this.#underVoltage.value
  }
}

/** Where a value is read, once that has been found. */
class Found<T> {
  readonly #clock: Clock
  readonly #find: () => Read<T> | null
  #read: Read<T> | null = null
  #lookedAtMs = -Infinity

  constructor(clock: Clock, find: () => Read<T> | null) {
    this.#clock = clock
    this.#find = find
  }

  get value(): T | null {
    const nowMs = this.#clock.now()
    if (this.#read === null && nowMs - this.#lookedAtMs >= FIND_AGAIN_MS) {
      this.#lookedAtMs = nowMs
      this.#read = this.#find()
    }
    const value = this.#read?.() ?? null
    if (value === null) this.#read = null // it may have another number when it comes again
    return value
  }
}

function findTemperature(root: string): Read<number> | null {
  const file = zoneFile(join(root, '/sys/class/thermal')) ?? chipFile(join(root, '/sys/class/hwmon'))
  return file === null ? null : () => {
    const milli = readNumber(file)
    return milli === null ? null : milli / 1000
  }
}

function zoneFile(folder: string): string | null {
  const zones = namesIn(folder, /^thermal_zone/).map((name) => ({ folder: join(folder, name), type: readText(join(folder, name, 'type')) ?? '' }))
  const zone = PROCESSOR_ZONES.map((type) => zones.find((one) => one.type === type)).find((one) => one !== undefined)
  return zone === undefined ? null : join(zone.folder, 'temp')
}

function chipFile(folder: string): string | null {
  const chip = chipsIn(folder).find(({ name }) => PROCESSOR_CHIPS.includes(name))
  const input = chip === undefined ? undefined : namesIn(chip.folder, /^temp\d+_input$/)[0]
  return input === undefined ? null : join(chip!.folder, input)
}

/** By the voltage monitor, whose driver has asked the firmware already and forgets no dip between two looks; by the firmware's flags where there is none. */
function findUnderVoltage(root: string): Read<boolean> | null {
  const alarm = voltageAlarmFile(root)
  if (alarm !== null) return () => alarmIn(alarm)
  const flags = throttledFile(root)
  return flags === null ? null : () => {
    const now = flagsIn(flags)
    return now === null ? null : (now & UNDER_VOLTAGE_NOW) !== 0
  }
}

/** Of the voltage monitor: too low now. null where there is none. */
export function voltageAlarm(root: string): boolean | null {
  const file = voltageAlarmFile(root)
  return file === null ? null : alarmIn(file)
}

/** `get_throttled`: bits 0 to 3 now, 16 to 19 since power-on. null where there is none. */
export function throttledFlags(root: string): number | null {
  const file = throttledFile(root)
  return file === null ? null : flagsIn(file)
}

function voltageAlarmFile(root: string): string | null {
  const monitor = chipsIn(join(root, '/sys/class/hwmon')).find(({ name }) => name === 'rpi_volt')
  return monitor === undefined ? null : join(monitor.folder, 'in0_lcrit_alarm')
}

function alarmIn(file: string): boolean | null {
  const alarm = readNumber(file)
  return alarm === null ? null : alarm !== 0
}

function flagsIn(file: string): number | null {
  const text = readText(file) ?? ''
  return /^(0x)?[0-9a-f]{1,8}$/.test(text) ? Number.parseInt(text, 16) : null
}

/** The firmware hangs under the SoC, which each generation names in its own way. The first read of a boot leaves a warning in the kernel's log. */
export function throttledFile(root: string): string | null {
  const platform = join(root, '/sys/devices/platform')
  for (const soc of namesIn(platform, /^soc/)) {
    for (const device of namesIn(join(platform, soc), /:firmware$/)) {
      if (namesIn(join(platform, soc, device), /^get_throttled$/).length > 0) return join(platform, soc, device, 'get_throttled')
    }
  }
  return null
}

function chipsIn(folder: string): readonly { readonly folder: string; readonly name: string }[] {
  return namesIn(folder, /^hwmon/).map((name) => ({ folder: join(folder, name), name: readText(join(folder, name, 'name')) ?? '' }))
}
