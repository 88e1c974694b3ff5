// A slice of what `npm run soak:link` does for an hour.
import { expect, test } from 'vitest'
import { soak } from './soak.ts'

test('over a link that is cut in every fifth round trip, with both ends killed, every message arrives once and in order', { timeout: 180_000 }, async () => {
  const seed = Number(process.env.SOAK_SEED ?? Math.floor(Math.random() * 1e9))
  const report = await soak({ minutes: 0.15, messages: 1500, loss: 0.2, farEnd: 'unpack', seed, print: () => {} })
  expect(report.faults, `seed ${seed}`).toEqual([])
  expect(report).toMatchObject({ lost: 0, duplicates: 0, disordered: 0 })
  expect(report.arrived).toBeGreaterThanOrEqual(1500)
})
