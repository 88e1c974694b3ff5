// Thermal zones: where the kernel measures to throttle. Known by their type (`cpu-thermal`), for their numbers change with the kernel.
import { PROCESSOR_ZONES } from '../../board/own-board.ts'
import { attributeIfAny, namesIn, readAttribute } from './attribute.ts'
import { type Channel, deviceOf, type Entry, entryOf, type FindDevice, type KindWords, numberOf, pick, tidy } from './device.ts'

const WORDS: KindWords = { kind: 'thermal zone', key: 'thermal.zone', hint: 'see what `sandpiper board` finds' }

/** `zone`: its type, or where several have it the address beside it (`acpitz LNXTHERM:00`). */
export function findThermal(root: string, zone: string): FindDevice {
  return async () => {
    const entry = pick(await thermalEntries(root), zone, WORDS)
    const channels = [{ field: 'temperature', channel: temperatureOf(entry) }]
    return deviceOf(entry.folder, entry.folder, channels)
  }
}

export async function thermalEntries(root: string): Promise<readonly Entry[]> {
  const links = (await namesIn(`${root}/sys/class/thermal`)).filter((name) => name.startsWith('thermal_zone')).map((name) => `${root}/sys/class/thermal/${name}`)
  const entries = await Promise.all(links.map(async (link) => entryOf(link, (await attributeIfAny(`${link}/type`)) ?? '', null)))
  return entries.filter((entry) => entry !== null)
}

/** The processor's; null where no zone is called so. */
export async function processorTemperature(root: string): Promise<Channel | null> {
  const entries = await thermalEntries(root)
  const entry = PROCESSOR_ZONES.map((type) => entries.find((one) => one.name === type)).find((one) => one !== undefined)
  return entry === undefined ? null : temperatureOf(entry)
}

export function temperatureOf(entry: Entry): Channel {
  return { name: entry.name, label: null, unit: '°C', read: async () => tidy(numberOf(await readAttribute(`${entry.folder}/temp`), entry.name) * 0.001) }
}
