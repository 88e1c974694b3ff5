// Every mistake is found at its line and column, said in one sentence, and answered with what to write.
import { describe, expect, it } from 'vitest'
import { checkText } from '../../../src/config/load.ts'
import { check, EXAMPLE, lines } from './gateway-yaml.ts'
import * as mistakes from './mistakes.ts'

describe.each(Object.entries(mistakes))('%s', (_, cases) => {
  it.each(cases)('%s', (_name, text, ...problems) => {
    const result = check(text)
    expect(lines(result)).toEqual(problems)
    if (!('problems' in result)) throw new Error('accepted')
    for (const problem of result.problems) {
      expect(problem.code).toBe('E_CONFIG')
      expect(problem.hint.length).toBeGreaterThan(8)
      expect(problem.message + problem.hint).not.toContain('\n')
    }
  })
})

describe('hints', () => {
  const hints = (text: string): string[] => {
    const result = check(text)
    return 'problems' in result ? result.problems.map((p) => p.hint) : []
  }

  it.each([
    ['site: s\nstore: { comitWindow: 1s }', 'did you mean `commitWindow`? allowed here: path, commitWindow, dailyWrites, maxSize'],
    ['site: s\nlog: { level: wran }', 'did you mean warn?'],
    ['site: s\nstore: { commitWindow: 20 }', 'write a number with ms, s, m, h or d, for example 20ms or 30d (perhaps 20s)'],
    ['site: s\nbroker: { maxConnections: "10" }', 'write 10 without quotes'],
    ['site: 0123', 'write it in quotes: "0123"'],
    ['site: {site}', 'put quotes around it: "{site}"'],
    ['site: #7', 'text behind # is a comment: put quotes around a value with #'],
    ['site: s\nbroker: { listeners: [{ port: 1, host: 192.168.0.2 }] }', 'add users: `access: { users: [{ name: …, password: … }] }` or `access: { passwordFile: … }`; or write `anonymous: true` if that is what you want, or listen on 127.0.0.1'],
  ])('%j', (text, hint) => expect(hints(text)).toEqual([hint]))
})

describe('many mistakes', () => {
  it('reports all of them, in the order of the file', () => {
    const result = check(
      'sight: s\nbroker: { listeners: [{ port: x, hots: y }], maxConnections: 0 }\nsensors:\n' +
        '  - { name: a b, topic: +, simulate: { kind: sin, every: 5 } }\n  - { name: c, topic: d, simulate: { kind: sine } }\nstore: { path: 5 }\n',
    )
    expect(lines(result)).toEqual([
      '1:1 sight: unknown key `sight`',
      '1:1 : `site` is missing',
      '2:31 broker.listeners[0].port: `port` must be a whole number from 0 to 65535, found the text "x"',
      '2:34 broker.listeners[0].hots: unknown key `hots` in `listeners[0]`',
      '2:62 broker.maxConnections: `maxConnections` must be a whole number from 1 to 100000, found the number 0',
      '4:13 sensors[0].name: `name` must be a sensor name: letters, digits, - _ and . (64 at most), found the text "a b"',
      '4:25 sensors[0].topic: `topic` "+" has a wildcard',
      '4:46 sensors[0].simulate.kind: `kind` must be sine, ramp, random-walk, constant or counter, found the text "sin"',
      '4:58 sensors[0].simulate.every: `every` has no unit: 5 of what?',
      '6:16 store.path: `path` must be a folder, found the number 5',
    ])
  })

  it('reports the mistake of an anchored value once', () => {
    const result = check(
      'site: s\nsensors:\n  - { name: a, topic: a, serial: &port { path: ttyUSB0 } }\n  - { name: b, topic: b, serial: *port }\n  - { name: c, topic: c, serial: *port }\n',
    )
    expect(lines(result)).toEqual(['3:48 sensors[0].serial.path: `path` must be a device file such as /dev/ttyUSB0, found the text "ttyUSB0"'])
  })

  it('reports a broken text only as that', () => {
    expect(lines(check('sight: s\nstore: "x\nbroker: 5\n'))).toEqual(['2:8 : this quote is never closed'])
  })
})

// Whatever happens to a file, the answer is a configuration or a position in it.
describe('damaged files', () => {
  const SEED = 20_261_105

  it(`never throws and always points into the file (seed ${SEED})`, () => {
    let state = SEED
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const wrong: string[] = []
    const noise = ['', ' ', '\n', '\t', '"', "'", '{', '}', '[', ']', ':', '#', '*a', '&a ', '- ', '|', '\0', 'ü', '{site}', '0', '\r\n', '<<: ', '!x ', '%']
    for (let round = 0; round < 500; round++) {
      let text = EXAMPLE
      for (let n = random(4) + 1; n > 0; n--) {
        const at = random(text.length)
        text = text.slice(0, at) + noise[random(noise.length)]! + text.slice(at + random(3))
      }
      if (random(5) === 0) text = text.slice(0, random(text.length))
      const result = checkText(text, '/site/gateway.yaml', { secrets: 'skip' })
      if (!('problems' in result)) continue
      const rows = text.split('\n')
      const outside = result.problems.filter((p) => p.line > rows.length || p.column > rows[p.line - 1]!.length + 1)
      if (result.problems.length === 0 || outside.length > 0) wrong.push(text)
    }
    expect(wrong).toEqual([])
  })

  // Each takes the parser or a check into its worst case: a step that is quadratic takes a minute on the largest.
  it.each([
    ['brackets', '['.repeat(90_000)],
    ['braces', '{'.repeat(90_000)],
    ['quotes', '"'.repeat(400_000)],
    ['keys', Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join('\n')],
    ['the same key', 'a: 1\n'.repeat(80_000)],
    ['empty sensors', `sensors:\n${'- {}\n'.repeat(15_000)}`],
    ['aliases', `a: &a [x]\nb: [${'*a,'.repeat(20_000)}]`],
    ['unknown aliases', '*a '.repeat(110_000)],
    ['anchors', '&a '.repeat(25_000)],
    ['blank lines', '\n'.repeat(90_000)],
    ['billion laughs', `a: &a [x]\n${Array.from({ length: 26 }, (_, i) => `${String.fromCharCode(98 + i)}: &${String.fromCharCode(98 + i)} [${`*${String.fromCharCode(97 + i)},`.repeat(9)}]\n`).join('')}`],
  ])('%s', (_, text) => {
    const result = check(text)
    expect('problems' in result && result.problems.length).toBeGreaterThan(0)
  })

  it('follows a bounded number of aliases', () => {
    const items = (count: number): string => `site: s\nuplinks:\n  - { name: a, url: mqtt://h, routes: [&r { out: a }${', *r'.repeat(count)}] }`
    expect(lines(check(items(1000)))).toEqual([])
    expect(lines(check(items(1001)))).toEqual(['3:4055 : more than 1000 aliases (*name)'])
  })

  it('does not follow an alias into itself', () => {
    expect(lines(check('site: s\nsensors: &a [*a]'))).toEqual(['2:14 : *a refers to nothing above it'])
  })
})
