// Which configuration runs: the file's; where it has a mistake or the gateway cannot start with it, the last one that worked; where there is none
// either, a safe default. `run` and `apply` choose here, so that network and broker are those of one configuration.
//
//   on trial ── none, or it does not start ─► the file ── a mistake, or it does not start ─► last good ── none, or it does not start ─► safe default
//
// What is always true: whatever the file and the state folder hold, nothing throws, and with a default allowed there is a candidate. A trial was written by
// the gateway's user: who may log in to the machine (`ssh`) is for the file to say, and a trial that says otherwise is none.
import { isDeepStrictEqual } from 'node:util'
import type { Config } from './config.ts'
import { safeDefaultText } from './default.ts'
import { loadLastGood } from './last-good.ts'
import { type Accepted, checkText, loadConfig, type LoadOptions, type Refused } from './load.ts'
import type { Moment } from '../this-start.ts'
import { trialIn } from './trial.ts'
import { type Sources, sourcesOf } from './watch.ts'

/** trial: what somebody tries from afar (trial.ts). file: what the user wrote. last-good: the last that worked. default: what every machine can do. */
export const CONFIG_SOURCES = ['trial', 'file', 'last-good', 'default'] as const

export type ConfigSource = (typeof CONFIG_SOURCES)[number]

export interface Candidate extends Accepted {
  readonly source: ConfigSource
  /** For people. */
  readonly name: string
}

export interface ChooseOptions {
  /** The gateway's state folder; null: last good configurations lie with the store. */
  readonly state: string | null
  readonly lastGood: boolean
  readonly orDefault: boolean
  readonly detectedBoard: string | null
  /** Now, for whoever takes what is on trial; null: nobody here does. */
  readonly moment: Moment | null
}

export interface Choices {
  /** Why the file is not the first candidate; null when it is. */
  readonly refused: Refused | null
  /** The files of the file's configuration, as they were when they were read. */
  readonly sources: Sources
  /** Where the last good one lies, and what is on trial. */
  readonly folder: string
  /** In the order in which they are to be tried. Each is read when it is asked for. */
  candidates(): Generator<Candidate>
}

export function chooseConfig(file: string, options: ChooseOptions): Choices {
  const here: LoadOptions = { detectedBoard: options.detectedBoard, state: options.state }
  const result = loadConfig(file, here)
  const sources = sourcesOf(file, result.files)
  const refused = 'problems' in result ? result : null
  const folder = options.state ?? (refused === null ? (result as Accepted).config.store.path : refused.storePath)
  function* confirmed(): Generator<Candidate> {
    if (!('problems' in result)) yield { ...result, source: 'file', name: file }
    const old = options.lastGood ? lastGood(folder, file, here) : null
    if (old !== null && old.text !== result.text) yield { ...old, source: 'last-good', name: `last good ${file}` }
    if (options.orDefault) yield { ...safeDefault(file, here), source: 'default', name: 'the safe default' }
  }
  return {
    refused,
    sources,
    folder,
    *candidates() {
      const trial = options.moment === null ? null : trialIn(folder, options.moment)
      const tried = trial === null || trial.text === result.text ? null : onTrial(trial.text, file, here, confirmed().next().value)
      if (tried !== null) yield { ...tried, source: 'trial', name: 'the configuration on trial' }
      yield* confirmed()
    },
  }
}

/** null when it has mistakes by now, or is none that may be tried. */
function onTrial(text: string, file: string, here: LoadOptions, instead: Candidate | undefined): Accepted | null {
  const result = checkText(text, file, here)
  return 'problems' in result || (instead !== undefined && !mayBeTried(result.config, instead.config)) ? null : result
}

/** Who may log in to the machine is not for the gateway's user to say. */
export function mayBeTried(config: Config, instead: Config): boolean {
  return isDeepStrictEqual(config.ssh, instead.ssh)
}

function lastGood(folder: string, file: string, here: LoadOptions): Accepted | null {
  const text = loadLastGood(folder)
  const result = text === null ? null : checkText(text, file, { ...here, secrets: 'optional' })
  return result === null || 'problems' in result ? null : result
}

function safeDefault(file: string, here: LoadOptions): Accepted {
  const result = checkText(safeDefaultText(), file, here)
  if ('problems' in result) throw new Error(`the safe default is broken: ${result.problems[0]!.message}`)
  return result
}
