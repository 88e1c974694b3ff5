// Monitoring chips: temperatures, voltages, currents, fans (Documentation/hwmon/sysfs-interface.rst). A channel is temp1_input, in0_input, …; beside
// it may stand its label, whether it is switched on, a fault, and alarms.
// Always true: a channel with a fault, or one that is switched off, gives no reading. Alarms are channels too (yes or no) and have to be asked
// for, except where they are all that the chip tells of something (rpi_volt: in0_lcrit_alarm).
import type { ChannelConfig } from '../../config/config.ts'
import { attributeIfAny, namesIn, readAttribute } from './attribute.ts'
import { type Channel, choose, deviceOf, type Entry, entryOf, type FindDevice, type KindWords, NoReading, numberOf, pick, tidy } from './device.ts'
import { HWMON_UNITS } from './units.ts'

const WORDS: KindWords = {
  kind: 'hwmon chip',
  key: 'hwmon.chip',
  hint: 'enable the bus and the driver of the chip in the boot files, and check its wires and address (`sandpiper board` shows what is found)',
}

const VALUE = /^((temp|in|curr|power|energy|fan|humidity|freq)\d+)_(?:input|average)$/
const ALARM = /^((?:temp|in|curr|power|energy|fan|humidity)\d+)(?:_[a-z]+)?_(?:alarm|fault)$/

/** `chip`: its name, or name and address where there are two (`ina219`, `ina219 1-0040`). */
export function findHwmon(root: string, chip: string, choice: readonly ChannelConfig[] | null): FindDevice {
  return async () => {
    const entry = pick(await hwmonEntries(root), chip, WORDS)
    const found = await hwmonChannels(entry.folder)
    const channels = choose(choice === null ? found.filter((channel) => channel.isUsual) : found, choice)
    return deviceOf(entry.folder, entry.lane, channels)
  }
}

export async function hwmonEntries(root: string): Promise<readonly Entry[]> {
  const links = (await namesIn(`${root}/sys/class/hwmon`)).map((name) => `${root}/sys/class/hwmon/${name}`)
  const entries = await Promise.all(links.map(async (link) => entryOf(link, (await attributeIfAny(`${link}/name`)) ?? '', await attributeIfAny(`${link}/label`))))
  return entries.filter((entry) => entry !== null)
}

export interface HwmonChannel extends Channel {
  /** Read when the configuration names no channels. */
  readonly isUsual: boolean
}

export async function hwmonChannels(folder: string): Promise<readonly HwmonChannel[]> {
  const files = await namesIn(folder)
  const present = new Set(files)
  /** Name to type. A chip may have both an input and an average of one thing. */
  const types = new Map<string, string>()
  for (const file of files) {
    const match = VALUE.exec(file)
    if (match !== null) types.set(match[1]!, match[2]!)
  }
  const values = await Promise.all([...types].map(([name, type]) => valueOf(folder, name, type, present)))
  const alarms = files.flatMap((file) => {
    const of = ALARM.exec(file)?.[1]
    return of === undefined ? [] : [alarmOf(folder, file, !values.some((value) => value.name === of))]
  })
  return [...values, ...alarms]
}

async function valueOf(folder: string, name: string, type: string, files: ReadonlySet<string>): Promise<HwmonChannel> {
  const { unit, factor } = HWMON_UNITS[type]!
  const file = files.has(`${name}_input`) ? `${name}_input` : `${name}_average`
  // The voltage of a channel tells for its current too: that it is switched off, or not connected (`NC`, as the device trees of Jetsons say).
  const voltage = type === 'curr' ? name.replace('curr', 'in') : name
  const isOff = (await attributeIfAny(`${folder}/${voltage}_enable`)) === '0' || (await attributeIfAny(`${folder}/${voltage}_label`)) === 'NC'
  return {
    name,
    label: files.has(`${name}_label`) ? await attributeIfAny(`${folder}/${name}_label`) : null,
    unit,
    isUsual: !isOff,
    read: async () => {
      if (files.has(`${name}_fault`) && (await readAttribute(`${folder}/${name}_fault`)) === '1') throw new NoReading('fault', `${name} has a fault: the chip finds its sensor open or shorted`)
      return tidy(numberOf(await readAttribute(`${folder}/${file}`), name) * factor)
    },
  }
}

function alarmOf(folder: string, file: string, isUsual: boolean): HwmonChannel {
  return { name: file, label: null, unit: null, isUsual, read: async () => numberOf(await readAttribute(`${folder}/${file}`), file) !== 0 }
}
