// The GPIO chips of this start: which label has which device, which first number in the old interface, and who holds which line.
//
// Numbers are the kernel's and of this start only; a label is what a chip is known by. Three sources, each of which may be closed to us:
// the chip's device (by a call, see gpio-device.ts), /sys/class/gpio, and /sys/kernel/debug/gpio, which tells all holders to root.
import { closeSync } from 'node:fs'
import { dirname } from 'node:path'
import { chipInfo, lineInfo, openChip } from '../gpio-device.ts'
import { namesIn, readNumber, readText, realPath } from './sysfs.ts'

export interface FoundChip {
  readonly label: string
  readonly lines: number
  /** /dev/gpiochip0; null where the kernel has the old interface only. */
  readonly device: string | null
  /** First number in /sys/class/gpio; null where the kernel has no such. */
  readonly sysfsBase: number | null
  readonly held: readonly HeldLine[]
  /** False when it cannot be told who holds which line: neither the device nor debugfs may be read. */
  readonly holdersKnown: boolean
}

export interface HeldLine {
  readonly offset: number
  /** From the device tree; empty where it gives none. */
  readonly name: string
  /** As its holder calls itself; `sysfs` for /sys/class/gpio. */
  readonly consumer: string
}

/** What the device of a chip tells; null when it cannot be asked. */
export type AskChip = (device: string) => { readonly label: string; readonly lines: number; readonly held: readonly HeldLine[] } | null

/** A chip of more lines would be an error of the kernel's. */
const LINES_MAX = 1024

/** `root` stands before /sys and /dev. Never throws. */
export function findChips(root: string, ask: AskChip = askDevice): readonly FoundChip[] {
  const old = oldInterface(root)
  const debug = debugChips(readText(`${root}/sys/kernel/debug/gpio`) ?? '')
  const found: FoundChip[] = []
  const seen = new Set<string>()
  for (const name of namesIn(`${root}/dev`, /^gpiochip\d+$/)) {
    const told = ask(`${root}/dev/${name}`)
    const parent = parentOf(`${root}/sys/bus/gpio/devices/${name}`)
    const sysfs = old.find((chip) => (told === null ? chip.parent !== null && chip.parent === parent : chip.label === told.label)) ?? null
    const listed = debug.find((chip) => chip.name === name) ?? null
    const label = told?.label ?? sysfs?.label ?? listed?.label ?? null
    const key = realPath(`${root}/dev/${name}`) ?? name
    // A second name for the same device is a link: Raspberry Pi OS has gpiochip4 for gpiochip0 of a Pi 5.
    if (label === null || seen.has(key)) continue
    seen.add(key)
    found.push({
      label,
      lines: told?.lines ?? sysfs?.lines ?? listed?.lines ?? 0,
      device: `/dev/${name}`,
      sysfsBase: sysfs?.base ?? null,
      held: told?.held ?? listed?.held ?? [],
      holdersKnown: told !== null || listed !== null,
    })
  }
  for (const chip of old) {
    if (found.some((one) => one.sysfsBase === chip.base)) continue
    const listed = debug.find((one) => one.base === chip.base) ?? null
    found.push({ label: chip.label, lines: chip.lines, device: null, sysfsBase: chip.base, held: listed?.held ?? [], holdersKnown: listed !== null })
  }
  return found
}

function askDevice(device: string): ReturnType<AskChip> {
  try {
    const fd = openChip(device)
    try {
      const { label, lines } = chipInfo(fd)
      const held: HeldLine[] = []
      for (let offset = 0; offset < Math.min(lines, LINES_MAX); offset++) {
        const info = lineInfo(fd, offset)
        if (info.used) held.push({ offset, name: info.name, consumer: info.consumer })
      }
      return { label, lines, held }
    } finally {
      closeSync(fd)
    }
  } catch {
    return null
  }
}

interface OldChip {
  readonly label: string
  readonly base: number
  readonly lines: number
  /** Folder of the device that the chip belongs to. */
  readonly parent: string | null
}

function oldInterface(root: string): readonly OldChip[] {
  const folder = `${root}/sys/class/gpio`
  return namesIn(folder, /^gpiochip\d+$/).flatMap((name) => {
    const label = readText(`${folder}/${name}/label`)
    const base = readNumber(`${folder}/${name}/base`)
    const lines = readNumber(`${folder}/${name}/ngpio`)
    return label === null || base === null || lines === null ? [] : [{ label, base, lines, parent: realPath(`${folder}/${name}/device`) }]
  })
}

function parentOf(path: string): string | null {
  const folder = realPath(path)
  return folder === null ? null : dirname(folder)
}

interface DebugChip {
  readonly name: string
  readonly label: string
  readonly base: number | null
  readonly lines: number
  readonly held: readonly HeldLine[]
}

/**
 * `gpiochip0: GPIOs 512-569, parent: platform/fe200000.gpio, pinctrl-bcm2711:`, or since Linux 6.11 `gpiochip0: 58 GPIOs, parent: …`, then
 * ` gpio-529 (GPIO17              |sysfs               ) out lo` for each line, where newer kernels count from 0.
 */
function debugChips(text: string): readonly DebugChip[] {
  const chips: (DebugChip & { held: HeldLine[] })[] = []
  for (const line of text.split('\n')) {
    const chip = /^(gpiochip\d+): (?:GPIOs (\d+)-(\d+)|(\d+) GPIOs)(?:, parent: [^,]+)?(?:, (.+?))?(?:, can sleep)?:\s*$/.exec(line)
    if (chip !== null) {
      const base = chip[2] === undefined ? null : Number(chip[2])
      chips.push({ name: chip[1]!, label: chip[5] ?? '', base, lines: base === null ? Number(chip[4]) : Number(chip[3]) - base + 1, held: [] })
      continue
    }
    const held = /^ gpio-(\d+)\s+\((.*?)\s*\|(.*?)\s*\)/.exec(line)
    const owner = chips.at(-1)
    if (held !== null && owner !== undefined && held[3] !== '') owner.held.push({ offset: Number(held[1]) - (owner.base ?? 0), name: held[2]!, consumer: held[3]! })
  }
  return chips.filter((chip) => chip.label !== '')
}
