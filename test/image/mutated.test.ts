// Damaged configurations with the image's own kernel, the short run: one of each kind of damage. `npm run test:mutated` does five hundred.
import { describe, expect, test } from 'vitest'
import { BOOT_MS_MAX } from './machine.ts'
import { startMutated } from './mutated.ts'
import { BUILD_MS_MAX, isLongRun, prepareImage, skipNote } from './prepare.ts'

const COUNT = 31

describe.skipIf(!isLongRun)(`damaged configurations${skipNote}`, () => {
  test(`${COUNT} of them: the broker answers after each`, { timeout: BUILD_MS_MAX + COUNT * BOOT_MS_MAX }, async () => {
    const image = await prepareImage('pc')
    const seed = Math.floor(Math.random() * 1e9)
    const { silent, count } = await startMutated({ image, model: 'pc', count: COUNT, seed, print: () => {} })
    expect(silent, `seed ${seed}`).toEqual([])
    expect(count).toBe(COUNT)
  })
})
