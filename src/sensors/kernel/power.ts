// Power supplies and batteries, and what the firmware of a Raspberry Pi tells of its own supply.
// Always true: what a supply cannot tell is left out, not a gap, for drivers have the files of all they might know.
import { throttledFile } from '../../board/own-board.ts'
import { attributeIfAny, namesIn, readAttribute } from './attribute.ts'
import { type Channel, deviceOf, entryOf, type FindDevice, listed, type NamedChannel, NoReading, NotThere, numberOf, tidy } from './device.ts'
import { hwmonEntries } from './hwmon.ts'
import { SUPPLY_ATTRIBUTES } from './units.ts'

/** Bits of `get_throttled`: now, and since power-on. */
const FLAGS = [
  ['underVoltage', 0],
  ['frequencyCapped', 1],
  ['throttled', 2],
  ['softTemperatureLimit', 3],
  ['underVoltageSinceBoot', 16],
  ['frequencyCappedSinceBoot', 17],
  ['throttledSinceBoot', 18],
  ['softTemperatureLimitSinceBoot', 19],
] as const

/** `supply`: one by its name; null: all there are, each value with the supply's name in front, and the flags of the board. */
export function findPower(root: string, supply: string | null): FindDevice {
  return async () => {
    const names = await supplyNames(root)
    if (supply !== null && !names.includes(supply)) {
      const there = names.length === 0 ? 'the kernel knows none' : `there are ${listed(names)}`
      throw new NotThere(`no power supply "${supply}": ${there}; correct power.supply`)
    }
    const channels = supply === null ? await allChannels(root, names) : await named(root, supply, '')
    if (channels.length === 0) throw new NotThere('the kernel knows no power supply, and no flags of the board: this board does not tell how it is supplied')
    const folder = supply === null ? `${root}/sys` : `${root}/sys/class/power_supply/${supply}`
    return deviceOf(folder, (await entryOf(folder, '', null))?.lane ?? folder, channels)
  }
}

export async function supplyNames(root: string): Promise<readonly string[]> {
  return namesIn(`${root}/sys/class/power_supply`)
}

async function allChannels(root: string, supplies: readonly string[]): Promise<readonly NamedChannel[]> {
  const ofSupplies = await Promise.all(supplies.map((name) => named(root, name, `${name}_`)))
  return [...(await flagChannels(root)), ...ofSupplies.flat()]
}

async function named(root: string, supply: string, prefix: string): Promise<readonly NamedChannel[]> {
  return (await supplyChannels(root, supply)).map((channel) => ({ field: `${prefix}${channel.name}`, channel }))
}

/** Only what can be read now: a file that answers with an error is of something that this supply does not tell. */
export async function supplyChannels(root: string, supply: string): Promise<readonly Channel[]> {
  const folder = `${root}/sys/class/power_supply/${supply}`
  const channels: Channel[] = []
  for (const { attribute, field, unit, as } of SUPPLY_ATTRIBUTES) {
    const path = `${folder}/${attribute}`
    if ((await attributeIfAny(path)) === null) continue
    const read = async (): Promise<number | string | boolean> => {
      const text = await readAttribute(path)
      if (as === 'text') return text
      const value = numberOf(text, `${supply} ${field}`)
      return as === 'yes-or-no' ? value !== 0 : tidy(value * as)
    }
    channels.push({ name: field, label: null, unit, read })
  }
  return channels
}

/** The firmware's flags where the vendor's kernel tells them; with any kernel the alarm of its voltage monitor, which is the first of them. */
async function flagChannels(root: string): Promise<readonly NamedChannel[]> {
  const file = throttledFile(root)
  if (file !== null) return FLAGS.map(([field, bit]) => ({ field, channel: flag(field, file, bit) }))
  const monitor = (await hwmonEntries(root)).find((entry) => entry.name === 'rpi_volt')
  if (monitor === undefined) return []
  const read = async (): Promise<boolean> => numberOf(await readAttribute(`${monitor.folder}/in0_lcrit_alarm`), 'underVoltage') !== 0
  return [{ field: 'underVoltage', channel: { name: 'underVoltage', label: null, unit: null, read } }]
}

/** Names of the flags that this board tells. */
export async function flagNames(root: string): Promise<readonly string[]> {
  return (await flagChannels(root)).map((channel) => channel.field)
}

function flag(name: string, file: string, bit: number): Channel {
  const read = async (): Promise<boolean> => {
    const text = await readAttribute(file)
    if (!/^[0-9a-f]{1,8}$/.test(text)) throw new NoReading('not-a-number', `get_throttled is no hexadecimal number: "${text.slice(0, 40)}"`)
    return ((Number.parseInt(text, 16) >>> bit) & 1) === 1
  }
  return { name, label: null, unit: null, read }
}
