// `connect:` of a link: what it becomes, and what is said of its mistakes; with `links`, what fits together.
import { describe, expect, test } from 'vitest'
import type { ConnectConfig, LinkConfig } from '../../../src/config/config.ts'
import { accepted, check, lines, uplink } from './gateway-yaml.ts'

const ROUTES = 'routes: [{ out: a/# }, { out: b/#, class: alarm }]'
const linksOf = (keys: string): readonly LinkConfig[] => accepted(uplink(keys, ROUTES)).uplinks[0]!.links
const connectOf = (keys: string): ConnectConfig => linksOf(keys)[0]!.connect
const when = (keys: string): ConnectConfig => connectOf(`connect: { when: { ${keys} } }`)
const NOTHING = { kind: 'when', queued: null, classes: [], schedule: null, windows: [], passesFile: null, idleMs: 30_000 } as const
const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6]
const all = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('a link connects', () => {
  test('always, when nothing else is said', () => {
    expect(connectOf('version: 5')).toEqual({ kind: 'always' })
    expect(connectOf('connect: always')).toEqual({ kind: 'always' })
  })

  test('when something of its classes waits, if it has some; always only when it says so', () => {
    const [ethernet, satellite, radio] = linksOf('links: [{ name: e }, { name: s, classes: [alarm] }, { name: r, classes: [alarm], connect: always }]')
    expect(ethernet!.connect).toEqual({ kind: 'always' })
    expect(satellite!.connect).toEqual({ ...NOTHING, classes: ['alarm'] })
    expect(radio!.connect).toEqual({ kind: 'always' })
  })

  test('when any condition says so', () => {
    expect(when('queued: 500')).toEqual({ ...NOTHING, queued: 500 })
    expect(when('class: alarm, idle: 2m')).toEqual({ ...NOTHING, classes: ['alarm'], idleMs: 120_000 })
    expect(when('class: [alarm, live]')).toEqual({ ...NOTHING, classes: ['alarm', 'live'] })
    expect(when('passes: passes.csv')).toEqual({ ...NOTHING, passesFile: '/site/passes.csv' })
    expect(when('window: "02:00-04:00"')).toEqual({ ...NOTHING, windows: [{ fromMinute: 120, toMinute: 240, days: EVERY_DAY }] })
    expect(when('window: ["2:00-4:00", "22:30 - 24:00"], queued: 1')).toMatchObject({ queued: 1, windows: [{ fromMinute: 120 }, { fromMinute: 1350, toMinute: 1440 }] })
  })

  test.each([
    ['mon-fri 22:00-06:00', [1, 2, 3, 4, 5]],
    ['sat,sun 22:00-06:00', [0, 6]],
    ['Fri-Mon,wed 22:00-06:00', [0, 1, 3, 5, 6]],
    ['sun 22:00-06:00', [0]],
  ])('on the days of %s', (window, days) => expect(when(`window: "${window}"`)).toMatchObject({ windows: [{ fromMinute: 1320, toMinute: 360, days }] }))

  test.each([
    ['*/30 * * * *', { minutes: [0, 30], hours: all(0, 23), daysOfMonth: all(1, 31), months: all(1, 12), daysOfWeek: EVERY_DAY, eitherDay: false }],
    ['5,10-20/5 8-18/4 1,15 jan-mar,DEC mon', { minutes: [5, 10, 15, 20], hours: [8, 12, 16], daysOfMonth: [1, 15], months: [1, 2, 3, 12], daysOfWeek: [1], eitherDay: true }],
    ['0  0 */10 * 5-7', { minutes: [0], hours: [0], daysOfMonth: [1, 11, 21, 31], daysOfWeek: [0, 5, 6], eitherDay: false }],
    ['0 0 * * 0,7', { daysOfWeek: [0], eitherDay: false }],
    ['0 0 31 2 fri', { daysOfMonth: [31], daysOfWeek: [5], eitherDay: true }], // every Friday of February
  ])('at the times of %s', (text, fields) => expect(when(`schedule: "${text}"`)).toMatchObject({ schedule: { text, ...fields } }))
})

describe('mistakes', () => {
  const found = (keys: string): [problem: string, hint: string] => {
    const result = check(uplink(keys, ROUTES))
    return [lines(result).join('\n'), 'problems' in result ? result.problems[0]!.hint : '']
  }

  test.each<[keys: string, problem: string, hint: string]>([
    ['connect: allways', '6:14 uplinks[0].connect: `connect` must be always, or `{ when: … }`, found the text "allways"', 'did you mean always?'],
    ['connect: { queued: 5 }', '6:14 uplinks[0].connect: `when` is missing in `connect`\n6:16 uplinks[0].connect.queued: unknown key `queued` in `connect`', 'add `when: …`. What asks for a connection: any of these conditions is enough.'],
    ['connect: { when: { idle: 5s } }', '6:22 uplinks[0].connect.when: `when` has no condition', 'give one or more of queued, class, schedule, window, passes: any of them is enough'],
    ['connect: { when: { queued: 0 } }', '6:32 uplinks[0].connect.when.queued: `queued` must be a whole number from 1 to 1000000000, found the number 0', 'write a number from 1 to 1000000000'],
    ['connect: { when: { class: alarms } }', '6:31 uplinks[0].connect.when.class: no route has the class `alarms`', 'the classes here are alarm, live'],
    ['connect: { when: { class: [alarm, x] } }', '6:39 uplinks[0].connect.when.class[1]: no route has the class `x`', 'the classes here are alarm, live'],
    ['connect: { when: { queued: 5, idle: 0s } }', '6:41 uplinks[0].connect.when.idle: `idle` must be a duration from 1s to 1d, found the text "0s"', 'write a duration from 1s to 1d'],
    ['connect: { when: { window: "2-4" } }', '6:32 uplinks[0].connect.when.window: `window` must be a time of day from-to, with days in front if not all, found the text "2-4"', 'write for example "02:00-04:00", or "mon-fri 22:00-06:00" for the nights that begin on these days'],
    ['connect: { when: { window: "22:00-24:30" } }', '6:32 uplinks[0].connect.when.window: "22:00-24:30" goes beyond 24:00', 'write for example "02:00-04:00", or "mon-fri 22:00-06:00" for the nights that begin on these days'],
    ['connect: { when: { window: "24:00-02:00" } }', '6:32 uplinks[0].connect.when.window: "24:00-02:00" goes beyond 24:00', 'write for example "02:00-04:00", or "mon-fri 22:00-06:00" for the nights that begin on these days'],
    ['connect: { when: { window: "2:00-02:00" } }', '6:32 uplinks[0].connect.when.window: "2:00-02:00" begins and ends at the same time', 'write "00:00-24:00" for the whole day'],
    ['connect: { when: { window: "weekend 2:00-4:00" } }', '6:32 uplinks[0].connect.when.window: "weekend" is no list of days', 'days are sun mon tue wed thu fri sat: mon-fri, or sat,sun'],
    ['connect: { when: { schedule: "@daily" } }', '6:34 uplinks[0].connect.when.schedule: `@daily` is a name for five fields', 'write "0 0 * * *"'],
    ['connect: { when: { schedule: "0 0 30 feb *" } }', '6:34 uplinks[0].connect.when.schedule: "0 0 30 feb *" never comes: none of these months has a day 30', 'write for example "*/30 * * * *" (every half hour) or "0 6,18 * * mon-fri"'],
  ])('%s', (keys, problem, hint) => expect(found(keys)).toEqual([problem, hint]))

  test.each([
    ['*/30 * * *', '`schedule` has 4 fields, not five: minute, hour, day of month, month, day of week'],
    ['* * * * * *', '`schedule` has 6 fields, not five: minute, hour, day of month, month, day of week'],
    ['60 * * * *', 'the minute "60" must be from 0 to 59: found "60"'],
    ['0 24 * * *', 'the hour "24" must be from 0 to 23: found "24"'],
    ['0 0 0 * *', 'the day of the month "0" must be from 1 to 31: found "0"'],
    ['0 0 * 13 *', 'the month "13" must be from 1 to 12, or jan feb mar apr may jun jul aug sep oct nov dec: found "13"'],
    ['0 0 * * mon-8', 'the day of the week "mon-8" must be from 0 to 7, or sun mon tue wed thu fri sat: found "8"'],
    ['30-10 * * * *', 'the minute "30-10" has the range 30-10, which goes backwards'],
    ['*/0 * * * *', 'the minute "*/0" has the step 0'],
    ['5/15 * * * *', 'the minute "5/15" has a step behind a single value: write 5-59/15'],
    ['1,,2 * * * *', 'the minute "1,,2" has "", which is no number, range or step'],
    ['-5 * * * *', 'the minute "-5" has "-5", which is no number, range or step'],
  ])('the schedule %s', (schedule, problem) => expect(found(`connect: { when: { schedule: "${schedule}" } }`)[0]).toBe(`6:34 uplinks[0].connect.when.schedule: ${problem}`))
})

describe('several links', () => {
  const problems = (links: string): string[] => lines(check(uplink(`links: [${links}]`, ROUTES)))

  test.each<[name: string, links: string, ...problems: string[]]>([
    ['the dear one carries less', '{ name: e }, { name: l, classes: [alarm, live] }, { name: s, classes: [alarm] }'],
    ['the dear one carries another', '{ name: e, classes: [live, alarm] }, { name: l, classes: [live] }, { name: s, classes: [alarm] }', '6:70 uplinks[0].links[1].classes: the dearer link `s` carries `alarm`, `l` does not: it would wait as long as `l` is in use'],
    ['the dear one carries all', '{ name: e, classes: [live] }, { name: s }', '6:33 uplinks[0].links[0].classes: the dearer link `s` carries all classes, `e` does not: it would wait as long as `e` is in use'],
    ['none carries a class', '{ name: e, classes: [alarm] }, { name: s, classes: [alarm] }', '5:14 uplinks[0].routes[0]: no link carries the class `live`: the messages of this route would never leave'],
    ['one connects for what it does not carry', '{ name: e }, { name: s, classes: [alarm], connect: { when: { class: [alarm, live] } } }', '6:89 uplinks[0].links[1].connect.when.class[1]: the link does not carry `live`, and would connect for nothing'],
    ['one connects for a class that is not there', '{ name: e, connect: { when: { class: bulk } } }', '6:50 uplinks[0].links[0].connect.when.class: no route has the class `bulk`'],
  ])('%s', (_, links, ...expected) => expect(problems(links)).toEqual(expected))
})
