// A slice of what `npm run soak:virtual` does for thirty days. A broken promise prints its seed; run it again with SOAK_SEED=….
import { expect, test } from 'vitest'
import { type SoakReport, SoakWorld } from './soak.ts'

const asked = process.env['SOAK_SEED']
const SEED = asked === undefined ? Math.floor(Math.random() * 1e9) : Number(asked)

function soak(seed: number, days: number, limits: boolean): Promise<SoakReport> {
  return new SoakWorld({ seed, days, flapsPerDay: 1000, readingMs: 60_000, limits }).run()
}

test('half a virtual day on a link that flaps five hundred times: every message arrives once and in order, no budget is exceeded', { timeout: 120_000 }, async () => {
  const report = await soak(SEED, 0.5, false)
  expect(report.violations, `SOAK_SEED=${SEED}`).toEqual([])
  expect(report).toMatchObject({ lost: 0, dropped: 0, duplicates: 0, disordered: 0, damaged: 0 })
  expect(report.arrived).toBeGreaterThan(3000)
})

test('with queues that run over, what does not arrive is what a limit has dropped and counted', { timeout: 120_000 }, async () => {
  const report = await soak(SEED + 1, 0.25, true)
  expect(report.violations, `SOAK_SEED=${SEED}, with short queues`).toEqual([])
  expect(report.lost).toBeLessThanOrEqual(report.dropped)
})

test('the same seed is the same month', { timeout: 60_000 }, async () => {
  const { options: _a, ...a } = await soak(7, 0.05, false)
  const { options: _b, ...b } = await soak(7, 0.05, false)
  expect(a).toEqual(b)
})
