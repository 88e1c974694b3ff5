// The keys of one issuer of tokens, fetched from its URL (JSON Web Key Set, RFC 7517 section 5).
//
//   start ──► set on flash, if there is one ──► fetch ──good──► in use; on flash if it is another one ──► again after `refresh`
//                                                 └───bad────► the set that is there stays ──► again, less and less often
//   a token names a key that is not there ──► fetch at once, but at most every 30 s
//
// What is always true: nobody whose key is here waits; a set that cannot be used never replaces one that can; a good one replaces the
// whole set before it, so that keys that are gone verify nothing any more; with the link down the last set serves for as long as that
// takes, through restarts too. What goes wrong is counted every time, and told when it begins and when it is over.
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Clock, Timer } from '../clock.ts'
import type { Counters } from '../counters.ts'
import { keysOfSet, setOfKeys, type VerificationKey } from '../keys/verification-keys.ts'
import { BadAnswer, download } from './download.ts'

const ASK_MS_MIN = 30_000
/** A login with an unknown key waits this long for the answer. */
const ASK_WAIT_MS_MAX = 5000
const RETRY_MS_MIN = 15_000
const RETRY_MS_MAX = 900_000
/** Gateways that were switched on together do not ask together: ± this part. */
const JITTER = 0.1
const FILE_BYTES_MAX = 512 * 1024

export interface KeySetLog {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}

export interface KeySetDeps {
  readonly clock: Clock
  readonly counters: Counters
  readonly log: KeySetLog
  /** The store's: where the last set is kept. */
  readonly folder: string
  /** 0 ≤ x < 1, for the jitter. */
  readonly random: () => number
}

export interface KeySetConfig {
  readonly url: URL
  readonly refreshMs: number
  readonly ca: Buffer | null
}

export class KeySet {
  readonly #config: KeySetConfig
  readonly #deps: KeySetDeps
  readonly #file: string
  #keys: readonly VerificationKey[] = []
  /** What is on flash. */
  #kept = ''
  #fetching: Promise<void> | null = null
  #askedAtMs = -Infinity
  #failures = 0
  /** What was last told to be wrong with fetching; '' for nothing. */
  #trouble: '' | 'unreachable' | 'unusable' = ''
  #toldOfFile = false
  #timer: Timer | null = null
  readonly #stopping = new AbortController()

  /** Loads node:crypto. */
  constructor(config: KeySetConfig, deps: KeySetDeps) {
    this.#config = config
    this.#deps = deps
    this.#file = join(deps.folder, `jwks-${process.getBuiltinModule('node:crypto').hash('sha256', config.url.href).slice(0, 32)}.json`)
  }

  get href(): string {
    return this.#config.url.href
  }

  /** Would be fetched the same way. */
  isOf({ url, refreshMs, ca }: KeySetConfig): boolean {
    const own = this.#config
    return own.url.href === url.href && own.refreshMs === refreshMs && isDeepStrictEqual(own.ca, ca)
  }

  get keys(): readonly VerificationKey[] {
    return this.#keys
  }

  /** Resolves when the set on flash is in use. The first fetch goes on behind it. */
  async start(): Promise<void> {
    await this.#load()
    if (!this.#stopping.signal.aborted) void this.#fetch()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#stopping.abort()
  }

  /** A token names a key that is not here: resolves when it may be, or is not going to be soon. */
  async ask(): Promise<void> {
    const { clock } = this.#deps
    if (this.#stopping.signal.aborted) return
    if (this.#fetching === null) {
      if (clock.now() - this.#askedAtMs < ASK_MS_MIN) return
      this.#askedAtMs = clock.now()
    }
    const { promise: patience, resolve } = Promise.withResolvers<void>()
    const timer = clock.after(ASK_WAIT_MS_MAX, resolve)
    await Promise.race([this.#fetch(), patience])
    timer.cancel()
  }

  /** One at a time; never rejects. */
  #fetch(): Promise<void> {
    this.#timer?.cancel()
    this.#fetching ??= this.#fetchNow().finally(() => {
      this.#fetching = null
      this.#schedule()
    })
    return this.#fetching
  }

  async #fetchNow(): Promise<void> {
    const { url, ca } = this.#config
    const { signal } = this.#stopping
    let keys: readonly VerificationKey[]
    try {
      const text = await download(url, { clock: this.#deps.clock, ca, signal })
      keys = usable(text)
    } catch (error) {
      if (!signal.aborted) this.#failed(error as Error)
      return
    }
    this.#keys = keys
    this.#failures = 0
    if (this.#trouble !== '') this.#deps.log.info({ jwks: url.href, keys: keys.length }, 'the keys of the issuer of tokens are fetched again')
    this.#trouble = ''
    await this.#keep(setOfKeys(keys))
  }

  #failed(error: Error): void {
    const { counters, log } = this.#deps
    counters.refusedKeySets++
    this.#failures++
    const trouble = error instanceof BadAnswer ? 'unusable' : 'unreachable'
    if (trouble === this.#trouble) return
    this.#trouble = trouble
    const doing = this.#keys.length > 0 ? 'the last keys stay in use' : 'there are none, and its tokens are refused'
    const next = trouble === 'unusable' ? 'look at what the address of `jwks` answers' : 'check the link, and the address of `jwks`'
    const told = { jwks: this.#config.url.href, why: error.message, keys: this.#keys.length }
    log[this.#keys.length > 0 ? 'warn' : 'error'](told, `the keys of an issuer of tokens cannot be fetched: ${doing}; ${next}`)
  }

  #schedule(): void {
    if (this.#stopping.signal.aborted) return
    const { refreshMs } = this.#config
    const waitMs = this.#failures === 0 ? refreshMs : Math.min(refreshMs, RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(this.#failures - 1, 10))
    this.#timer = this.#deps.clock.after(waitMs * (1 - JITTER + 2 * JITTER * this.#deps.random()), () => void this.#fetch())
  }

  // ---- on flash

  async #load(): Promise<void> {
    try {
      if ((await stat(this.#file)).size > FILE_BYTES_MAX) throw new Error(`it is larger than ${FILE_BYTES_MAX} bytes`)
      const text = await readFile(this.#file, 'utf8')
      this.#keys = keysOfSet(text, false)
      this.#kept = text
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      const told = { file: this.#file, why: (error as Error).message }
      this.#deps.log.warn(told, 'the last keys of an issuer of tokens cannot be read: its tokens are refused until they are fetched')
    }
  }

  /** Written aside, synced and renamed: the file is whole or the old one, also after a power cut. */
  async #keep(text: string): Promise<void> {
    if (text === this.#kept) return
    const aside = `${this.#file}.tmp`
    try {
      await rm(aside, { force: true }) // of an interrupted write
      const file = await open(aside, 'wx', 0o600)
      try {
        await file.writeFile(text)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(aside, this.#file)
      await syncFolder(this.#deps.folder)
      this.#kept = text
      this.#toldOfFile = false
    } catch (error) {
      if (this.#toldOfFile) return
      this.#toldOfFile = true
      const told = { file: this.#file, why: (error as Error).message }
      const next = 'check the card and its free space'
      this.#deps.log.warn(told, `the keys of an issuer of tokens cannot be kept: after a restart without link its tokens would be refused; ${next}`)
    }
  }
}

function usable(text: string): VerificationKey[] {
  try {
    return keysOfSet(text, false)
  } catch (error) {
    throw new BadAnswer((error as Error).message, { cause: error })
  }
}

/** The new name is on the card only when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
