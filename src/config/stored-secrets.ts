// Secrets that were moved from the user's file into the gateway's state, each a file of its own under the fingerprint that stands in its place:
// `password: { stored: g5f0… }`.
//
// What is always true: a fingerprint is keyed with a random key of this gateway (HMAC, RFC 2104), so it tells nothing about a weak password and
// fits no other gateway. The key is made before the first secret is kept; both are whole or not there. Only their owner reads them.
import { createHmac, randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from '../replace-file.ts'

const FOLDER = 'secrets'
const KEY_FILE = 'key'
const KEY_BYTES = 32
/** 80 bits: nobody meets another secret's by chance. A letter in front keeps YAML from taking it for a number. */
const FINGERPRINT_CHARS = 20
export const FINGERPRINT_PATTERN = /^g[0-9a-f]{20}$/
const KEPT_MAX = 200
const BYTES_MAX = 65_535

export class StoredSecrets {
  readonly #folder: string

  /** `state`: the gateway's state folder. Nothing is made before the first secret is kept. */
  constructor(state: string) {
    this.#folder = join(state, FOLDER)
  }

  /** null when it is not here: it was stored on another gateway, or this one's state was made anew. */
  read(fingerprint: string): Buffer | null {
    if (!FINGERPRINT_PATTERN.test(fingerprint)) return null
    try {
      const path = join(this.#folder, fingerprint)
      return statSync(path).size <= BYTES_MAX ? readFileSync(path) : null
    } catch {
      return null // to the caller it is the same as one that is not here
    }
  }

  /** Resolves with the fingerprint once the secret survives a power cut. Throws the file system's error. */
  keep(secret: Buffer): string {
    const fingerprint = `g${createHmac('sha256', this.#key()).update(secret).digest('hex').slice(0, FINGERPRINT_CHARS)}`
    if (this.read(fingerprint)?.equals(secret) !== true) this.#write(fingerprint, secret)
    return fingerprint
  }

  /** Removes the oldest of those that `isNeeded` does not know when there are very many. */
  tidy(isNeeded: (fingerprint: string) => boolean): void {
    const all = readdirSync(this.#folder).filter((name) => FINGERPRINT_PATTERN.test(name) && !isNeeded(name))
    const byAge = all.map((name) => ({ name, atMs: statSync(join(this.#folder, name)).mtimeMs })).sort((a, b) => b.atMs - a.atMs)
    for (const { name } of byAge.slice(KEPT_MAX)) rmSync(join(this.#folder, name), { force: true })
  }

  #key(): Buffer {
    const path = join(this.#folder, KEY_FILE)
    try {
      const key = readFileSync(path)
      if (key.length === KEY_BYTES) return key
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    const made = randomBytes(KEY_BYTES)
    this.#write(KEY_FILE, made)
    return made
  }

  #write(name: string, bytes: Buffer): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    chmodSync(this.#folder, 0o700)
    replaceFile(join(this.#folder, name), bytes, { mode: 0o600, ownerOf: join(this.#folder, '..') })
  }
}
