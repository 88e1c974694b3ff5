// Where a check stands: a value of the tree, its path in the file, and the run that collects what is wrong.
//
// A check never throws and never stops at the first mistake: it reports at its place and answers `undefined`. What can be
// checked without the wrong value is still checked.
import type { ErrorCode } from '../errors.ts'
import { Lines } from './lines.ts'
import type { StoredSecrets } from './stored-secrets.ts'
import { treeOf, type Tree } from './yaml.ts'

export interface Problem {
  readonly code: ErrorCode
  /** From 1; column counts UTF-16 units. */
  readonly line: number
  readonly column: number
  /** `sensors[0].serial.baud`; empty for the file as a whole. */
  readonly path: string
  readonly message: string
  readonly hint: string
}

/** Where secrets that do not stand in the file come from, and what a missing one means. */
export interface SecretSource {
  /** `skip`: nothing is read. `optional`: a missing one is a warning. `require`: it is a problem. */
  readonly mode: 'require' | 'optional' | 'skip'
  readonly env: Readonly<Record<string, string | undefined>>
  /** Those that the gateway has stored. elsewhere: the file is another machine's, and they cannot be looked at. */
  readonly stored?: StoredSecrets | 'elsewhere'
}

/** A secret that stands in the file as text. */
export interface WrittenSecret {
  readonly path: string
  /** Offset of its value in the text. */
  readonly start: number
  readonly bytes: Buffer
  /** Absolute path of the file that the value names and the secret stands in; null when the value is the secret. */
  readonly file: string | null
}

/** What is known of the board besides what the file says. */
export interface BoardSource {
  /** By `--board`: holds instead of what the file says. */
  readonly given: string | null
  /** By the device tree of this machine: holds for `auto`. */
  readonly detected: string | null
}

/** One check of one text. */
export class Run {
  readonly problems: Problem[] = []
  readonly warnings: Problem[] = []
  /** Values of `{name}` in topics and client identifiers. */
  readonly placeholders: ReadonlyMap<string, string>
  /** Relative paths in the file start here. */
  readonly folder: string
  /** A relative folder for the store starts here. */
  readonly storeFolder: string
  readonly secrets: SecretSource
  /** As it stands in `where` of a rule. */
  readonly fileName: string
  readonly text: string
  readonly board: BoardSource
  /** Absolute paths of the files that were read for values: when one changes, the configuration has changed. */
  readonly files = new Set<string>()
  /** In the order of the checks. */
  readonly writtenSecrets: WrittenSecret[] = []
  readonly #lines: Lines
  readonly #seen = new Set<string>()

  constructor(text: string, folder: string, site: string, secrets: SecretSource, fileName = 'gateway.yaml', board: BoardSource = { given: null, detected: null }, storeFolder = folder) {
    this.text = text
    this.board = board
    this.fileName = fileName
    this.folder = folder
    this.storeFolder = storeFolder
    this.secrets = secrets
    this.placeholders = new Map([['site', site]])
    this.#lines = new Lines(text)
  }

  lineAt(offset: number): number {
    return this.#lines.at(offset).line
  }

  problem(start: number, path: string, message: string, hint: string, code: ErrorCode = 'E_CONFIG'): void {
    const problem = { code, ...this.#lines.at(start), path, message, hint }
    // An anchored value is checked at each of its uses; its mistake is one mistake.
    const key = `${start} ${message}`
    if (!this.#seen.has(key)) this.problems.push(problem)
    this.#seen.add(key)
  }

  warning(start: number, path: string, message: string, hint: string, code: ErrorCode = 'E_CONFIG'): void {
    this.warnings.push({ code, ...this.#lines.at(start), path, message, hint })
  }
}

export class Place {
  readonly run: Run
  readonly tree: Tree
  readonly path: string

  constructor(run: Run, tree: Tree, path: string) {
    this.run = run
    this.tree = tree
    this.path = path
  }

  /** The value's name in a sentence. */
  get name(): string {
    return this.path === '' ? 'the file' : `\`${this.path.slice(this.path.lastIndexOf('.') + 1)}\``
  }

  /** For people who know the file: `gateway.yaml line 12`. */
  get where(): string {
    return `${this.run.fileName} line ${this.run.lineAt(this.tree.start)}`
  }

  /** The place of a key's value; the map's own when the key is not there, so that a report always has a line. */
  key(key: string): Place {
    const entry = this.tree.kind === 'map' ? this.tree.entries.get(key) : undefined
    return new Place(this.run, entry?.value ?? this.tree, this.#childPath(key))
  }

  item(index: number): Place {
    return this.tree.kind === 'list' ? new Place(this.run, this.tree.items[index]!, `${this.path}[${index}]`) : this
  }

  /** A value that is not in the file, for the check of a default. */
  default(key: string, plain: unknown): Place {
    return new Place(this.run, treeOf(plain, this.tree.start), this.#childPath(key))
  }

  has(key: string): boolean {
    return this.tree.kind === 'map' && this.tree.entries.has(key)
  }

  /** `key:` with nothing behind it. */
  get isEmpty(): boolean {
    return this.tree.kind === 'scalar' && this.tree.value === null
  }

  problem(message: string, hint: string, code?: ErrorCode): undefined {
    this.run.problem(this.tree.start, this.path, message, hint, code)
  }

  warning(message: string, hint: string, code?: ErrorCode): void {
    this.run.warning(this.tree.start, this.path, message, hint, code)
  }

  /** A problem with a key itself, not with its value. */
  keyProblem(key: string, message: string, hint: string): undefined {
    const entry = this.tree.kind === 'map' ? this.tree.entries.get(key) : undefined
    this.run.problem(entry?.keyStart ?? this.tree.start, this.#childPath(key), message, hint)
  }

  /** The value is of the wrong kind. `secret` keeps it out of logs. */
  wrong(expected: string, hint: string, secret = false): undefined {
    this.problem(`${this.name} must be ${expected}, found ${this.#found(secret)}`, this.#betterHint() ?? hint)
  }

  #found(secret: boolean): string {
    const { tree } = this
    if (tree.kind === 'map') return 'a group of keys'
    if (tree.kind === 'list') return 'a list'
    if (tree.value === null) return 'nothing'
    const what = typeof tree.value === 'string' ? 'the text' : typeof tree.value === 'number' ? 'the number' : ''
    if (secret) return what === '' ? 'true or false' : what
    const shown = typeof tree.value === 'string' ? `"${clip(tree.value)}"` : clip(tree.source)
    return `${what} ${shown}`.trimStart()
  }

  // Two traps of YAML that no general hint explains.
  #betterHint(): string | null {
    const { tree, run } = this
    if (tree.kind === 'map' && tree.entries.size === 1) {
      const [key, entry] = [...tree.entries][0]!
      if (run.placeholders.has(key) && entry.value.kind === 'scalar' && entry.value.value === null) return `put quotes around it: "{${key}}"`
    }
    if (this.isEmpty && /^[ \t]*#/.test(run.text.slice(tree.start, tree.start + 80))) return 'text behind # is a comment: put quotes around a value with #'
    return null
  }

  #childPath(key: string): string {
    return this.path === '' ? clip(key) : `${this.path}.${clip(key)}`
  }
}

/** What is quoted in a message stays one line of a terminal. */
export function clip(text: string): string {
  const line = text.replaceAll(/[^\P{C}]/gu, '·')
  return line.length <= 40 ? line : `${line.slice(0, 39)}…`
}
