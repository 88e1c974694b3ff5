// What a check has found, in words for the person who has to mend it.

/** ok: looked at, and well. warning: it works, but not for long or not for certain. fault: something does not work. unknown: it could not be looked at. */
export const VERDICTS = ['ok', 'warning', 'fault', 'unknown'] as const
export type Verdict = (typeof VERDICTS)[number]

export interface Finding {
  /** Which check, and of what: `port/1883`. */
  readonly name: string
  readonly verdict: Verdict
  readonly what: string
  /** What to do; null where nothing is to be done. */
  readonly hint: string | null
}

export function ok(name: string, what: string): Finding {
  return { name, verdict: 'ok', what, hint: null }
}

export function warning(name: string, what: string, hint: string): Finding {
  return { name, verdict: 'warning', what, hint }
}

export function fault(name: string, what: string, hint: string): Finding {
  return { name, verdict: 'fault', what, hint }
}

export function unknown(name: string, what: string, hint: string | null = null): Finding {
  return { name, verdict: 'unknown', what, hint }
}

const GRAVITY: readonly Verdict[] = ['fault', 'warning', 'unknown', 'ok']

/** The gravest first, otherwise as they were. */
export function byGravity(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => GRAVITY.indexOf(a.verdict) - GRAVITY.indexOf(b.verdict))
}
