// Numbers that survive a restart: what budgets have spent, pulses counted, names of streams. A number is on flash with the next batch that
// is written, a commit window later at most.
import type { Snapshot } from '../store/store.ts'
import type { Journal } from './journal.ts'

export class Numbers {
  readonly #known: Map<string, number>
  readonly #journal: Pick<Journal, 'change'>

  constructor({ values }: Pick<Snapshot, 'values'>, journal: Pick<Journal, 'change'>) {
    this.#known = new Map(values.map(({ key, value }) => [key, value]))
    this.#journal = journal
  }

  get all(): ReadonlyMap<string, number> {
    return this.#known
  }

  get(key: string): number | undefined {
    return this.#known.get(key)
  }

  /** Nothing is written for a number that is kept already. */
  set(key: string, value: number): void {
    if (this.#known.get(key) === value) return
    this.#known.set(key, value)
    this.#journal.change({ kind: 'value', key, value }, false)
  }

  delete(key: string): void {
    if (this.#known.delete(key)) this.#journal.change({ kind: 'value-end', key }, false)
  }
}
