// Values of directives, as Mosquitto reads them: the first word of a flag or a number, the whole rest of a text. What Mosquitto would take
// for 0 or refuse is found fault with, and is null.
import { dirname, isAbsolute, resolve } from 'node:path'
import type { Line } from './conf-file.ts'
import type { Findings } from './findings.ts'

export function flag(line: Line | null, findings: Findings): boolean | null {
  if (line === null) return null
  const word = line.words[0]
  if (word === 'true' || word === '1') return true
  if (word === 'false' || word === '0') return false
  findings.leftOut(line, 'the value must be true or false')
  return null
}

export function integer(line: Line | null, min: number, max: number, findings: Findings): number | null {
  if (line === null) return null
  const value = wholeNumber(line.words[0])
  if (value !== null && value >= min && value <= max) return value
  findings.leftOut(line, `the value must be a whole number from ${min} to ${max}`)
  return null
}

export function wholeNumber(word: string | undefined): number | null {
  return word !== undefined && /^-?\d{1,15}$/.test(word) ? Number(word) : null
}

/** Within what the gateway takes; what is not becomes the nearest, and is told. */
export function within(value: number | null, min: number, max: number, line: Line | null, findings: Findings): number | null {
  if (value === null || line === null || (value >= min && value <= max)) return value
  const nearest = Math.min(Math.max(value, min), max)
  findings.changed(line, `it becomes ${nearest}, the ${nearest === min ? 'smallest' : 'largest'} there is`)
  return nearest
}

export function text(line: Line | null, findings: Findings): string | null {
  if (line === null || line.rest !== '') return line?.rest ?? null
  findings.leftOut(line, 'there is no value behind it')
  return null
}

/** A file or a folder, absolute. */
export function path(line: Line | null, findings: Findings): string | null {
  const written = text(line, findings)
  return line === null || written === null ? null : absolute(written, line, findings)
}

/** Mosquitto starts a relative path where it was started itself, which nobody knows any more. */
export function absolute(written: string, line: Line, findings: Findings): string {
  if (isAbsolute(written)) return written
  const whole = resolve(dirname(line.file), written)
  findings.changed(line, `the relative path is taken from the folder of ${line.file}: ${whole}`)
  return whole
}
