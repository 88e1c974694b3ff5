// What a route may say of an expensive link: class, batch, filter, command, frames; the classes and links of its uplink.
import { describe, expect, test } from 'vitest'
import type { UplinkConfig } from '../../../src/config/config.ts'
import { classConfig } from '../../support/uplink-config.ts'
import { accepted, check, lines, uplink } from './gateway-yaml.ts'

const DAY_MS = 86_400_000
const of = (keys: string, routes = 'routes: [{ out: a }]'): UplinkConfig => accepted(uplink(keys, routes)).uplinks[0]!
const problems = (keys: string, routes = 'routes: [{ out: a }]'): string[] => lines(check(uplink(keys, routes)))

describe('a route', () => {
  test('batch: what is left out has its default; the topic names the site', () => {
    expect(of('', 'routes: [{ out: a, batch: {} }]').routes[0]!.batch).toEqual({ everyMs: 300_000, readingsMax: 300, bytesMax: 16_000, topic: 'sandpiper/s/frames' })
    const batch = of('', 'routes: [{ out: a, batch: { every: 1h, maxReadings: 1200, maxBytes: 1MB, topic: "f/{site}" } }]').routes[0]!.batch
    expect(batch).toEqual({ everyMs: 3_600_000, readingsMax: 1200, bytesMax: 1_000_000, topic: 'f/s' })
  })

  test('only: a deadband is a number or a percentage', () => {
    const only = (keys: string) => of('', `routes: [{ out: a, only: { ${keys} } }]`).routes[0]!.only
    expect(only('onChange: true')).toEqual({ onChange: true, deadband: null, intervalMsMin: 0, silenceMsMax: Infinity })
    expect(only('deadband: 0.5, minInterval: 10s, maxSilence: 1h')).toEqual({ onChange: false, deadband: { kind: 'absolute', by: 0.5 }, intervalMsMin: 10_000, silenceMsMax: 3_600_000 })
    expect(only('deadband: 2%')!.deadband).toEqual({ kind: 'relative', by: 0.02 })
  })

  test.each<[string, string, string]>([
    ['frames at QoS 0', '{ out: a, qos: 0, batch: {} }', '5:29 uplinks[0].routes[0].qos: frames cannot be sent at QoS 0: a lost one is hundreds of messages'],
    ['a batch of nothing', '{ out: a, batch: { maxReadings: 0 } }', '5:46 uplinks[0].routes[0].batch.maxReadings: `maxReadings` must be a whole number from 1 to 10000, found the number 0'],
    ['frames to a filter', '{ out: a, batch: { topic: f/# } }', '5:40 uplinks[0].routes[0].batch.topic: `topic` "f/#" has a wildcard'],
    ['a batch of what comes in', '{ in: a, batch: {} }', '5:23 uplinks[0].routes[0].batch: unknown key `batch` in `routes[0]`'],
    ['a deadband below nothing', '{ out: a, only: { deadband: -1 } }', '5:42 uplinks[0].routes[0].only.deadband: `deadband` is negative'],
    ['a class that is not there', '{ out: a, class: urgent }', '5:31 uplinks[0].routes[0].class: there is no class `urgent`'],
    ['frames under other names', '{ in: f/#, unpack: true, as: g/# }', '5:43 uplinks[0].routes[0].as: what is in a frame has topics of its own'],
    ['frames as commands', '{ in: f, unpack: true, command: {} }', '5:46 uplinks[0].routes[0].command: frames are no commands'],
    ['two rhythms for one topic', '{ out: a, batch: {} }, { out: b, batch: { every: 1h } }', '5:54 uplinks[0].routes[1].batch: another route of the class `live` makes frames for the same topic in another rhythm'],
  ])('%s', (_, route, problem) => expect(problems('', `routes: [${route}]`)).toEqual([problem]))
})

describe('classes', () => {
  test('three are there by themselves, when a route uses them; the best priority comes first', () => {
    const { classes } = of('queue: { maxAge: 1d }', 'routes: [{ out: b, class: bulk }, { out: a, class: alarm }]')
    const queue = { bytesMax: 1e9, countMax: 1e7, ageMsMax: DAY_MS, whenFull: 'drop-oldest' } as const
    expect(classes).toEqual([classConfig('alarm', { priority: 1, queue }), classConfig('live', { priority: 2, queue }), classConfig('bulk', { priority: 3, queue })])
  })

  test('what one says counts, the rest is the uplink’s', () => {
    const { classes } = of('classes: [{ name: slow, priority: 9, share: 20%, maxMessages: 5, whenFull: { thin: 10 } }, { name: live, whenFull: keep-latest }]', 'routes: [{ out: a, class: slow }]')
    expect(classes).toMatchObject([
      { name: 'live', priority: 2, share: 0, queue: { bytesMax: 1e9, whenFull: 'keep-latest' } },
      { name: 'slow', priority: 9, share: 0.2, queue: { bytesMax: 1e9, countMax: 5, whenFull: { thin: 10 } } },
    ])
  })

  test.each<[string, string, string]>([
    ['more than all of the link', 'classes: [{ name: live, share: 70% }, { name: x, share: 40% }]', '6:14 uplinks[0].classes: the shares add up to 110%'],
    ['the same twice', 'classes: [{ name: x }, { name: x }]', '6:36 uplinks[0].classes[1].name: the class `x` is there twice, as in `uplinks[0].classes[0]`'],
    ['a share without %', 'classes: [{ name: x, share: 20 }]', '6:33 uplinks[0].classes[0].share: `share` must be a percentage from 0% to 100%, found the number 20'],
    ['thinned to all', 'classes: [{ name: x, whenFull: { thin: 1 } }]', '6:44 uplinks[0].classes[0].whenFull.thin: `thin` must be a whole number from 2 to 1000, found the number 1'],
  ])('%s', (_, keys, problem) => expect(problems(keys)).toEqual([problem]))
})

describe('links', () => {
  test('one without a name of its own is the uplink’s', () => {
    expect(of('keepAlive: { min: 30s, max: 10m }\ninterface: eth0').links).toMatchObject([{ name: 'cloud', interface: 'eth0', classes: null, keepAlive: { minSec: 30, maxSec: 600 }, sbd: null }])
  })

  test('several, cheapest first, with what each may carry', () => {
    const { links } = of('links:\n  - name: ethernet\n  - { name: satellite, classes: [alarm], stableFor: 5m, keepAlive: 0s }', 'routes: [{ out: a, class: alarm }]')
    expect(links).toMatchObject([{ name: 'ethernet', classes: null, stableMs: 60_000, keepAlive: { minSec: 60, maxSec: 60 } }, { name: 'satellite', classes: ['alarm'], stableMs: 300_000, keepAlive: { minSec: 0, maxSec: 0 } }])
  })

  test.each<[string, string, string]>([
    ['a key of one link beside them', 'interface: eth0\nlinks: [{ name: a }]', '6:5 uplinks[0].interface: `interface` belongs to one link, and there are `links`'],
    ['a class that no route has', 'links: [{ name: a, classes: [alarm, live] }]', '6:34 uplinks[0].links[0].classes[0]: no route has the class `alarm`'],
    ['none', 'links: []', '6:12 uplinks[0].links: `links` is empty'],
    ['the same name twice', 'links: [{ name: a }, { name: a }]', '6:34 uplinks[0].links[1].name: the link `a` is there twice, as in `uplinks[0].links[0]`'],
    ['a keep alive that shrinks', 'keepAlive: { min: 10m, max: 60s }', '6:23 uplinks[0].keepAlive.min: `min` is longer than `max`'],
  ])('%s', (_, keys, problem) => expect(problems(keys)).toEqual([problem]))

  test('a remote broker must be named, unless all links are modems', () => {
    const without = (keys: string): string => uplink(keys).replace('    url: mqtt://h\n', '')
    expect(lines(check(without('')))).toEqual(['3:5 uplinks[0]: `url` is missing: no remote broker to connect to'])
    expect(accepted(without('sbd: { port: /dev/ttyUSB0 }')).uplinks[0]).toMatchObject({ url: null, links: [{ sbd: { path: '/dev/ttyUSB0' } }] })
  })
})
