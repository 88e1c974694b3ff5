// The pin maps of all boards, held against what makers and kernels say in other places: a wrong line closes the wrong relay.
import { describe, expect, it } from 'vitest'
import { keyOf, lineOf, type LineReference } from '../../../src/board/pin-map.ts'
import { allProfiles } from '../../../src/config/board-profile.ts'
import type { BoardProfile } from '../../../src/config/config.ts'

const PROFILES = allProfiles()
const BOARDS = PROFILES.filter((profile) => !profile.isOpen)
const board = (id: string): BoardProfile => PROFILES.find((profile) => profile.id === id)!

function line(id: string, reference: LineReference): string {
  const answer = lineOf(board(id), reference)
  return 'problem' in answer ? answer.problem : answer.line === null ? 'unknown' : keyOf(answer.line)
}

const GROUND = [6, 9, 14, 20, 25, 30, 34, 39]

describe.each(BOARDS.map((profile) => [profile.id, profile] as const))('%s', (_, { pins, chips, uarts, buses }) => {
  it('has 40 pins, supplies and ground where every such header has them', () => {
    expect(pins.map((pin) => pin.pin)).toEqual(Array.from({ length: 40 }, (_one, i) => i + 1))
    expect(pins.filter((pin) => pin.kind === 'ground').map((pin) => pin.pin)).toEqual(GROUND)
    expect(pins.filter((pin) => pin.name === '3V3').map((pin) => pin.pin)).toEqual([1, 17])
    expect(pins.filter((pin) => pin.name === '5V').map((pin) => pin.pin)).toEqual([2, 4])
  })

  it('has each line once, on a chip that it has, under names of its own', () => {
    const lines = pins.flatMap((pin) => (pin.line === null ? [] : [pin.line]))
    expect(new Set(lines.map(keyOf)).size).toBe(lines.length)
    for (const { chip, offset } of lines) expect(offset).toBeLessThan(chips.find((one) => one.label === chip)!.lines)
    const names = pins.filter((pin) => pin.line !== null).flatMap((pin) => [pin.name, ...pin.also])
    expect(new Set(names).size).toBe(names.length)
  })

  it('has UARTs at pins 8 and 10, I²C at pins 3 and 5', () => {
    expect(uarts.some((uart) => uart.pins.includes(8) && uart.pins.includes(10))).toBe(true)
    expect(buses.some((bus) => bus.kind === 'i2c' && bus.pins.join() === '3,5')).toBe(true)
  })
})

describe('Raspberry Pi', () => {
  // The order of the header, in the numbers of the processor: the same on all models.
  const ORDER: Readonly<Record<number, number>> = {
    3: 2, 5: 3, 7: 4, 8: 14, 10: 15, 11: 17, 12: 18, 13: 27, 15: 22, 16: 23, 18: 24, 19: 10, 21: 9, 22: 25, 23: 11, 24: 8, 26: 7, 27: 0, 28: 1,
    29: 5, 31: 6, 32: 12, 33: 13, 35: 19, 36: 16, 37: 26, 38: 20, 40: 21,
  }

  it.each([
    ['rpi-3b', 'pinctrl-bcm2835', 54],
    ['rpi-3b-plus', 'pinctrl-bcm2835', 54],
    ['rpi-zero-2w', 'pinctrl-bcm2835', 54],
    ['rpi-4', 'pinctrl-bcm2711', 58],
    ['rpi-cm4', 'pinctrl-bcm2711', 58],
    ['rpi-5', 'pinctrl-rp1', 54],
    ['rpi-cm5', 'pinctrl-rp1', 54],
  ])('%s: every name and pin on %s', (id, label, lines) => {
    expect(board(id).chips.find((chip) => chip.label === label)?.lines).toBe(lines)
    expect(Object.keys(ORDER)).toHaveLength(28)
    for (const [pin, number] of Object.entries(ORDER)) {
      expect([line(id, { kind: 'pin', pin: Number(pin) }), line(id, { kind: 'name', name: `GPIO${number}` })]).toEqual([`${label}:${number}`, `${label}:${number}`])
    }
    expect(board(id).pins.filter((pin) => pin.line !== null)).toHaveLength(28)
  })

  it('knows the names of the mainline device tree', () => {
    expect(line('rpi-4', { kind: 'name', name: 'SPI_CE1_N' })).toBe('pinctrl-bcm2711:7')
    expect(line('rpi-4', { kind: 'name', name: 'TXD1' })).toBe('pinctrl-bcm2711:14')
    expect(line('rpi-zero-2w', { kind: 'name', name: 'TXD0' })).toBe('pinctrl-bcm2835:14')
    // GPIO14 is not UART 1 there.
    expect(line('rpi-5', { kind: 'name', name: 'TXD1' })).toBe('Raspberry Pi 5 has no line that is called TXD1')
  })
})

describe('Jetson: names and offsets tell the same line', () => {
  // Lines of each port, in the order of the driver (gpio-tegra186.c); on Tegra210 (gpio-tegra.c) each port has eight.
  const TEGRA234: Readonly<Record<string, readonly (readonly [port: string, lines: number])[]>> = {
    'tegra234-gpio': [
      ['A', 8], ['B', 1], ['C', 8], ['D', 4], ['E', 8], ['F', 6], ['G', 8], ['H', 8], ['I', 7], ['J', 6], ['K', 8], ['L', 4], ['M', 8], ['N', 8],
      ['P', 8], ['Q', 8], ['R', 6], ['X', 8], ['Y', 8], ['Z', 8], ['AC', 8], ['AD', 4], ['AE', 2], ['AF', 4], ['AG', 8],
    ],
    'tegra234-gpio-aon': [['AA', 8], ['BB', 4], ['CC', 8], ['DD', 3], ['EE', 8], ['GG', 1]],
  }

  const first = (label: string, port: string): number => {
    if (label === 'tegra-gpio') return 8 * (port.length === 1 ? port.codePointAt(0)! - 65 : 26 + port.codePointAt(0)! - 65)
    const ports = TEGRA234[label]!
    return ports.slice(0, ports.findIndex(([name]) => name === port)).reduce((sum, [, lines]) => sum + lines, 0)
  }

  it('the driver’s ports add up to the chips’ lines', () => {
    for (const [label, ports] of Object.entries(TEGRA234)) {
      expect(ports.reduce((sum, [, lines]) => sum + lines, 0)).toBe(board('jetson-agx-orin').chips.find((chip) => chip.label === label)!.lines)
    }
  })

  it.each(['jetson-nano', 'jetson-orin-nano', 'jetson-agx-orin'])('%s', (id) => {
    const lines = board(id).pins.filter((pin) => pin.line !== null)
    expect(lines).toHaveLength(22)
    for (const { name, line: at } of lines) {
      const [, port, number] = /^P([A-Z]+)\.(\d\d)$/.exec(name)!
      expect([name, at!.offset]).toEqual([name, first(at!.chip, port!) + Number(number)])
    }
  })

  it.each([
    // Pin 7, 12, 35, 38 and 40 of a Jetson Nano as NVIDIA's forum names them: AUD_MCLK is GPIO BB.00, DAP4_FS J.04, DAP4_DIN J.05.
    ['jetson-nano', 7, 'tegra-gpio:216'],
    ['jetson-nano', 35, 'tegra-gpio:76'],
    ['jetson-nano', 38, 'tegra-gpio:77'],
    ['jetson-orin-nano', 7, 'tegra234-gpio:144'],
    ['jetson-orin-nano', 29, 'tegra234-gpio:105'],
    ['jetson-agx-orin', 7, 'tegra234-gpio:106'],
    ['jetson-agx-orin', 16, 'tegra234-gpio-aon:9'],
    ['jetson-agx-orin', 31, 'tegra234-gpio-aon:0'],
  ])('%s pin %i', (id, pin, key) => expect(line(id, { kind: 'pin', pin })).toBe(key))

  it('takes no GPIO number of a Raspberry Pi: on some of them it is another line of the maker’s', () => {
    const answer = lineOf(board('jetson-agx-orin'), { kind: 'name', name: 'GPIO17' })
    expect(answer).toMatchObject({
      problem: 'Jetson AGX Orin has no line that is called GPIO17',
      hint: 'write the pin: `pin: 11` is where a Raspberry Pi has GPIO17; `pin: 22` is what the maker calls GPIO17',
    })
    for (const id of ['jetson-nano', 'jetson-orin-nano', 'jetson-agx-orin']) {
      for (let n = 0; n < 40; n++) expect('problem' in lineOf(board(id), { kind: 'name', name: `GPIO${n}` })).toBe(true)
    }
  })
})

describe('what is no line', () => {
  it.each<[string, LineReference, string]>([
    ['rpi-4', { kind: 'pin', pin: 9 }, 'pin 9 of Raspberry Pi 4 Model B is ground'],
    ['rpi-4', { kind: 'pin', pin: 1 }, 'pin 1 of Raspberry Pi 4 Model B is the 3V3 supply'],
    ['rpi-4', { kind: 'pin', pin: 41 }, 'Raspberry Pi 4 Model B has no pin 41'],
    ['jetson-nano', { kind: 'pin', pin: 3 }, 'pin 3 of Jetson Nano is I2C1_SDA, and no GPIO'],
    ['rpi-4', { kind: 'chip', label: 'pinctrl-rp1', offset: 17 }, 'Raspberry Pi 4 Model B has no GPIO chip "pinctrl-rp1"'],
    ['rpi-4', { kind: 'chip', label: 'pinctrl-bcm2711', offset: 58 }, 'pinctrl-bcm2711 has no line 58'],
    ['rpi-4', { kind: 'chip', label: 'pinctrl-bcm2711', offset: 42 }, 'line 42 of pinctrl-bcm2711 is not on the header of Raspberry Pi 4 Model B: the board uses it itself'],
    ['rpi-4', { kind: 'name', name: 'constructor' }, 'Raspberry Pi 4 Model B has no line that is called constructor'],
    ['generic-arm64', { kind: 'pin', pin: 11 }, 'an arm64 board has no header that is known'],
  ])('%s: %j', (id, reference, problem) => expect(line(id, reference)).toBe(problem))

  it('an expander has chips of its own, and a generic board anything', () => {
    expect(line('rpi-4', { kind: 'chip', label: 'mcp23017', offset: 3 })).toBe('mcp23017:3')
    expect(line('generic-x86-64', { kind: 'chip', label: 'INT34BB:00', offset: 300 })).toBe('INT34BB:00:300')
    expect(line('generic-arm64', { kind: 'name', name: 'PC7' })).toBe('unknown')
  })
})
