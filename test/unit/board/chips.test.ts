// Chips, their numbers of this start, and who holds which line; from trees of real boards.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findChips, type AskChip } from '../../../src/board/chips.ts'
import { FileTree } from '../../support/tree.ts'

const recorded = (id: string): FileTree => FileTree.recorded(join(import.meta.dirname, `trees/${id}.txt`))

describe('findChips', () => {
  it('a Raspberry Pi 4: labels and bases from sysfs, holders from debugfs', () => {
    using tree = recorded('rpi-4')
    expect(findChips(tree.root)).toEqual([
      {
        label: 'pinctrl-bcm2711', lines: 58, device: '/dev/gpiochip0', sysfsBase: 512, holdersKnown: true,
        held: [{ offset: 17, name: 'GPIO17', consumer: 'sysfs' }, { offset: 42, name: 'STATUS_LED_G_CLK', consumer: 'ACT' }],
      },
      {
        label: 'raspberrypi-exp-gpio', lines: 8, device: '/dev/gpiochip1', sysfsBase: 570, holdersKnown: true,
        held: [{ offset: 0, name: 'BT_ON', consumer: 'shutdown' }, { offset: 2, name: 'PWR_LED_OFF', consumer: 'PWR' }],
      },
    ])
  })

  it('a Raspberry Pi 5: the header’s chip has a base of its own, and a second name for its device that is no second chip', () => {
    using tree = recorded('rpi-5')
    expect(findChips(tree.root).map(({ label, device, sysfsBase, holdersKnown }) => [label, device, sysfsBase, holdersKnown])).toEqual([
      ['pinctrl-rp1', '/dev/gpiochip0', 569, false],
      ['gpio-brcmstb@107d508500', '/dev/gpiochip10', 512, false],
    ])
  })

  it('JetPack 6: no GPIO in sysfs', () => {
    using tree = recorded('jetson-orin-nano')
    const chips = findChips(tree.root)
    expect(chips.map(({ label, lines, sysfsBase }) => [label, lines, sysfsBase])).toEqual([['tegra234-gpio', 164, null], ['tegra234-gpio-aon', 32, null]])
    expect(chips[0]!.held).toEqual([{ offset: 112, name: 'PR.04', consumer: 'relay' }])
  })

  it('lines are counted from 0 in debugfs since Linux 6.11', () => {
    using tree = new FileTree('/dev/gpiochip0:\n/sys/kernel/debug/gpio: gpiochip0: 58 GPIOs, parent: platform/fe200000.gpio, pinctrl-bcm2711:\\n gpio-17  (GPIO17              |pump                ) out hi')
    expect(findChips(tree.root)).toEqual([{ label: 'pinctrl-bcm2711', lines: 58, device: '/dev/gpiochip0', sysfsBase: null, holdersKnown: true, held: [{ offset: 17, name: 'GPIO17', consumer: 'pump' }] }])
  })

  it('the device tells it all where it may be asked', () => {
    using tree = new FileTree('/dev/gpiochip3:\n/sys/class/gpio/gpiochip571/label: pinctrl-rp1\n/sys/class/gpio/gpiochip571/base: 571\n/sys/class/gpio/gpiochip571/ngpio: 54')
    const ask: AskChip = (device) => (device.endsWith('gpiochip3') ? { label: 'pinctrl-rp1', lines: 54, held: [{ offset: 4, name: 'GPIO4', consumer: 'onewire@4' }] } : null)
    expect(findChips(tree.root, ask)).toEqual([{ label: 'pinctrl-rp1', lines: 54, device: '/dev/gpiochip3', sysfsBase: 571, holdersKnown: true, held: [{ offset: 4, name: 'GPIO4', consumer: 'onewire@4' }] }])
  })

  it('a kernel with the old interface only', () => {
    using tree = new FileTree('/sys/class/gpio/gpiochip0/label: pinctrl-bcm2835\n/sys/class/gpio/gpiochip0/base: 0\n/sys/class/gpio/gpiochip0/ngpio: 54')
    expect(findChips(tree.root)).toEqual([{ label: 'pinctrl-bcm2835', lines: 54, device: null, sysfsBase: 0, holdersKnown: false, held: [] }])
  })

  it('no GPIO at all, and garbage', () => {
    using empty = new FileTree()
    expect(findChips(empty.root)).toEqual([])
    using garbage = new FileTree('/dev/gpiochip0:\n/sys/class/gpio/gpiochip5/label: x\n/sys/class/gpio/gpiochip5/base: many\n/sys/class/gpio/gpiochip5/ngpio: 3\n/sys/kernel/debug/gpio: gpiochip0: what\\n gpio-\\n\\x00\\xff')
    expect(findChips(garbage.root)).toEqual([])
  })
})
