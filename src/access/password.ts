// Checks passwords, and makes hashes of new ones, off the event loop: on the threads that Node has for such work (libuv's).
//
//   check ─► waits ─► derives ─► compares          PBKDF2, argon2id: as many at once as there are processors to spare, and one of argon2id,
//        └──────────► derives ─► compares          because each of them takes megabytes. What is kept as SHA-512 or as it is takes
//                                                  microseconds: at once.
//
// What is always true
//   1. An unknown user, a known one and one without a password get the same answer after the same work. Users may be kept in different ways,
//      some quick and some slow: a name that nobody has is checked against the password of a user that is chosen by the name and a secret.
//      So a name nobody has takes as long as the name of somebody, every time the same, and the times of all such names are
//      spread as those of the users are: a time tells how a password may be kept, not whether it is there.
//   2. No more than WAITING_MAX wait; beyond that the client is told that we are busy.
//   3. A thread of lower priority is no help: it was tried, and what a waiting thread holds made the others wait too.
import { availableParallelism } from 'node:os'
import type { PasswordConfig, UserConfig } from '../config/config.ts'
import { Fifo } from '../fifo.ts'
import { busy } from './in-turn.ts'

/** As many as clients are let in by default: all of them may come back at once. */
const WAITING_MAX = 1000
/** Node has four threads: one is left for files and names. */
const AT_ONCE_MAX = 3
const SALT_BYTES = 16
const HASH_BYTES = 32
/** Of new hashes, by OWASP for where memory is short: 20 ms on a desktop, 12 MB of a board's 512. RFC 9106 section 4 begins at 64 MB. */
const NEW = { memoryKiB: 12_288, passes: 3, parallelism: 1 } as const

const NOTHING = Buffer.alloc(0)

export interface Attempt {
  readonly username: string
  /** How this user's password is kept; null for an unknown user, and for one without a password. */
  readonly known: PasswordConfig | null
  /** What the client gives; null for nothing. */
  readonly given: Buffer | null
  /** Called when its turn has come: what it throws is the answer, and the password is not looked at. */
  readonly begin?: () => void
  /** Called with the answer, before another one's turn. */
  readonly end?: (right: boolean) => void
}

/** What `kept` would be for this password. At once for what is quick. */
export type Derive = (password: Buffer, kept: PasswordConfig) => Buffer | Promise<Buffer>

interface Waiting {
  readonly attempt: Attempt
  readonly against: PasswordConfig
  readonly resolve: (right: boolean) => void
  readonly reject: (error: unknown) => void
}

export interface PasswordsOptions {
  /** Checks at once; default: one processor is left for everything else. */
  readonly atOnceMax?: number
  readonly derive?: Derive
}

export class Passwords {
  readonly #atOnceMax: number
  readonly #derive: Derive
  readonly #waiting = new Fifo<Waiting>()
  /** Those that take much memory. */
  readonly #waitingLarge = new Fifo<Waiting>()
  #running = 0
  #runningLarge = 0
  #wasLarge = false
  /** Of all users: one of them stands for a user that does not exist. */
  #kept: readonly PasswordConfig[]
  #secret: Buffer | null = null

  constructor(users: readonly UserConfig[], options: PasswordsOptions = {}) {
    this.#kept = keptOf(users)
    this.#atOnceMax = options.atOnceMax ?? Math.min(AT_ONCE_MAX, Math.max(1, availableParallelism() - 1))
    this.#derive = options.derive ?? derive
  }

  /** Checks that wait for their turn. */
  get waiting(): number {
    return this.#waiting.length + this.#waitingLarge.length
  }

  /** From now on these are the users. */
  use(users: readonly UserConfig[]): void {
    this.#kept = keptOf(users)
  }

  /** Is it the right password? Rejects with LimitExceeded when too many wait already, and with what `begin` throws. */
  check(attempt: Attempt): Promise<boolean> {
    const standIn = this.#standIn(attempt.username)
    const against = attempt.known ?? standIn
    return new Promise((resolve, reject) => {
      const one: Waiting = { attempt, against: against ?? { kind: 'plain', password: NOTHING }, resolve, reject }
      if (isQuick(one.against)) {
        if (begins(one)) void this.#run(one)
      } else if (this.waiting >= WAITING_MAX) {
        reject(busy('too many passwords wait to be checked'))
      } else {
        const lane = isLarge(one.against) ? this.#waitingLarge : this.#waiting
        lane.push(one)
        this.#next()
      }
    })
  }

  /** Worked out for every name, also for those that there are. */
  #standIn(username: string): PasswordConfig | null {
    const crypto = process.getBuiltinModule('node:crypto')
    this.#secret ??= crypto.randomBytes(32)
    const index = crypto.createHmac('sha256', this.#secret).update(username).digest().readUIntBE(0, 6)
    return this.#kept[index % this.#kept.length] ?? null
  }

  #next(): void {
    while (this.#running < this.#atOnceMax) {
      const one = this.#take()
      if (one === undefined) return
      if (!begins(one)) continue
      this.#running++
      if (isLarge(one.against)) this.#runningLarge++
      void this.#run(one).finally(() => {
        this.#running--
        if (isLarge(one.against)) this.#runningLarge--
        this.#next()
      })
    }
  }

  /** Both kinds get their turns when both wait. */
  #take(): Waiting | undefined {
    const mayBeLarge = this.#runningLarge === 0 && this.#waitingLarge.length > 0
    this.#wasLarge = mayBeLarge && (!this.#wasLarge || this.#waiting.length === 0)
    return this.#wasLarge ? this.#waitingLarge.shift() : this.#waiting.shift()
  }

  async #run({ attempt, against, resolve, reject }: Waiting): Promise<void> {
    try {
      const { known, given } = attempt
      const derived = this.#derive(given ?? NOTHING, against)
      const right = equal(derived instanceof Promise ? await derived.catch(cannot) : derived, expected(against)) && known !== null && given !== null
      attempt.end?.(right)
      resolve(right)
    } catch (error) {
      reject(error)
    }
  }
}

/** A new hash: argon2id. */
export async function hashPassword(password: Buffer): Promise<Extract<PasswordConfig, { kind: 'argon2id' }>> {
  const salt = process.getBuiltinModule('node:crypto').randomBytes(SALT_BYTES)
  const parameters = { kind: 'argon2id', ...NEW, salt, hash: Buffer.alloc(HASH_BYTES) } as const
  return { ...parameters, hash: await derive(password, parameters) }
}

/** With what is in `kept` besides the hash itself: PBKDF2 (RFC 8018), argon2id (RFC 9106), SHA-512 of password and salt. */
export function derive(password: Buffer, kept: PasswordConfig): Buffer | Promise<Buffer> {
  const crypto = process.getBuiltinModule('node:crypto')
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const done = (error: Error | null, hash: Buffer): void => (error === null ? resolve(hash) : reject(error))
  switch (kept.kind) {
    case 'plain':
      return digest(password)
    case 'sha512':
      return crypto.createHash('sha512').update(password).update(kept.salt).digest()
    case 'pbkdf2-sha512':
      crypto.pbkdf2(password, kept.salt, kept.iterations, kept.hash.length, 'sha512', done)
      return promise
    case 'argon2id': {
      const { memoryKiB, passes, parallelism, salt, hash } = kept
      crypto.argon2('argon2id', { message: password, nonce: salt, parallelism, tagLength: hash.length, memory: memoryKiB, passes }, done)
      return promise
    }
    default:
      return kept satisfies never
  }
}

/** False when it is not to be looked at any more: it has its answer. */
function begins({ attempt, reject }: Waiting): boolean {
  try {
    attempt.begin?.()
    return true
  } catch (error) {
    reject(error)
    return false
  }
}

function expected(kept: PasswordConfig): Buffer {
  return kept.kind === 'plain' ? digest(kept.password) : kept.hash
}

/** Of one length, whatever was given. */
function digest(bytes: Buffer): Buffer {
  return process.getBuiltinModule('node:crypto').hash('sha256', bytes, 'buffer')
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && process.getBuiltinModule('node:crypto').timingSafeEqual(a, b)
}

function keptOf(users: readonly UserConfig[]): readonly PasswordConfig[] {
  return users.flatMap(({ password }) => password ?? [])
}

function isQuick({ kind }: PasswordConfig): boolean {
  return kind === 'plain' || kind === 'sha512'
}

function isLarge({ kind }: PasswordConfig): boolean {
  return kind === 'argon2id'
}

/** There was no memory for it: the client may come again. */
function cannot(error: Error): never {
  throw busy(`a password could not be checked (${error.message})`)
}
