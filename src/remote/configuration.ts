// `config`: the configuration from afar. It is put in place on trial: unless it is confirmed in time, what was before comes back, so that a mistake that
// cuts the link off mends itself. Confirming is a command too, which proves that the link works.
//
//   {"do":"get"}                                   ─► digest, trial …
//   {"do":"text","from":0}                         ─► its text in parts: gzip, secrets not in it
//   {"do":"check"} LF text                         ─► whether it is in order
//   {"do":"apply","digest":"…","confirmWithinSec":300} LF text   ─► on trial; `digest` is of the text that it replaces
//   {"do":"confirm"}, {"do":"revert"}
//
// The text comes as it is, or packed by gzip or zstd: bytes are money.
import { gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib'
import type { Done, Handler } from './commands.ts'
import { PART_WORDS, partOf } from './part.ts'
import { listed } from './report.ts'
import { Refusal, type Request, wanted } from './request.ts'
import { CONFIRM_SEC_MAX } from './trial.ts'

/** What a configuration that was checked has of wrong. */
export interface CheckedProblem {
  readonly severity: 'error' | 'warning'
  readonly line: number
  readonly column: number
  readonly message: string
}

/** Of a configuration that must be confirmed. Each may reject with a Refusal: the words for whoever asked. */
export interface ConfigurationTrial {
  state(): Readonly<Record<string, unknown>>
  /** Without secrets. */
  text(): string
  check(text: string): { readonly valid: boolean; readonly problems: readonly CheckedProblem[]; readonly restart: boolean }
  /** `digest`: of the text that it replaces. Answers that of the new one, and whether the gateway starts anew now. */
  apply(text: string, digest: string, confirmWithinSec: number): Promise<{ readonly digest: string; readonly restart: boolean }>
  confirm(): Promise<void>
  revert(): Promise<void>
}

/** As a file may have it. */
const TEXT_BYTES_MAX = 256_000
/** Over a satellite an answer and the next command may take minutes. */
const CONFIRM_SEC = { integer: [10, CONFIRM_SEC_MAX], default: 300 } as const
const DOINGS = ['get', 'text', 'check', 'apply', 'confirm', 'revert'] as const

export function configurationHandler(trial: ConfigurationTrial): Handler {
  return async (request, roomBytes): Promise<Done> => {
    const { do: what = 'get', ...rest } = request.words
    switch (what) {
      case 'get':
        wanted(rest, {})
        return { words: trial.state() }
      case 'text': {
        const part = wanted(rest, PART_WORDS)
        return partOf(gzipSync(trial.text(), { level: 9 }), part, roomBytes)
      }
      case 'check': {
        wanted(rest, {})
        return checked(trial.check(textOf(request)), roomBytes)
      }
      case 'apply': {
        const { digest, confirmWithinSec } = wanted(rest, { digest: { text: null }, confirmWithinSec: CONFIRM_SEC })
        const applied = await trial.apply(textOf(request), digest, confirmWithinSec)
        return { words: { ...applied, confirmWithinSec } }
      }
      case 'confirm':
      case 'revert':
        wanted(rest, {})
        await trial[what]()
        return { words: {} }
      default:
        throw new Refusal(`"do" is one of ${DOINGS.join(', ')}`)
    }
  }
}

/** As many problems as there is room for, errors first. */
function checked({ valid, problems, restart }: ReturnType<ConfigurationTrial['check']>, roomBytes: number): Done {
  const sorted = problems.toSorted((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'))
  const texts = sorted.map(({ line, column, message }) => `${line}:${column} ${message}`)
  let words = { valid, restart, problems: listed(texts, texts.length) }
  for (let count = texts.length; count >= 0; count--) {
    words = { valid, restart, problems: listed(texts, count) }
    if (Buffer.byteLength(JSON.stringify(words)) <= roomBytes) break
  }
  return { words }
}

function textOf({ body }: Request): string {
  if (body.length === 0) throw new Refusal('the text is missing: it follows the first line')
  const bytes = unpacked(body)
  if (bytes.length > TEXT_BYTES_MAX) throw new Refusal(`a configuration has ${TEXT_BYTES_MAX} bytes at most`)
  return bytes.toString('utf8')
}

function unpacked(body: Buffer): Buffer {
  const options = { maxOutputLength: TEXT_BYTES_MAX }
  try {
    if (body[0] === 0x1f && body[1] === 0x8b) return gunzipSync(body, options)
    if (body.length >= 4 && body.readUInt32LE(0) === 0xfd2fb528) return zstdDecompressSync(body, options)
  } catch {
    throw new Refusal(`the text cannot be unpacked, or has more than ${TEXT_BYTES_MAX} bytes`)
  }
  return body
}
