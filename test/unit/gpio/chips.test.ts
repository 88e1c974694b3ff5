// Which chip a label means, by trees of files; devices that answer are in the virtual machine only (test/vm/gpio.test.ts).
import { chmodSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { deviceOf, lineNamed, sysfsBaseOf } from '../../../src/gpio/chips.ts'
import { FileTree } from '../../support/tree.ts'

const chip = (base: number, label: string, lines: number): string => `
/class/gpiochip${base}/base: ${base}
/class/gpiochip${base}/label: ${label}
/class/gpiochip${base}/ngpio: ${lines}`

const NOBODY = 65_534

describe('the base of the old interface', () => {
  test.each([0, 399, 458, 512, 522, 571])('is looked up: %i', (base) => {
    using tree = new FileTree(`${chip(base, 'pinctrl-bcm2711', 58)}${chip(base + 58, 'raspberrypi-exp-gpio', 8)}`)
    expect(sysfsBaseOf('pinctrl-bcm2711', `${tree.root}/class`)).toEqual({ base, lines: 58 })
    expect(sysfsBaseOf('raspberrypi-exp-gpio', `${tree.root}/class`)).toEqual({ base: base + 58, lines: 8 })
  })

  test('of a chip that is not there, or where the kernel has no such interface, is none', () => {
    using tree = new FileTree(chip(512, 'pinctrl-bcm2711', 58))
    expect(sysfsBaseOf('pinctrl-rp1', `${tree.root}/class`)).toBeNull()
    expect(sysfsBaseOf('pinctrl-rp1', `${tree.root}/nothing`)).toBeNull()
  })

  test('chips of the interface that follows it, which has no base, are passed over', () => {
    using tree = new FileTree(`${chip(512, 'a', 8)}\n/class/chip0/label: a\n/class/chip0/ngpio: 8`)
    expect(sysfsBaseOf('a', `${tree.root}/class`)).toEqual({ base: 512, lines: 8 })
  })

  test('of a label that two chips have is not guessed', () => {
    using tree = new FileTree(`${chip(512, 'mcp23017', 16)}${chip(528, 'mcp23017', 16)}`)
    expect(() => sysfsBaseOf('mcp23017', `${tree.root}/class`)).toThrow('there are 2 GPIO chips "mcp23017"')
  })
})

describe('devices', () => {
  test('what is no GPIO chip is none', () => {
    using tree = new FileTree('/dev/gpiochip0:\n/dev/gpiochip1:')
    expect(() => deviceOf('pinctrl-rp1', `${tree.root}/dev`)).toThrow('there is no GPIO chip "pinctrl-rp1": `sandpiper board` lists those that are there')
    expect(() => lineNamed('GPIO17', `${tree.root}/dev`)).toThrow('no line is called GPIO17')
    expect(() => deviceOf('pinctrl-rp1', `${tree.root}/nothing`)).toThrow('there is no GPIO chip')
  })

  test('one that may not be opened is named, with what to do', () => {
    using tree = new FileTree('/dev/gpiochip0:')
    chmodSync(tree.root, 0o755)
    chmodSync(`${tree.root}/dev/gpiochip0`, 0)
    const isRoot = process.geteuid!() === 0
    if (isRoot) process.seteuid!(NOBODY) // whom the file's mode stops
    try {
      expect(() => deviceOf('pinctrl-rp1', `${tree.root}/dev`)).toThrow('gpiochip0 cannot be opened (EACCES): give this user the group')
    } finally {
      if (isRoot) process.seteuid!(0)
    }
  })
})
