// Which profile fits, from device trees and BIOS tables of real boards.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { detectBoard } from '../../../src/board/detect.ts'
import { allProfiles } from '../../../src/config/board-profile.ts'
import { detectedBoard } from '../../../src/detected-board.ts'
import { FileTree } from '../../support/tree.ts'

const PROFILES = allProfiles()

function detect(tree: string): string | null {
  using files = new FileTree(tree)
  return detectBoard(files.root, PROFILES).id
}

const deviceTree = (model: string, ...compatible: string[]): string => `/proc/device-tree/model: ${model}\\0\n/proc/device-tree/compatible: ${compatible.map((c) => `${c}\\0`).join('')}`

describe('by compatible', () => {
  it.each([
    ['rpi-3b', deviceTree('Raspberry Pi 3 Model B Rev 1.2', 'raspberrypi,3-model-b', 'brcm,bcm2837')],
    ['rpi-3b-plus', deviceTree('Raspberry Pi 3 Model B Plus Rev 1.3', 'raspberrypi,3-model-b-plus', 'brcm,bcm2837')],
    ['rpi-4', deviceTree('Raspberry Pi 4 Model B Rev 1.4', 'raspberrypi,4-model-b', 'brcm,bcm2711')],
    ['rpi-5', deviceTree('Raspberry Pi 5 Model B Rev 1.0', 'raspberrypi,5-model-b', 'brcm,bcm2712')],
    ['rpi-zero-2w', deviceTree('Raspberry Pi Zero 2 W Rev 1.0', 'raspberrypi,model-zero-2-w', 'brcm,bcm2837')],
    ['rpi-cm4', deviceTree('Raspberry Pi Compute Module 4 Rev 1.0', 'raspberrypi,4-compute-module', 'brcm,bcm2711')],
    ['rpi-cm5', deviceTree('Raspberry Pi Compute Module 5 Rev 1.0', 'raspberrypi,5-compute-module', 'brcm,bcm2712')],
    ['jetson-nano', deviceTree('NVIDIA Jetson Nano Developer Kit', 'nvidia,p3449-0000-b00+p3448-0000-b00', 'nvidia,jetson-nano', 'nvidia,tegra210')],
    ['jetson-orin-nano', deviceTree('NVIDIA Orin NX Developer Kit', 'nvidia,p3768-0000+p3767-0000', 'nvidia,p3767-0000', 'nvidia,tegra234')],
    ['jetson-orin-nano', deviceTree('NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super', 'nvidia,p3768-0000+p3767-0005-super', 'nvidia,tegra234')],
    ['jetson-agx-orin', deviceTree('NVIDIA Jetson AGX Orin Developer Kit', 'nvidia,p3737-0000+p3701-0005', 'nvidia,p3701-0005', 'nvidia,tegra234')],
  ])('%s', (id, tree) => expect(detect(tree)).toBe(id))

  it('each string means one board', () => {
    const strings = PROFILES.flatMap((profile) => profile.compatible)
    expect(strings.filter((one, i) => strings.indexOf(one) < i)).toEqual([])
    expect(PROFILES.filter((profile) => !profile.isOpen && profile.compatible.length === 0)).toEqual([])
  })
})

describe('by model, where the device tree has a string of its own', () => {
  it.each([
    ['rpi-3b', 'Raspberry Pi 3 Model B'],
    ['rpi-3b', 'Raspberry Pi 3 Model B Rev 1.2'],
    ['rpi-3b-plus', 'Raspberry Pi 3 Model B+'],
    ['rpi-3b-plus', 'Raspberry Pi 3 Model B Plus Rev 1.3'],
    ['rpi-5', 'Raspberry Pi 5 Model B Rev 1.0'],
    ['generic-arm64', 'Raspberry Pi 500 Rev 1.0'],
    ['generic-arm64', 'Raspberry Pi 3 Model BX'],
    ['generic-arm64', 'Radxa ROCK 5B'],
  ])('%s: %s', (id, model) => expect(detect(deviceTree(model, 'acme,board'))).toBe(id))
})

describe('what nobody knows', () => {
  it('a module in another carrier is no developer kit: its pins are others', () => {
    expect(detect(deviceTree('Carrier of our own', 'acme,carrier', 'nvidia,p3767-0005', 'nvidia,tegra234'))).toBe('generic-arm64')
  })

  it('a PC', () => expect(detect('/sys/class/dmi/id/sys_vendor: AAEON\n/sys/class/dmi/id/product_name: UP-WHL01')).toBe('generic-x86-64'))

  it('a machine that says nothing', () => expect(detect('')).toBeNull())

  it('garbage', () => {
    using files = new FileTree()
    files.write('/proc/device-tree/compatible', Buffer.from([0xff, 0, 0, 0xfe, 10]))
    files.write('/proc/device-tree/model', Buffer.alloc(100_000, 0x41))
    expect(detectBoard(files.root, PROFILES).id).toBe('generic-arm64')
  })
})

it.each(['rpi-4', 'rpi-5', 'jetson-orin-nano'])('the recorded tree of %s', (id) => {
  using files = FileTree.recorded(join(import.meta.dirname, `trees/${id}.txt`))
  expect(detectBoard(files.root, PROFILES).id).toBe(id)
})

describe('detectedBoard, which reads few profiles', () => {
  it.each([
    ['rpi-4', FileTree.recorded.bind(null, join(import.meta.dirname, 'trees/rpi-4.txt'))],
    ['jetson-orin-nano', FileTree.recorded.bind(null, join(import.meta.dirname, 'trees/jetson-orin-nano.txt'))],
    ['generic-x86-64', FileTree.recorded.bind(null, join(import.meta.dirname, 'trees/x86.txt'))],
    ['rpi-5', () => new FileTree(deviceTree('Raspberry Pi 5 Model B Rev 1.1', 'acme,board'))],
    ['generic-arm64', () => new FileTree(deviceTree('Radxa ROCK 5B', 'radxa,rock-5b', 'rockchip,rk3588'))],
    [null, () => new FileTree()],
  ])('%s', (id, make) => {
    using tree = make()
    expect(detectedBoard(tree.root)).toBe(id)
  })
})
