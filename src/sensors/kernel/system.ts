// The gateway's own machine: room on its disks, memory, load, how long it runs, how warm its processor is, and how worn its flash.
//
//   diskFree (B), diskUsed (%) for each disk   memoryAvailable (B), memoryUsed (%)   load1, load5, load15   uptime (s)
//   cpuTemperature (°C) where a thermal zone is the processor's   flashWear (% of its life) where the flash tells
import { statfs } from 'node:fs/promises'
import type { DiskConfig } from '../../config/config.ts'
import { attributeIfAny, namesIn, readAttribute } from './attribute.ts'
import { type Channel, deviceOf, type FindDevice, NoReading, numberOf, tidy } from './device.ts'
import { processorTemperature } from './thermal.ts'

export function findSystem(root: string, disks: readonly DiskConfig[]): FindDevice {
  return async () => {
    const channels = (await systemChannels(root, disks)).map((channel) => ({ field: channel.name, channel }))
    // A disk over a network that does not answer holds up its own look only.
    return deviceOf(`${root}/`, `system ${disks.map((disk) => disk.path).join(' ')}`, channels)
  }
}

export async function systemChannels(root: string, disks: readonly DiskConfig[]): Promise<readonly Channel[]> {
  const temperature = await processorTemperature(root)
  return [
    ...disks.flatMap(diskChannels),
    { name: 'memoryAvailable', label: null, unit: 'B', read: async () => (await memory(root)).available },
    { name: 'memoryUsed', label: null, unit: '%', read: async () => used(await memory(root)) },
    ...['load1', 'load5', 'load15'].map((name, column) => {
      return { name, label: null, unit: null, read: async () => numberOf((await readAttribute(`${root}/proc/loadavg`)).split(' ')[column] ?? '', name) }
    }),
    { name: 'uptime', label: null, unit: 's', read: async () => Math.floor(numberOf((await readAttribute(`${root}/proc/uptime`)).split(' ')[0]!, 'uptime')) },
    ...(temperature === null ? [] : [{ ...temperature, name: 'cpuTemperature' }]),
    ...(await flashChannels(root)),
  ]
}

function diskChannels(disk: DiskConfig): readonly Channel[] {
  return [
    {
      name: `${disk.name}Free`,
      label: null,
      unit: 'B',
      read: async () => {
        const { bavail, bsize } = await statfs(disk.path)
        return bavail * bsize
      },
    },
    {
      name: `${disk.name}Used`,
      label: null,
      unit: '%',
      // As df counts: what is kept for root is neither free nor used.
      read: async () => {
        const { blocks, bfree, bavail } = await statfs(disk.path)
        return percent(blocks - bfree, blocks - bfree + bavail)
      },
    },
  ]
}

interface Memory {
  readonly total: number
  readonly available: number
}

/** Bytes. */
async function memory(root: string): Promise<Memory> {
  const text = await readAttribute(`${root}/proc/meminfo`)
  const bytes = (key: string): number => numberOf(new RegExp(`^${key}: *(\\d+) kB$`, 'm').exec(text)?.[1] ?? '', key) * 1024
  return { total: bytes('MemTotal'), available: bytes('MemAvailable') }
}

function used({ total, available }: Memory): number {
  return percent(total - available, total)
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : tidy(Math.round((part / whole) * 1000) / 10)
}

/** eMMC tells its wear in steps of a tenth, for its two kinds of cells (JEDEC JESD84-B51, EXT_CSD 268 and 269): 0x01 is up to 10 %. Cards do not tell. */
async function flashChannels(root: string): Promise<readonly Channel[]> {
  const disks = (await namesIn(`${root}/sys/block`)).filter((name) => /^mmcblk\d+$/.test(name))
  const files = disks.map((name) => `${root}/sys/block/${name}/device/life_time`)
  const wears = await Promise.all(files.map(async (path) => wearOf((await attributeIfAny(path)) ?? '')))
  const file = files.find((_, i) => wears[i] !== null)
  return file === undefined ? [] : [{ name: 'flashWear', label: null, unit: '%', read: async () => wearOf(await readAttribute(file)) ?? notTold() }]
}

/** Percent of its life that is used at most, of the kind of cells that is worn more; null when it does not tell. */
export function wearOf(text: string): number | null {
  const steps = text.split(/\s+/).map(Number)
  const most = Math.max(...steps)
  return steps.length === 2 && steps.every(Number.isInteger) && most >= 1 && most <= 11 ? most * 10 : null
}

function notTold(): never {
  throw new NoReading('not-a-number', 'flashWear is not told any more')
}
