// Which program the root slot has: one line of JSON, written when the program is bundled and compared as text when it is started.
//   {"version":"0.1.0","node":"26.10.0","addons":"better-sqlite3@13.2.0 …","program":"sha256, its first 16 digits"}
// An application update replaces exactly one such program: it needs its Node and its add-ons, and ends when another root comes.
import { createHash } from 'node:crypto'
import { isVersion } from './version.ts'

/** In the program's folder. */
export const IDENTITY_FILE = 'identity'
const TEXT_LENGTH_MAX = 200

export interface Identity {
  readonly version: string
  readonly node: string
  /** Packages of the native add-ons with their versions: the same for every architecture. */
  readonly addons: string
  /** First 16 hexadecimal digits of the SHA-256 of the bundle. */
  readonly program: string
}

export function identityOf(version: string, node: string, addons: readonly string[], bundle: string | Uint8Array): Identity {
  return { version, node, addons: addons.toSorted().join(' '), program: createHash('sha256').update(bundle).digest('hex').slice(0, 16) }
}

/** One line, without its end. */
export function formatIdentity({ version, node, addons, program }: Identity): string {
  return JSON.stringify({ version, node, addons, program })
}

/** null for what is none. */
export function parseIdentity(text: string): Identity | null {
  try {
    const { version, node, addons, program } = JSON.parse(text) as Record<string, unknown>
    if (!isVersion(version) || !isVersion(node) || typeof program !== 'string' || !/^[0-9a-f]{16}$/.test(program)) return null
    if (typeof addons !== 'string' || addons.length > TEXT_LENGTH_MAX) return null
    return { version, node, addons, program }
  } catch {
    return null
  }
}
