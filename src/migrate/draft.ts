// The gateway.yaml that is being made: what goes into it, from which line it comes, and what has to stay out of it and why.
import type { Line } from './conf-file.ts'

export type Plain = string | number | boolean | readonly Plain[] | { readonly [key: string]: Plain }

/** One key, with the groups it is in: `broker.sessionQueue.maxSize`. */
export interface Setting {
  readonly path: string
  readonly value: Plain
  /** The line that asks for it. */
  readonly line: Line
}

/** A listener, an uplink, a route or a file under `access`. */
export interface Item {
  /** The line it begins with; null for what is there without one. */
  readonly line: Line | null
  readonly value: Readonly<Record<string, Plain>>
  /** Why it is written as a comment only. Empty: it is written. */
  readonly reasons: string[]
}

export interface UplinkItem extends Item {
  readonly routes: readonly Item[]
  /** Goes to a file of its own, which the uplink refers to. */
  readonly password: { readonly text: string; readonly line: Line } | null
}

export interface Draft {
  readonly site: string
  settings: readonly Setting[]
  /** Each with one key of `access`. */
  readonly access: readonly Item[]
  readonly listeners: readonly Item[]
  readonly uplinks: readonly UplinkItem[]
}

const REASONS_MAX = 10

/** One more reason to leave an item out. Ten are enough to begin with. */
export function addReason(reasons: string[], reason: string): void {
  if (reasons.length < REASONS_MAX && !reasons.includes(reason)) reasons.push(reason)
}

export function written<T extends Item>(items: readonly T[]): readonly T[] {
  return items.filter((item) => item.reasons.length === 0)
}
