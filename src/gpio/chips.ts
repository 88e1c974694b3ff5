// Which chip of this start a label means, and which line a name: kernels number chips as they find them, and give the old interface a base that
// differs with every version, so neither is ever kept. What two chips could mean means none: a wrong line closes the wrong relay.
import { accessSync, closeSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ChipInfo, chipInfo, lineInfo, type LineInfo, openChip } from '../gpio-device.ts'
import { type Line, LineError } from './lines.ts'

const DEVICES = '/dev'
export const SYSFS = '/sys/class/gpio'
const ASK_THE_BOARD = '`sandpiper board` lists those that are there'
/** What to do about files that may not be written. */
export const GIVE_GROUP = 'give this user the group that has it (SupplementaryGroups=gpio in the unit)'

interface Found {
  readonly chips: readonly (ChipInfo & { readonly path: string })[]
  /** Why one could not be looked at; null when all could. */
  readonly refused: string | null
}

/** The chip's device file. Throws LineError when there is none, or when none may be opened. */
export function deviceOf(label: string, devices = DEVICES): string {
  const { chips, refused } = chipsIn(devices)
  const meant = chips.filter((chip) => chip.label === label)
  if (meant.length === 1) return meant[0]!.path
  if (meant.length > 1) throw new LineError(`${severalOf(label, meant.length)} (${meant.map(({ path }) => path).join(', ')})`)
  throw new LineError(refused ?? `there is no GPIO chip "${label}": ${ASK_THE_BOARD}`)
}

/** The line that the device tree calls so. Throws LineError when none is, or two are. */
export function lineNamed(name: string, devices = DEVICES): Line {
  const { chips, refused } = chipsIn(devices)
  const meant = chips.flatMap(({ path, label, lines }) => onChip(path, (fd) => offsetsNamed(fd, lines, name)).map((offset) => ({ chip: label, offset })))
  if (meant.length === 1) return meant[0]!
  if (meant.length > 1) throw new LineError(`${meant.length} lines are called ${name}: name one by its chip ("${meant[0]!.chip}:${meant[0]!.offset}")`)
  throw new LineError(refused ?? `no line is called ${name}: ${ASK_THE_BOARD}`)
}

/** Who holds the line, for the operator; null when nobody does, or it cannot be told. */
export function holderOf({ chip, offset }: Line): LineInfo | null {
  try {
    return onChip(deviceOf(chip), (fd) => lineInfo(fd, offset))
  } catch {
    return null
  }
}

/** The chip has a device, and that speaks version 2. */
export function deviceAnswers(line: Line): boolean {
  return holderOf(line) !== null
}

/** The old interface shows the chip, and may be written. */
export function sysfsAnswers({ chip }: Line): boolean {
  try {
    accessSync(`${SYSFS}/export`, constants.W_OK)
    return sysfsBaseOf(chip) !== null
  } catch {
    return false
  }
}

/** The chip's first number in the old interface, or null when that does not show it. */
export function sysfsBaseOf(label: string, sysfs = SYSFS): { readonly base: number; readonly lines: number } | null {
  const meant = chipNames(sysfs)
    .map((name) => join(sysfs, name))
    .filter((chip) => existsSync(join(chip, 'base')) && readText(join(chip, 'label')) === label)
  if (meant.length > 1) throw new LineError(severalOf(label, meant.length))
  return meant.length === 0 ? null : { base: Number(readText(join(meant[0]!, 'base'))), lines: Number(readText(join(meant[0]!, 'ngpio'))) }
}

function severalOf(label: string, count: number): string {
  return `there are ${count} GPIO chips "${label}", and which one is meant cannot be told: unplug one`
}

export function readText(path: string): string {
  return readFileSync(path, 'utf8').trim()
}

export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error as Error).message
}

/** Does it with the chip's descriptor, which is closed again: lines have their own. */
export function onChip<T>(path: string, act: (chip: number) => T): T {
  const fd = openChip(path)
  try {
    return act(fd)
  } finally {
    closeSync(fd)
  }
}

function chipsIn(devices: string): Found {
  const chips = new Map<string, ChipInfo & { path: string }>()
  let refused: string | null = null
  for (const name of chipNames(devices)) {
    const path = join(devices, name)
    try {
      const info = onChip(path, chipInfo)
      if (!chips.has(info.name)) chips.set(info.name, { ...info, path }) // a second name is a link
    } catch (error) {
      // Anything else is no chip, or one that has just gone.
      const code = codeOf(error)
      if (code === 'EACCES' || code === 'EPERM') refused = `${path} cannot be opened (${code}): ${GIVE_GROUP}`
    }
  }
  return { chips: [...chips.values()], refused }
}

function offsetsNamed(chip: number, lines: number, name: string): number[] {
  return Array.from({ length: lines }, (_, offset) => offset).filter((offset) => lineInfo(chip, offset).name === name)
}

function chipNames(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^gpiochip\d+$/.test(name)).sort()
  } catch {
    return []
  }
}
