// A backup takes the place of the store, when the store is opened.
//
//   restore.new/     a backup that is being written here; nobody asked for it yet
//   restore/         it is whole and on the card: the next opening takes it over
//   restore.taken/   it was made ready and the store was set aside: what lies here yet goes to its place
//   replaced.new/    the store that is being set aside
//   replaced/        the store before the last restore; one is kept
//
//   restore/ ─► renewed (renewal.ts) ─► store.db, uplinks/ ─► replaced.new/ ─► restore.taken/ ─► in place ─► replaced/
//
// What is always true
//   1. A step is one rename, or can be done again: an opening after a power cut at any of them goes on where the last one was. Until
//      `restore/` has its name it is the old store that is opened, and from then on the new one.
//   2. Nothing of a store is deleted but the one that was replaced before.
//   3. Two processes do not do it at once, nor while a gateway has the store open.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { syncFolder } from '../replace-file.ts'
import { PENDING, type Restored } from './store.ts'

const TAKEN = 'restore.taken'
const SETTING_ASIDE = 'replaced.new'
export const REPLACED = 'replaced'
const BAD = 'restore.bad'
/** What makes a store. Of these a backup has the first and the last. */
const PARTS = ['store.db', 'store.db-wal', 'store.db-shm', 'store.db-journal', 'store.db.damaged', 'uplinks'] as const

export interface TakeOverDeps {
  /** Holds off others until it is called back; throws SQLITE_BUSY. */
  readonly lock: (folder: string) => () => void
  /** Makes the database in the second folder ready to go on, with what is known in the first one (which has none, or a damaged one: so be it). Can be done again. */
  readonly renew: (store: string, backup: string) => void
  /** Whether the backup itself is to blame: then it is left aside. */
  readonly isBad: (error: unknown) => boolean
  /** Before each step; for a test that ends there. */
  readonly onStep?: (what: string) => void
}

/** undefined when nothing waits. Throws what `lock` and `renew` throw, and the file system's error: then it waits on. */
export function takeOver(folder: string, deps: TakeOverDeps): Restored | undefined {
  const at = (name: string): string => join(folder, name)
  if (!existsSync(at(PENDING)) && !existsSync(at(TAKEN))) return undefined
  const step = (what: string, from: string, to: string): void => {
    deps.onStep?.(what)
    renameSync(at(from), at(to))
    syncFolder(folder)
  }
  const release = deps.lock(folder)
  try {
    if (existsSync(at(PENDING))) {
      const refused = ready(folder, deps)
      if (refused !== null) {
        rmSync(at(BAD), { recursive: true, force: true })
        step('leave the backup aside', PENDING, BAD)
        return { refused, path: at(BAD) }
      }
      if (!existsSync(at(SETTING_ASIDE))) mkdirSync(at(SETTING_ASIDE), { mode: 0o700 })
      for (const part of PARTS) {
        if (!existsSync(at(part))) continue
        step(`set ${part} aside`, part, join(SETTING_ASIDE, part))
        syncFolder(at(SETTING_ASIDE))
      }
      step('take the backup', PENDING, TAKEN)
    }
    for (const part of readdirSync(at(TAKEN))) {
      step(`put ${part} in place`, join(TAKEN, part), part)
    }
    if (existsSync(at(SETTING_ASIDE)) && readdirSync(at(SETTING_ASIDE)).length > 0) {
      deps.onStep?.('remove what was replaced before')
      rmSync(at(REPLACED), { recursive: true, force: true })
      step('keep what was replaced', SETTING_ASIDE, REPLACED)
    }
    deps.onStep?.('end')
    rmSync(at(SETTING_ASIDE), { recursive: true, force: true })
    rmSync(at(TAKEN), { recursive: true, force: true })
    syncFolder(folder)
    return { kept: existsSync(at(REPLACED)) ? at(REPLACED) : null }
  } finally {
    release()
  }
}

/** Why the backup cannot be taken over; null when it is ready. */
function ready(folder: string, { renew, isBad, onStep }: TakeOverDeps): string | null {
  onStep?.('renew')
  try {
    renew(folder, join(folder, PENDING))
    return null
  } catch (error) {
    if (!isBad(error)) throw error
    return (error as Error).message
  }
}
