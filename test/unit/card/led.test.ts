// The board's light: which one, and what it is told. The kernel's own files are tried where there is a kernel with LEDs (test/vm).
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { CardFacts } from '../../../src/card/facts.ts'
import { Led, type LedCode, ledWords } from '../../../src/card/led.ts'
import { ledOf } from '../../../src/card/verdict.ts'
import { APPLIED, FACTS, STATUS } from '../../support/card-facts.ts'
import { FileTree } from '../../support/tree.ts'

function board(name: string, brightness = 255): FileTree {
  return new FileTree(`/sys/class/leds/input3::capslock/trigger: [none]\n/sys/class/leds/${name}/trigger: none timer [mmc0]\n/sys/class/leds/${name}/max_brightness: ${brightness}\n/sys/class/leds/${name}/pattern: \n`)
}

test.each(['ACT', 'led0', 'green:status', 'beaglebone:green:usr0', 'PWR'])('%s is the light', (name) => {
  using tree = board(name)
  expect(new Led(tree.root).show('good')).toBe(true)
  const file = (of: string): string => readFileSync(join(tree.root, 'sys/class/leds', name, of), 'utf8')
  expect(file('trigger')).toBe('pattern')
  expect(file('pattern')).toBe('255 50 255 0 0 2950 0 0')
})

test.each([
  ['last-good', '255 200 255 0 0 250 0 0 255 200 255 0 0 1800 0 0'],
  ['no-uplink', '255 200 255 0 0 1800 0 0'],
  ['starting', '255 100 255 0 0 100 0 0'],
] as const)('%s', (code, pattern) => {
  using tree = board('ACT')
  new Led(tree.root).show(code)
  expect(readFileSync(join(tree.root, 'sys/class/leds/ACT/pattern'), 'utf8')).toBe(pattern)
})

test('a light that is on or off only', () => {
  using tree = board('ACT', 1)
  new Led(tree.root).show('good')
  expect(readFileSync(join(tree.root, 'sys/class/leds/ACT/pattern'), 'utf8')).toBe('1 50 1 0 0 2950 0 0')
})

test('a kernel without patterns blinks', () => {
  using tree = new FileTree('/sys/class/leds/ACT/trigger: [none] timer\n/sys/class/leds/ACT/pattern/not-a-file: 1\n/sys/class/leds/ACT/delay_on: \n/sys/class/leds/ACT/delay_off: \n')
  expect(new Led(tree.root).show('default')).toBe(true)
  expect(readFileSync(join(tree.root, 'sys/class/leds/ACT/trigger'), 'utf8')).toBe('timer')
  expect(readFileSync(join(tree.root, 'sys/class/leds/ACT/delay_on'), 'utf8')).toBe('400')
})

test('a board without one, or that lets nobody', () => {
  using none = new FileTree('/sys/class/leds/input3::capslock/trigger: [none]\n')
  expect(new Led(none.root).isThere).toBe(false)
  expect(new Led(none.root).show('good')).toBe(false)
  expect(new Led('/nowhere').show('good')).toBe(false)
})

describe('what it says', () => {
  test.each<[LedCode, Partial<CardFacts>]>([
    ['good', {}],
    ['no-uplink', { status: { ...STATUS, uplinks: [{ ...STATUS.uplinks[0]!, connected: false }] } }],
    ['last-good', { applied: { ...APPLIED, source: 'last-good' }, status: { ...STATUS, config: { source: 'last-good', digest: null, trouble: null } } }],
    ['default', { applied: { ...APPLIED, source: 'default' }, status: { ...STATUS, config: { source: 'default', digest: null, trouble: null } } }],
    ['no-data', { data: { freeBytes: 0, totalBytes: 0, trouble: 'it is not there' } }],
    ['trying', { isTrial: true }],
    ['no-broker', { status: null, answer: null }],
    ['no-broker', { answer: { where: 'port 1883', why: 'it closed the connection' } }],
    ['starting', { status: null, answer: null, uptimeSec: 20 }],
  ])('%s', (code, changes) => expect(ledOf({ ...FACTS, ...changes })).toBe(code))

  test('a gateway without listeners is well', () => expect(ledOf({ ...FACTS, answer: null })).toBe('good'))

  test('each in a sentence', () => {
    expect(ledWords('no-uplink')).toBe('one blink, a pause: all is well here, but an uplink is not connected')
    expect(ledWords('starting')).toBe('it flickers: starting')
  })
})
