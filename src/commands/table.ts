// Columns for people: as wide as they have to be, numbers to the right.

/** `rows`: a cell for each name. Without rows, the sentence. Ends with a newline. */
export function table(names: readonly string[], rows: readonly (readonly (string | number | null)[])[], none: string): string {
  if (rows.length === 0) return `${none}\n`
  const cells = rows.map((row) => row.map((cell) => (cell === null ? '-' : String(cell))))
  const widths = names.map((name, i) => Math.max(name.length, ...cells.map((row) => row[i]!.length)))
  const isNumber = names.map((_, i) => rows.every((row) => row[i] === null || typeof row[i] === 'number'))
  const line = (row: readonly string[]): string => row.map((cell, i) => (isNumber[i]! ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  ').trimEnd()
  return `${[line(names.map((name) => name.toUpperCase())), ...cells.map(line)].join('\n')}\n`
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** 1536 → 1.5 kB */
export function bytesText(bytes: number): string {
  const step = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** step
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[step]}`
}

/** 93784 → 1 d 2 h; the two largest units. */
export function durationText(seconds: number): string {
  const parts = [[Math.floor(seconds / 86_400), 'd'], [Math.floor(seconds / 3600) % 24, 'h'], [Math.floor(seconds / 60) % 60, 'min'], [Math.floor(seconds) % 60, 's']] as const
  const first = parts.findIndex(([count]) => count > 0)
  return first < 0 ? '0 s' : parts.slice(first, first + 2).filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`).join(' ')
}
