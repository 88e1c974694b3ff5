// Small files of the kernel, read by those who look at a board. Nothing here throws: what cannot be read is not there.
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { basename } from 'node:path'

/** No folder of sysfs that is looked at has as many entries; more are left out. */
const NAMES_MAX = 512
const TEXT_BYTES_MAX = 256 * 1024

/** Without the line feed or the zero at its end; null when there is none. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').slice(0, TEXT_BYTES_MAX).replace(/[\0\n\r ]+$/, '')
  } catch {
    return null
  }
}

/** null when it is no number. */
export function readNumber(path: string): number | null {
  const text = readText(path)
  return text !== null && /^-?\d+$/.test(text) ? Number(text) : null
}

/** Strings of a device tree: a zero behind each. */
export function readStrings(path: string): readonly string[] {
  return readText(path)?.split('\0').filter((one) => one !== '') ?? []
}

/** Names that match, with numbers in their order: gpiochip2 before gpiochip10. */
export function namesIn(folder: string, pattern: RegExp): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => pattern.test(name))
    return names.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })).slice(0, NAMES_MAX)
  } catch {
    return []
  }
}

/** The last part of where a link leads: the name of a driver or of a parent. */
export function linkName(path: string): string | null {
  try {
    return basename(readlinkSync(path))
  } catch {
    return null
  }
}

/** Links followed; null when it is not there. */
export function realPath(path: string): string | null {
  try {
    return realpathSync(path)
  } catch {
    return null
  }
}
