// The store's first promise: what was acknowledged is there, whenever the process is killed.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { SqliteStore } from '../../src/store/sqlite.ts'
import { readAll } from '../contract/store.model.ts'
import { THINNED_COUNT_MAX, TOPICS } from './store-queues.ts'

const KILLS = Number(process.env['KILLS'] ?? 20)
const COMMITTER = new URL('./store-committer.ts', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'store-crash-'))

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Lets the committer acknowledge `lines` batches, kills it wherever it is then, and gives the last number it printed. */
function commitUntilKilled(lines: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [COMMITTER, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.on('error', reject)
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (chunk: string) => {
      text += chunk
      if (text.split('\n').length > lines) child.kill('SIGKILL')
    })
    child.on('close', () => resolve(Number(text.split('\n').at(-2))))
  })
}

it(`has everything that was acknowledged after each of ${KILLS} kills`, { timeout: KILLS * 10_000 }, async () => {
  let stored = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const printed = await commitUntilKilled(1 + Math.floor(Math.random() * 60))
    const store = new SqliteStore({ folder, bytesMax: 1e9, clock: systemClock })
    const snapshot = await store.open()
    expect(snapshot.setAside).toBe(null)
    expect(printed).toBeGreaterThan(stored)
    expect(snapshot.lastSequence).toBeGreaterThanOrEqual(printed)
    stored = snapshot.lastSequence
    // Whole batches: the row that went with the last segment is there, and every message before it.
    expect(snapshot.values).toEqual([{ key: 'last', value: stored }])
    expect(snapshot.destinations[0]?.queued.count).toBe(stored)
    expect(await readAll(store, 1, 0, 1e6)).toEqual(Array.from({ length: stored }, (_, i) => i + 1))
    for (const { id, queued } of snapshot.destinations.slice(1)) {
      const left = await readAll(store, id, 0, 1e6)
      expect(left).toHaveLength(queued.count)
      expect(left).toEqual([...new Set(left)].sort((a, b) => a - b))
      expect(left.length).toBeLessThanOrEqual(1.25 * THINNED_COUNT_MAX)
      // The last message of each topic is there.
      expect(left).toEqual(expect.arrayContaining(Array.from({ length: Math.min(TOPICS, stored) }, (_, i) => stored - i)))
      expect(left.length === stored).toBe(stored <= THINNED_COUNT_MAX)
    }
    await store.close()
  }
})
