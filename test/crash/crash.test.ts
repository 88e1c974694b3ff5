// A slice of what `npm run test:crash` does for 200 rounds.
import { expect, test } from 'vitest'
import { crash, faults } from './crash.ts'

const ROUNDS = 6

test('kill -9 under load loses nothing that was acknowledged, doubles no QoS 2 and keeps the order', { timeout: 120_000 }, async () => {
  const seed = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 1e9))
  const report = await crash({ rounds: ROUNDS, seed, print: () => {} })
  expect(faults(report), `seed ${seed}\n${report.troubles.join('\n')}`).toEqual([])
  for (const row of report.rows) expect(row.acknowledged, row.receiver).toBeGreaterThan(0)
})
