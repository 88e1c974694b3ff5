// Figures as people read them. Pure.

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const
const SPACE = '\u202f'

/** In steps of 1000, as links and cards are sold. */
export function bytes(count: number): string {
  let value = count
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? Math.round(value) : rounded(value)}${SPACE}${UNITS[unit]}`
}

/** Three digits that count. */
function rounded(value: number): string {
  return value >= 99.5 ? value.toFixed(0) : value >= 9.95 ? value.toFixed(1) : value.toFixed(2)
}

/** Its thousands apart; may be text already. */
export function count(value: number | string): string {
  const [whole = '', part] = String(value).split('.')
  return whole.replaceAll(/\B(?=(\d{3})+$)/g, SPACE) + (part === undefined ? '' : `.${part}`)
}

export function rate(perSec: number): string {
  return perSec === 0 ? '0' : perSec < 0.995 ? perSec.toFixed(2) : perSec < 99.95 ? perSec.toFixed(1) : count(Math.round(perSec))
}

/** A measured value: no more digits than say something. */
export function value(of: unknown): string {
  if (of === null || of === undefined) return '–'
  if (typeof of !== 'number') return String(of)
  if (!Number.isFinite(of)) return '–'
  if (Number.isInteger(of) && Math.abs(of) < 1e9) return count(of)
  const size = Math.abs(of)
  if (size >= 1e9 || size < 1e-4) return of.toExponential(2)
  return size >= 1 ? count(of.toFixed(size >= 1000 ? 0 : size >= 100 ? 1 : 2)) : of.toPrecision(3)
}

const STEPS = [['d', 86_400], ['h', 3600], ['min', 60], ['s', 1]] as const

/** The two largest units: `2 d 4 h`, `12 min`. */
export function duration(sec: number): string {
  const whole = Math.max(0, Math.round(sec))
  const first = STEPS.findIndex(([, size]) => whole >= size)
  if (first === -1) return `0${SPACE}s`
  const [unit, size] = STEPS[first]!
  const text = `${Math.floor(whole / size)}${SPACE}${unit}`
  const next = STEPS[first + 1]
  const rest = next === undefined ? 0 : Math.floor((whole % size) / next[1])
  return rest === 0 || unit === 'min' ? text : `${text} ${rest}${SPACE}${next![0]}`
}

/** `nowMs`: of the same clock, the gateway's. */
export function ago(iso: string, nowMs: number): string {
  const sec = (nowMs - Date.parse(iso)) / 1000
  return sec < 2 ? 'just now' : `${duration(sec)} ago`
}

export function until(iso: string, nowMs: number): string {
  const sec = (Date.parse(iso) - nowMs) / 1000
  return sec < 1 ? 'now' : `in ${duration(sec)}`
}

/** In the zone of who looks. */
export function timeOfDay(iso: string): string {
  const at = new Date(iso)
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':')
}

export function dateAndTime(iso: string): string {
  const at = new Date(iso)
  return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, '0')}-${String(at.getDate()).padStart(2, '0')} ${timeOfDay(iso)}`
}

export function plural(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`
}

export function percent(part: number, whole: number): number {
  return whole <= 0 ? 0 : Math.min(100, (part / whole) * 100)
}
