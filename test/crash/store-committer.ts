// Commits to the store in argv[2] without an end, a few batches at a time, and prints every sequence number that was acknowledged.
// test/crash/store.test.ts kills it. The second and third destination have small queues, which are thinned out.
import { writeSync } from 'node:fs'
import { systemClock } from '../../src/clock.ts'
import { SqliteStore } from '../../src/store/sqlite.ts'
import { member, NO_LIMITS, segment } from '../contract/store.model.ts'
import { THINNED_COUNT_MAX, topicOf } from './store-queues.ts'

const store = new SqliteStore({ folder: process.argv[2]!, bytesMax: 1e9, clock: systemClock })
const { lastSequence } = await store.open()
const audiences = [{ id: 1, members: [member(1), member(2), member(3)] }]
const row = { id: 1, kind: 'session', tenant: '', name: 'client', limits: NO_LIMITS } as const
const rows = [
  row,
  { ...row, id: 2, name: 'latest', limits: { ...NO_LIMITS, countMax: THINNED_COUNT_MAX, whenFull: 'keep-latest' } },
  { ...row, id: 3, name: 'thinned', limits: { ...NO_LIMITS, countMax: THINNED_COUNT_MAX, whenFull: { thin: 3 } } },
] as const
let next = lastSequence + 1

for (;;) {
  await Promise.all(
    Array.from({ length: 3 }, async () => {
      const sequences = Array.from({ length: 1 + (next % 7) }, () => next++)
      const last = sequences[sequences.length - 1]!
      const changes = [...rows.map((row) => ({ kind: 'destination', row }) as const), { kind: 'value', key: 'last', value: last } as const]
      await store.commit({ audiences, changes, segments: [segment(1, sequences, 10 + (next % 90) * 20, undefined, topicOf)] })
      writeSync(1, `${last}\n`) // straight to the pipe: what was printed was printed
    }),
  )
}
