// Thermometers of the 1-wire bus (DS18B20 and its family), through the kernel's w1_therm: `temperature` in thousandths of a degree from Linux 5.8
// on, before that the two lines of `w1_slave`, whose first ends with YES when the check sum is right.
//
//   4b 46 7f ff 0c 10 1c : crc=1c YES
//   4b 46 7f ff 0c 10 1c t=21437
//
// Always true: what a thermometer says while it is not well is no reading. 85 °C is what its memory holds from power-on until the first
// conversion, and 127.9 and −127 are what a disturbed line reads as.
import { isThere, namesIn, readAttribute } from './attribute.ts'
import { type Channel, deviceOf, type Entry, entryOf, type FindDevice, listed, NoReading, NotThere, numberOf, tidy } from './device.ts'

/** DS18S20, DS1822, DS18B20, DS1825 and MAX31850, DS28EA00. */
const FAMILIES = /^(10|22|28|3b|42)-[0-9a-f]{12}$/

const POWER_ON = 85_000
const DISTURBED: ReadonlySet<number> = new Set([127_937, -127_000])

/** `28-0000034a5a5d` */
export function findOneWire(root: string, address: string): FindDevice {
  return async () => {
    const entry = await entryOf(`${folderOf(root)}/${address}`, address, null)
    if (entry === null) throw new NotThere(await absence(root, address))
    const channels = [{ field: 'temperature', channel: await thermometer(entry) }]
    return deviceOf(entry.folder, entry.lane, channels)
  }
}

export async function oneWireEntries(root: string): Promise<readonly Entry[]> {
  const names = (await namesIn(folderOf(root))).filter((name) => FAMILIES.test(name))
  const entries = await Promise.all(names.map((name) => entryOf(`${folderOf(root)}/${name}`, name, null)))
  return entries.filter((entry) => entry !== null)
}

function folderOf(root: string): string {
  return `${root}/sys/bus/w1/devices`
}

async function absence(root: string, address: string): Promise<string> {
  const there = await oneWireEntries(root)
  if (there.length > 0) return `no thermometer ${address} on the 1-wire bus: there are ${listed(there.map((entry) => entry.name))}; correct oneWire.address, or check its wires`
  const isBus = (await namesIn(folderOf(root))).some((name) => name.startsWith('w1_bus_master'))
  return isBus
    ? 'no thermometer answers on the 1-wire bus: check the wires and the pull-up of 4.7 kΩ between data and 3.3 V'
    : 'there is no 1-wire bus: enable it (`board: { enable: [one-wire] }` tells what the boot files need; dtoverlay=w1-gpio on a Raspberry Pi)'
}

async function thermometer(entry: Entry): Promise<Channel> {
  const { folder, name } = entry
  const read = (await isThere(`${folder}/temperature`))
    ? async () => numberOf(await readAttribute(`${folder}/temperature`), name)
    : async () => fromLines(await readAttribute(`${folder}/w1_slave`), name)
  return { name, label: null, unit: '°C', read: async () => tidy(checked(await read(), name) * 0.001) }
}

/** Thousandths of a degree from `w1_slave`. Throws NoReading. */
export function fromLines(text: string, name: string): number {
  if (!/ YES$/m.test(text)) throw new NoReading('wrong-checksum', `${name} was read with a wrong check sum: check the wires and the pull-up, a long line needs a stronger one`)
  return numberOf(/ t=(\S+)/.exec(text)?.[1] ?? '', name)
}

function checked(thousandths: number, name: string): number {
  if (thousandths === POWER_ON) throw new NoReading('power-on', `${name} gives 85 °C, what it holds after power-on: its supply breaks down while it measures (check the wires; a parasitic supply needs a stronger pull-up)`)
  if (DISTURBED.has(thousandths)) throw new NoReading('fault', `${name} gives ${thousandths / 1000} °C, what a disturbed line reads as: check the wires and the pull-up`)
  return thousandths
}
