// Commits to the store in argv[2] without an end, a few batches at a time, and prints every sequence number that was acknowledged.
// test/crash/store.test.ts kills it.
import { writeSync } from 'node:fs'
import { systemClock } from '../../src/clock.ts'
import { SqliteStore } from '../../src/store/sqlite.ts'
import { member, NO_LIMITS, segment } from '../contract/store.model.ts'

const store = new SqliteStore({ folder: process.argv[2]!, bytesMax: 1e9, clock: systemClock })
const { lastSequence } = await store.open()
const audiences = [{ id: 1, members: [member(1)] }]
const row = { id: 1, kind: 'session', tenant: '', name: 'client', limits: NO_LIMITS } as const
let next = lastSequence + 1

for (;;) {
  await Promise.all(
    Array.from({ length: 3 }, async () => {
      const sequences = Array.from({ length: 1 + (next % 7) }, () => next++)
      const last = sequences[sequences.length - 1]!
      const changes = [{ kind: 'destination', row } as const, { kind: 'value', key: 'last', value: last } as const]
      await store.commit({ audiences, changes, segments: [segment(1, sequences, 10 + (next % 90) * 20)] })
      writeSync(1, `${last}\n`) // straight to the pipe: what was printed was printed
    }),
  )
}
