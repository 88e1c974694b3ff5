// `discovery`: what is accepted, and its defaults.
import { expect, test } from 'vitest'
import { check } from './gateway-yaml.ts'

function discoveryOf(text: string): unknown {
  const result = check(`site: well-07\n${text}`)
  return 'problems' in result ? result.problems.map(({ line, column, message }) => `${line}:${column} ${message}`) : result.config.discovery
}

test('left out, or empty: where a listener is reached, by the site’s name', () => {
  const defaults = { mdns: 'auto', name: 'well-07', interfaces: [] }
  expect(discoveryOf('')).toEqual(defaults)
  expect(discoveryOf('discovery: {}')).toEqual(defaults)
})

test('all of it', () => {
  expect(discoveryOf('discovery: { mdns: on, name: "Well {site}, Ångström", interfaces: [eth0, wlan0] }')).toEqual({ mdns: 'on', name: 'Well well-07, Ångström', interfaces: ['eth0', 'wlan0'] })
})

test.each([
  ['discovery: { mdns: yes }', '2:20 `mdns` must be auto, on or off, found the text "yes"'],
  ['discovery: { mdns: false }', '2:20 `mdns` must be auto, on or off, found false'],
  ['discovery: { name: "" }', '2:20 `name` is empty'],
  ['discovery: { name: "a\\nb" }', '2:20 `name` must be a name, found the text "a·b"'],
  [`discovery: { name: "${'€'.repeat(22)}" }`, '2:20 `name` has 66 bytes'],
  ['discovery: { interfaces: [eth/0] }', '2:27 `interfaces[0]` must be the name of a network interface, found the text "eth/0"'],
  ['discovery: { interfaces: ["eth0,wlan0"] }', '2:27 `interfaces[0]` is no name of one interface'],
  [`discovery: { interfaces: [${Array.from({ length: 17 }, (_, i) => `e${i}`).join(', ')}] }`, '2:26 `interfaces` has 17 entries'],
])('%s', (text, problem) => expect(discoveryOf(text)).toEqual([problem]))

test('interfaces for nothing are a warning', () => {
  const result = check('site: s\ndiscovery: { mdns: off, interfaces: [eth0] }')
  expect('problems' in result ? [] : result.warnings.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual(['2:37 nothing is announced on them: `mdns` is off'])
})
