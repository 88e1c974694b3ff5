// What the kernel has that can be a sensor, with the lines to write for it. Names are read, and of chips what says which channels they have; only
// power supplies have to be asked for each value, for their drivers have files of all that they might know.
import { type Channel, type Entry, writtenFor } from './device.ts'
import { hwmonChannels, hwmonEntries } from './hwmon.ts'
import { iioChannels, iioEntries } from './iio.ts'
import { oneWireEntries } from './one-wire.ts'
import { flagNames, supplyChannels, supplyNames } from './power.ts'
import { systemChannels } from './system.ts'
import { thermalEntries } from './thermal.ts'

export type KernelKind = 'oneWire' | 'iio' | 'hwmon' | 'thermal' | 'power' | 'system'

export interface FoundDevice {
  readonly kind: KernelKind
  /** The group to write under a sensor of gateway.yaml: `iio: { device: bme280 }`. */
  readonly yaml: string
  readonly name: string
  /** `i2c 1-0076`; null where the kernel tells none. */
  readonly address: string | null
  readonly channels: readonly FoundChannel[]
}

export interface FoundChannel {
  readonly name: string
  readonly label: string | null
  readonly unit: string | null
}

/** `root` stands before /sys and /proc. Never rejects; what goes while it is looked at is left out. */
export async function scanKernelSensors(root = ''): Promise<readonly FoundDevice[]> {
  const kinds = [scanOneWire, scanIio, scanHwmon, scanThermal, scanPower, scanSystem]
  const found: FoundDevice[] = []
  // One after the other: the thread pool has few threads, and a chip may be slow.
  for (const scan of kinds) found.push(...(await scan(root)))
  return found
}

export async function scanOneWire(root: string): Promise<readonly FoundDevice[]> {
  const channels = [{ name: 'temperature', label: null, unit: '°C' }]
  return (await oneWireEntries(root)).map((entry) => {
    return { kind: 'oneWire', yaml: `oneWire: { address: ${scalar(entry.name)} }`, name: entry.name, address: addressOf(entry), channels }
  })
}

export async function scanIio(root: string): Promise<readonly FoundDevice[]> {
  const entries = await iioEntries(root)
  return Promise.all(entries.map(async (entry) => foundOf('iio', 'device', entry, entries, await iioChannels(entry.folder))))
}

export async function scanHwmon(root: string): Promise<readonly FoundDevice[]> {
  const entries = await hwmonEntries(root)
  return Promise.all(entries.map(async (entry) => foundOf('hwmon', 'chip', entry, entries, await hwmonChannels(entry.folder))))
}

export async function scanThermal(root: string): Promise<readonly FoundDevice[]> {
  const entries = await thermalEntries(root)
  return entries.map((entry) => foundOf('thermal', 'zone', entry, entries, [{ name: 'temperature', label: null, unit: '°C' }]))
}

export async function scanPower(root: string): Promise<readonly FoundDevice[]> {
  const flags = (await flagNames(root)).map((name) => ({ name, label: null, unit: null }))
  const board: FoundDevice[] = flags.length === 0 ? [] : [{ kind: 'power', yaml: 'power: {}', name: 'flags of the board', address: null, channels: flags }]
  const names = await supplyNames(root)
  const supplies = await Promise.all(
    names.map(async (name): Promise<FoundDevice> => {
      const channels = (await supplyChannels(root, name)).map(shown)
      return { kind: 'power', yaml: `power: { supply: ${scalar(name)} }`, name, address: null, channels }
    }),
  )
  return [...board, ...supplies]
}

export async function scanSystem(root: string): Promise<readonly FoundDevice[]> {
  const channels = await systemChannels(root, [{ name: 'disk', path: '/' }])
  return [{ kind: 'system', yaml: 'system: {}', name: 'this machine', address: null, channels: channels.map(shown) }]
}

function foundOf(kind: KernelKind, key: string, entry: Entry, all: readonly Entry[], channels: readonly FoundChannel[]): FoundDevice {
  return { kind, yaml: `${kind}: { ${key}: ${scalar(writtenFor(entry, all))} }`, name: entry.name, address: addressOf(entry), channels: channels.map(shown) }
}

function addressOf(entry: Entry): string | null {
  return entry.address === null ? null : `${entry.bus} ${entry.address}`
}

function shown({ name, label, unit }: FoundChannel | Channel): FoundChannel {
  return { name, label, unit }
}

/** As YAML takes it for a text: quoted where it could be anything else. */
function scalar(text: string): string {
  return /^[A-Za-z][A-Za-z0-9_. -]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text) ? text.trim() : JSON.stringify(text)
}
