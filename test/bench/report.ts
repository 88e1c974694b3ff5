// From samples to a table: medians, spread, and the ratio of the first broker to Mosquitto. Everything measured is in the
// JSON, sample by sample.

export type Unit = 'per second' | 'ms' | 'ns' | '%' | 'MB' | 'KB' | 'bytes' | 'messages' | 'connections'

export interface Row {
  readonly metric: string
  readonly unit: Unit
  readonly value: number
}

/** What one work measured with one broker in one repetition. Faults are promises of MQTT that were broken; notes are not. */
export interface Outcome {
  readonly rows: readonly Row[]
  readonly faults?: readonly string[]
  readonly notes?: readonly string[]
}

export interface Series {
  readonly work: string
  readonly metric: string
  readonly unit: Unit
  readonly samples: Record<string, number[]>
}

export function median(samples: readonly number[]): number {
  const sorted = samples.filter(Number.isFinite).toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export class Report {
  readonly series: Series[] = []
  readonly faults: string[] = []
  readonly notes = new Map<string, Set<string>>()

  add(work: string, broker: string, outcome: Outcome): void {
    for (const { metric, unit, value } of outcome.rows) {
      let series = this.series.find((s) => s.work === work && s.metric === metric)
      if (series === undefined) this.series.push((series = { work, metric, unit, samples: {} }))
      ;(series.samples[broker] ??= []).push(value)
    }
    for (const fault of outcome.faults ?? []) this.fault(work, broker, fault)
    for (const note of outcome.notes ?? []) this.note(work, `${broker}: ${note}`)
  }

  fault(work: string, broker: string, fault: string): void {
    this.faults.push(`${work}, ${broker}: ${fault}`)
  }

  note(work: string, note: string): void {
    const notes = this.notes.get(work) ?? new Set<string>()
    this.notes.set(work, notes.add(note))
  }

  /** One work's rows. `brokers` in the order of the columns; the ratio is the first one's to Mosquitto's. */
  table(work: string, title: string, brokers: readonly string[]): string {
    const [first] = brokers
    const ratio = brokers.length > 1 && brokers.includes('mosquitto') && first !== 'mosquitto'
    const head = ['', ...brokers, ...(ratio ? [`${first}/mosquitto`] : [])]
    const rows = this.series
      .filter((s) => s.work === work)
      .map((s) => {
        const cells = brokers.map((b) => cell(s.samples[b] ?? [], s.unit))
        // A percentage is a ratio already.
        if (ratio) cells.push(s.unit === '%' ? '–' : quotient(median(s.samples[first!] ?? []), median(s.samples['mosquitto'] ?? [])))
        return [`${s.metric}, ${s.unit}`, ...cells]
      })
    const widths = head.map((_, i) => Math.max(...[head, ...rows].map((r) => r[i]!.length)))
    const line = (cells: string[]): string => cells.map((c, i) => (i === 0 ? c.padEnd(widths[i]!) : c.padStart(widths[i]! + 3))).join('')
    const below = [...[...(this.notes.get(work) ?? [])].map((n) => `  ${n}`), ...this.faults.filter((f) => f.startsWith(`${work},`)).map((f) => `  FAULT ${f}`)]
    return [`${work} · ${title}`, ...[head, ...rows].map((r) => `  ${line(r)}`.trimEnd()), ...below, ''].join('\n')
  }
}

function cell(samples: readonly number[], unit: Unit): string {
  if (samples.length === 0) return '–'
  const middle = median(samples)
  if (unit === '%') return `${format(middle, unit)}${samples.length < 3 ? '' : ` ±${format((Math.max(...samples) - Math.min(...samples)) / 2, unit)}`}`
  const spread = samples.length < 3 || middle === 0 ? '' : ` ±${Math.round((50 * (Math.max(...samples) - Math.min(...samples))) / Math.abs(middle))}%`
  return `${format(middle, unit)}${spread}`
}

export function format(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return '?'
  if (unit === 'ms') return value.toFixed(Math.abs(value) < 10 ? 3 : 1)
  if (unit === '%') return value.toFixed(2)
  if (unit === 'MB' || unit === 'KB' || unit === 'ns') return value.toFixed(1)
  if (Math.abs(value) >= 1e6) return `${(value / 1e6).toFixed(2)} M`
  if (unit === 'per second' && value >= 1000) return `${(value / 1000).toFixed(1)} k`
  return Math.round(value).toLocaleString('en-US')
}

function quotient(a: number, b: number): string {
  const q = a / b
  if (!Number.isFinite(q) || b <= 0) return '–'
  return `${q.toPrecision(q >= 1000 ? 4 : 3)}×`
}
