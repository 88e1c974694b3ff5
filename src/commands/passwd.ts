// `sandpiper passwd`: the users of a password file (config/password-file.ts), and the password of one asked for.
//
//   read ─► edit ─► NAME.new, for its owner's eyes only ─► fsync ─► is the file still what was read? ─► rename ─► fsync of the folder
//
// What is always true
//   1. A reader sees the old file or the new one, also when the power goes.
//   2. Two runs at once do not lose a line: one of them writes NAME.new, the other waits for it. mosquitto_passwd does not know of that;
//      when it has changed the file meanwhile, the edit is made again on what is there then.
//   3. The file keeps its mode and its owner, and every line that the command is not about. A password is shown nowhere.
import { closeSync, fchmodSync, fchownSync, fstatSync, fsyncSync, lstatSync, openSync, realpathSync, renameSync, rmSync, type Stats, writeSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { hashPassword } from '../access/password.ts'
import { readBounded } from '../config/access-file.ts'
import { nameProblem, parsePasswordFile, withPassword, type LineFlaw, type PasswordFile } from '../config/password-file.ts'
import { describePassword, type PasswordHash } from '../config/password-hash.ts'
import { OperatorError } from '../errors.ts'

const PASSWORD_BYTES_MAX = 65_535 // MQTT 5.0 section 1.5.6
/** Another run holds the file for milliseconds. */
const OTHER_RUN_WAIT_MS = 50
const OTHER_RUN_WAITS_MAX = 40
const ATTEMPTS_MAX = 10

const [ENTER, RETURN, BACKSPACE, DELETE, INTERRUPT, END, CLEAR] = [0x0a, 0x0d, 0x08, 0x7f, 0x03, 0x04, 0x15]

/** The terminal, or what stands in its place. */
export interface Asking {
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown }
  /** Where questions go. */
  readonly write: (text: string) => void
}

export interface PasswdOptions {
  readonly file: string
  /** null: tell who is there. */
  readonly name: string | null
  readonly remove: boolean
  readonly asking: Asking
}

/** What is to be printed. Throws OperatorError; the file is as it was then. */
export async function passwd({ file, name, remove, asking }: PasswdOptions): Promise<string> {
  const path = realPathOf(file)
  if (name === null) return list(file, read(file, path))
  if (!remove) {
    const problem = nameProblem(name)
    if (problem !== null) throw refused(`${problem.message}; ${problem.hint}`)
  }
  checked(file, read(file, path), name, remove) // before anybody is asked
  const password = remove ? null : await hashPassword(await askPassword(name, asking))
  const known = write(file, path, name, password)
  if (remove) return `Removed ${name} from ${file}.\n`
  return `${known ? 'Changed the password of' : 'Added'} ${name} in ${file} (${describePassword(password!)}).\n`
}

function refused(what: string, cause?: unknown): OperatorError {
  return new OperatorError('E_PASSWORD_FILE', what, { cause })
}

// ---- reading

/** Where the file is, behind links. */
function realPathOf(file: string): string {
  try {
    return realpathSync(file)
  } catch (error) {
    const isLink = lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true
    if (isLink) throw refused(`${file} is a link to a file that is not there`, error)
    return resolve(file)
  }
}

/** null when there is no such file. */
function read(file: string, path: string): Buffer | null {
  const bytes = readBounded(path)
  if (typeof bytes !== 'string') return bytes
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return null
  throw refused(`${file} ${bytes}`)
}

/** A file in which only lines of this user are wrong is one that the command may mend. */
function checked(file: string, bytes: Buffer | null, name: string, remove: boolean): PasswordFile {
  const parsed = parsePasswordFile(bytes ?? Buffer.alloc(0))
  const isThere = parsed.entries.some((entry) => entry.name === name) || parsed.flaws.some((flaw) => flaw.name === name)
  if (remove && bytes === null) throw refused(`${file} does not exist`)
  const flaw = parsed.flaws.find((f) => f.name !== name)
  if (flaw !== undefined) throw refused(sentenceOf(file, flaw))
  if (remove && !isThere) throw refused(`there is no user ${JSON.stringify(name)} in ${file}`)
  return parsed
}

function list(file: string, bytes: Buffer | null): string {
  if (bytes === null) throw refused(`${file} does not exist`)
  const { entries, flaws } = parsePasswordFile(bytes)
  if (flaws.length > 0) throw refused(sentenceOf(file, flaws[0]!))
  const width = Math.max(0, ...entries.map(({ name }) => name.length))
  return entries.map(({ name, password }) => `${name.padEnd(width)}  ${describePassword(password)}\n`).join('')
}

function sentenceOf(file: string, { line, message, hint }: LineFlaw): string {
  return `${file} line ${line}: ${message}; ${hint}`
}

// ---- asking

async function askPassword(name: string, asking: Asking): Promise<Buffer> {
  if (asking.stdin.isTTY !== true) return usable(await firstLine(asking.stdin))
  asking.stdin.setRawMode?.(true)
  try {
    const first = usable(await hiddenLine(`Password for ${name}: `, asking))
    const second = await hiddenLine('Once more: ', asking)
    if (!first.equals(second)) throw refused('the two passwords are not the same')
    return first
  } finally {
    asking.stdin.setRawMode?.(false)
  }
}

function usable(password: Buffer): Buffer {
  if (password.length === 0) throw refused('the password is empty')
  if (password.length > PASSWORD_BYTES_MAX) throw refused(`the password is longer than ${PASSWORD_BYTES_MAX} bytes, the longest that MQTT carries`)
  return password
}

/** Up to the first line end, or to the end. */
async function firstLine(stdin: Readable): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0)
  for await (const chunk of stdin) {
    bytes = Buffer.concat([bytes, chunk as Buffer])
    if (bytes.includes(ENTER) || bytes.length > PASSWORD_BYTES_MAX + 2) break
  }
  const newline = bytes.indexOf(ENTER)
  const line = newline === -1 ? bytes : bytes.subarray(0, newline)
  return line.at(-1) === RETURN ? line.subarray(0, -1) : line
}

/** What is typed up to Enter, on a terminal that shows nothing and leaves it to us what the keys mean. */
async function hiddenLine(question: string, { stdin, write }: Asking): Promise<Buffer> {
  const typed: number[] = []
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const onData = (chunk: Buffer): void => {
    for (const [i, byte] of chunk.entries()) {
      if (byte === INTERRUPT || (byte === END && typed.length === 0)) return reject(refused('no password was given'))
      if (byte === ENTER || byte === RETURN || byte === END) {
        // What comes behind it answers the next question.
        stdin.pause()
        if (i + 1 < chunk.length) stdin.unshift(chunk.subarray(i + 1))
        return resolve(Buffer.from(typed))
      }
      if (byte === CLEAR) typed.length = 0
      else if (byte === BACKSPACE || byte === DELETE) eraseLast(typed)
      else if (typed.length <= PASSWORD_BYTES_MAX) typed.push(byte)
    }
  }
  const onEnd = (): void => reject(refused('no password was given'))
  write(question)
  stdin.on('data', onData).once('end', onEnd).resume()
  try {
    return await promise
  } finally {
    stdin.off('data', onData).off('end', onEnd)
    stdin.pause()
    write('\n')
  }
}

/** The last character, which may have several bytes of UTF-8. */
function eraseLast(typed: number[]): void {
  while (typed.length > 0 && (typed.pop()! & 0xc0) === 0x80);
}

// ---- writing

/** True when the user was there before. */
function write(file: string, path: string, name: string, password: PasswordHash | null): boolean {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const known = writeOnce(file, path, name, password)
    if (known !== null) return known
  }
  throw refused(`${file} is being changed all the time by another program`)
}

/** null when somebody else has changed the file meanwhile. */
function writeOnce(file: string, path: string, name: string, password: PasswordHash | null): boolean | null {
  const draft = `${path}.new`
  const out = createAlone(file, draft)
  try {
    const before = read(file, path)
    const { entries, flaws } = checked(file, before, name, password === null)
    const stat = before === null ? null : lstatSync(path)
    writeAll(out, withPassword(before ?? Buffer.alloc(0), name, password))
    if (stat !== null) keepOwner(file, out, stat)
    fsyncSync(out)
    const now = read(file, path)
    if (before === null ? now !== null : now === null || !now.equals(before)) return null
    renameSync(draft, path)
    syncFolder(dirname(path))
    return entries.some((entry) => entry.name === name) || flaws.some((flaw) => flaw.name === name)
  } catch (error) {
    throw error instanceof OperatorError ? error : refused(`${file} cannot be written (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`, error)
  } finally {
    removeOurs(out, draft)
    closeSync(out)
  }
}

/** The draft is the lock, too: there is one of them at a time. */
function createAlone(file: string, draft: string): number {
  for (let waits = 0; ; waits++) {
    try {
      return openSync(draft, 'wx', 0o600)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR') throw refused(`the folder of ${file} does not exist`, error)
      if (code !== 'EEXIST') throw refused(`the folder of ${file} cannot be written to (${code ?? message})`, error)
      if (waits === OTHER_RUN_WAITS_MAX) throw refused(`${basename(draft)} is beside ${file}: another run is changing it, or one was killed, and then it can be removed`, error)
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, OTHER_RUN_WAIT_MS) // nothing else has to go on meanwhile
  }
}

function writeAll(out: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(out, bytes, at)
}

function keepOwner(file: string, out: number, { uid, gid, mode }: Stats): void {
  const ours = fstatSync(out)
  try {
    if (ours.uid !== uid || ours.gid !== gid) fchownSync(out, uid, gid)
    fchmodSync(out, mode & 0o7777)
  } catch (error) {
    throw refused(`${file} belongs to another user and would become yours: run this as its owner, or as root`, error)
  }
}

function syncFolder(folder: string): void {
  const file = openSync(folder, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** After the rename there may already be the draft of another run. */
function removeOurs(out: number, draft: string): void {
  const there = lstatSync(draft, { throwIfNoEntry: false })
  if (there?.ino === fstatSync(out).ino) rmSync(draft, { force: true })
}
