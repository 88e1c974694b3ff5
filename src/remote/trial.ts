// The gateway's configuration as `config` asks for it: the same trial that the API gives, its refusals in the words of a command.
import { CONFIRM_MS_MAX, type Configuration, ConfigurationRefused } from '../configuration/configuration.ts'
import type { CheckedProblem, ConfigurationTrial } from './configuration.ts'
import { Refusal } from './request.ts'

export const CONFIRM_SEC_MAX = CONFIRM_MS_MAX / 1000

type Parts = Pick<Configuration, 'view' | 'check' | 'try' | 'confirm' | 'revert'>

export function trialOf(configuration: Parts): ConfigurationTrial {
  return {
    state() {
      const { digest, inForce, fixedBecause, needsStart, trial, lastTrial } = configuration.view()
      return {
        digest,
        source: inForce.source,
        writable: fixedBecause === null,
        ...(needsStart.length === 0 ? {} : { needsRestart: needsStart }),
        trial: trial === null ? null : { digest: trial.digest, confirmWithinSec: Math.ceil(trial.leftMs / 1000) },
        last: lastTrial?.outcome ?? null,
      }
    },
    text() {
      const { text } = configuration.view()
      if (text === null) throw new Refusal('a secret in it cannot be hidden: look at it on the machine')
      return text
    },
    check(text) {
      const { problems, warnings, config, needsStart } = configuration.check(text)
      const told = (severity: CheckedProblem['severity']) => ({ line, column, message }: Omit<CheckedProblem, 'severity'>): CheckedProblem => ({ severity, line, column, message })
      return { valid: config !== null, problems: [...problems.map(told('error')), ...warnings.map(told('warning'))], restart: needsStart.length > 0 }
    },
    async apply(text, digest, confirmWithinSec) {
      const { needsStart } = configuration.check(text)
      await inWords(configuration.try(text, digest, confirmWithinSec * 1000))
      return { digest: configuration.view().trial?.digest ?? digest, restart: needsStart.length > 0 }
    },
    confirm: () => inWords(configuration.confirm()),
    revert: () => inWords(configuration.revert()),
  }
}

async function inWords(done: Promise<void>): Promise<void> {
  try {
    await done
  } catch (error) {
    if (!(error instanceof ConfigurationRefused)) throw error
    const [first] = error.problems
    throw new Refusal(first === undefined ? error.message : `${error.message}: ${first.line}:${first.column} ${first.message}`)
  }
}
