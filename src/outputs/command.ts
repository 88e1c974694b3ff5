// What a command says. Pure: a payload in, what is wanted out, or why it is none.
//   on off true false 1 0 toggle, in any case · true false 1 0 as JSON · {"value": one of them, "for": "10s"}
import { parseDuration } from '../config/units.ts'

export interface Command {
  /** null: the other way round than it is, or waits to be. */
  readonly on: boolean | null
  /** It is turned back after so long; null: it stays. */
  readonly forMs: number | null
}

const PAYLOAD_BYTES_MAX = 1000
/** A turn back further away is a calendar's work. */
export const FOR_MS_MAX = 31 * 86_400_000
const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ['on', true],
  ['true', true],
  ['1', true],
  ['off', false],
  ['false', false],
  ['0', false],
  ['toggle', null],
])

/** The command, or a sentence that says what it should have been. */
export function parseCommand(payload: Buffer): Command | string {
  if (payload.length > PAYLOAD_BYTES_MAX) return `a command has ${PAYLOAD_BYTES_MAX} bytes at most`
  const text = payload.toString('utf8').trim()
  if (text.startsWith('{')) return parseObject(text)
  const on = WORDS.get(unquoted(text).toLowerCase())
  return on === undefined ? 'write on, off, toggle, or {"value":true,"for":"10s"}' : { on, forMs: null }
}

function parseObject(text: string): Command | string {
  let object: Readonly<Record<string, unknown>>
  try {
    object = JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    return 'this is not JSON'
  }
  // Whatever else is in there changes the meaning, or is somebody's message that was not meant for us: an answer, say.
  const stray = Object.keys(object).find((key) => key !== 'value' && key !== 'for')
  if (stray !== undefined) return `a command has no ${JSON.stringify(stray.slice(0, 40))}: write {"value":true,"for":"10s"}`
  const { value } = object
  const on = typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string' ? WORDS.get(String(value).toLowerCase()) : undefined
  if (on === undefined) return '"value" is true, false, 1, 0, "on", "off" or "toggle"'
  if (object['for'] === undefined) return { on, forMs: null }
  const forMs = typeof object['for'] === 'string' ? parseDuration(object['for']) : null
  if (forMs === null || forMs === 0 || forMs > FOR_MS_MAX) return '"for" is a duration of 31 days at most, such as "10s" or "5m"'
  return { on, forMs }
}

function unquoted(text: string): string {
  return /^"[^"]*"$/.test(text) ? text.slice(1, -1) : text
}
