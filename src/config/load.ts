// gateway.yaml → a frozen Config, or everything that is wrong with it. Nothing here throws for what a file may hold.
//
//   bytes ─ bounded, UTF-8, no control characters ─► YAML tree ─ schema ─► Config ─► frozen
//     E_CONFIG_READ            E_CONFIG               E_CONFIG   E_CONFIG, E_SECRET
//
// When the text is not YAML, only that is reported: what the schema would say of the rest is noise.
import { closeSync, openSync, readSync } from 'node:fs'
import { isUtf8 } from 'node:buffer'
import { basename, dirname, resolve } from 'node:path'
import type { Config } from './config.ts'
import { storePath } from './broker-schema.ts'
import { gateway, site } from './gateway-schema.ts'
import { type BoardSource, Place, Run, type Problem, type SecretSource, type WrittenSecret } from './place.ts'
import type { Schema } from './schema.ts'
import { StoredSecrets } from './stored-secrets.ts'
import { type MapTree, parseYaml, type Tree, treeOf } from './yaml.ts'

export type { Problem } from './place.ts'

export const CONFIG_BYTES_MAX = 256_000

export interface LoadOptions {
  /**
   * Secrets in files and environment variables. `require` (default): a missing one is a problem. `optional`: a warning, and
   * null in the Config; for the last good configuration, which must come up. `skip`: none is read.
   */
  readonly secrets?: SecretSource['mode']
  /** Where `{ env: NAME }` looks; default process.env. */
  readonly env?: SecretSource['env']
  /** The gateway's state folder: its secrets are there, and so is a store with a relative path. null: it has none. Left out: the file is another machine's. */
  readonly state?: string | null
  /** The board it is for, instead of what the file says: an id. */
  readonly board?: string
  /** The board that this machine is, for `board: auto`: an id. What its boot files have switched on is not asked then: it is seen. */
  readonly detectedBoard?: string | null
}

export interface Accepted {
  readonly config: Config
  /** As it was read: for `rememberLastGood`. */
  readonly text: string
  readonly warnings: readonly Problem[]
  /** Those that stand in it as text. */
  readonly secrets: readonly WrittenSecret[]
  /** Absolute paths of the files that it names and that were read: when one changes, the configuration has. */
  readonly files: readonly string[]
}

export interface Refused {
  /** In the order of the file; at least one. */
  readonly problems: readonly Problem[]
  /** What could be read, for the lines in a report; null when nothing could. */
  readonly text: string | null
  /** Where the file most likely wants its store, to look for the last good configuration. */
  readonly storePath: string
  readonly files: readonly string[]
}

export type LoadResult = Accepted | Refused

/** Reads and checks a file. Reads the disk synchronously: at start and reload only. */
export function loadConfig(path: string, options: LoadOptions = {}): LoadResult {
  let bytes: Buffer
  try {
    bytes = readBounded(path)
  } catch (error) {
    return unreadable(path, options, `${path} ${reason(error as NodeJS.ErrnoException)}`)
  }
  if (bytes.length > CONFIG_BYTES_MAX) return unreadable(path, options, `${path} is larger than ${CONFIG_BYTES_MAX / 1e3} kB`)
  return checkBytes(bytes, path, options)
}

/** Checks a text that is in memory. Relative paths in it start at the folder of `fileName`. */
export function checkText(text: string, fileName: string, options: LoadOptions = {}): LoadResult {
  if (Buffer.byteLength(text) > CONFIG_BYTES_MAX) return unreadable(fileName, options, `${fileName} is larger than ${CONFIG_BYTES_MAX / 1e3} kB`)
  const plain = text.startsWith('\uFEFF') ? text.slice(1) : text // a byte order mark, as Windows' Notepad writes it
  const folder = dirname(resolve(fileName))
  const { tree, mistakes, broken } = parseYaml(plain)
  const run = new Run(plain, folder, siteOf(tree), secretSource(options), basename(fileName), boardSource(options), options.state ?? folder)
  const garbage = /[^\P{Cc}\t\r\n\u0085]/u.exec(plain)
  if (garbage !== null) {
    const code = garbage[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
    run.problem(garbage.index, '', `the character U+${code} cannot stand in this file`, 'it is not text, or was damaged: write the file anew')
  } else if (tree === null && !broken) {
    run.problem(0, '', 'the file is empty', 'it needs at least `site: NAME`; everything else has a default')
  } else {
    for (const mistake of mistakes) run.problem(mistake.start, '', mistake.message, mistake.hint)
    const config = broken ? undefined : gateway.check(new Place(run, tree!, ''))
    if (config !== undefined && run.problems.length === 0) return { config: deepFreeze(config), text: plain, warnings: run.warnings, secrets: run.writtenSecrets, files: [...run.files] }
  }
  run.problems.sort((a, b) => a.line - b.line || a.column - b.column)
  return { problems: run.problems, text: plain, storePath: guessStorePath(tree, options.state ?? folder), files: [...run.files] }
}

/**
 * Checks one entry as it would stand under `sensors:`, with a name and a topic where it has none. What is wrong is told with the entry's own lines.
 * `base`: a text that was accepted, whose site, board, buses and tenants hold for the entry; null for none.
 */
export function checkEntry(entry: string, base: string | null, fileName: string, options: LoadOptions = {}): LoadResult {
  const folder = dirname(resolve(fileName))
  const { tree, mistakes } = parseYaml(entry)
  const around = base === null ? null : parseYaml(base).tree
  const run = new Run(entry, folder, around === null ? ENTRY_NAME : siteOf(around), secretSource(options), 'entry', boardSource(options), options.state ?? folder)
  for (const mistake of mistakes) run.problem(mistake.start, '', mistake.message, mistake.hint)
  if (tree?.kind !== 'map') run.problem(0, '', 'this is no entry of `sensors`', "write it as it would stand there: 'serial: { path: /dev/ttyUSB0 }'")
  const config = run.problems.length > 0 || tree?.kind !== 'map' ? undefined : gateway.check(new Place(run, wholeOf(tree, around), ''))
  if (config !== undefined && run.problems.length === 0) return { config: deepFreeze(config), text: entry, warnings: run.warnings, secrets: run.writtenSecrets, files: [...run.files] }
  return { problems: run.problems, text: entry, storePath: guessStorePath(around, options.state ?? folder), files: [...run.files] }
}

const ENTRY_NAME = 'try'
/** What of a configuration an entry depends on. */
const AROUND_ENTRY = ['site', 'board', 'buses', 'tenants']

/** A file with this one sensor. */
function wholeOf(entry: MapTree, base: Tree | null): MapTree {
  const given = (key: string): { keyStart: number; value: Tree } => entry.entries.get(key) ?? { keyStart: 0, value: treeOf(ENTRY_NAME, 0) }
  const sensor: MapTree = { ...entry, entries: new Map([...entry.entries, ['name', given('name')], ['topic', given('topic')]]) }
  const kept = base?.kind === 'map' ? [...base.entries].filter(([key]) => AROUND_ENTRY.includes(key)) : []
  const list: Tree = { kind: 'list', start: entry.start, items: [sensor] }
  return { kind: 'map', start: 0, entries: new Map([['site', { keyStart: 0, value: treeOf(ENTRY_NAME, 0) }], ...kept, ['sensors', { keyStart: 0, value: list }]]) }
}

function secretSource({ secrets = 'require', env = process.env, state }: LoadOptions): SecretSource {
  if (state === undefined) return { mode: secrets, env, stored: 'elsewhere' }
  return state === null ? { mode: secrets, env } : { mode: secrets, env, stored: new StoredSecrets(state) }
}

function boardSource({ board, detectedBoard }: LoadOptions): BoardSource {
  return { given: board ?? null, detected: detectedBoard ?? null }
}

function checkBytes(bytes: Buffer, path: string, options: LoadOptions): LoadResult {
  if (isUtf8(bytes)) return checkText(bytes.toString('utf8'), path, options)
  const hint = 'save the file as UTF-8 text'
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) return unreadable(path, options, `${path} is UTF-16`, hint)
  const text = bytes.toString('utf8') // with U+FFFD for what is not
  const folder = dirname(resolve(path))
  const run = new Run(text, folder, '', { mode: 'skip', env: {} })
  run.problem(text.indexOf('\uFFFD'), '', 'this is not UTF-8 text', hint)
  return { problems: run.problems, text, storePath: guessStorePath(null, options.state ?? folder), files: [] }
}

// Before the checks, because topics need it wherever they stand. A wrong one is reported by its own check.
function siteOf(tree: Tree | null): string {
  return peek(tree, ['site'], site) ?? 'site'
}

function guessStorePath(tree: Tree | null, folder: string): string {
  return peek(tree, ['store', 'path'], storePath, folder) ?? resolve(folder, './data')
}

// One value out of a tree that may hold anything, without reports.
function peek<T>(tree: Tree | null, path: readonly string[], schema: Schema<T>, folder = ''): T | undefined {
  let at: Tree | null | undefined = tree
  for (const key of path) at = at?.kind === 'map' ? at.entries.get(key)?.value : undefined
  return at ? schema.check(new Place(new Run('', folder, '', { mode: 'skip', env: {} }), at, '')) : undefined
}

function unreadable(path: string, options: LoadOptions, message: string, hint = 'give a readable file: --config FILE'): Refused {
  const problem: Problem = { code: 'E_CONFIG_READ', line: 1, column: 1, path: '', message, hint }
  return { problems: [problem], text: null, storePath: guessStorePath(null, options.state ?? dirname(resolve(path))), files: [] }
}

function reason(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'does not exist'
  if (error.code === 'EISDIR') return 'is a folder'
  if (error.code === 'EACCES') return 'may not be read by this user'
  return `cannot be read (${error.message})`
}

function readBounded(path: string): Buffer {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(CONFIG_BYTES_MAX + 4) // a byte order mark, and one more to see that it is too long
    let length = 0
    for (;;) {
      const read = readSync(file, bytes, length, bytes.length - length, null)
      length += read
      if (read === 0 || length === bytes.length) return bytes.subarray(0, length)
    }
  } finally {
    closeSync(file)
  }
}

function deepFreeze<T>(value: T): T {
  // Buffers cannot be frozen.
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value
  for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}
