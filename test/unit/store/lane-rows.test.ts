// How often the rows of lanes are written when destinations end: counted, time would depend on the machine.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Engine } from '../../../src/store/engine.ts'
import { SqliteSegments } from '../../../src/store/segments.ts'
import type { Batch } from '../../../src/store/store.ts'
import { member, segment } from '../../contract/store.model.ts'
import { destination } from '../../contract/store.suite.ts'

const WALL_MS = Date.UTC(2026, 10, 21)
const ENDING = 200
const LANES = 20
const STAYS = ENDING + 1

let folder: string
let engine: Engine

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'store-'))
  engine = new Engine({ folder, bytesMax: 1e9 }, WALL_MS)
})

afterEach(() => {
  vi.restoreAllMocks()
  engine.close()
  rmSync(folder, { recursive: true })
})

function commit(batch: Partial<Batch>): void {
  engine.commit([{ batch: { audiences: [], changes: [], segments: [], ...batch }, nowWallMs: WALL_MS }])
}

it('when many sessions end at once, each lane they were in is written once', () => {
  const all = Array.from({ length: STAYS }, (_, i) => i + 1)
  const members = all.map((id) => member(id))
  const audiences = Array.from({ length: LANES }, (_, i) => ({ id: i + 1, members }))
  commit({ audiences, changes: all.map((id) => destination(id)), segments: audiences.map(({ id }) => segment(id, [id])) })

  const putLane = vi.spyOn(SqliteSegments.prototype, 'putLane')
  commit({ changes: all.slice(0, ENDING).map((id) => ({ kind: 'destination-end' as const, destination: id })) })
  expect(putLane).toHaveBeenCalledTimes(LANES)
  putLane.mockRestore()

  // What was written is what is there after a restart: the one that stayed has everything, and nobody else is in the audiences.
  engine.close()
  engine = new Engine({ folder, bytesMax: 1e9 }, WALL_MS)
  expect(engine.snapshot.audiences.map((audience) => audience.members.map((m) => m.destination))).toEqual(audiences.map(() => [STAYS]))
  expect(engine.read(STAYS, 0, 1e6).segments).toHaveLength(LANES)
})
