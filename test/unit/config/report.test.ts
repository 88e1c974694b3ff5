// What a person reads: the place, the line with a caret, what to do; never a secret.
import { expect, it } from 'vitest'
import { reportProblems } from '../../../src/config/report.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { check, uplink } from './gateway-yaml.ts'

function report(text: string, color = false): string {
  const result = check(text)
  if (!('problems' in result)) throw new Error('accepted')
  return reportProblems(result.problems, { fileName: 'gateway.yaml', text: result.text, color })
}

it('shows the line with a caret', () => {
  expect(report('site: s\nbroker:\n  listeners:\n    - { port: 1883, hots: x }\r\n')).toBe(
    [
      'gateway.yaml:4:21  unknown key `hots` in `listeners[0]`',
      '  4 |     - { port: 1883, hots: x }',
      '    |                     ^',
      '      did you mean `host`? allowed here: port, host, tls, anonymous, tenant, websocket, proxyProtocol, maxConnections, maxConnectionsPerAddress, maxConnectionsPerMinute, connectTimeout, maxConnectSize, maxPacketSize, maxTopicLength, maxTopicLevels, maxKeepAlive, maxPublishesPerSecond, receiveMaximum, topicAliasMaximum, maxSubscriptionsPerClient, outputBuffer',
    ].join('\n'),
  )
})

it('is plain unless colours are asked for', () => {
  expect(report('site: [', false)).not.toContain('\u001B')
  expect(report('site: [', true)).toContain('\u001B[31m')
})

it('shows twenty problems and says how many are left', () => {
  const text = `site: s\n${Array.from({ length: 33 }, (_, i) => `k${i}: 1`).join('\n')}`
  expect(report(text).match(/unknown key/g)).toHaveLength(20)
  expect(report(text)).toMatch(/… and 13 more$/)
})

it('keeps long lines and control characters off the terminal', () => {
  const long = report(`site: s\nstore: { ${'p'.repeat(200)}: "x", maxSize: 5 }`)
  expect(Math.max(...long.split('\n').map((line) => (line.includes('|') ? line.length : 0)))).toBeLessThanOrEqual(108)
  expect(long.split('\n')[1]!.indexOf('ppp')).toBeGreaterThan(0)
  expect(report('site: \u001B[31m')).not.toContain('\u001B')
  // The caret stands under what it means.
  const [, source, caret] = report(`site: s\nstore: { path: ${'p'.repeat(200)}, maxSize: 5 }`).split('\n')
  expect(source![caret!.indexOf('^')]).toBe('5')
})

it('says only what happened when the file could not be read', () => {
  const result = loadConfig('/nowhere/gateway.yaml')
  if (!('problems' in result)) throw new Error('accepted')
  expect(reportProblems(result.problems, { fileName: 'gateway.yaml', text: result.text })).toBe('/nowhere/gateway.yaml does not exist\n  give a readable file: --config FILE')
})

it.each([
  uplink('password: "hunter2'),
  uplink('password: hunter2\nversion: 4'),
  uplink('password:\n  [hunter2]'),
  uplink('password: |\n  hunter2\n bad'),
  uplink('').replace('mqtt://h', 'mqtt://user:hunter2@h'),
  'site: s\nuplinks: [{ name: a, password: hunter2, verison: 5 }]',
])('hides the secret of %j', (text) => expect(report(text)).not.toContain('hunter2'))
