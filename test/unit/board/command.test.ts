// `sandpiper board` and `sandpiper check --board`, as a person types them.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { boardCommand, boardList, profileOf } from '../../../src/commands/board.ts'
import { boardIds } from '../../../src/config/board-profile.ts'
import { checkText } from '../../../src/config/load.ts'
import type { Config } from '../../../src/config/config.ts'
import { FileTree } from '../../support/tree.ts'

const TREES = join(import.meta.dirname, 'trees')
const MAIN = join(import.meta.dirname, '../../../src/main.ts')
const recorded = (id: string): FileTree => FileTree.recorded(join(TREES, `${id}.txt`))

function configOf(text: string, board: string): Config {
  const result = checkText(text, '/site/gateway.yaml', { secrets: 'skip', detectedBoard: board })
  if ('problems' in result) throw new Error(result.problems[0]!.message)
  return result.config
}

const SITE = `site: s
sensors:
  - { name: door, topic: door, gpio: { pin: 11 } }
  - { name: water, topic: water, oneWire: { address: 28-0000051e8a2f } }
  - { name: air, topic: air, iio: { device: "i2c 1-0076" } }
  - { name: tank, topic: tank, serial: { path: /dev/ttyS1 } }
outputs:
  - { name: pump, gpio: { line: GPIO27 }, command: pump/set, state: pump }
`

describe('the text', () => {
  it('tells the board, its chips and who holds their lines, ports and what they can do, buses, LEDs, watchdog, temperatures', async () => {
    using tree = recorded('rpi-4')
    const text = await boardCommand({ board: null, config: null, root: tree.root, json: false })
    expect(text.split('\n').slice(0, 3)).toEqual(['Raspberry Pi 4 Model B Rev 1.4', 'profile rpi-4: Raspberry Pi 4 Model B', 'device tree raspberrypi,4-model-b, brcm,bcm2711'])
    for (const part of [
      'pinctrl-bcm2711  /dev/gpiochip0  58 lines  from 512 in /sys/class/gpio\n',
      'pinctrl-bcm2711:17  GPIO17 (pin 11)  held by sysfs\n',
      'GPIO17 ← sysfs 11 | 12 GPIO18\n',
      '/dev/ttyS1    uart-1, the mini UART  pins 8, 10, no parity, one stop bit, no break detection, console\n',
      '1-0076  bme280  driver bmp280\n',
      '1-0068  ds3231  no driver has it\n',
      'ACT, mmc0::, PWR\n',
      '/dev/watchdog0  Broadcom BCM2835 Watchdog timer  15 s at most\n',
      'cpu-thermal  48.312 °C  slower from 80 °C  off at 90 °C\n',
      'thermal: { zone: cpu-thermal }',
    ]) expect(text).toContain(part)
  })

  it('with a configuration: whose pin is which, and the boot lines that are missing', async () => {
    using tree = recorded('rpi-4')
    const text = await boardCommand({ board: null, config: configOf(SITE, 'rpi-4'), root: tree.root, json: false })
    expect(text).toContain('GPIO17 ← the sensor door 11 | 12 GPIO18\n')
    expect(text).toContain('GPIO27 ← the output pump 13 | 14 GND\n')
    // The I²C bus and the mini UART are there.
    expect(text.slice(text.indexOf('Needed by'))).toBe(`Needed by the configuration and not there: put these lines into the boot files, and restart
  one-wire, 1-wire: for the sensor water
    raspberry-pi-os: dtoverlay=w1-gpio,gpiopin=4 in /boot/firmware/config.txt
    debian: dtoverlay=w1-gpio,gpiopin=4 in /boot/firmware/config.txt; compile that overlay with dtc: raspi-firmware does not ship it
`)
  })

  it('says when nothing is missing', async () => {
    using tree = recorded('rpi-5')
    const config = configOf('site: s\nsensors: [{ name: water, topic: water, oneWire: { address: 28-0000051e8a2f } }]', 'rpi-5')
    expect(await boardCommand({ board: null, config, root: tree.root, json: false })).toContain('Everything that the configuration needs of the board is switched on.\n')
  })

  it.each(['rpi-5', 'jetson-orin-nano', 'x86'])('%s', async (id) => {
    using tree = recorded(id)
    const text = await boardCommand({ board: null, config: null, root: tree.root, json: false })
    expect(text).not.toMatch(/undefined|null|\[object/)
  })

  it('a machine of which nothing is known', async () => {
    using tree = new FileTree()
    expect(await boardCommand({ board: null, config: null, root: tree.root, json: false })).toContain('a machine that says nothing of itself\nno profile fits: name one with --board\n')
  })
})

it('JSON holds the same for programs', async () => {
  using tree = recorded('rpi-4')
  const told = JSON.parse(await boardCommand({ board: null, config: configOf(SITE, 'rpi-4'), root: tree.root, json: true })) as Record<string, unknown>
  expect(told).toMatchObject({
    model: 'Raspberry Pi 4 Model B Rev 1.4',
    profile: 'rpi-4',
    chips: [{ label: 'pinctrl-bcm2711', sysfsBase: 512 }, { label: 'raspberrypi-exp-gpio' }],
    ports: [{ device: '/dev/ttyS1', uart: { id: 'uart-1', parity: false } }, { device: '/dev/ttyUSB0', uart: null }],
    missing: [{ id: 'one-wire', boot: [{ lines: ['dtoverlay=w1-gpio,gpiopin=4'] }, { system: 'debian' }] }],
  })
})

it('an unknown board is told with those that are known', () => {
  expect(() => profileOf('rpi-6')).toThrow(`there is no board "rpi-6": known are ${boardIds().join(', ')}`)
})

it('--list has every profile', () => {
  expect(boardList().trimEnd().split('\n').map((line) => line.split(' ')[0])).toEqual(boardIds())
})

describe('the command line', () => {
  function sandpiper(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    return new Promise((resolve) => {
      execFile(process.execPath, [MAIN, ...args], (error, out, err) => resolve({ code: (error as { code?: number } | null)?.code ?? 0, out, err }))
    })
  }

  it('board, check --board, and what they refuse', async () => {
    using tree = recorded('rpi-4')
    tree.write('/gateway.yaml', SITE)
    const shown = await sandpiper('board', '--root', tree.root, '--config', tree.path('/gateway.yaml'))
    expect([shown.code, shown.out.split('\n')[1]]).toEqual([0, 'profile rpi-4: Raspberry Pi 4 Model B'])

    const checked = await sandpiper('check', tree.path('/gateway.yaml'), '--board', 'rpi-4')
    expect(checked.code).toBe(1)
    expect(checked.err).toContain('1-wire of Raspberry Pi 4 Model B is off until the boot files say otherwise, and `board.enable` does not list one-wire')

    tree.write('/plain.yaml', 'site: s\n')
    const good = await sandpiper('check', tree.path('/plain.yaml'), '--board', 'rpi-4')
    expect([good.code, good.out]).toEqual([0, `${tree.path('/plain.yaml')} is good for Raspberry Pi 4 Model B: site s, 1 listener, 0 sensors, 0 uplinks\n`])

    const unknown = await sandpiper('check', tree.path('/gateway.yaml'), '--board', 'rpi-6')
    expect([unknown.code, unknown.err.startsWith('sandpiper: there is no board "rpi-6"')]).toEqual([1, true])
  })
})
