// What the readers of this folder have in common: a device that is found by what it is called, and what one look at it gives.
// Always true: a device is known by name, label or address, never by the number of its folder, which changes between boots. What was found
// is held by its real folder, which has the address in it: another device that gets the number later is not taken for this one.
import { dirname } from 'node:path'
import type { ChannelConfig } from '../../config/config.ts'
import type { Fields, Raw, Units } from '../sensor.ts'
import { busPlaceOf, explainReadError, isThere, realFolder } from './attribute.ts'

/** Why a channel gave no reading. */
export type GapReason = 'unreadable' | 'fault' | 'not-a-number' | 'wrong-checksum' | 'power-on'

export interface Gap {
  readonly reason: GapReason
  /** In words for the operator, with the channel's name. */
  readonly why: string
}

export interface KernelReading {
  /** null where there is a gap. */
  readonly fields: Fields
  readonly gaps: readonly Gap[]
}

/** A device that was found. */
export interface KernelDevice {
  readonly folder: string
  /** What it shares with its neighbours: two reads in one lane wait for each other in the kernel anyway. */
  readonly lane: string
  /** By the names of its fields. */
  readonly units: Units
  /** One look at all channels, one after the other. Never rejects. */
  read(): Promise<KernelReading>
  /** Whether its folder still is. Never rejects. */
  isThere(): Promise<boolean>
}

/** Looks for the device that the configuration names. Rejects with NotThere. */
export type FindDevice = () => Promise<KernelDevice>

/** The device is not there, or there are several: the sentence says what is. */
export class NotThere extends Error {
  override readonly name = 'NotThere'
}

/** The chip answered, and it is no reading. */
export class NoReading extends Error {
  override readonly name = 'NoReading'
  readonly reason: GapReason

  constructor(reason: GapReason, why: string) {
    super(why)
    this.reason = reason
  }
}

/** Something of a kind that has a folder in sysfs. */
export interface Entry {
  /** Links followed. */
  readonly folder: string
  readonly name: string
  readonly label: string | null
  readonly bus: string | null
  readonly address: string | null
  readonly lane: string
}

/** Buses on which only one can talk at a time. */
const SHARED_BUSES = new Set(['i2c', 'spi', 'w1'])

/** null when the folder has just gone. */
export async function entryOf(link: string, name: string, label: string | null): Promise<Entry | null> {
  const folder = await realFolder(link)
  if (folder === null) return null
  const place = await busPlaceOf((await realFolder(`${folder}/device`)) ?? folder)
  const lane = place !== null && SHARED_BUSES.has(place.bus) ? dirname(place.folder) : folder
  return { folder, name, label: label === '' ? null : label, bus: place?.bus ?? null, address: place?.address ?? null, lane }
}

/** How an entry is told from all others of its kind, as it can be written in the configuration. */
export function writtenFor(entry: Entry, all: readonly Entry[]): string {
  if (all.filter((other) => other.name === entry.name).length === 1) return entry.name
  return entry.address === null ? (entry.label ?? entry.name) : `${entry.name} ${entry.address}`
}

export interface KindWords {
  /** `IIO device` */
  readonly kind: string
  /** `iio.device` */
  readonly key: string
  /** What to do when there is none at all. */
  readonly hint: string
}

/** The one entry that is meant by `written`: a name, a label, an address, or two of them. Throws NotThere with what there is. */
export function pick(all: readonly Entry[], written: string, words: KindWords): Entry {
  const meant = all.filter((entry) => isMeant(entry, written.trim().replaceAll(/\s+/g, ' ')))
  if (meant.length === 1) return meant[0]!
  if (meant.length > 1) throw new NotThere(ambiguous(meant, all, written, words))
  if (all.length === 0) throw new NotThere(`no ${words.kind} is there: ${words.hint}`)
  throw new NotThere(`no ${words.kind} "${written}": there ${all.length === 1 ? 'is' : 'are'} ${listed(all.map(described))}; correct ${words.key}, or ${words.hint}`)
}

function isMeant(entry: Entry, written: string): boolean {
  const { name, label, bus, address } = entry
  return [name, label, address, `${bus} ${address}`, `${name} ${address}`, `${label} ${address}`].includes(written)
}

function ambiguous(meant: readonly Entry[], all: readonly Entry[], written: string, words: KindWords): string {
  if (meant.every((entry) => entry.address !== null)) {
    return `${meant.length} ${words.kind}s are called "${written}": write ${meant.map((entry) => `"${writtenFor(entry, all)}"`).join(' or ')} in ${words.key}`
  }
  return `${meant.length} ${words.kind}s are called "${written}", and the kernel tells no address of them: they cannot be told apart`
}

export function described(entry: Entry): string {
  const label = entry.label === null ? '' : ` "${entry.label}"`
  return entry.address === null ? `${entry.name}${label}` : `${entry.name}${label} (${entry.bus} ${entry.address})`
}

const LISTED_MAX = 12

export function listed(names: readonly string[]): string {
  const shown = names.slice(0, LISTED_MAX)
  return names.length > LISTED_MAX ? `${shown.join(', ')} and ${names.length - LISTED_MAX} more` : shown.join(', ')
}

/** One value of a device. */
export interface Channel {
  /** The kernel's word: `temp1`, `in_…` without its `in_`. */
  readonly name: string
  readonly label: string | null
  readonly unit: string | null
  /** Rejects with NoReading, or with the error of the system. */
  read(): Promise<Raw>
}

/** A channel by the name that its value gets. */
export type NamedChannel = { readonly field: string; readonly channel: Channel } | { readonly field: string; readonly missing: string }

/** The channels that the configuration asks for; all when it asks for none. A channel that is not there is a gap, not the end of the others. */
export function choose(found: readonly Channel[], choice: readonly ChannelConfig[] | null): readonly NamedChannel[] {
  if (choice === null) return found.map((channel) => ({ field: channel.name, channel }))
  return choice.map(({ name, channel: written }) => {
    const channel = found.find((one) => one.name === written) ?? found.find((one) => one.label === written)
    return channel === undefined ? { field: name, missing: `no channel "${written}": there are ${listed(found.map(channelWords))}` } : { field: name, channel }
  })
}

function channelWords(channel: Channel): string {
  return channel.label === null ? channel.name : `${channel.name} "${channel.label}"`
}

export function deviceOf(folder: string, lane: string, channels: readonly NamedChannel[]): KernelDevice {
  const units = Object.fromEntries(channels.flatMap((one) => ('channel' in one && one.channel.unit !== null ? [[one.field, one.channel.unit]] : [])))
  return { folder, lane, units, read: () => readChannels(channels), isThere: () => isThere(folder) }
}

/** Reads them one after the other: a chip has one register at a time, and the thread pool has few threads. */
async function readChannels(channels: readonly NamedChannel[]): Promise<KernelReading> {
  const fields: Record<string, Raw> = Object.create(null) as Record<string, Raw>
  const gaps: Gap[] = []
  for (const one of channels) {
    const value = 'missing' in one ? { reason: 'unreadable' as const, why: one.missing } : await readOne(one.channel)
    if (typeof value === 'object' && value !== null) {
      fields[one.field] = null
      gaps.push(value)
    } else {
      fields[one.field] = value
    }
  }
  return { fields, gaps }
}

async function readOne(channel: Channel): Promise<Raw | Gap> {
  try {
    return await channel.read()
  } catch (error) {
    if (error instanceof NoReading) return { reason: error.reason, why: error.message }
    return { reason: 'unreadable', why: `${channel.name} ${explainReadError(error)}` }
  }
}

/** Twelve digits: more than any chip has, and 21.400000000000002 is 21.4. */
export function tidy(value: number): number {
  return Number(value.toPrecision(12))
}

/** A number as the kernel writes it. Throws NoReading. */
export function numberOf(text: string, name: string): number {
  const value = text === '' ? NaN : Number(text)
  if (Number.isFinite(value)) return value
  throw new NoReading('not-a-number', `${name} is no number: "${text.slice(0, 40)}"`)
}
