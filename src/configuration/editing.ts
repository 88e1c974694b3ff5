// A configuration as somebody edits it from afar: its secrets are hidden in what he gets, and come back into what he sends. Pure, but for a key.
//
// What is always true: no answer has a secret in it, and no digest tells about one: it is keyed, and the key ends with the process.
import { randomBytes } from 'node:crypto'
import type { Config } from '../config/config.ts'
import { hideSecrets, restoreSecrets } from '../config/hidden.ts'
import { Lines } from '../config/lines.ts'
import type { Accepted, LoadResult, Problem } from '../config/load.ts'

export interface Checked {
  /** In the order of the text that was sent, with its lines and columns. */
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
  /** With its secrets; null when it cannot be taken. */
  readonly whole: string | null
  readonly config: Config | null
  /** Sections that only a start can change; empty for a text with mistakes. */
  readonly needsStart: readonly string[]
}

type Known = Pick<Accepted, 'text' | 'secrets'>

export class Editing {
  readonly #key = randomBytes(16).toString('hex')
  readonly #digest: (text: string) => string

  constructor(digest: (text: string) => string) {
    this.#digest = digest
  }

  digestOf(text: string): string {
    return this.#digest(this.#key + text)
  }

  /** null when a secret cannot be hidden. */
  shown({ text, secrets }: Known): string | null {
    return hideSecrets(text, secrets)
  }

  /** `current`: what `shown` has shown. */
  check(sent: string, current: Known, checkText: (whole: string) => LoadResult, needsStart: (config: Config) => readonly string[]): Checked {
    const { text, unknown, offsetInMarked } = restoreSecrets(sent, current.text, current.secrets)
    const lines = new Lines(sent)
    if (unknown.length > 0) {
      const problems = unknown.map(({ start }): Problem => ({ code: 'E_SECRET', ...lines.at(start), path: '', message: 'no secret is hidden here', hint: 'write the secret itself, or the mark that stood in its place' }))
      return { problems, warnings: [], whole: null, config: null, needsStart: [] }
    }
    const starts = lineStarts(text)
    const asSent = (problem: Problem): Problem => ({ ...problem, ...lines.at(offsetInMarked((starts[problem.line - 1] ?? 0) + problem.column - 1)) })
    const result = checkText(text)
    if ('problems' in result) return { problems: result.problems.map(asSent), warnings: [], whole: null, config: null, needsStart: [] }
    return { problems: [], warnings: result.warnings.map(asSent), whole: text, config: result.config, needsStart: needsStart(result.config) }
  }
}

function lineStarts(text: string): number[] {
  const starts = [0]
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) starts.push(i + 1)
  return starts
}
