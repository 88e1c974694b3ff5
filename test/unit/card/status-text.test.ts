// STATUS.txt, as a person reads it.
import { describe, expect, test } from 'vitest'
import type { CardFacts } from '../../../src/card/facts.ts'
import { statusText, WIDTH, wrap } from '../../../src/card/status-text.ts'
import { checkText } from '../../../src/config/load.ts'
import { APPLIED, FACTS, STATUS } from '../../support/card-facts.ts'

function textOf(changes: Partial<CardFacts>): string {
  const text = statusText({ ...FACTS, ...changes })
  const lines = text.split('\r\n')
  expect(lines.filter((line) => line.length > WIDTH || /[\r\n]/.test(line))).toEqual([])
  return lines.join('\n')
}

/** What the file's problems look like on the card. */
function refused(text: string): string {
  const result = checkText(text, '/boot/gateway/gateway.yaml')
  if (!('problems' in result)) throw new Error('accepted')
  return textOf({ text, applied: { ...APPLIED, source: 'last-good', problems: result.problems }, status: { ...STATUS, config: { source: 'last-good', digest: null, trouble: null } } })
}

test('of a gateway that is well', () => {
  expect(textOf({})).toBe(`STATUS OF THIS GATEWAY (the gateway writes this file; edit gateway.yaml instead)

  Name        well-07, in the network well-07
  Written     2026-11-21 12:34 UTC
  Running for 2 days 3 hours
  Program     sandpiper 1.2.3, image 1.2.3, system A

GATEWAY.YAML is right, and in use.

BROKER: answers at port 1883. 3 clients connected.
  Listens     port 1883 of every address below
  Listens     port 8883 of every address below (TLS)
  Listens     /run/mqtt.sock

UPLINK cloud: connected over lte for 1 day 2 hours.
  Waiting     12 messages, 3.4 kB

SENSORS: none of 1 in trouble.

NETWORK
  eth0        192.168.1.20, fd00::20 (ethernet any)
  wlan0       wifi, disconnected: no address

MACHINE
  Data        1.5 GB of 2.0 GB free
  Light       a short flash every 3 seconds: all is well
  SSH key     SHA256:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx

`)
})

describe('alarms', () => {
  const alarm = { name: 'uplink-down/cloud', severity: 'critical', message: 'uplink cloud was to be connected, and has not been for 1h', hint: 'see antenna, SIM and cables' }

  test('stand before everything else of the gateway, with what to do', () => {
    expect(textOf({ status: { ...STATUS, alarms: [alarm] } })).toContain(`GATEWAY.YAML is right, and in use.

ALARMS: 1.
  Alarm       uplink cloud was to be connected, and has not been for 1h
              see antenna, SIM and cables

BROKER: `)
  })

  test('the first ten of them', () => {
    const text = textOf({ status: { ...STATUS, alarms: Array.from({ length: 12 }, (_, i) => ({ ...alarm, message: `alarm ${i + 1}` })) } })
    expect(text).toContain('ALARMS: 12.')
    expect(text).toContain('  Alarm       alarm 10\n')
    expect(text).not.toContain('alarm 11')
    expect(text).toContain('              and 2 more\n')
  })

  test('a status of a release without them', () => {
    const { alarms: _, ...before } = STATUS
    expect(textOf({ status: before as typeof STATUS })).toBe(textOf({}))
  })
})

describe('a file with a mistake', () => {
  test('is told in the words of check, with line and column', () => {
    expect(refused('site: well-07\nbroker:\n  listners:\n    - { port: 1883 }\n')).toContain(`GATEWAY.YAML HAS A MISTAKE. The gateway runs on the last one that was right.

gateway.yaml:3:3  unknown key \`listners\` in \`broker\`
  3 |   listners:
    |   ^
      did you mean \`listeners\`? allowed here: listeners, maxConnections,`)
  })

  test('shows no secret, and long lines around their mistake only', () => {
    const text = refused(`site: s\naccess: { users: [{ name: a, password: hunter2 }] }\nuplinks: [{ name: cloud, url: mqtt://h, routes: [${'{ out: a/b/c/d/e/f }, '.repeat(10)}{ uot: a }] }]\n`)
    expect(text).not.toContain('hunter2')
    expect(text).toContain('{ uot: a }')
  })

  test('where there is no earlier one, that is said', () => {
    const result = checkText('', 'gateway.yaml')
    const problems = 'problems' in result ? result.problems : []
    const text = textOf({ text: '', applied: { ...APPLIED, source: 'default', problems }, status: { ...STATUS, config: { source: 'default', digest: null, trouble: null } } })
    expect(text).toContain('GATEWAY.YAML HAS A MISTAKE. There is no earlier one: a plain local broker runs.')
    expect(text).toContain('the file is empty')
    expect(text).toContain('  Light       3 blinks, a pause: gateway.yaml has a mistake, and there is no\n              earlier one: a local broker runs')
  })

  test('one with which the gateway does not start', () => {
    const text = textOf({ status: { ...STATUS, config: { source: 'last-good', digest: null, trouble: 'port 80 on 127.0.0.1 is taken by another program: stop the other program' } } })
    expect(text).toContain('GATEWAY.YAML is right, but the gateway cannot start with it. The gateway runs on\n')
    expect(text).toContain('  Why         port 80 on 127.0.0.1 is taken by another program: stop the other')
  })
})

test.each<[string, Partial<CardFacts>, string]>([
  ['an unset clock', { isTimeSynced: false }, 'but the clock has not been set since the\n              start: it is later than that'],
  ['a gateway that does not run', { status: null, answer: null }, 'BROKER: does not run.'],
  ['a broker that does not answer', { answer: { where: 'port 1883', why: 'no answer within 5 s' } }, 'BROKER: DOES NOT ANSWER at port 1883: no answer within 5 s. 3 clients connected.'],
  ['an uplink that is down', { status: { ...STATUS, uplinks: [{ ...STATUS.uplinks[0]!, connected: false, everConnected: false, link: null, lastError: 'ENOTFOUND broker.example.com' }] } }, 'UPLINK cloud: NOT CONNECTED since the start of the gateway.\n  Waiting     12 messages, 3.4 kB\n  Last error  ENOTFOUND broker.example.com'],
  ['a sensor in trouble', { status: { ...STATUS, sensors: [...STATUS.sensors, { name: 'a-sensor-with-a-long-name', state: 'gone', reason: '/dev/ttyUSB0 is not there' }] } }, 'SENSORS: 1 of 2 in trouble.\n  a-sensor-with-a-long-name gone: /dev/ttyUSB0 is not there'],
  ['a data partition that is not there', { data: { freeBytes: 0, totalBytes: 0, trouble: 'it is not there, and so the gateway does not run: it could keep nothing' } }, '  Light       4 blinks, a pause: the data partition is missing'],
  ['an update on trial', { isTrial: true }, '  Light       6 blinks, a pause: an update is being tried'],
  ['nothing applied yet', { applied: null }, 'GATEWAY.YAML has not been read since the start.'],
  ['what could not be done', { applied: { ...APPLIED, failures: ['chrony was not started anew: no such unit'] } }, '  Not done    chrony was not started anew: no such unit'],
  ['no network', { devices: [] }, 'NETWORK: no interface has an address.'],
  ['signs that old editors do not know', { status: { ...STATUS, lastError: 'it’s … “so” – •' } }, '  Last error  it\'s ... "so" - *'],
])('%s', (_, changes, expected) => expect(textOf(changes)).toContain(expected))

test('lines are broken at blanks, and words that are too long are cut', () => {
  expect(wrap('x'.repeat(170)).every((line) => line.length <= WIDTH)).toBe(true)
  expect(wrap(`  Label       ${'word '.repeat(30)}`).slice(1).every((line) => line.startsWith(' '.repeat(14)))).toBe(true)
  expect(wrap('')).toEqual([''])
})
