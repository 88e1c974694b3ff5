// What is larger than an answer goes in parts that are asked for: `from` and `length` in, the bytes out. Pure.
import type { Done } from './commands.ts'
import { Refusal } from './request.ts'

/** What stands before the bytes: {"from":1234567,"of":1234567} and a line feed, and what an answer has besides. */
const WORDS_BYTES = 40

export const PART_WORDS = { from: { integer: [0, 100_000_000], default: 0 }, length: { integer: [1, 60_000], default: 60_000 } } as const

/** So much of it as was asked for and has room. */
export function partOf(bytes: Buffer, { from, length }: { readonly from: number; readonly length: number }, roomBytes: number): Done {
  if (from >= bytes.length) throw new Refusal(`it has ${bytes.length} bytes: "from" is before them`)
  const body = bytes.subarray(from, from + Math.max(1, Math.min(length, roomBytes - WORDS_BYTES)))
  return { words: { from, of: bytes.length }, body }
}

/** By which whoever has all parts sees that they belong together. */
export function sha256Of(bytes: Uint8Array): string {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(bytes).digest('hex')
}
