import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parsePasses, PASSES_MAX } from '../../../../src/uplink/link/passes.ts'
import { PassFile } from '../../../../src/uplink/link/pass-file.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { until } from '../../../support/until.ts'
import { Random } from '../../../sim/random.ts'

const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 19)

/** `start end` of each. */
function read(text: string): string[] {
  return parsePasses(text).passes.map((p) => `${iso(p.startMs)} ${iso(p.endMs)}`)
}

function problems(text: string): string[] {
  return parsePasses(text).problems.map((p) => `${p.line}: ${p.message}`)
}

const TEN = '2026-11-21T10:04:00 2026-11-21T10:15:30'

describe('a text of passes', () => {
  test.each([
    ['start and end', '2026-11-21T10:04:00Z,2026-11-21T10:15:30Z', TEN],
    ['all of it', '2026-11-21T10:04:00Z, 2026-11-21T10:15:30Z, 42.5, KINEIS-1A', TEN],
    ['semicolons', '2026-11-21T10:04:00Z;2026-11-21T10:15:30Z;;KINEIS 1A', TEN],
    ['tabs', '2026-11-21T10:04:00Z\t2026-11-21T10:15:30Z\t9', TEN],
    ['quotes', '"2026-11-21T10:04:00Z","2026-11-21T10:15:30Z"', TEN],
    ['no zone is UTC', '2026-11-21 10:04:00,2026-11-21 10:15:30', TEN],
    ['another zone', '2026-11-21T12:04:00+02:00,2026-11-21T05:45:30-0430', TEN],
    ['fractions, and a zone in words', '2026-11-21 10:04:00.250 UTC,2026-11-21T10:15:30.9z', TEN],
    ['without seconds', '2026-11-21T10:04Z,2026-11-21T10:15Z', '2026-11-21T10:04:00 2026-11-21T10:15:00'],
    ['seconds since 1970', '1795255440,1795256130', TEN],
    ['columns in another order', 'satellite,max_elevation,los,aos\nA,42,2026-11-21T10:15:30Z,2026-11-21T10:04:00Z', TEN],
    ['columns that mean nothing', 'start;azimuth;end\n2026-11-21T10:04:00Z;181;2026-11-21T10:15:30Z', TEN],
    ['JSON', '{"start":"2026-11-21T10:04:00Z","end":"2026-11-21T10:15:30Z","elevation":42,"name":"A"}', TEN],
    ['JSON of other programs', '{"satid":25544,"startUTC":1795255440,"startAz":307.2,"maxEl":22.7,"endUTC":1795256130}', TEN],
    ['comments, blank lines, CRLF and a byte order mark', '\uFEFF# passes\r\n\r\n2026-11-21T10:04:00Z,2026-11-21T10:15:30Z\r\n  # end', TEN],
  ])('%s', (_, text, expected) => {
    expect(read(text)).toEqual([expected])
    expect(problems(text)).toEqual([])
  })

  test('a table that Gpredict has saved', () => {
    const text = [
      'Upcoming passes for ARGOS NEO', 'Observer: Camp 7, Iceland', 'LAT:64.10 LON:-21.90', '-'.repeat(80),
      ' AOS                  TCA                  LOS                  Duration  Max El  AOS Az', '-'.repeat(80),
      ' 2026/11/21 10:04:00  2026/11/21 10:09:40  2026/11/21 10:15:30  00:11:30   42.17   12.40',
      ' 2026/11/21 11:40:00  2026/11/21 11:43:40  2026/11/21 11:47:00  00:07:00    9.02  350.00', '', ' Orbit 1234', ' Time                     Az      El',
    ].join('\n')
    expect(read(text)).toEqual([TEN, '2026-11-21T11:40:00 2026-11-21T11:47:00'])
    expect(problems(text)).toEqual([])
  })

  test('is put in order', () => {
    expect(read('2026-11-22T00:00Z,2026-11-22T01:00Z\n2026-11-21T00:00Z,2026-11-21T01:00Z').map((p) => p.slice(8, 10))).toEqual(['21', '22'])
  })

  const GOOD = '2026-11-21T10:04:00Z,2026-11-21T10:15:30Z'
  test.each([
    ['words', 'tomorrow,2026-11-21T10:15:30Z', 'the start must be a time like 2026-11-21T10:04:00Z, found "tomorrow"'],
    ['no end', '2026-11-21T10:04:00Z', 'the end must be a time like 2026-11-21T10:15:30Z'],
    ['no such day', '2026-02-30T10:04:00Z,2026-03-01T10:00:00Z', 'the start must be a time like 2026-11-21T10:04:00Z, found "2026-02-30T10:04:00Z"'],
    ['no such hour', '2026-11-21T24:04:00Z,2026-11-22T10:00:00Z', 'the start must be a time like 2026-11-21T10:04:00Z, found "2026-11-21T24:04:00Z"'],
    ['backwards', '2026-11-21T10:04:00Z,2026-11-21T10:03:00Z', 'the pass ends before it starts'],
    ['too long', '2026-11-21T10:04:00Z,2026-11-22T10:04:01Z', 'the pass is longer than a day'],
    ['half a line of JSON', '{"start":"2026-11-21T10:04:00Z","end":', 'this is no line of JSON'],
    ['JSON without times', '{"a":1}', 'the start must be a time like 2026-11-21T10:04:00Z'],
    ['null in JSON', '{"start":null,"end":2}', 'the start must be a time like 2026-11-21T10:04:00Z, found "null"'],
    ['no such month', '2026-13-01T10:04:00Z,2027-01-01T10:10:00Z', 'the start must be a time like 2026-11-21T10:04:00Z, found "2026-13-01T10:04:00Z"'],
    ['a group in JSON', '{"start":{"a":1},"end":2}', 'the start must be a time like 2026-11-21T10:04:00Z, found "{"a":1}"'],
    ['a line without end', 'x'.repeat(2000), 'the line is longer than 1000 characters'],
    ['control characters', '\x1b[31m,b', 'the start must be a time like 2026-11-21T10:04:00Z, found "·[31m"'],
  ])('%s: told with its line, and passed over', (_, line, message) => {
    expect(problems(`# head\n${GOOD}\n${line}\n${GOOD}`)).toEqual([`3: ${message}`])
    expect(read(`${GOOD}\n${line}\n${GOOD}`)).toHaveLength(2)
  })

  test('has a bound', () => {
    const { passes, problems: told } = parsePasses(`${GOOD}\n`.repeat(PASSES_MAX + 5))
    expect(passes).toHaveLength(PASSES_MAX)
    expect(told).toEqual([{ line: PASSES_MAX + 1, message: `more than ${PASSES_MAX} lines: the rest is not read` }])
  })

  test('whatever is in it, the answer is passes in order', () => {
    const random = new Random(7)
    const noise = ['', ',', ';', '\t', '{', '}', '"', '\n', '2026', '-', ':', 'Z', '\0', 'Upcoming passes for X\n', 'start,end\n', '1e99', '#', '\uFFFF']
    for (let round = 0; round < 2000; round++) {
      let text = `${GOOD},4,A\n{"start":1795428240,"end":1795428930}\n${GOOD}`
      for (let n = random.int(1, 5); n > 0; n--) {
        const at = random.int(0, text.length)
        text = text.slice(0, at) + random.pick(noise) + text.slice(at + random.int(0, 3))
      }
      const { passes } = parsePasses(text)
      for (const [i, pass] of passes.entries()) {
        expect(pass.startMs).toBeLessThan(pass.endMs)
        if (i > 0) expect(passes[i - 1]!.startMs).toBeLessThanOrEqual(pass.startMs)
      }
    }
  })
})

describe('the file', () => {
  let folder: string
  let path: string
  let clock: FakeClock
  let told: string[]
  let changes: number
  let file: PassFile

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'passes-'))
    path = join(folder, 'passes.csv')
    clock = new FakeClock()
    told = []
    changes = 0
    const line = (level: string) => (fields: object, text: string) => void told.push(`${level}: ${text} ${'why' in fields ? String(fields.why) : ''}${'line' in fields ? ` line ${String(fields.line)}` : ''}`)
    const log = { info: line('info'), warn: line('warn'), error: line('error') }
    file = new PassFile(path, { clock, log, changed: () => changes++ })
  })

  afterEach(() => {
    file.stop()
    rmSync(folder, { recursive: true })
  })

  /** A pass that begins in so many minutes. */
  const pass = (minutes: number): string => `${new Date(clock.wall() + minutes * 60_000).toISOString()},${new Date(clock.wall() + (minutes + 10) * 60_000).toISOString()}\n`
  const alarms = (): string[] => told.filter((line) => line.startsWith('error'))

  test('is read at once', async () => {
    writeFileSync(path, pass(5) + pass(100))
    file.start()
    await until(() => changes === 1, 'the passes')
    expect(file.passes).toHaveLength(2)
    expect(told).toEqual(['info: satellite passes were read '])
  })

  test('is read again when it has changed, and only then', async () => {
    writeFileSync(path, pass(5))
    await file.look()
    await file.look()
    expect(changes).toBe(1)
    appendFileSync(path, pass(100))
    file.start()
    await until(() => file.passes.length === 2, 'the new pass')
    writeFileSync(`${path}.new`, pass(200))
    renameSync(`${path}.new`, path)
    clock.advance(30_000)
    await until(() => file.passes.length === 1, 'the new file')
    expect(changes).toBe(3)
  })

  test('broken lines are told with their numbers, ten of them', async () => {
    writeFileSync(path, `${pass(5)}x\n${'y\n'.repeat(20)}`)
    await file.look()
    expect(file.passes).toHaveLength(1)
    expect(told.filter((line) => line.includes('line ')).length).toBe(10)
    expect(told[0]).toContain('line 2')
    expect(told).toContain('warn: more lines of the satellite passes are passed over ')
  })

  const ALARM = 'error: no satellite passes are known: the link is tried a few times a day only, bring a new file'
  test.each([
    ['missing', null, 'cannot be read (ENOENT)'],
    ['empty', '# nothing\n', 'holds no passes'],
    ['too large', 'x'.repeat(1_000_001), 'is larger than 1 MB'],
    ['out of date', '2026-01-01T00:00Z,2026-01-01T00:10Z\n', 'is out of date: its last pass is over'],
  ])('%s: an alarm, again after a day, and its end when a good one comes', async (_, text, why) => {
    if (text !== null) writeFileSync(path, text)
    await file.look()
    await file.look()
    expect(alarms()).toEqual([`${ALARM} ${why}`])
    clock.advance(86_400_000)
    await file.look()
    expect(alarms()).toHaveLength(2)
    writeFileSync(path, pass(5))
    await file.look()
    clock.advance(60_000)
    await file.look()
    expect(alarms()).toHaveLength(2)
    expect(file.passes).toHaveLength(1)
  })

  test('another reason is told at once', async () => {
    await file.look()
    writeFileSync(path, '')
    await file.look()
    expect(alarms()).toEqual([`${ALARM} cannot be read (ENOENT)`, `${ALARM} holds no passes`])
  })

  test('becomes out of date when its last pass is over', async () => {
    writeFileSync(path, pass(5))
    await file.look()
    clock.advance(15 * 60_000)
    await file.look()
    expect(alarms()).toEqual([`${ALARM} is out of date: its last pass is over`])
  })

  test('is not called out of date by a clock that is not set', async () => {
    writeFileSync(path, '2026-01-01T00:00Z,2026-01-01T00:10Z\n')
    clock.wallOffsetMs = Date.UTC(2026, 9, 1)
    await file.look()
    expect(alarms()).toEqual([])
  })

  test('stopped, it leaves no timer', () => {
    file.start()
    file.stop()
    expect(clock.pending).toBe(0)
  })
})
