// `budget:` as it is written, and what becomes of it.
import { expect, test } from 'vitest'
import type { BudgetConfig } from '../../../src/config/config.ts'
import { accepted, uplink } from './gateway-yaml.ts'

function budgetOf(text: string): BudgetConfig | null {
  return accepted(text).uplinks[0]!.links[0]!.budget
}

test.each([
  ['{ month: 20MB }', { dayBytes: Infinity, monthBytes: 20_000_000, billingDay: 1, reserve: null, counts: 'auto' }],
  ['{ day: 2MB }', { dayBytes: 2_000_000, monthBytes: Infinity, billingDay: 1, reserve: null, counts: 'auto' }],
  [
    '{ day: 2MB, month: 20MB, billingDay: 31, reserve: { class: live, share: 20% }, counts: connection }',
    { dayBytes: 2_000_000, monthBytes: 20_000_000, billingDay: 31, reserve: { class: 'live', share: 0.2 }, counts: 'connection' },
  ],
  ['{ day: 10kB, month: 10kB }', { dayBytes: 10_000, monthBytes: 10_000, billingDay: 1, reserve: null, counts: 'auto' }],
] as const)('%s', (written, expected) => {
  expect(budgetOf(uplink(`budget: ${written}`))).toEqual(expected)
})

test('none is none', () => {
  expect(budgetOf(uplink(''))).toBeNull()
})

test.each(['interface: wwan0', 'dial: { pppd: sat }', 'dial: { modem: lte }', 'dial: { interface: wwan0 }', 'dial: { command: [up], interface: ppp0 }'])('an interface can be counted: %s', (keys) => {
  expect(budgetOf(uplink(`${keys}\nbudget: { day: 2MB, counts: interface }`))?.counts).toBe('interface')
})

test('a modem for short messages may have a budget of a few messages, which are counted by themselves', () => {
  const text = `site: s\nuplinks:\n  - name: cloud\n    sbd: { port: /dev/ttyUSB0 }\n    routes: [{ out: a/# }]\n    budget: { day: 1kB }`
  expect(budgetOf(text)).toMatchObject({ dayBytes: 1000 })
})
