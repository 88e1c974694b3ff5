// mosquitto.conf from the disk: bounded, text, line by line, with the files of its include_dirs where those stand.
//
// A line is a name and the rest. Comments have # as their first character; what stands behind a value on the same line belongs to the
// value or is passed over, as each directive has it. Refused as a whole, in one sentence: what cannot be read, is too large, is no text,
// includes itself or includes what is not there. A configuration that is read only in part could let in whom the rest keeps out.
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { directiveOf } from './directives.ts'

/** Of one file; Mosquitto's own example has 40 kB. */
const FILE_BYTES_MAX = 1_000_000
const FILES_MAX = 200
/** Of all files together. */
const TOTAL_BYTES_MAX = 4_000_000
/** That say something. */
const LINES_MAX = 5000

/** One line that says something. */
export interface Line {
  /** As the person knows the file. */
  readonly file: string
  /** From 1. */
  readonly number: number
  readonly name: string
  /** Everything behind the name, without blanks around it. */
  readonly rest: string
  readonly words: readonly string[]
  /** Which reading of which file: what a line belongs to (a listener, a connection) stands above it in the same one. */
  readonly source: number
}

/** Why a configuration cannot be imported at all. The message is a whole sentence, with what to do. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** All lines of a configuration, in the order in which Mosquitto reads them. Throws Refusal. */
export function readConf(path: string): readonly Line[] {
  return new Reading(path).lines
}

class Reading {
  readonly lines: Line[] = []
  readonly #main: string
  #bytes = 0
  #files = 0

  constructor(path: string) {
    this.#main = path
    this.#read(path, null)
    if (this.lines.length > 0 && this.lines.every((line) => directiveOf(line.name) === null)) {
      throw new Refusal(`${path} is no Mosquitto configuration: it has no directive of Mosquitto's; give the path of a mosquitto.conf`)
    }
  }

  /** `from`: the include_dir that asks for it, null for the main file. */
  #read(path: string, from: Line | null): void {
    const text = this.#text(path, from)
    const source = this.#files
    for (const [i, raw] of text.split('\n').entries()) {
      const plain = raw.trim()
      if (plain === '' || plain.startsWith('#')) continue
      const [name = '', ...words] = plain.split(/[ \t]+/)
      const line = { file: path, number: i + 1, name, rest: plain.slice(name.length).trim(), words, source }
      if (this.lines.push(line) > LINES_MAX) throw new Refusal(`${path}:${i + 1}: these are more than ${LINES_MAX} directives, and no Mosquitto configuration; import it in parts if it is one`)
      if (name === 'include_dir' && from === null) this.#include(line)
    }
  }

  #include(line: Line): void {
    const at = `${line.file}:${line.number}`
    if (line.rest === '') throw new Refusal(`${at}: include_dir names no folder: give one, or remove the line`)
    const folder = resolve(dirname(this.#main), line.rest)
    let names: string[]
    try {
      names = readdirSync(folder)
    } catch (error) {
      throw new Refusal(`${at}: the folder ${folder} ${reason(error)}: what is in it may say who is kept out, so nothing is imported; mend the line or the folder`, { cause: error })
    }
    const mainIsAt = realpathSync(this.#main)
    for (const name of names.filter((n) => n.endsWith('.conf') && n !== '.conf').sort(inMosquittosOrder)) {
      const path = join(folder, name)
      // Read once more, it would include the folder once more.
      if (real(path) === mainIsAt) throw new Refusal(`${at}: include_dir ${line.rest} holds ${this.#main} itself: it would include itself without end; move one of them`)
      this.#read(path, line)
    }
  }

  #text(path: string, from: Line | null): string {
    const what = from === null ? path : `${from.file}:${from.number} includes ${path}, which`
    let size: number
    let bytes: Buffer
    try {
      const stat = statSync(path)
      if (stat.isDirectory()) throw new Refusal(`${what} is a folder: give the file in it`)
      if (!stat.isFile()) throw new Refusal(`${what} is no ordinary file: copy it to one, and import that`)
      size = stat.size
      if (size > FILE_BYTES_MAX) throw new Refusal(`${what} is larger than ${FILE_BYTES_MAX / 1e6} MB: that is no Mosquitto configuration; give the path of a mosquitto.conf`)
      if (++this.#files > FILES_MAX) throw new Refusal(`${this.#main} includes more than ${FILES_MAX} files: join some of them`)
      if ((this.#bytes += size) > TOTAL_BYTES_MAX) throw new Refusal(`${this.#main} and its files are larger than ${TOTAL_BYTES_MAX / 1e6} MB: import them in parts`)
      bytes = readFileSync(path)
    } catch (error) {
      if (error instanceof Refusal) throw error
      throw new Refusal(`${what} ${reason(error)}: give a file that this user may read, for example /etc/mosquitto/mosquitto.conf`, { cause: error })
    }
    if (bytes.includes(0)) throw new Refusal(`${what} is not text: give the path of a mosquitto.conf`)
    // Comments of old files are in any encoding; a directive with U+FFFD is refused with its line.
    const text = bytes.toString('utf8')
    return text.startsWith('\uFEFF') ? text.slice(1) : text
  }
}

/** Letter by letter without regard to case, and capitals first where they differ in nothing else. */
function inMosquittosOrder(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [x, y] = [a[i]!, b[i]!]
    if (x === y) continue
    const [upperX, upperY] = [x.toUpperCase(), y.toUpperCase()]
    if (upperX !== upperY) return upperX < upperY ? -1 : 1
    return x < y ? -1 : 1
  }
  return a.length - b.length
}

function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path // a dangling link: reading it says so
  }
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'does not exist'
  if (code === 'EACCES') return 'may not be read by this user'
  if (code === 'ENOTDIR') return 'is no folder'
  if (code === 'ELOOP') return 'is a link that leads back to itself'
  return `cannot be read (${code ?? message})`
}
