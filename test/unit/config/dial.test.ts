// `dial:` of a link becomes one of four kinds, with its defaults, and says what to write instead.
import { describe, expect, test } from 'vitest'
import type { DialConfig } from '../../../src/config/config.ts'
import { accepted, check, uplink } from './gateway-yaml.ts'

const dialOf = (keys: string): DialConfig | null => accepted(uplink(`dial: { ${keys} }`)).uplinks[0]!.links[0]!.dial
const DEFAULTS = { timeoutMs: 60_000, attemptBytesMax: Infinity }

describe('kinds', () => {
  test.each<[string, DialConfig]>([
    ['pppd: iridium', { kind: 'pppd', peer: 'iridium', ...DEFAULTS }],
    ['modem: "LTE at home"', { kind: 'modem', connection: 'LTE at home', ...DEFAULTS }],
    ['interface: wwan0', { kind: 'interface', interface: 'wwan0', waits: false, ...DEFAULTS }],
    ['interface: eth0.7, wait: true', { kind: 'interface', interface: 'eth0.7', waits: true, ...DEFAULTS }],
    ['command: [wvdial, sat]', { kind: 'command', up: ['wvdial', 'sat'], down: null, stays: false, interface: null, ...DEFAULTS }],
    [
      'command: [/opt/up, "a b", ""], down: [bin/down, bin/x], stays: true, interface: ppp0',
      { kind: 'command', up: ['/opt/up', 'a b', ''], down: ['/site/bin/down', 'bin/x'], stays: true, interface: 'ppp0', ...DEFAULTS },
    ],
    ['pppd: sat, timeout: 3m, maxCost: 20kB', { kind: 'pppd', peer: 'sat', timeoutMs: 180_000, attemptBytesMax: 20_000 }],
  ])('%s', (keys, dial) => expect(dialOf(keys)).toEqual(dial))

  test('a link without `dial` has none', () => expect(accepted(uplink('metered: true')).uplinks[0]!.links[0]!.dial).toBeNull())

  test('each link of several has its own', () => {
    const { links } = accepted(uplink('links: [{ name: eth }, { name: lte, dial: { modem: lte } }, { name: sat, dial: { pppd: sat } }]')).uplinks[0]!
    expect(links.map((link) => link.dial?.kind)).toEqual([undefined, 'modem', 'pppd'])
  })
})

describe('hints', () => {
  const hint = (dial: string): string | undefined => {
    const result = check(uplink(`dial: ${dial}`))
    return 'problems' in result ? result.problems[0]!.hint : undefined
  }

  test.each([
    ['{ command: wvdial --config "a b" }', 'no shell reads it: write each argument by itself, perhaps ["wvdial", "--config", "\\"a", "b\\""]'],
    ['{ command: wvdial }', 'no shell reads it: write each argument by itself, perhaps ["wvdial"]'],
    ['{ pppd: peers/sat }', 'write the name of a file in /etc/ppp/peers, without its path'],
    ['{ modme: lte }', 'did you mean `modem`?'],
    ['{ command: [sleep, 5] }', 'write it in quotes: "5"'],
    ['{ interface: "" }', 'write the name of a network interface'],
  ])('%s', (dial, wanted) => expect(hint(dial)).toBe(wanted))
})
