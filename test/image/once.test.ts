// The image starts, and a device reaches its broker: the one boot that the whole suite makes. It takes the image that is there for these sources; where
// there is none, or the machine cannot start one, this is skipped and says why. The other files of this folder have the rest (npm run test:image).
import { expect, test } from 'vitest'
import { BOOT_MS_MAX, Machine } from './machine.ts'
import { findImage } from './prepare.ts'
import { configuration } from './scene.ts'

const found = findImage('amd64')
const reason = 'reason' in found ? found.reason : null

test.skipIf(reason !== null)(`a flashed card becomes a broker${reason === null ? '' : ` (skipped: ${reason})`}`, { timeout: BOOT_MS_MAX + 20_000 }, async () => {
  await using machine = await Machine.flash((found as { image: string }).image, { model: 'pc' })
  machine.card.write('gateway.yaml', configuration(machine.key))
  await machine.start()
  expect(await machine.answers(BOOT_MS_MAX), machine.serial.slice(-3000)).toBe(true)
})
