// The store of a gateway that does not run: copied, checked, and replaced by a backup. Whoever has it open has it locked, and then nothing is done here.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../clock.ts'
import { OperatorError } from '../errors.ts'
import { SqliteStore } from '../store/sqlite.ts'
import type { Restored, StoreCopy } from '../store/store.ts'
import { DATABASE } from './manifest.ts'

export interface OpenStore {
  readonly copy: () => Promise<StoreCopy>
  readonly restored: Restored | null
  close(): Promise<void>
}

/** Rejects with OperatorError E_STORE_LOCKED, E_STORE_FOLDER, E_STORE_VERSION. A backup that waits there is taken over. */
export async function openStore(folder: string): Promise<OpenStore> {
  const store = new SqliteStore({ folder, bytesMax: Infinity, clock: systemClock })
  const { restored } = await store.open()
  return { copy: () => store.copy(), restored: restored ?? null, close: () => store.close() }
}

export function hasStore(folder: string): boolean {
  return existsSync(join(folder, DATABASE))
}

/** Rejects with OperatorError E_RESTORE when the database in `folder` is damaged, or of a release that is not known. */
export async function checkStore(folder: string): Promise<void> {
  const store = new SqliteStore({ folder, bytesMax: Infinity, clock: systemClock })
  const found = await store.check().finally(() => store.close())
  if (found !== null) throw new OperatorError('E_RESTORE', `the store of the backup cannot be used (${found})`)
}
