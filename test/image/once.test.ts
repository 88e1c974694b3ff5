// The image starts, and a device reaches its broker: the one boot that the whole suite makes, of an image that is built for it where there is none of
// these sources yet. The other files of this folder have the rest (npm run test:image).
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BOOT_MS_MAX, Machine } from './machine.ts'
import { BUILD_MS_MAX, prepareImage, whyWithoutImage } from './prepare.ts'
import { configuration } from './scene.ts'

const reason = whyWithoutImage('amd64')

describe.skipIf(reason !== null)(`a flashed card${reason === null ? '' : ` (skipped: ${reason})`}`, { timeout: BOOT_MS_MAX + 20_000 }, () => {
  let machine: Machine

  beforeAll(async () => {
    machine = await Machine.flash(await prepareImage('amd64'), { model: 'pc' })
    machine.card.write('gateway.yaml', configuration(machine.key))
    await machine.start()
  }, BUILD_MS_MAX)
  afterAll(async () => await machine[Symbol.asyncDispose]())

  test('becomes a broker', async () => {
    expect(await machine.answers(BOOT_MS_MAX), machine.serial.slice(-3000)).toBe(true)
    expect(machine.serial).not.toMatch(/FAILED|ordering cycle/)
  })
})
