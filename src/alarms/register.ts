// All conditions of the gateway and which of them are alarms now. Pure: figures in; what is to be shown, and what has to survive, out.
//
//   seen ─► conditions ─► raised ─┬─ cleared by the operator: known, not shown until it was over and comes again
//                                 └─ shown, SHOWN_MAX of a kind; the others of that kind as one alarm that counts them
//
// What is always true
//   1. What is not told of any more (its uplink, sensor or link has left the configuration) is over.
//   2. An alarm keeps its time and its words while it lasts.
//   3. An alarm that is over leaves its place to one of its kind that had none.
import { type Condition, type Rule, STANDING, step, UNSEEN } from './condition.ts'
import { isKind, KINDS, type KindName, type Severity, SEVERITIES } from './kinds.ts'
import type { Seen } from './observe.ts'

/** Alarms of one kind that are shown by themselves: who has a hundred sensors gone has one cause to look for. */
export const SHOWN_MAX = 20

export interface Standing {
  /** `uplink-down/cloud`, or the kind alone. */
  readonly name: string
  readonly kind: KindName
  readonly of: string | null
  readonly severity: Severity
  readonly isCleared: boolean
  /** As times are kept on flash (stored-time.ts). */
  readonly sinceStoredMs: number
  readonly message: string
  readonly hint: string
  /** As it was seen last; null while it is not known. */
  readonly value: number | null
  readonly unit: string | null
}

/** What has changed: for flash and for counters. */
export interface Change {
  readonly name: string
  readonly to: 'raised' | 'cleared' | 'over'
  readonly sinceStoredMs: number
}

/** Of an earlier run. */
export interface Kept {
  readonly name: string
  readonly sinceStoredMs: number
  readonly isCleared: boolean
}

interface Entry {
  readonly kind: KindName
  readonly of: string | null
  readonly rule: Rule
  /** Number of the look at which it was told of last. */
  seenAt: number
  condition: Condition
  value: number | null
  /** The words are those of an earlier run, which did not say why. */
  isRestored: boolean
  /** null while it is no alarm. */
  alarm: { readonly sinceStoredMs: number; message: string; isCleared: boolean } | null
}

export class Register {
  readonly #rules: ReadonlyMap<KindName, Rule>
  readonly #entries = new Map<string, Entry>()
  #looks = 0

  constructor(rules: ReadonlyMap<KindName, Rule>) {
    this.#rules = rules
  }

  /** An alarm of before. false when there is no such kind any more, it is switched off, or nothing of it goes on. */
  restore({ name, sinceStoredMs, isCleared }: Kept): boolean {
    const [kind = '', ...rest] = name.split('/')
    const rule = isKind(kind) ? this.#rules.get(kind) : undefined
    if (!isKind(kind) || rule === undefined || (isCleared && KINDS[kind].isEvent === true)) return false
    const of = rest.length === 0 ? null : rest.join('/')
    const alarm = { sinceStoredMs, message: KINDS[kind].message({ of, rule, detail: null }), isCleared }
    this.#entries.set(name, { kind, of, rule, seenAt: 0, condition: STANDING, value: null, isRestored: true, alarm })
    return true
  }

  /** One look. `nowMs` is monotonic, `storedMs` the same moment as it is kept on flash. */
  look(seen: Iterable<Seen>, nowMs: number, storedMs: number): Change[] {
    const changes: Change[] = []
    this.#looks++
    for (const one of seen) {
      const rule = this.#rules.get(one.kind)
      if (rule === undefined) continue
      const name = nameOf(one.kind, one.of)
      let entry = this.#entries.get(name)
      if (entry === undefined) this.#entries.set(name, (entry = { kind: one.kind, of: one.of, rule, seenAt: 0, condition: UNSEEN, value: null, isRestored: false, alarm: null }))
      entry.seenAt = this.#looks
      const change = judge(name, entry, one, nowMs, storedMs)
      if (change !== null) changes.push(change)
    }
    for (const [name, { seenAt, alarm }] of this.#entries) {
      if (seenAt === this.#looks) continue
      this.#entries.delete(name)
      if (alarm !== null) changes.push({ name, to: 'over', sinceStoredMs: alarm.sinceStoredMs })
    }
    return changes
  }

  /** The operator has seen it. A kind by itself: all of the kind that are not shown by themselves. null when no such alarm is shown. */
  clear(name: string): { readonly alarm: Standing; readonly changes: readonly Change[] } | null {
    const alarm = this.shown().find((one) => one.name === name)
    if (alarm === undefined) return null
    const meant = this.#entries.has(name) ? [name] : this.#hidden(alarm.kind)
    const changes = meant.map((of): Change => {
      const { alarm: standing } = this.#entries.get(of)!
      standing!.isCleared = true
      return { name: of, to: 'cleared', sinceStoredMs: standing!.sinceStoredMs }
    })
    return { alarm: { ...alarm, isCleared: true }, changes }
  }

  /** Alarms that nobody has cleared, the most severe first, then the oldest. */
  shown(): Standing[] {
    const all: Standing[] = []
    for (const [kind, active] of this.#active()) {
      all.push(...active.slice(0, SHOWN_MAX).map(([name, entry]) => standing(name, entry)))
      if (active.length > SHOWN_MAX) all.push(theOthers(kind, active.slice(SHOWN_MAX)))
    }
    return all.sort(bySeverity)
  }

  /** Those that were cleared, and whose cause is still there. */
  cleared(): Standing[] {
    return [...this.#entries].filter(([, { alarm }]) => alarm?.isCleared === true).map(([name, entry]) => standing(name, entry)).sort(bySeverity)
  }

  #hidden(kind: KindName): string[] {
    return (this.#active().get(kind) ?? []).slice(SHOWN_MAX).map(([name]) => name)
  }

  /** By kind, in the order in which they were raised. */
  #active(): ReadonlyMap<KindName, Active[]> {
    const byKind = new Map<KindName, Active[]>()
    for (const [name, entry] of this.#entries) {
      if (entry.alarm === null || entry.alarm.isCleared) continue
      const known = byKind.get(entry.kind)
      if (known === undefined) byKind.set(entry.kind, [[name, entry] as Active])
      else known.push([name, entry] as Active)
    }
    for (const active of byKind.values()) active.sort(([, a], [, b]) => a.alarm.sinceStoredMs - b.alarm.sinceStoredMs)
    return byKind
  }
}

type Active = [name: string, entry: Entry & { alarm: NonNullable<Entry['alarm']> }]

export function nameOf(kind: KindName, of: string | null): string {
  return of === null ? kind : `${kind}/${of}`
}

function judge(name: string, entry: Entry, { of, value, detail }: Seen, nowMs: number, storedMs: number): Change | null {
  const { rule, kind } = entry
  entry.condition = step(entry.condition, value, nowMs, rule)
  entry.value = value
  if (entry.condition.isRaised) {
    if (entry.alarm !== null) {
      if (entry.isRestored && entry.condition.zone === 'bad') {
        entry.alarm.message = KINDS[kind].message({ of, rule, detail })
        entry.isRestored = false
      }
      return null
    }
    entry.alarm = { sinceStoredMs: storedMs, message: KINDS[kind].message({ of, rule, detail }), isCleared: false }
    return { name, to: 'raised', sinceStoredMs: storedMs }
  }
  if (entry.alarm === null) return null
  const { sinceStoredMs } = entry.alarm
  entry.alarm = null
  entry.isRestored = false
  return { name, to: 'over', sinceStoredMs }
}

function standing(name: string, { kind, of, value, alarm }: Entry): Standing {
  const { severity, hint, unit } = KINDS[kind]
  const { isCleared, sinceStoredMs, message } = alarm!
  return { name, kind, of, severity, isCleared, sinceStoredMs, message, hint, value, unit }
}

function theOthers(kind: KindName, others: readonly Active[]): Standing {
  const { severity, hint } = KINDS[kind]
  const message = `${others.length} more of \`${kind}\`, besides the ${SHOWN_MAX} that are shown`
  return { name: kind, kind, of: null, severity, isCleared: false, sinceStoredMs: others[0]![1].alarm.sinceStoredMs, message, hint, value: others.length, unit: 'alarms' }
}

function bySeverity(a: Standing, b: Standing): number {
  return SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) || a.sinceStoredMs - b.sinceStoredMs
}
