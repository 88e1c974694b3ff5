import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryStore } from '../../src/store/memory.ts'
import { SqliteStore } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { storeProperties } from './store.properties.ts'
import { type OpenStore, storeSuite, type StoreUnderTest } from './store.suite.ts'
import { thinningSuite } from './store.thinning.ts'

const BYTES_MAX = 1e9

const openMemory: OpenStore = async (options = {}) => {
  const clock = new FakeClock()
  const store = new MemoryStore({ bytesMax: options.bytesMax ?? BYTES_MAX, clock })
  return wrap(store, clock, async () => {
    await store.close()
    return store
  })
}

const openSqlite: OpenStore = async (options = {}) => {
  const clock = new FakeClock()
  const folder = mkdtempSync(join(tmpdir(), 'store-'))
  const open = (): SqliteStore => new SqliteStore({ folder, bytesMax: options.bytesMax ?? BYTES_MAX, clock })
  let store = open()
  let abrupt = false
  return wrap(
    store,
    clock,
    async () => {
      // In turn as a gateway that stops, and as one that is cut off.
      abrupt = !abrupt
      await (abrupt ? store.close() : store.abandon())
      store = open()
      return store
    },
    () => rmSync(folder, { recursive: true, force: true }),
  )
}

async function wrap(store: Store, clock: FakeClock, again: () => Promise<Store>, clean = (): void => {}): Promise<StoreUnderTest> {
  const snapshot = await store.open()
  return {
    store,
    clock,
    snapshot,
    keepsReadUpTo: store instanceof MemoryStore,
    reopen: async () => wrap(await again(), clock, again, clean),
    end: async () => {
      await store.close()
      clean()
    },
  }
}

storeSuite('SQLite', openSqlite)
storeSuite('memory', openMemory)
thinningSuite('SQLite', openSqlite)
thinningSuite('memory', openMemory)
storeProperties('SQLite', openSqlite, Number(process.env['SEEDS'] ?? 3))
storeProperties('memory', openMemory, Number(process.env['SEEDS'] ?? 40))
