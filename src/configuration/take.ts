// `sandpiper configure`: root's half of a confirmation (writer.ts). What asks is the gateway's user, so nothing of it is trusted: the text comes from the trial
// that counts now, has no mistake, and says nothing else than the file of who may log in to the machine.
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { chooseConfig, mayBeTried } from '../config/choose.ts'
import { checkText } from '../config/load.ts'
import { type Trial, trialIn } from '../config/trial.ts'
import { replaceFile } from '../replace-file.ts'
import type { Moment } from '../this-start.ts'
import { readUntrusted } from '../untrusted-file.ts'
import { ANSWERS, type ConfigureRequest, REQUEST_BYTES_MAX, REQUEST_NAME, requestOf, REQUESTS_FOLDER } from './request.ts'

const GATEWAY_RUNTIME = '/run/sandpiper'
const REQUESTS_MAX = 20
/** Answers that are kept: who asked looks at once. */
const ANSWERS_MAX = 20

export interface TakeOptions {
  readonly file: string
  readonly state: string
  readonly moment: Moment
  readonly detectedBoard: string | null
  /** Writes the file. Throws a sentence or the file system's error. */
  readonly write: (text: string) => void
  /** Where the files of the machine are, for tests. */
  readonly root: string
}

/** Answers every request that lies there once. Answers what went wrong, for the log. */
export function takeConfirmed(options: TakeOptions): readonly string[] {
  const { root } = options
  const answers = join(root, ANSWERS)
  mkdirSync(answers, { recursive: true, mode: 0o755 })
  tidy(answers)
  return taken(join(root, GATEWAY_RUNTIME, REQUESTS_FOLDER)).flatMap(({ id, digest }) => {
    const why = takenOver(digest, options)
    replaceFile(join(answers, `${id}.json`), Buffer.from(JSON.stringify({ why })), { mode: 0o644 })
    return why === null ? [] : [why]
  })
}

/** null when the file has it. */
function takenOver(digest: string, { file, state, moment, detectedBoard, write }: TakeOptions): string | null {
  const trial: Trial | null = trialIn(state, moment)
  if (trial?.digest !== digest) return 'that configuration is not on trial any more'
  const here = { detectedBoard, state, secrets: 'skip' } as const
  const result = checkText(trial.text, file, here)
  if ('problems' in result) return 'the configuration has mistakes'
  const instead = chooseConfig(file, { state, lastGood: true, orDefault: true, detectedBoard, moment: null }).candidates().next().value
  if (instead !== undefined && !mayBeTried(result.config, instead.config)) return 'who may log in to the machine (`ssh`) is changed in the file itself'
  try {
    write(trial.text)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

function taken(folder: string): ConfigureRequest[] {
  return namesIn(folder)
    .filter((name) => REQUEST_NAME.test(name))
    .slice(0, REQUESTS_MAX)
    .flatMap((name) => {
      const request = requestOf(readUntrusted(join(folder, name), REQUEST_BYTES_MAX) ?? '')
      rmSync(join(folder, name), { recursive: true, force: true })
      return request === null ? [] : [request]
    })
}

function tidy(answers: string): void {
  const old = namesIn(answers)
  for (const name of old.slice(0, Math.max(0, old.length - ANSWERS_MAX))) rmSync(join(answers, name), { force: true })
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch {
    return []
  }
}
