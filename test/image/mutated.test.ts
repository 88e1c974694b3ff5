// Damaged configurations, the short run: one of each kind of damage. `npm run test:mutated` does five hundred.
import { describe, expect, test } from 'vitest'
import { BOOT_MS_MAX } from './machine.ts'
import { startMutated } from './mutated.ts'
import { imageOrReason } from './prepare.ts'

const COUNT = 31
const isWanted = process.env.SANDPIPER_IMAGE === 'required'

describe.skipIf(!isWanted)(`damaged configurations${isWanted ? '' : ' (skipped: npm run test:image runs them)'}`, () => {
  test(`${COUNT} of them: the broker answers after each`, { timeout: COUNT * BOOT_MS_MAX }, async () => {
    const { image } = (await imageOrReason('amd64')) as { readonly image: string }
    const seed = Math.floor(Math.random() * 1e9)
    const { silent, count } = await startMutated({ image, count: COUNT, seed, print: () => {} })
    expect(silent, `seed ${seed}`).toEqual([])
    expect(count).toBe(COUNT)
  })
})
