// A Mosquitto password file: `NAME:HASH`, one user a line (password-hash.ts has the hashes). Pure: bytes in, users or what is wrong out;
// and the same bytes with one user's line changed.
//
// As in Mosquitto, a line that starts with # is a comment, an empty line is none, and blanks around a name or a hash do not count.
// What Mosquitto passes over in silence is wrong here, because it keeps somebody out who is believed to be in: a line without a colon,
// a user who is there twice, a hash that cannot be read.
//
// What is always true: no password and no hash is in a message; lines that an edit is not about keep every byte.
import { isUtf8 } from 'node:buffer'
import type { PasswordConfig } from './config.ts'
import { formatPasswordHash, isFlaw, parsePasswordHash, type Flaw, type PasswordHash } from './password-hash.ts'
import { clip } from './place.ts'

const LINES_MAX = 100_000
/** More of them tell nothing new. */
const FLAWS_MAX = 20
const NAME_BYTES_MAX = 65_535 // MQTT 5.0 section 1.5.4
const LINE_BYTES_MAX = NAME_BYTES_MAX + 1024
const [HASH, COLON, NEWLINE, RETURN] = [0x23, 0x3a, 0x0a, 0x0d]
const BYTE_ORDER_MARK = Buffer.from('\uFEFF', 'utf8')

export interface PasswordEntry {
  readonly name: string
  readonly password: PasswordConfig
  /** From 1. */
  readonly line: number
}

export interface LineFlaw extends Flaw {
  /** From 1. */
  readonly line: number
  /** Whose line it is; null when that cannot be told. */
  readonly name: string | null
}

export interface PasswordFile {
  /** In the order of the file, each name once. */
  readonly entries: readonly PasswordEntry[]
  /** Everything that is wrong, in the order of the file; the last one counts those beyond the first twenty. */
  readonly flaws: readonly LineFlaw[]
}

export function parsePasswordFile(bytes: Buffer): PasswordFile {
  const entries: PasswordEntry[] = []
  const flaws: LineFlaw[] = []
  const seen = new Map<string, number>()
  let flawsMore = 0
  const wrong = (line: number, name: string | null, { message, hint }: Flaw): void => {
    if (flaws.length < FLAWS_MAX) flaws.push({ line, name, message, hint })
    else flawsMore++
  }
  let last = 0
  for (const line of linesOf(bytes)) {
    last = line.number
    if (last > LINES_MAX) {
      wrong(last, null, { message: `there are more than ${LINES_MAX} lines`, hint: 'give the right file, or take users out of it' })
      break
    }
    const read = readLine(bytes, line)
    if (read === null) continue
    if (read.flaw !== null) wrong(last, read.name, read.flaw)
    if (read.name === null) continue
    const first = seen.get(read.name)
    if (first !== undefined) wrong(last, read.name, { message: `the user "${clip(read.name)}" is there twice: first on line ${first}`, hint: 'a user has one password: remove one of the lines' })
    else seen.set(read.name, last)
    if (first === undefined && read.password !== null) entries.push({ name: read.name, password: read.password, line: last })
  }
  if (flawsMore > 0) flaws.push({ line: last, name: null, message: `${flawsMore} more lines are wrong`, hint: 'correct the first ones, and look again' })
  return { entries, flaws }
}

export function formatEntry(name: string, password: PasswordHash): string {
  return `${name}:${formatPasswordHash(password)}`
}

/** What keeps a name from standing in a password file; null for nothing. */
export function nameProblem(name: string): Flaw | null {
  if (name === '') return { message: 'the user name is empty', hint: 'give the name that the client sends' }
  const shown = clip(name)
  if (name.includes(':')) return { message: `the user name "${shown}" holds a colon`, hint: 'in a password file the name ends at the first colon: choose a name without one' }
  if (name.startsWith('#')) return { message: `the user name "${shown}" starts with #`, hint: 'in a password file that is a comment: choose another name' }
  if (name.trim() !== name) return { message: `the user name "${shown}" starts or ends with a blank`, hint: 'in a password file those do not count: choose a name without them' }
  if (/\p{Cc}/u.test(name)) return { message: `the user name "${shown}" holds a control character`, hint: 'choose a name of letters, digits and the like' }
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) return { message: `the user name is longer than ${NAME_BYTES_MAX} bytes`, hint: 'MQTT carries no longer one' }
  return null
}

/** The file with this password for `name`, in its line or in a new one at the end; null takes its line out. Every other line keeps its bytes. */
export function withPassword(bytes: Buffer, name: string, password: PasswordHash | null): Buffer {
  const parts = [bytes.subarray(0, textStart(bytes))]
  let isThere = false
  let lineEnd = '\n'
  let endsOpen = false
  for (const line of linesOf(bytes)) {
    const whole = bytes.subarray(line.start, line.next)
    if (whole.at(-1) === NEWLINE) lineEnd = whole.at(-2) === RETURN ? '\r\n' : '\n'
    endsOpen = whole.at(-1) !== NEWLINE
    if (nameOf(bytes, line) !== name) {
      parts.push(whole)
      continue
    }
    // Lines of the same user beyond the first are what made the file wrong.
    if (password !== null && !isThere) parts.push(Buffer.from(`${formatEntry(name, password)}${endsOpen ? '' : lineEnd}`))
    isThere = true
  }
  if (password !== null && !isThere) parts.push(Buffer.from(`${endsOpen ? lineEnd : ''}${formatEntry(name, password)}${lineEnd}`))
  return Buffer.concat(parts)
}

// ---- lines

interface Line {
  readonly number: number
  readonly start: number
  /** Without its line end. */
  readonly end: number
  /** Where the next one starts. */
  readonly next: number
}

function* linesOf(bytes: Buffer): Iterable<Line> {
  let start = textStart(bytes)
  for (let number = 1; start < bytes.length; number++) {
    const newline = bytes.indexOf(NEWLINE, start)
    const next = newline === -1 ? bytes.length : newline + 1
    const withoutNewline = newline === -1 ? next : newline
    const end = withoutNewline > start && bytes[withoutNewline - 1] === RETURN ? withoutNewline - 1 : withoutNewline
    yield { number, start, end, next }
    start = next
  }
}

/** Behind the byte order mark, as Windows' Notepad writes it. */
function textStart(bytes: Buffer): number {
  return bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0
}

interface ReadLine {
  readonly name: string | null
  readonly password: PasswordConfig | null
  readonly flaw: Flaw | null
}

/** null for a comment and an empty line. */
function readLine(bytes: Buffer, line: Line): ReadLine | null {
  if (bytes[line.start] === HASH) return null
  const refused = (message: string, hint: string): ReadLine => ({ name: null, password: null, flaw: { message, hint } })
  if (line.end - line.start > LINE_BYTES_MAX) return refused(`the line is longer than ${LINE_BYTES_MAX} bytes`, 'a line is NAME:HASH; give the right file, or remove the line')
  const raw = bytes.subarray(line.start, line.end)
  if (!isUtf8(raw)) return refused('the line is not UTF-8 text', 'save the file as UTF-8, or write the name anew')
  const text = raw.toString('utf8').trim()
  if (text === '') return null
  const colon = text.indexOf(':')
  if (colon === -1) return refused('the line has no colon', 'a line is NAME:HASH, and a comment starts with # at the very beginning: correct or remove it')
  const name = text.slice(0, colon).trim()
  const flaw = nameProblem(name)
  if (flaw !== null) return { name: null, password: null, flaw }
  const password = parsePasswordHash(text.slice(colon + 1).trim())
  if (isFlaw(password)) return { name, password: null, flaw: { ...password, message: `user "${clip(name)}": ${password.message}` } }
  return { name, password, flaw: null }
}

/** The name on a line, whatever else is wrong with it; null for a line without one. */
function nameOf(bytes: Buffer, { start, end }: Line): string | null {
  if (bytes[start] === HASH) return null
  const colon = bytes.subarray(start, end).indexOf(COLON)
  return colon === -1 ? null : bytes.toString('utf8', start, start + colon).trim()
}
