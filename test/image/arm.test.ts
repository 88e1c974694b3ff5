// The arm64 image on its two ways of starting: UEFI, and as a Raspberry Pi does it, from U-Boot on. `npm run test:image` runs it.
import { beforeAll, describe, expect, test } from 'vitest'
import { MqttClients } from '../support/mqtt-clients.ts'
import { until } from '../support/until.ts'
import { BOOT_MS_MAX, Machine } from './machine.ts'
import { BUILD_MS_MAX, isLongRun, prepareImage, skipNote } from './prepare.ts'
import { configuration } from './scene.ts'

/** Four processors, drivers of a real board, and its card a sector at a time. */
const RASPBERRY_MS_MAX = 1_500_000

describe.skipIf(!isLongRun)(`the arm64 image${skipNote}`, () => {
  let image: string

  beforeAll(async () => {
    image = await prepareImage('virt')
  }, BUILD_MS_MAX)

  test('on a board with UEFI: a client outside publishes, another one gets it', { timeout: 3 * BOOT_MS_MAX }, async () => {
    await using machine = await Machine.flash(image, { model: 'virt' })
    machine.card.write('gateway.yaml', configuration(machine.key))
    await machine.start()
    expect(await machine.answers(2 * BOOT_MS_MAX)).toBe(true)
    await using clients = new MqttClients()
    const got = await clients.listen(machine.url, '#', { connectTimeout: 120_000 })
    const publisher = await clients.connect(machine.url, { connectTimeout: 120_000 })
    await publisher.publishAsync('hello', 'arm', { qos: 1 })
    await until(() => got.some(({ payload }) => payload === 'arm'), 'the message', 60_000)
  })

  test('on a Raspberry Pi 3B: U-Boot, GRUB, slot A, and the gateway is started', { timeout: RASPBERRY_MS_MAX }, async () => {
    await using machine = await Machine.flash(image, { model: 'raspi3b' })
    // QEMU's Raspberry Pi takes the setting of its watchdog for its end, and starts anew.
    machine.card.write('grub/grub.cfg', machine.card.read('grub/grub.cfg').replace(' quiet ', ' quiet systemd.watchdog_sec=0 '))
    await machine.start()
    // U-Boot's words: its environment is the one that does not wait for a key.
    await machine.untilSerial(/Loading Environment from FAT\.\.\. OK/)
    await machine.untilSerial(/sandpiper: slot on \/dev\/mmcblk\dp2/, RASPBERRY_MS_MAX / 3)
    await machine.untilSerial(/Started sandpiper\.service|Started .*Sandpiper MQTT gateway/, RASPBERRY_MS_MAX / 2)
    expect(machine.serial).not.toMatch(/Hit any key/)
  })
})
