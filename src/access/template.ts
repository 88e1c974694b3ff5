// A level of a rule's filter with placeholders, and what it comes to for a client. Pure.
//
// What is always true: a value is one level or a part of one. One that could be more (empty, with + # / or U+0000, or with $ where the
// level begins a topic) is UNSAFE, whatever the level makes of it: no client widens a rule by its name.
import { PLACEHOLDER } from '../placeholder.ts'
import type { Identity } from './identity.ts'

/** A client as the rules see it. */
export type Subject = Pick<Identity, 'username' | 'tenant' | 'roles' | 'claims' | 'grants'> & { readonly clientId: string }

/** The client has a value that cannot stand in a topic. */
export const UNSAFE: unique symbol = Symbol('unsafe')
type Value = string | typeof UNSAFE | null

export class Template {
  /** Text and names of placeholders in turn, text first. */
  readonly #parts: readonly string[]

  private constructor(parts: readonly string[]) {
    this.#parts = parts
  }

  /** null for a level without placeholders. */
  static of(level: string): Template | null {
    const parts = level.split(PLACEHOLDER) // a group in the pattern puts what it found between the pieces
    return parts.length === 1 ? null : new Template(parts)
  }

  /** The level for this client; null when the client has no such value. `isFirst`: the first one of a topic. */
  valueFor(subject: Subject, isFirst: boolean): Value {
    const parts = this.#parts
    let level = parts[0]!
    let safe = true
    for (let i = 1; i < parts.length; i += 2) {
      const value = valueOf(parts[i]!, subject)
      if (value === null) return null
      if (value === UNSAFE || !fitsLevel(value)) safe = false
      else level += value + parts[i + 1]!
    }
    return safe && !(isFirst && level.startsWith('$')) ? level : UNSAFE
  }
}

function fitsLevel(value: string): boolean {
  return value !== '' && !/[+#/\0]/.test(value)
}

function valueOf(name: string, subject: Subject): Value {
  switch (name) {
    case 'clientId':
      return subject.clientId
    case 'username':
      return subject.username
    case 'tenant':
      return subject.tenant === '' ? null : subject.tenant // the gateway's own space has no name
    default:
      return textOf(claimOf(name.slice('claims.'.length), subject.claims))
  }
}

/** A name with dots is a claim of that name, or else a way into a claim. */
function claimOf(name: string, claims: unknown): unknown {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined
  if (Object.hasOwn(claims, name)) return (claims as Record<string, unknown>)[name]
  const dot = name.indexOf('.')
  if (dot < 0 || !Object.hasOwn(claims, name.slice(0, dot))) return undefined
  return claimOf(name.slice(dot + 1), (claims as Record<string, unknown>)[name.slice(0, dot)])
}

function textOf(claim: unknown): Value {
  if (claim === undefined || claim === null) return null
  if (typeof claim === 'string') return claim
  return typeof claim === 'number' || typeof claim === 'boolean' ? String(claim) : UNSAFE // a list is no level
}
