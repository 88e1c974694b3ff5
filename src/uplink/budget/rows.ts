// The rows of a budget's tallies among the numbers that survive: `budget/UPLINK/LINK/day/bytes` and so on. What was given to be kept is
// remembered, so that only what has changed is written.
import { ROW_FIELDS, type TallyRow, tallyRow } from './tally.ts'

export const KINDS = ['day', 'month'] as const
export type Kind = (typeof KINDS)[number]

export interface BudgetValue {
  readonly key: string
  readonly value: number
}

export class BudgetRows {
  readonly #prefix: string
  readonly #kept: Map<string, number>

  /** `values`: all numbers that have survived, by key. */
  constructor(uplink: string, link: string, values: ReadonlyMap<string, number>) {
    this.#prefix = `budget/${uplink}/${link}/`
    this.#kept = new Map([...values].filter(([key]) => key.startsWith(this.#prefix)))
  }

  /** As it was given to be kept last, or has survived. */
  row(kind: Kind): TallyRow {
    return tallyRow((field) => this.#kept.get(this.#keyOf(kind, field)))
  }

  /** What has to be written for these rows, in the order of KINDS; they count as given from now on. */
  give(rows: readonly TallyRow[]): BudgetValue[] {
    const values: BudgetValue[] = []
    for (const [i, row] of rows.entries()) {
      for (const field of ROW_FIELDS) {
        const key = this.#keyOf(KINDS[i]!, field)
        if (this.#kept.get(key) === row[field]) continue
        this.#kept.set(key, row[field])
        values.push({ key, value: row[field] })
      }
    }
    return values
  }

  #keyOf(kind: Kind, field: keyof TallyRow): string {
    return `${this.#prefix}${kind}/${field}`
  }
}
