// Chips of the industrial I/O interface: converters, air, light, motion. A channel is a file in_<type><number>[_<modifier>]_input with the finished
// value, or _raw with offset and scale beside it: (raw + offset) × scale (Documentation/ABI/testing/sysfs-bus-iio).
// Always true: scale and offset are read with each value, for they may be changed while we run; which file they stand in (one for the channel,
// one for all of its type) is found once.
import type { ChannelConfig } from '../../config/config.ts'
import { attributeIfAny, byNumber, namesIn, readAttribute } from './attribute.ts'
import { type Channel, choose, deviceOf, type Entry, entryOf, type FindDevice, type KindWords, numberOf, pick, tidy } from './device.ts'
import { IIO_UNITS } from './units.ts'

const WORDS: KindWords = {
  kind: 'IIO device',
  key: 'iio.device',
  hint: 'enable the bus and the driver of the chip in the boot files, and check its wires and address (`sandpiper board` shows what is found)',
}

/** `device`: chip name, label or address (`bme280`, `i2c 1-0076`, `ina219 1-0040`). */
export function findIio(root: string, device: string, choice: readonly ChannelConfig[] | null): FindDevice {
  return async () => {
    const entry = pick(await iioEntries(root), device, WORDS)
    const channels = choose(await iioChannels(entry.folder), choice)
    return deviceOf(entry.folder, entry.lane, channels)
  }
}

export async function iioEntries(root: string): Promise<readonly Entry[]> {
  const links = (await namesIn(`${root}/sys/bus/iio/devices`)).filter((name) => name.startsWith('iio:device')).map((name) => `${root}/sys/bus/iio/devices/${name}`)
  const entries = await Promise.all(links.map(async (link) => entryOf(link, (await attributeIfAny(`${link}/name`)) ?? '', await attributeIfAny(`${link}/label`))))
  return entries.filter((entry) => entry !== null)
}

export async function iioChannels(folder: string): Promise<readonly Channel[]> {
  const files = new Set(await namesIn(folder))
  const names = [...files].map((file) => /^in_(.+)_(?:raw|input)$/.exec(file)?.[1]).filter((name) => name !== undefined)
  // A peak or a mean is another view of a channel that is there anyway.
  const distinct = [...new Set(names)].filter((name) => !/_(peak|mean)$/.test(name)).sort(byNumber)
  return Promise.all(distinct.map((name) => channelOf(folder, name, files)))
}

async function channelOf(folder: string, name: string, files: ReadonlySet<string>): Promise<Channel> {
  const type = /^[a-z]+/.exec(name)?.[0] ?? ''
  const { unit, factor } = IIO_UNITS[type] ?? { unit: null, factor: 1 }
  const number = async (file: string): Promise<number> => numberOf(await readAttribute(`${folder}/${file}`), name)
  const scaleFile = sharedFile(name, 'scale', files)
  const offsetFile = sharedFile(name, 'offset', files)
  const fromRaw = async (): Promise<number> => {
    const raw = await number(`in_${name}_raw`)
    return (raw + (offsetFile === null ? 0 : await number(offsetFile))) * (scaleFile === null ? 1 : await number(scaleFile))
  }
  const finished = files.has(`in_${name}_input`)
  // Without a scale the number means whatever the chip's data sheet says.
  const isRaw = !finished && scaleFile === null
  return {
    name,
    label: await labelOf(folder, name, files),
    unit: isRaw ? null : unit,
    read: async () => tidy(finished ? (await number(`in_${name}_input`)) * factor : (await fromRaw()) * (isRaw ? 1 : factor)),
  }
}

/**
 * The file that holds for the channel: its own, or the one it shares with all of its type, modifier or direction. For voltage0-voltage1 and accel_x:
 * in_voltage0-voltage1_scale, in_voltage-voltage_scale, in_voltage_scale; in_accel_x_scale, in_accel_scale; and in_scale, scale.
 */
function sharedFile(name: string, what: 'scale' | 'offset', files: ReadonlySet<string>): string | null {
  const base = name.split('_')[0]!
  const type = /^[a-z]+/.exec(name)?.[0] ?? ''
  const candidates = [name, name.replaceAll(/\d+/g, ''), base, base.replaceAll(/\d+/g, ''), type].map((part) => `in_${part}_${what}`)
  return [...candidates, `in_${what}`, what].find((file) => files.has(file)) ?? null
}

/** in_voltage0_label, or rail_name_0, as the INA3221 of a Jetson Nano with its vendor's kernel has it. */
async function labelOf(folder: string, name: string, files: ReadonlySet<string>): Promise<string | null> {
  const file = [`in_${name}_label`, `rail_name_${/\d+$/.exec(name)?.[0]}`].find((candidate) => files.has(candidate))
  return file === undefined ? null : attributeIfAny(`${folder}/${file}`)
}
