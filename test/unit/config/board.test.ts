// `board:` and what is checked by it: what is accepted, what is warned of, and what the hints say. Refusals are in mistakes.ts.
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { boardIds } from '../../../src/config/board-profile.ts'
import type { LoadOptions } from '../../../src/config/load.ts'
import { accepted, check, lines } from './gateway-yaml.ts'

const site = (board: string, ...sensors: string[]): string => `site: s\n${board}sensors:\n${sensors.map((keys, i) => `  - { name: s${i}, topic: t${i}, ${keys} }\n`).join('')}`
const on = (board: string): LoadOptions => ({ secrets: 'skip', board })

function hints(text: string, options?: LoadOptions): string[] {
  const result = check(text, options)
  return 'problems' in result ? result.problems.map((p) => p.hint) : []
}

function warnings(text: string, options?: LoadOptions): string[] {
  const result = check(text, options)
  if ('problems' in result) throw new Error(lines(result).join('\n'))
  return result.warnings.map((w) => `${w.line}:${w.column} ${w.message} | ${w.hint}`)
}

describe('what board it is', () => {
  it('auto: nobody knows on another machine', () => {
    expect(accepted('site: s').board).toEqual({ profile: null, enable: [] })
    expect(accepted('site: s\nboard: auto').board).toEqual({ profile: null, enable: [] })
  })

  it('an id, alone or with what is enabled', () => {
    expect(accepted('site: s\nboard: rpi-4').board.profile?.title).toBe('Raspberry Pi 4 Model B')
    expect(accepted('site: s\nboard: { id: rpi-4, enable: [uart-2, "one-wire:GPIO22"] }').board).toMatchObject({
      profile: { id: 'rpi-4' },
      enable: [{ id: 'uart-2', line: null }, { id: 'one-wire', line: 'GPIO22' }],
    })
  })

  it('--board holds instead of what the file says; what is enabled is still the file’s', () => {
    expect(accepted('site: s\nboard: { id: rpi-4, enable: [spi-0] }', on('rpi-5')).board).toMatchObject({ profile: { id: 'rpi-5' }, enable: [{ id: 'spi-0' }] })
  })

  it('what is detected holds for auto only', () => {
    const detected: LoadOptions = { secrets: 'skip', detectedBoard: 'rpi-5' }
    expect(accepted('site: s', detected).board.profile?.id).toBe('rpi-5')
    expect(accepted('site: s\nboard: { enable: [spi-0] }', detected).board.profile?.id).toBe('rpi-5')
    expect(accepted('site: s\nboard: rpi-4', detected).board.profile?.id).toBe('rpi-4')
  })

  it('what is on is seen on the machine itself: `enable` need not list it, pins are checked all the same', () => {
    const text = site('', 'oneWire: { address: 28-0000051e8a2f }', 'gpio: { pin: 7 }')
    expect(lines(check(text, { secrets: 'skip', detectedBoard: 'rpi-4' }))).toEqual(['4:41 sensors[1].gpio.pin: GPIO4 (pin 7) belongs to 1-wire, which the sensor `s0` uses'])
  })

  it('a UART that no profile has may be there: on the machine itself it is not refused', () => {
    const text = site('', 'serial: { path: /dev/ttyS4 }')
    expect(lines(check(text, on('rpi-5')))).toEqual(['3:44 sensors[0].serial.path: Raspberry Pi 5 has no /dev/ttyS4'])
    expect(lines(check(text, { secrets: 'skip', detectedBoard: 'rpi-5' }))).toEqual([])
  })

  it('two names of one adapter, where it is plugged in', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sandpiper-two-names-'))
    try {
      writeFileSync(join(folder, 'ttyUSB0'), '')
      symlinkSync('ttyUSB0', join(folder, 'by-id'))
      const text = site('', `serial: { path: ${folder}/ttyUSB0 }`, `serial: { path: ${folder}/by-id }`)
      expect(lines(check(text))).toEqual([`4:44 sensors[1].serial.path: ${folder}/by-id is the same port and belongs to the sensor \`s0\` already (as ${folder}/ttyUSB0)`])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('a profile of one’s own, beside gateway.yaml; its file is watched like it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sandpiper-own-board-'))
    try {
      const path = join(folder, 'carrier.yaml')
      writeFileSync(path, 'id: carrier\ntitle: Carrier of ours\nextends: rpi-cm4\nheader: { pins: { 41: { name: RELAY1, line: 28 } } }\n')
      const result = check(site(`board: ${path}\n`, 'gpio: { line: RELAY1 }'))
      expect(lines(result)).toEqual([])
      expect(result.files).toContain(path)
      writeFileSync(path, 'id: carrier\ntitle: Carrier of ours\nextends: rpi-cm4\nledz: []\n')
      expect(lines(check(`site: s\nboard: ${path}\n`))).toEqual([`2:8 board: the profile has a mistake at ${path}:4:1: unknown key \`ledz\``])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('hints say what to write instead', () => {
  it('parity on the mini UART: the PL011, its boot line, another UART, an adapter', () => {
    expect(hints(site('board: rpi-4\n', 'serial: { path: /dev/ttyS0, parity: even }'))).toEqual([
      'use /dev/ttyAMA0 and switch the PL011 to the header: add dtoverlay=disable-bt to /boot/firmware/config.txt (Raspberry Pi OS: sudo systemctl disable hciuart; ' +
        'Debian: compile that overlay with dtc: raspi-firmware does not ship it); then write `board: { id: rpi-4, enable: [uart-0] }`; ' +
        'or use /dev/ttyAMA2 (uart-2), /dev/ttyAMA3 (uart-3), /dev/ttyAMA4 (uart-4), /dev/ttyAMA5 (uart-5); or an adapter for USB',
    ])
    expect(accepted(site('board: { id: rpi-4, enable: [uart-0] }\n', 'serial: { path: /dev/ttyAMA0, parity: even }')).board.profile?.id).toBe('rpi-4')
  })

  it.each([
    ['gpio: { line: GPI017 }', 'did you mean GPIO17? write the pin of the header (`pin: 11`), a name such as GPIO2, or "LABEL:OFFSET" for a line of another chip'],
    // GPIO2 is no misspelt GPIO28.
    ['gpio: { line: GPIO28 }', 'write the pin of the header (`pin: 11`), a name such as GPIO2, or "LABEL:OFFSET" for a line of another chip'],
    ['gpio: { pin: 9 }', 'the nearest lines are GPIO14 (pin 8), GPIO15 (pin 10), GPIO4 (pin 7)'],
    ['oneWire: { address: 28-0000051e8a2f }', 'add dtoverlay=w1-gpio,gpiopin=4 to /boot/firmware/config.txt (Debian: compile that overlay with dtc: raspi-firmware does not ship it); then write `board: { id: rpi-4, enable: [one-wire] }`'],
  ])('%s', (sensor, hint) => expect(hints(site('board: rpi-4\n', sensor))).toEqual([hint]))

  it('a list of `enable` grows', () => {
    expect(hints(site('board: { id: rpi-5, enable: [spi-0] }\n', 'iio: { device: "i2c 1-0076" }'))).toEqual(['add dtparam=i2c_arm=on to /boot/firmware/config.txt; then write `board: { id: rpi-5, enable: [spi-0, i2c-1] }`'])
  })

  it('two owners: lines that are free, and no line that a bus has', () => {
    expect(hints(site('board: rpi-4\n', 'gpio: { pin: 11 }', 'gpio: { pin: 11 }'))).toEqual(['one owner for a line; free are GPIO18 (pin 12), GPIO27 (pin 13), GPIO22 (pin 15), GPIO23 (pin 16)'])
  })

  it('a board that is nearly right', () => {
    expect(hints('site: s\nboard: rpi4')[0]).toMatch(/^did you mean rpi-4\? known are generic-arm64, /)
  })
})

describe('warnings: what is on under some systems only', () => {
  it('I²C 1 is on in Debian, and off in Raspberry Pi OS', () => {
    expect(warnings(site('board: rpi-4\n', 'iio: { device: "i2c 1-0076" }'))).toEqual([
      '4:43 I²C 1 is off under Raspberry Pi OS as it is delivered | add dtparam=i2c_arm=on to /boot/firmware/config.txt; then write `board: { id: rpi-4, enable: [i2c-1] }`',
    ])
    expect(warnings(site('board: { id: rpi-4, enable: [i2c-1] }\n', 'iio: { device: "i2c 1-0076" }'))).toEqual([])
  })

  it('its pins as lines', () => {
    expect(warnings(site('board: rpi-4\n', 'gpio: { pin: 5 }'))[0]).toMatch(/^4:41 GPIO3 \(pin 5\) belongs to I²C 1, which is on under Debian \| switch it off there, or take another line/)
  })

  it('a console', () => {
    expect(warnings(site('board: jetson-nano\n', 'serial: { path: /dev/ttyTHS1 }'))).toEqual([
      '4:44 a console is on /dev/ttyTHS1 as the system is delivered: it answers the device, and takes half of what it says | sudo systemctl disable --now nvgetty',
    ])
  })
})

describe('what is not the board’s', () => {
  it.each(boardIds())('adapters, expanders and links on %s', (id) => {
    const text = site('', 'serial: { path: /dev/ttyUSB0, parity: even }', 'serial: { path: /dev/serial/by-id/usb-FTDI, stopBits: 2 }', 'serial: { path: /dev/ttyACM0 }', 'gpio: { line: "mcp23017:3", pull: up }')
    expect(lines(check(text, on(id)))).toEqual([])
  })

  it('a generic board is asked for nothing', () => {
    expect(lines(check(site('board: generic-x86-64\n', 'serial: { path: /dev/ttyS7, parity: even }', 'gpio: { line: "INT34BB:00:7" }', 'iio: { device: "i2c 9-0076" }')))).toEqual([])
  })
})

describe('one configuration on every board', () => {
  // By header pin: the one name of a line that all 40-pin headers share.
  const EVERYWHERE = site('', 'gpio: { pin: 29, debounce: 20ms }', 'gpio: { pin: 31, input: counter, edge: falling }', 'thermal: { zone: cpu-thermal }', 'serial: { path: /dev/ttyUSB0 }') +
    'outputs:\n  - { name: pump, command: pump/set, state: pump, gpio: { pin: 32 } }\n'

  it.each(boardIds().filter((id) => !id.startsWith('generic')))('%s', (id) => expect(lines(check(EVERYWHERE, on(id)))).toEqual([]))
})
