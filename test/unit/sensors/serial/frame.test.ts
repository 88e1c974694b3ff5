import { describe, expect, test } from 'vitest'
import type { SerialSensorConfig } from '../../../../src/config/config.ts'
import { makeFramer } from '../../../../src/sensors/serial/frame.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { seededRandom } from '../../../../src/sensors/simulate.ts'

type Frame = SerialSensorConfig['frame']

const LINE: Frame = { kind: 'line' }

const MARKS = { 'too-long': '!', cut: '/', 'bad-escape': '\\' } as const

/** What comes out of `chunks`, in order: frames as text, and a mark for each that is none. */
function frames(frame: Frame, bytesMax: number, chunks: readonly Buffer[]): string[] {
  const out: string[] = []
  const framer = makeFramer(frame, bytesMax, {
    frame: (bytes) => void out.push(bytes.toString('latin1')),
    skipped: (reason) => void out.push(MARKS[reason]),
  }, new FakeClock())
  for (const chunk of chunks) framer.push(chunk)
  return out
}

function delimiter(text: string): Frame {
  return { kind: 'delimiter', delimiter: Buffer.from(text, 'latin1') }
}

const CASES: [what: string, frame: Frame, bytesMax: number, stream: string, out: string[]][] = [
  ['lines', LINE, 8, 'one\ntwo\n', ['one', 'two']],
  ['an unfinished line is kept back', LINE, 8, 'one\ntw', ['one']],
  ['one \\r is stripped', LINE, 8, 'one\r\ntwo\r\r\n', ['one', 'two\r']],
  ['\\r inside stays', LINE, 8, 'o\rne\n', ['o\rne']],
  ['empty lines are none', LINE, 8, '\n\r\n\none\n\n', ['one']],
  ['as long as allowed', LINE, 4, 'four\n', ['four']],
  ['as long as allowed, with \\r', LINE, 4, 'four\r\n', ['four']],
  ['one byte over', LINE, 4, 'fiver\nok\n', ['!', 'ok']],
  ['one byte over, with \\r', LINE, 4, 'fiver\r\nok\n', ['!', 'ok']],
  ['two \\r, the first is over', LINE, 4, 'four\r\r\nok\n', ['!', 'ok']],
  ['far over, called out once and before its end', LINE, 4, `ok\n${'x'.repeat(5000)}`, ['ok', '!']],
  ['far over, then good', LINE, 4, `${'x'.repeat(5000)}\nok\n`, ['!', 'ok']],
  ['a limit beyond the first memory', LINE, 1000, `${'y'.repeat(1000)}\n${'z'.repeat(1001)}\n`, ['y'.repeat(1000), '!']],
  ['delimiter of one byte', delimiter(';'), 8, 'a;b;;c\r\n;', ['a', 'b', 'c\r\n']],
  ['delimiter of two', delimiter('\xc0\xc0'), 8, 'a\xc0b\xc0\xc0c\xc0\xc0', ['a\xc0b', 'c']],
  ['delimiter that begins in itself', delimiter('aab'), 8, 'aaab1aaaab', ['a', '1aa']],
  ['delimiter with a period', delimiter('abab'), 8, 'xababyabaabab', ['x', 'yaba']],
  ['a limit reached by part of the delimiter', delimiter('--'), 3, 'abc--abc-d--ab---', ['abc', '!', 'ab']],
  ['\\r before a delimiter belongs to the frame', delimiter('\n'), 4, 'ab\r\n', ['ab\r']],
]

describe('frames', () => {
  test.each(CASES)('%s', (_what, frame, bytesMax, stream, out) => {
    const bytes = Buffer.from(stream, 'latin1')
    expect(frames(frame, bytesMax, [bytes])).toEqual(out)
    expect(frames(frame, bytesMax, [...bytes].map((byte) => Buffer.of(byte))), 'byte by byte').toEqual(out)
    const step = Math.max(1, Math.floor(bytes.length / 50))
    for (let at = 0; at <= bytes.length; at += step) {
      expect(frames(frame, bytesMax, [bytes.subarray(0, at), bytes.subarray(at)]), `split at ${at}`).toEqual(out)
    }
  })

  test('any stream in any pieces gives what splitting the whole gives', () => {
    for (let seed = 0; seed < 400; seed++) {
      const random = seededRandom(`frames ${seed}`)
      const below = (n: number): number => Math.floor(random() * n)
      const end = Array.from({ length: 1 + below(4) }, () => 'ab'[below(2)]!).join('')
      const bytesMax = 1 + below(8)
      const stream = Array.from({ length: below(200) }, () => 'aabbc'[below(5)]!).join('')
      const chunks: Buffer[] = []
      for (let at = 0; at < stream.length; ) {
        const next = at + 1 + below(9)
        chunks.push(Buffer.from(stream.slice(at, next), 'latin1'))
        at = next
      }
      const parts = stream.split(end)
      const rest = parts.pop()!
      const expected = parts.filter((part) => part !== '').map((part) => (part.length > bytesMax ? '!' : part))
      const out = frames(delimiter(end), bytesMax, chunks)
      // The rest has no delimiter yet: it is called out when not even a delimiter beginning in it could save it.
      if (rest.length >= bytesMax + end.length) expected.push('!')
      else if (rest.length > bytesMax && out.length > expected.length) expected.push('!')
      expect(out, `seed ${seed}`).toEqual(expected)
    }
  })

  test('reset forgets the unfinished frame, and that it was too long', () => {
    const out: string[] = []
    const framer = makeFramer(LINE, 4, { frame: (bytes) => void out.push(bytes.toString()), skipped: () => void out.push('!') }, new FakeClock())
    framer.push(Buffer.from('old'))
    framer.reset()
    framer.push(Buffer.from('new\nmuch too long'))
    framer.reset()
    framer.push(Buffer.from('good\n'))
    expect(out).toEqual(['new', '!', 'good'])
  })

  test('a delimiter without bytes is refused', () => {
    expect(() => makeFramer(delimiter(''), 4, { frame: () => {}, skipped: () => {} }, new FakeClock())).toThrow(RangeError)
  })
})
