// Password hashes in the formats of Mosquitto, text to PasswordConfig and back. Pure.
//
//   $7$ITERATIONS$SALT$HASH                            PBKDF2-HMAC-SHA512, by mosquitto_passwd since 2.0
//   $6$SALT$HASH                                       SHA-512 of password and salt, before that
//   $argon2id$v=19$m=KIB,t=PASSES,p=LANES$SALT$HASH    RFC 9106, what we write
//
// What is always true: no secret is in a message, and what JSON.stringify or util.inspect show of a PasswordConfig holds none.
import type { PasswordConfig } from './config.ts'

/** Why something cannot be taken, and what to do about it. */
export interface Flaw {
  readonly message: string
  readonly hint: string
}

export type PasswordHash = Exclude<PasswordConfig, { readonly kind: 'plain' }>

// Whoever may try to log in decides how often these are computed: one check must not take more than seconds, or the memory of a board.
const ITERATIONS_MAX = 10_000_000
const MEMORY_KIB_MAX = 131_072
const PASSES_MAX = 32
const PARALLELISM_MAX = 16
const SHA512_BYTES = 64
const SALT_BYTES = { min: 8, max: 128 } as const
const ARGON2_HASH_BYTES = { min: 16, max: 128 } as const

const ANEW = 'make the password anew: `sandpiper passwd FILE NAME`'

/** A password as it is. */
export function plainPassword(password: Buffer): PasswordConfig {
  return concealed({ kind: 'plain', password }, ['password'])
}

/** Reads one hash. A string that is none of the three formats is taken for a password that somebody wrote there as it is. */
export function parsePasswordHash(text: string): PasswordHash | Flaw {
  if (text.startsWith('$7$')) return parsePbkdf2(text.split('$').slice(2))
  if (text.startsWith('$6$')) return parseSha512(text.split('$').slice(2))
  if (text.startsWith('$argon2id$')) return parseArgon2id(text.split('$').slice(2))
  const format = /^\$([A-Za-z0-9-]{1,16})\$/.exec(text)?.[1]
  if (format !== undefined) return { message: `the format $${format}$ is not known`, hint: `known are $7$, $6$ and $argon2id$: ${ANEW}` }
  return { message: 'the password is there as plain text, not as a hash', hint: 'hash it with `mosquitto_passwd -U FILE`, or `sandpiper passwd FILE NAME`' }
}

export function isFlaw(value: PasswordHash | Flaw): value is Flaw {
  return 'hint' in value
}

export function formatPasswordHash(password: PasswordHash): string {
  const salt = password.salt.toString('base64')
  const hash = password.hash.toString('base64')
  if (password.kind === 'pbkdf2-sha512') return `$7$${password.iterations}$${salt}$${hash}`
  if (password.kind === 'sha512') return `$6$${salt}$${hash}`
  const { memoryKiB, passes, parallelism } = password
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(hash)}`
}

/** For people: how well a password is kept. */
export function describePassword(password: PasswordConfig): string {
  switch (password.kind) {
    case 'plain':
      return 'plain text'
    case 'sha512':
      return 'SHA-512, quick to guess: better set anew'
    case 'pbkdf2-sha512':
      return `PBKDF2-SHA512, ${password.iterations} iterations`
    case 'argon2id':
      return `argon2id, ${Math.round(password.memoryKiB / 1024)} MiB, ${password.passes} ${password.passes === 1 ? 'pass' : 'passes'}`
    default:
      return password satisfies never
  }
}

// ---- the three formats

function parsePbkdf2([iterationsText = '', saltText = '', hashText = '', ...more]: readonly string[]): PasswordHash | Flaw {
  const iterations = wholeNumber(iterationsText)
  const salt = base64(saltText, SALT_BYTES)
  const hash = base64(hashText, { min: SHA512_BYTES, max: SHA512_BYTES })
  if (more.length > 0) return damaged('$7$', 'has more than three parts')
  if (iterations === null) return damaged('$7$', 'has no number of iterations')
  if (iterations < 1 || iterations > ITERATIONS_MAX) return { message: `the hash asks for ${iterations} iterations; 1 to ${ITERATIONS_MAX} are allowed`, hint: ANEW }
  if (salt === null) return damaged('$7$', saltProblem())
  if (hash === null) return damaged('$7$', `must end with ${SHA512_BYTES} bytes in base64`)
  return concealed({ kind: 'pbkdf2-sha512', iterations, salt, hash }, ['salt', 'hash'])
}

function parseSha512([saltText = '', hashText = '', ...more]: readonly string[]): PasswordHash | Flaw {
  const salt = base64(saltText, SALT_BYTES)
  const hash = base64(hashText, { min: SHA512_BYTES, max: SHA512_BYTES })
  if (more.length > 0) return damaged('$6$', 'has more than two parts')
  if (salt === null) return damaged('$6$', saltProblem())
  if (hash === null) return damaged('$6$', `must end with ${SHA512_BYTES} bytes in base64`)
  return concealed({ kind: 'sha512', salt, hash }, ['salt', 'hash'])
}

function parseArgon2id([version = '', parameters = '', saltText = '', hashText = '', ...more]: readonly string[]): PasswordHash | Flaw {
  const numbers = /^m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,10})$/.exec(parameters)
  const salt = base64(saltText, SALT_BYTES)
  const hash = base64(hashText, ARGON2_HASH_BYTES)
  if (more.length > 0) return damaged('$argon2id$', 'has more than four parts')
  if (version !== 'v=19') return damaged('$argon2id$', 'is not of version 19 (v=19)')
  if (numbers === null) return damaged('$argon2id$', 'has no m=…,t=…,p=…')
  const [memoryKiB, passes, parallelism] = numbers.slice(1).map(Number) as [number, number, number]
  if (memoryKiB > MEMORY_KIB_MAX) return { message: `the hash asks for ${memoryKiB} KiB of memory; ${MEMORY_KIB_MAX} are allowed`, hint: ANEW }
  if (passes < 1 || passes > PASSES_MAX) return { message: `the hash asks for ${passes} passes; 1 to ${PASSES_MAX} are allowed`, hint: ANEW }
  if (parallelism < 1 || parallelism > PARALLELISM_MAX) return { message: `the hash asks for ${parallelism} lanes; 1 to ${PARALLELISM_MAX} are allowed`, hint: ANEW }
  if (memoryKiB < 8 * parallelism) return damaged('$argon2id$', 'has less than 8 KiB for each lane') // RFC 9106 section 3.1
  if (salt === null) return damaged('$argon2id$', saltProblem())
  if (hash === null) return damaged('$argon2id$', `must end with ${ARGON2_HASH_BYTES.min} to ${ARGON2_HASH_BYTES.max} bytes in base64`)
  return concealed({ kind: 'argon2id', memoryKiB, passes, parallelism, salt, hash }, ['salt', 'hash'])
}

function damaged(format: string, what: string): Flaw {
  return { message: `the hash ${format} is damaged: it ${what}`, hint: `copy it whole, or ${ANEW}` }
}

function saltProblem(): string {
  return `must have a salt of ${SALT_BYTES.min} to ${SALT_BYTES.max} bytes in base64`
}

function wholeNumber(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null
}

/** null for what is no base64 of that many bytes. Padding may be there or not: Mosquitto writes it, argon2's reference does not. */
function base64(text: string, { min, max }: { readonly min: number; readonly max: number }): Buffer | null {
  const bytes = Buffer.from(text, 'base64')
  // What does not come out as it went in had something in it that the decoder skips.
  const isWhole = text === bytes.toString('base64') || text === unpadded(bytes.toString('base64'))
  return isWhole && bytes.length >= min && bytes.length <= max ? bytes : null
}

function unpadded(text: string): string {
  return text.replace(/=+$/, '')
}

function concealed<T extends PasswordConfig>(password: T, keys: readonly string[]): T {
  for (const key of keys) Object.defineProperty(password, key, { enumerable: false })
  return password
}
