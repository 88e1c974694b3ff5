// When satellites can be reached: a text of passes. Pure; pass-file.ts reads the file.
//
//   # a comment                                                    blank lines and lines that start with # say nothing
//   2026-11-21T10:04:00Z, 2026-11-21T10:15:30Z, 42, KINEIS-1A      start and end; what follows (elevation, name) is for people
//   {"start": "2026-11-21T11:40:00Z", "end": 1795262400}           the same as a line of JSON; other keys are for people
//
// Separators are comma, semicolon or tab. A first line with the names of the columns gives them another order. Times are ISO 8601, UTC where
// they name no zone, or seconds since 1970. Names that programs use instead are understood (AOS and LOS, rise and set, startUTC and endUTC),
// and so is a table that Gpredict has saved (`Upcoming passes for …`, in UTC as it is set up to).

export interface Pass {
  /** Wall time. */
  readonly startMs: number
  readonly endMs: number
}

export interface PassList {
  /** By start. */
  readonly passes: readonly Pass[]
  /** Lines that were passed over. `line` counts from 1. */
  readonly problems: readonly { readonly line: number; readonly message: string }[]
}

/** Good lines and broken ones together. */
export const PASSES_MAX = 10_000
const LINE_LENGTH_MAX = 1000
const FOUND_LENGTH_MAX = 64
/** Longer than any satellite can be seen but one that stands still: such a line has its times mixed up. */
const PASS_MS_MAX = 86_400_000

type Column = 'start' | 'end'

const COLUMN_OF: ReadonlyMap<string, Column> = new Map([
  ...['start', 'starttime', 'startutc', 'aos', 'rise', 'risetime'].map((name) => [name, 'start'] as const),
  ...['end', 'endtime', 'endutc', 'los', 'set', 'settime', 'stop', 'stoptime'].map((name) => [name, 'end'] as const),
])
const GPREDICT_TITLE = 'Upcoming passes for '
// AOS, TCA, LOS.
const GPREDICT_ROW = /^(\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d)  \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d  (\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d)/
const TIME = /^(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)? ?(Z|UTC|[+-]\d\d:?\d\d)?$/i

/** What a line says of a pass, as it stands there. */
type Values = Partial<Record<Column, unknown>>

export function parsePasses(text: string): PassList {
  const passes: Pass[] = []
  const problems: { line: number; message: string }[] = []
  const reader = new Reader()
  for (const [i, raw] of text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/).entries()) {
    const row = raw.trim()
    if (row === '' || row.startsWith('#')) continue
    if (passes.length + problems.length >= PASSES_MAX) {
      problems.push({ line: i + 1, message: `more than ${PASSES_MAX} lines: the rest is not read` })
      break
    }
    const values = row.length > LINE_LENGTH_MAX ? `the line is longer than ${LINE_LENGTH_MAX} characters` : reader.read(row)
    if (values === null) continue
    const pass = typeof values === 'string' ? values : passOf(values)
    if (typeof pass === 'string') problems.push({ line: i + 1, message: pass })
    else passes.push(pass)
  }
  return { passes: passes.sort((a, b) => a.startMs - b.startMs), problems }
}

/** Knows from the lines so far what the next one is. */
class Reader {
  #isTable = false
  #columns: readonly (Column | null)[] | null = null

  /** null for a line that says nothing of a pass; a sentence for one that should and does not. */
  read(row: string): Values | string | null {
    if (row.startsWith(GPREDICT_TITLE)) this.#isTable = true
    if (this.#isTable) {
      const match = GPREDICT_ROW.exec(row)
      return match === null ? null : { start: match[1], end: match[2] }
    }
    return row.startsWith('{') ? jsonValues(row) : this.#fields(row)
  }

  #fields(row: string): Values | null {
    const separator = ['\t', ';', ','].find((s) => row.includes(s)) ?? ','
    const fields = row.split(separator).map((field) => field.trim().replace(/^"(.*)"$/, '$1'))
    if (this.#columns === null) {
      const named = fields.map(columnOf)
      const isHead = named.includes('start') && named.includes('end')
      this.#columns = isHead ? named : ['start', 'end']
      if (isHead) return null
    }
    const values: Values = {}
    for (const [i, column] of this.#columns.entries()) if (column !== null && (fields[i] ?? '') !== '') values[column] = fields[i]
    return values
  }
}

function columnOf(name: string): Column | null {
  return COLUMN_OF.get(name.toLowerCase().replaceAll(/[^a-z]/g, '')) ?? null
}

function jsonValues(row: string): Values | string {
  let parsed: object
  try {
    parsed = JSON.parse(row) as object
  } catch {
    return 'this is no line of JSON'
  }
  const values: Values = {}
  for (const [key, value] of Object.entries(parsed)) {
    const column = columnOf(key)
    if (column !== null) values[column] = value
  }
  return values
}

/** A sentence when it is none. */
function passOf({ start, end }: Values): Pass | string {
  const startMs = timeMs(start)
  const endMs = timeMs(end)
  if (startMs === null) return `the start must be a time like 2026-11-21T10:04:00Z${found(start)}`
  if (endMs === null) return `the end must be a time like 2026-11-21T10:15:30Z${found(end)}`
  if (endMs <= startMs) return 'the pass ends before it starts'
  return endMs - startMs > PASS_MS_MAX ? 'the pass is longer than a day' : { startMs, endMs }
}

/** In one line of a terminal. */
function found(value: unknown): string {
  if (value === undefined) return ''
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return `, found "${text.replaceAll(/[^\P{C}]/gu, '·').slice(0, FOUND_LENGTH_MAX)}"`
}

function timeMs(value: unknown): number | null {
  if (typeof value === 'number') return value > 0 && value < 1e11 ? value * 1000 : null
  if (typeof value !== 'string') return null
  if (/^\d{9,11}$/.test(value)) return Number(value) * 1000
  const match = TIME.exec(value)
  if (match === null) return null
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as [number, number, number, number, number, number]
  const ms = Date.UTC(year, month - 1, day, hour, minute, second)
  if (new Date(ms).getUTCDate() !== day || month > 12 || hour > 23 || minute > 59 || second > 59) return null
  const zone = match[7] ?? 'Z'
  if (!/^[+-]/.test(zone)) return ms
  const shift = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))
  return ms - (zone.startsWith('-') ? -shift : shift) * 60_000
}
