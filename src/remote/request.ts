// A command as it comes, pure: its signature, its words, and what follows them.
//
//   [ JSON in one line [ LF any bytes ] ] [ LF signature ]
//
// The signature is there when the gateway has a key: 32 hexadecimal digits, the first 16 bytes of HMAC-SHA256 over SITE LF COMMAND LF and all that stands
// before it. With the site and the command in it nothing can be said to another gateway again, or as another command.
import type Crypto from 'node:crypto'

export interface Request {
  /** What it is recognised by when it comes twice; null for nothing. */
  readonly id: string | null
  /** Wall time when it was given; null when it does not say. */
  readonly atMs: number | null
  /** What is particular to the command. */
  readonly words: Readonly<Record<string, unknown>>
  readonly body: Buffer
}

/** Why a command is not carried out, in words for whoever gave it. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

const SIGNATURE_BYTES = 16
const SIGNATURE_LENGTH = 1 + 2 * SIGNATURE_BYTES
const WORDS_BYTES_MAX = 2000
const ID_LENGTH_MAX = 40
const LF = 0x0a

export function signatureOf(content: Uint8Array, key: Uint8Array, site: string, command: string): string {
  return crypto().createHmac('sha256', key).update(`${site}\n${command}\n`).update(content).digest('hex').slice(0, 2 * SIGNATURE_BYTES)
}

/** What stands before the signature; null when that is missing or wrong. */
export function unsigned(payload: Buffer, key: Uint8Array, site: string, command: string): Buffer | null {
  const end = payload.length - SIGNATURE_LENGTH
  if (end < 0 || payload[end] !== LF) return null
  const content = payload.subarray(0, end)
  const given = payload.subarray(end + 1)
  const right = Buffer.from(signatureOf(content, key, site, command), 'latin1')
  return crypto().timingSafeEqual(given, right) ? content : null
}

/** 2 MB of memory that most gateways do without. */
function crypto(): typeof Crypto {
  return process.getBuiltinModule('node:crypto')
}

/** Throws Refusal. */
export function requestOf(content: Buffer): Request {
  const lineEnd = content.indexOf(LF)
  const line = lineEnd < 0 ? content : content.subarray(0, lineEnd)
  const body = lineEnd < 0 ? content.subarray(content.length) : content.subarray(lineEnd + 1)
  if (line.length > WORDS_BYTES_MAX) throw new Refusal(`the words of a command have ${WORDS_BYTES_MAX} bytes at most`)
  const { id = null, at = null, ...words } = wordsOf(line)
  if (id !== null && (typeof id !== 'string' || id.length > ID_LENGTH_MAX || id === '')) throw new Refusal(`"id" is a text of ${ID_LENGTH_MAX} characters at most`)
  return { id, atMs: at === null ? null : momentOf(at), words, body }
}

function wordsOf(line: Buffer): Readonly<Record<string, unknown>> {
  if (line.length === 0) return {}
  let value: unknown
  try {
    value = JSON.parse(line.toString('utf8'))
  } catch {
    throw new Refusal('the first line is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Refusal('write a JSON object, such as {}')
  return value as Readonly<Record<string, unknown>>
}

/** Seconds since 1970, or ISO 8601 with its zone. */
function momentOf(at: unknown): number {
  const ms = typeof at === 'number' ? at * 1000 : typeof at === 'string' && /(Z|[+-]\d\d:\d\d)$/.test(at) ? Date.parse(at) : Number.NaN
  if (!Number.isFinite(ms)) throw new Refusal('"at" is a number of seconds since 1970, or a time such as 2026-11-22T13:00:00Z')
  return ms
}

// ---- words, as commands want them

export interface Wanted {
  /** Allowed values; null for any text. */
  readonly text?: readonly string[] | null
  /** Smallest and largest. */
  readonly integer?: readonly [number, number]
  readonly default?: string | number
}

/** The words of a command by their names. Throws Refusal for one that is missing, unknown or not as it has to be. */
export function wanted<const W extends Readonly<Record<string, Wanted>>>(words: Request['words'], all: W): { readonly [K in keyof W]: W[K]['integer'] extends readonly number[] ? number : string } {
  const unknown = Object.keys(words).find((name) => !Object.hasOwn(all, name))
  if (unknown !== undefined) throw new Refusal(`"${unknown.slice(0, 20)}" is not known here: ${Object.keys(all).join(', ') || 'nothing'} may be given`)
  const found = Object.entries(all).map(([name, want]) => [name, wordOf(name, words[name] ?? want.default, want)])
  return Object.fromEntries(found) as never
}

function wordOf(name: string, value: unknown, { text, integer }: Wanted): unknown {
  if (integer !== undefined) {
    const [min, max] = integer
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value
    throw new Refusal(`"${name}" is a whole number from ${min} to ${max}`)
  }
  if (typeof value === 'string' && (text === undefined || text === null || text.includes(value))) return value
  throw new Refusal(text === undefined || text === null ? `"${name}" is missing, a text` : `"${name}" is one of ${text.join(', ')}`)
}
