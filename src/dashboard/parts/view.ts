// What a view is, and what it is given to work with.
import type { Api } from './api.ts'
import type { Recent } from './recent.ts'
import type { Site } from './site.ts'

export interface View {
  readonly element: HTMLElement
  /** Paths that are to be asked in every round, as long as it is shown. */
  readonly needs: readonly string[]
  /** After each round, and when it is shown. */
  update(site: Site): void
  /** It is not shown any more. */
  leave?(): void
}

export interface Desk {
  readonly api: Api
  readonly site: Site
  readonly recent: Recent
  /** In a corner, for a moment; screen readers say it. */
  say(text: string, kind?: 'good' | 'bad'): void
  /** Does it, says what became of it, and looks again. Answers whether it was done. */
  act(what: () => Promise<unknown>, done: string): Promise<boolean>
  /** Looks now. */
  refresh(): void
}

export type MakeView = (desk: Desk) => View
