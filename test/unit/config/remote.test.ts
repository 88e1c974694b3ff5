// `remote`: what is accepted, its defaults, and what would cost more than is wanted or never arrive.
import { expect, test } from 'vitest'
import { check } from './gateway-yaml.ts'

const UPLINK = 'uplinks: [{ name: cloud, url: mqtt://h, routes: [{ out: r, retain: true }] }]'

function remoteOf(text: string): unknown {
  const result = check(`site: s\n${text}`)
  return 'problems' in result ? result.problems.map(({ line, column, message }) => `${line}:${column} ${message}`) : result.config.remote
}

function warningsOf(text: string): unknown {
  const result = check(`site: s\n${text}`)
  return 'problems' in result ? result.problems : result.warnings.map(({ path, message }) => `${path}: ${message}`)
}

test('left out, or empty: nothing is told and nothing is taken', () => {
  expect(remoteOf('')).toEqual({ report: null, commands: null })
  expect(remoteOf('remote: {}')).toEqual({ report: null, commands: null })
})

test('topics alone', () => {
  expect(remoteOf('remote: { report: { topic: "up/{site}" }, commands: { topic: cmd } }')).toEqual({
    report: { topic: 'up/s', everyMs: 900_000, dayBytesMax: 40_000 },
    commands: { topic: 'cmd', allow: ['status', 'queue'], from: null, signature: null, ageMsMax: 600_000, answerBytesMax: 500, dayBytesMax: 100_000 },
  })
})

test('all of it', () => {
  expect(remoteOf(`${UPLINK}\nremote: { report: { topic: r, every: 1h, maxBytesPerDay: 20kB }, commands: { topic: cmd, allow: [pause, config, pause], from: [cloud], key: 0123456789abcdef, maxAge: 1h, maxAnswer: 2kB, maxBytesPerDay: 1MB } }`)).toEqual({
    report: { topic: 'r', everyMs: 3_600_000, dayBytesMax: 20_000 },
    commands: { topic: 'cmd', allow: ['pause', 'config'], from: ['cloud'], signature: { key: Buffer.from('0123456789abcdef') }, ageMsMax: 3_600_000, answerBytesMax: 2000, dayBytesMax: 1_000_000 },
  })
})

test.each([
  ['remote: { report: {} }', '2:19 `topic` is missing in `report`'],
  ['remote: { report: { topic: "a/#" } }', '2:28 `topic` "a/#" has a wildcard'],
  ['remote: { report: { topic: a, every: 10s } }', '2:38 `every` must be a duration from 1m to 1d, found the text "10s"'],
  ['remote: { commands: { topic: a, allow: [reboot] } }', '2:41 `allow[0]` must be status, queue, pause, config, update or support, found the text "reboot"'],
  ['remote: { commands: { topic: a, key: short } }', '2:38 a key has 16 characters at least'],
  ['remote: { commands: { topic: a, maxAnswer: 100B } }', '2:44 `maxAnswer` must be a size from 200B to 60kB, found the text "100B"'],
  [`remote: { commands: { topic: ${'t'.repeat(60)}, maxAnswer: 200B } }`, '2:103 an answer of 200B has no room for so long a topic and what it says'],
  ['remote: { commands: { topic: a, maxAnswer: 20kB } }', '2:44 `maxBytesPerDay` 100kB is too little for answers of 20kB'],
  ['remote: { commands: { topic: a, from: [sat] } }', '2:40 there is no uplink "sat"'],
  ['remote: { commands: { topic: a, allow: [update] } }\nupdate: { commands: b }', '2:40 updates would be asked for on two topics: `update.commands` names one already'],
  ['remote: { report: { topic: a/b }, commands: { topic: a } }', '2:28 the report would be taken for a command'],
])('%s', (text, problem) => expect(remoteOf(text)).toEqual([problem]))

test.each([
  [`${UPLINK}\nremote: { report: { topic: r } }`, []],
  [`${UPLINK}\nremote: { report: { topic: other } }`, ['remote.report.topic: no route of an uplink carries the report']],
  ['uplinks: [{ name: cloud, url: mqtt://h, routes: [{ out: r }] }]\nremote: { report: { topic: r } }', ['remote.report.topic: the route that carries the report does not carry RETAIN: the cloud will not keep the last one']],
  [`${UPLINK}\nremote: { report: { topic: r, every: 1m } }`, ['remote.report.every: a report each 1m costs about 360kB a day, `maxBytesPerDay` is 40kB']],
])('%s: warns of %j', (text, warnings) => expect(warningsOf(text)).toEqual(warnings))
