// The plug, the short run: twenty power cuts. `npm run test:plug` pulls it two hundred times.
import { describe, expect, test } from 'vitest'
import { BOOT_MS_MAX } from './machine.ts'
import { pullThePlug } from './plug.ts'
import { BUILD_MS_MAX, isLongRun, prepareImage, skipNote } from './prepare.ts'

const ROUNDS = 20

describe.skipIf(!isLongRun)(`the plug${skipNote}`, () => {
  test(`${ROUNDS} power cuts: it starts each time, nothing acknowledged is lost, nothing of QoS 2 comes twice`, { timeout: BUILD_MS_MAX + ROUNDS * BOOT_MS_MAX }, async () => {
    const image = await prepareImage('pc')
    const seed = Math.floor(Math.random() * 1e9)
    const report = await pullThePlug({ image, model: 'pc', rounds: ROUNDS, seed, print: () => {} })
    expect(report.faults, `seed ${seed}`).toEqual([])
    expect(report.rows.every((row) => row.acknowledged > 0)).toBe(true)
  })
})
