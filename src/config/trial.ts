// A configuration on trial: in force until a moment, unless somebody confirms it by then. It lies in the gateway's state folder beside the last good one,
// and the file stays as it is.
//
// What is always true: a trial counts for one start of the machine and until its moment, by the time since that start, and no clock or power cut makes it
// longer. The record is whole or not there. It may hold passwords: only its owner reads it, and what is over keeps no text.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from '../replace-file.ts'
import type { Moment } from '../this-start.ts'
import { readUntrusted } from '../untrusted-file.ts'
import { digestOf } from './digest.ts'

export const TRIAL_FILE = 'trial.json'
/** A text has 256 kB, and JSON may double it. */
const BYTES_MAX = 600_000

export interface Trial {
  readonly text: string
  /** Of the text (digest.ts). */
  readonly digest: string
  readonly boot: string
  /** Since that start of the machine. */
  readonly untilMs: number
  /** How long somebody has to confirm it, from when the gateway has started with it; null when that counts already. */
  readonly confirmMs: number | null
}

/** A slow board with a large store starts in this time. */
const START_MS_MAX = 120_000

/** confirmed: the file says it now. failed: the gateway does not start with it. */
export const TRIAL_OUTCOMES = ['confirmed', 'reverted', 'expired', 'failed'] as const

export interface TrialEnd {
  readonly digest: string
  readonly outcome: (typeof TRIAL_OUTCOMES)[number]
  /** In words; null when the outcome says it all. */
  readonly why: string | null
}

/** On flash when this returns. `needsStart`: it counts from the start of the gateway with it, which may take a while. Throws the file system's error. */
export function keepTrial(folder: string, text: string, { boot, sinceBootMs }: Moment, confirmMs: number, needsStart = false): Trial {
  const untilMs = Math.round(sinceBootMs + confirmMs + (needsStart ? START_MS_MAX : 0))
  const trial: Trial = { text, digest: digestOf(text), boot, untilMs, confirmMs: needsStart ? confirmMs : null }
  write(folder, trial)
  return trial
}

/** The gateway runs with it: from now on somebody has his time. Of later starts with it none begins that anew. Throws the file system's error. */
export function beginTrial(folder: string, trial: Trial, { sinceBootMs }: Moment): Trial {
  if (trial.confirmMs === null) return trial
  const begun: Trial = { ...trial, untilMs: Math.min(trial.untilMs, Math.round(sinceBootMs + trial.confirmMs)), confirmMs: null }
  write(folder, begun)
  return begun
}

/** What has become of the trial. Throws the file system's error: then it counts until its moment all the same. */
export function endTrial(folder: string, end: TrialEnd): void {
  write(folder, end)
}

/** The trial that counts now; null when there is none. */
export function trialIn(folder: string, { boot, sinceBootMs }: Moment): Trial | null {
  const trial = keptTrial(folder)
  return trial !== null && trial.boot === boot && sinceBootMs < trial.untilMs ? trial : null
}

/** A trial of which nobody has said what became of it, whether it counts or not. */
export function keptTrial(folder: string): Trial | null {
  const { text, digest, boot, untilMs, confirmMs } = recordIn(folder)
  const isWhole = typeof text === 'string' && typeof boot === 'string' && typeof untilMs === 'number' && digest === digestOf(text)
  return isWhole ? { text, digest, boot, untilMs, confirmMs: typeof confirmMs === 'number' ? confirmMs : null } : null
}

/** What became of the last one; null when that is not known. */
export function lastTrialIn(folder: string): TrialEnd | null {
  const { digest, outcome, why } = recordIn(folder)
  const known = TRIAL_OUTCOMES.find((one) => one === outcome)
  return known !== undefined && typeof digest === 'string' ? { digest, outcome: known, why: typeof why === 'string' ? why : null } : null
}

// The folder is the gateway's, and root reads it too.
function recordIn(folder: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(readUntrusted(join(folder, TRIAL_FILE), BYTES_MAX) ?? '{}') ?? {}) as Record<string, unknown>
  } catch {
    return {} // no record: nothing is on trial
  }
}

function write(folder: string, record: Trial | TrialEnd): void {
  mkdirSync(folder, { recursive: true })
  replaceFile(join(folder, TRIAL_FILE), Buffer.from(JSON.stringify(record)), { mode: 0o600 })
}
