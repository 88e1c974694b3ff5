// Which configuration runs: the file's; where it has a mistake or the gateway cannot start with it, the last one that worked; where there is none
// either, a safe default. `run` and `apply` choose here, so that network and broker are those of one configuration.
//
//   the file ── a mistake, or it does not start ─► last good ── none, or it does not start ─► safe default
//
// What is always true: whatever the file and the state folder hold, nothing throws, and with a default allowed there is a candidate.
import { safeDefaultText } from './default.ts'
import { loadLastGood } from './last-good.ts'
import { type Accepted, checkText, loadConfig, type LoadOptions, type Refused } from './load.ts'
import { type Sources, sourcesOf } from './watch.ts'

/** file: what the user wrote. last-good: the last that worked. default: what every machine can do. */
export type ConfigSource = 'file' | 'last-good' | 'default'

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
}

export interface Choices {
  /** Why the file is not the first candidate; null when it is. */
  readonly refused: Refused | null
  /** The files of the file's configuration, as they were when they were read. */
  readonly sources: Sources
  /** In the order in which they are to be tried. Each is read when it is asked for. */
  candidates(): Generator<Candidate>
}

export function chooseConfig(file: string, options: ChooseOptions): Choices {
  const here: LoadOptions = { detectedBoard: options.detectedBoard, state: options.state }
  const result = loadConfig(file, here)
  const sources = sourcesOf(file, result.files)
  const refused = 'problems' in result ? result : null
  const folder = options.state ?? (refused === null ? (result as Accepted).config.store.path : refused.storePath)
  return {
    refused,
    sources,
    *candidates() {
      if (!('problems' in result)) yield { ...result, source: 'file', name: file }
      const old = options.lastGood ? lastGood(folder, file, here) : null
      if (old !== null && old.text !== result.text) yield { ...old, source: 'last-good', name: `last good ${file}` }
      if (options.orDefault) yield { ...safeDefault(file, here), source: 'default', name: 'the safe default' }
    },
  }
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
