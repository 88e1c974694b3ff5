// The image starts, and a device reaches its broker; a whole and a damaged configuration after it: all that the whole suite starts, of an image that is built
// for it where there is none of these sources yet. The other files of this folder have the rest (npm run test:image).
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BOOT_MS_MAX, Machine } from './machine.ts'
import { startMutated } from './mutated.ts'
import { BUILD_MS_MAX, prepareImage, whyWithoutImage } from './prepare.ts'
import { configuration } from './scene.ts'

const DAMAGED = 2
const DAMAGED_MS_MAX = 400_000
const reason = whyWithoutImage('pc')
const userModeReason = whyWithoutImage('user-mode')

describe.skipIf(reason !== null)(`a flashed card${reason === null ? '' : ` (skipped: ${reason})`}`, { timeout: BOOT_MS_MAX + 20_000 }, () => {
  let machine: Machine

  beforeAll(async () => {
    machine = await Machine.flash(await prepareImage('pc'), { model: 'pc' })
    machine.card.write('gateway.yaml', configuration(machine.key))
    await machine.start()
  }, BUILD_MS_MAX)
  afterAll(async () => await machine[Symbol.asyncDispose]())

  test('becomes a broker', async () => {
    expect(await machine.answers(BOOT_MS_MAX), machine.serial.slice(-3000)).toBe(true)
    expect(machine.serial).not.toMatch(/FAILED|ordering cycle/)
  })
})

describe.skipIf(userModeReason !== null)(`damaged configurations${userModeReason === null ? '' : ` (skipped: ${userModeReason})`}`, () => {
  test(`${DAMAGED} of them: the broker answers after each`, { timeout: BUILD_MS_MAX + DAMAGED_MS_MAX }, async () => {
    const image = await prepareImage('user-mode')
    const seed = Math.floor(Math.random() * 1e9)
    const { silent, count } = await startMutated({ image, model: 'user-mode', count: DAMAGED, seed, print: () => {} })
    expect(silent, `seed ${seed}`).toEqual([])
    expect(count).toBe(DAMAGED)
  })
})
