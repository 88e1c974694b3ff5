// A quick slice of the simulation: some fixed seeds, and some new ones each time. A broken promise prints its seed; run it again
// with SIM_SEED=…, or many with `npm run test:sim -- --seeds 1000`.
import { expect, test } from 'vitest'
import { World } from './world.ts'

const FIXED = 20
const FRESH = 10

function seeds(): number[] {
  const asked = process.env['SIM_SEED']
  if (asked !== undefined) return [Number(asked)]
  const first = Math.floor(Math.random() * 1e9)
  return [...Array.from({ length: FIXED }, (_, i) => i + 1), ...Array.from({ length: FRESH }, (_, i) => first + i)]
}

test.each(seeds())('seed %i: every promise is kept', async (seed) => {
  const { violations, summary } = await new World(seed).run()
  expect(violations, `SIM_SEED=${seed}: ${summary}`).toEqual([])
})

test('the same seed is the same run', async () => {
  const [a, b] = [await new World(7).run(), await new World(7).run()]
  expect(a).toEqual(b)
})
