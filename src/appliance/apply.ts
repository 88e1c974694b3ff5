// `sandpiper apply`: the configuration that is to run becomes the machine's network, clock, name and keys; what came of it is told to others in
// result.json.
import type { Clock } from '../clock.ts'
import type { Candidate, Choices, ConfigSource } from '../config/choose.ts'
import type { Config } from '../config/config.ts'
import { digestOf } from '../config/digest.ts'
import type { Problem } from '../config/place.ts'
import { sectionsThatNeedStart } from '../config/sections.ts'
import { carryOut } from './carry-out.ts'
import type { Machine } from './machine.ts'
import { APPLY_FOLDER, planOf } from './plan.ts'

const RESULT = `${APPLY_FOLDER}/result.json`
/** The text that was applied, for the next time: what has changed since. It may hold passwords. */
const APPLIED = `${APPLY_FOLDER}/applied.yaml`
const PROBLEMS_MAX = 50

/** What others read: the status of the card, updates. */
export interface ApplyResult {
  /** Wall milliseconds, as the clock was. */
  readonly at: number
  readonly file: string
  /** Whose configuration was applied. */
  readonly source: ConfigSource
  /** Of the applied text (config/digest.ts). */
  readonly digest: string
  /** Of the file's, when it could be read. */
  readonly fileDigest: string | null
  /** Why the file was refused; empty when it was not. */
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
  /** What could not be done. */
  readonly failures: readonly string[]
}

export interface ApplyOptions {
  readonly file: string
  readonly choices: Choices
  readonly machine: Machine
  readonly clock: Clock
  /** Checks a text as it was applied before; null when it is none any more. */
  readonly check: (text: string) => Config | null
}

/** Never throws for what the card holds. The choices must have a candidate. */
export async function apply({ file, choices, machine, clock, check }: ApplyOptions): Promise<ApplyResult> {
  const chosen = choices.candidates().next().value as Candidate
  const before = machine.read(APPLIED)
  const { failures } = await carryOut(planOf(chosen.config), machine, before === null)
  const told = [...failures]
  // What is on trial the gateway has taken itself, and it takes it back itself.
  const isTrial = chosen.source === 'trial' || lastSource(machine) === 'trial'
  if (before !== null && before !== chosen.text && !isTrial && needsStart(check(before), chosen.config)) {
    const { ok, output } = await machine.run('systemctl', ['--no-block', 'try-restart', 'sandpiper.service'])
    if (!ok) told.push(`the gateway was not started anew: ${output}`)
  }
  const { refused } = choices
  const result: ApplyResult = {
    at: clock.wall(),
    file,
    source: chosen.source,
    digest: digestOf(chosen.text),
    fileDigest: refused === null ? digestOf(chosen.text) : refused.text === null ? null : digestOf(refused.text),
    problems: (refused?.problems ?? []).slice(0, PROBLEMS_MAX),
    warnings: chosen.warnings.slice(0, PROBLEMS_MAX),
    failures: told,
  }
  try {
    machine.write(APPLIED, chosen.text, 0o600)
    machine.write(RESULT, `${JSON.stringify(result)}\n`, 0o644)
  } catch (error) {
    return { ...result, failures: [...told, `${RESULT} was not written: ${(error as Error).message}`] }
  }
  return result
}

/** What was applied last; null before the first time. */
export function applyResult(machine: Machine): ApplyResult | null {
  const text = machine.read(RESULT)
  return text === null ? null : (JSON.parse(text) as ApplyResult)
}

function lastSource(machine: Machine): ConfigSource | null {
  try {
    return applyResult(machine)?.source ?? null
  } catch {
    return null // of a write that was cut off
  }
}

function needsStart(before: Config | null, after: Config): boolean {
  return before === null || sectionsThatNeedStart(before, after).length > 0
}
