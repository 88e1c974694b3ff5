// What somebody may ask of the update service: files update-*.json that appear in one of two folders. The gateway writes to its own, which is
// why nothing in it is trusted: it may name an address, or a file that it has put together itself, and only what is signed gets installed.
//   { "id": "…", "install": "https://…", "sha256"?: "…" } | { "id": "…", "rollback": true }     and "asker" of the gateway's
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from '../replace-file.ts'
import { readUntrusted } from '../untrusted-file.ts'
import type { Disk } from './disk.ts'
import type { Places } from './places.ts'
import type { Asker } from './record.ts'

const REQUEST = /^update-[\w-]{1,64}\.json$/
const REQUEST_BYTES_MAX = 8192
const SOURCE_LENGTH_MAX = 2000
const REQUESTS_MAX = 20
/** Packages that came as messages lie here, in the gateway's state folder. */
export const RECEIVED_FOLDER = 'update'
export const RECEIVED_NAME = /^[0-9a-f]{64}\.sandpiper$/

export interface Request {
  readonly id: string
  /** Address or absolute path; null for a rollback. */
  readonly install: string | null
  readonly sha256: string | null
  readonly asker: Asker | null
}

/** Takes what lies there: each request is answered once, and what is none is removed. */
export function takeRequests(places: Places, disk: Disk): readonly Request[] {
  const own = taken(join(places.runtime, 'requests'), disk, () => true)
  const received = join(places.state, RECEIVED_FOLDER)
  const isAllowed = (source: string): boolean => /^https?:\/\//i.test(source) || (source.startsWith(`${received}/`) && RECEIVED_NAME.test(source.slice(received.length + 1)))
  return [...own, ...taken(join(places.gateway, 'requests'), disk, isAllowed)]
}

function taken(folder: string, disk: Disk, isAllowed: (source: string) => boolean): Request[] {
  const names = disk.names(folder).filter((name) => REQUEST.test(name)).toSorted().slice(0, REQUESTS_MAX)
  return names.flatMap((name) => {
    const request = requestIn(join(folder, name))
    rmSync(join(folder, name), { recursive: true, force: true })
    return request !== null && (request.install === null || isAllowed(request.install)) ? [request] : []
  })
}

function requestIn(path: string): Request | null {
  try {
    return requestOf(readUntrusted(path, REQUEST_BYTES_MAX) ?? 'null')
  } catch {
    return null // no JSON
  }
}

function requestOf(text: string): Request | null {
  const { id, install, rollback, sha256, asker } = (JSON.parse(text) ?? {}) as Record<string, unknown>
  if (typeof id !== 'string' || !/^[\w-]{1,64}$/.test(id)) return null
  if (typeof install !== 'string' ? rollback !== true : install.length > SOURCE_LENGTH_MAX) return null
  const { topic, correlation } = (asker ?? {}) as Partial<Asker>
  return {
    id,
    install: typeof install === 'string' ? install : null,
    sha256: typeof sha256 === 'string' ? sha256.toLowerCase() : null,
    asker: typeof topic === 'string' ? { topic, correlation: typeof correlation === 'string' ? correlation : null } : null,
  }
}

/** Asks, in a folder that is there; answers the request's identifier. */
export function ask(folder: string, wish: { readonly install: string; readonly sha256?: string } | { readonly rollback: true }, asker: Asker | null): string {
  const id = randomUUID()
  replaceFile(join(folder, `update-${id}.json`), Buffer.from(JSON.stringify({ id, ...wish, asker })), { mode: 0o644 })
  return id
}
