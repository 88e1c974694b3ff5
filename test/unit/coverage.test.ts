// The list of the standard's statements, the source and the tests agree, and test/wire/COVERAGE.md says so.
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ownerOf, placesInSource, placesInTests, problemsOf, readCoverage, TABLE, tableOf } from '../../scripts/coverage.ts'
import type { Statement } from '../wire/statements.ts'

const coverage = readCoverage()

describe('this repository', () => {
  test('the tags were found', () => {
    expect(coverage.statements.length).toBeGreaterThan(250)
    expect(coverage.source.length).toBeGreaterThan(250)
    expect(coverage.tests.length).toBeGreaterThan(300)
  })

  test('every statement has a test that a line of source obeys, or a reason; every tag is a statement', () => {
    expect(problemsOf(coverage)).toEqual([])
  })

  test('COVERAGE.md is up to date: npm run coverage writes it', () => {
    expect(existsSync(TABLE) ? readFileSync(TABLE, 'utf8') : '').toBe(tableOf(coverage))
  })
})

describe('what is wrong is found', () => {
  const plain: Statement = { tag: 'MQTT-1.0.0-1', duty: 'S', in311: '', text: 'something', reason: null }
  const inSource = { tag: plain.tag, where: 'src/a.ts:1', name: 'a.ts b' }
  const inTests = { tag: plain.tag, where: 'test/wire/a.test.ts:1', name: 'wire/a' }

  test('nothing, when all agree', () => {
    expect(problemsOf({ statements: [plain], source: [inSource], tests: [inTests] })).toEqual([])
    expect(problemsOf({ statements: [{ ...plain, reason: 'cannot be seen' }], source: [], tests: [] })).toEqual([])
  })

  test.each([
    ['no test', { statements: [plain], source: [inSource], tests: [] }, 'neither a test in test/wire nor a reason'],
    ['a test elsewhere only', { statements: [plain], source: [inSource], tests: [{ ...inTests, where: 'test/unit/a.test.ts:1' }] }, 'neither a test'],
    ['a reason too many', { statements: [{ ...plain, reason: 'lazy' }], source: [inSource], tests: [inTests] }, 'a reason to have none'],
    ['no line of source', { statements: [plain], source: [{ ...inSource, name: null }], tests: [inTests] }, 'no line of source'],
    ['an unknown tag', { statements: [plain], source: [inSource], tests: [inTests, { ...inTests, tag: 'MQTT-1.0.0-2' }] }, '[MQTT-1.0.0-2] is no statement'],
    ['a statement twice', { statements: [plain, plain], source: [inSource], tests: [inTests] }, 'twice'],
  ])('%s', (_what, wrong, problem) => {
    expect(problemsOf(wrong).join('\n')).toContain(problem)
  })
})

describe('where a tag stands', () => {
  const source = [
    '// A file. [MQTT-1.0.0-1]',
    "import { b } from './b.ts'",
    '',
    'const LIMIT = 5 // [MQTT-1.0.0-2]',
    '',
    '/** Does it [MQTT-1.0.0-3]. */',
    'export function one(): void {',
    '  // why [MQTT-1.0.0-4]',
    '  two()',
    '}',
    '',
    'export class Three {',
    '  #four = 0 // [MQTT-1.0.0-5]',
    '',
    '  async five(): Promise<void> {',
    '    if (this.#four > 0) return // [MQTT-1.0.0-6] [MQTT3-1.0.0-7]',
    '  }',
    '}',
  ]

  test('in the source: file and function, none for the comment that opens the file', () => {
    const places = placesInSource('src/mqtt/a.ts', source).map(({ tag, name }) => `${tag}: ${name}`)
    expect(places).toEqual([
      'MQTT-1.0.0-1: null',
      'MQTT-1.0.0-2: mqtt/a.ts LIMIT',
      'MQTT-1.0.0-3: mqtt/a.ts one',
      'MQTT-1.0.0-4: mqtt/a.ts one',
      'MQTT-1.0.0-5: mqtt/a.ts #four',
      'MQTT-1.0.0-6: mqtt/a.ts five',
      'MQTT3-1.0.0-7: mqtt/a.ts five',
    ])
    expect(ownerOf(source, 8)).toBe('one')
  })

  test('in tests: titles, not comments', () => {
    const lines = ["test('[MQTT-1.0.0-1] [MQTT-1.0.0-2] title', () => {", '  // [MQTT-1.0.0-3]', "  expect(x).toBe('y') // [MQTT-1.0.0-4]", "  ['row [MQTT-1.0.0-5]', 1],"]
    expect(placesInTests('test/wire/01-a.test.ts', lines).map(({ tag, name }) => `${tag} ${name}`)).toEqual([
      'MQTT-1.0.0-1 wire/01-a',
      'MQTT-1.0.0-2 wire/01-a',
      'MQTT-1.0.0-5 wire/01-a',
    ])
  })
})
