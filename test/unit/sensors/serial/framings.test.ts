// Every way to tell where a frame ends, but for delimiters (frame.test.ts): streams in any pieces, garbage, and the way back.
import { describe, expect, test } from 'vitest'
import type { FrameConfig } from '../../../../src/config/config.ts'
import { makeFramer } from '../../../../src/sensors/serial/frame.ts'
import { seededRandom } from '../../../../src/sensors/simulate.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

const NONE = Buffer.alloc(0)
const SLIP: FrameConfig = { kind: 'slip' }
const FOUR: FrameConfig = { kind: 'length', start: NONE, bytes: 4, gapMs: 100 }
const GAP: FrameConfig = { kind: 'gap', gapMs: 20 }

function between(start: string, end: string, include = false): FrameConfig {
  return { kind: 'between', start: Buffer.from(start, 'latin1'), end: Buffer.from(end, 'latin1'), include }
}

function startLength(start: string, bytes: number): FrameConfig {
  return { kind: 'length', start: Buffer.from(start, 'latin1'), bytes, gapMs: 100 }
}

function prefixed(more: Partial<Extract<FrameConfig, { kind: 'length-prefix' }>> = {}): FrameConfig {
  return { kind: 'length-prefix', start: NONE, prefixBytes: 1, endian: 'big', at: 0, counts: 'rest', trailerBytes: 0, include: false, gapMs: 100, ...more }
}

const MARKS = { 'too-long': '!', cut: '/', 'bad-escape': '\\' } as const

/** Numbers are milliseconds of silence. */
function frames(frame: FrameConfig, bytesMax: number, stream: readonly (Buffer | number)[]): string[] {
  const out: string[] = []
  const clock = new FakeClock()
  const sink = { frame: (bytes: Buffer) => void out.push(bytes.toString('latin1')), skipped: (reason: keyof typeof MARKS) => void out.push(MARKS[reason]) }
  const framer = makeFramer(frame, bytesMax, sink, clock)
  for (const piece of stream) {
    if (typeof piece === 'number') clock.advance(piece)
    else framer.push(piece)
  }
  return out
}

const CASES: [what: string, frame: FrameConfig, bytesMax: number, stream: (string | number)[], out: string[]][] = [
  ['fixed length', FOUR, 9, ['abcdefgh'], ['abcd', 'efgh']],
  ['fixed length: an unfinished one is kept back', FOUR, 9, ['abcdef', 99, 'gh'], ['abcd', 'efgh']],
  ['fixed length: a silence begins anew', FOUR, 9, ['abcdef', 100, 'ghij'], ['abcd', '/', 'ghij']],
  ['fixed length: joined in the middle, the first silence finds the beginning', FOUR, 9, ['cd', 500, 'abcd', 500, 'efgh'], ['/', 'abcd', 'efgh']],
  ['fixed length: a silence between frames cuts nothing', FOUR, 9, ['abcd', 500, 'efgh'], ['abcd', 'efgh']],
  ['fixed length: over the limit of frames is still a frame', FOUR, 2, ['abcd'], ['abcd']],
  ['start bytes: what stands before is skipped', startLength('BM', 5), 9, ['xxBBM123yBM456'], ['BM123', 'BM456']],
  ['start bytes: found anew after a silence', startLength('BM', 5), 9, ['BM1', 100, 'BM123'], ['/', 'BM123']],
  ['start bytes: a line without any is called out', startLength('BM', 5), 9, ['x'.repeat(25)], ['!', '!']],
  ['length first', prefixed(), 9, ['\x03abc\x02de'], ['abc', 'de']],
  ['length first: nothing in it is none', prefixed(), 9, ['\x00\x00\x01a'], ['a']],
  ['two bytes, little', prefixed({ prefixBytes: 2, endian: 'little' }), 9, ['\x03\x00abc'], ['abc']],
  ['four bytes, big', prefixed({ prefixBytes: 4 }), 9, ['\0\0\0\x03abc'], ['abc']],
  ['the whole frame is counted and decoded', prefixed({ counts: 'frame', include: true }), 9, ['\x04abc'], ['\x04abc']],
  ['head, length, rest and a trailer', prefixed({ start: Buffer.from('$'), at: 2, trailerBytes: 1, include: true }), 9, ['??$t\x02abC$u\x00C'], ['$t\x02abC', '$u\x00C']],
  ['as long as allowed', prefixed(), 4, ['\x03abc'], ['abc']],
  ['a length over the limit: skipped up to a silence', prefixed(), 4, ['\x04abcd\x01a', 99, '\x01b', 100, '\x01c'], ['!', 'c']],
  ['a length over the limit: skipped up to the next start', prefixed({ start: Buffer.from('$'), at: 1 }), 5, ['$\x09abc$\x01d'], ['!', 'd']],
  ['a length shorter than its own head', prefixed({ counts: 'frame', prefixBytes: 2 }), 9, ['\x00\x01a', 100, '\x00\x03b'], ['!', 'b']],
  ['four bytes that promise gigabytes', prefixed({ prefixBytes: 4 }), 9, ['\xff\xff\xff\xffabc'], ['!']],
  ['slip', SLIP, 9, ['abc\xc0de\xc0'], ['abc', 'de']],
  ['slip: END on both sides, and idle ones', SLIP, 9, ['\xc0\xc0abc\xc0\xc0de\xc0'], ['abc', 'de']],
  ['slip: escapes', SLIP, 9, ['a\xdb\xdcb\xdb\xddc\xc0'], ['a\xc0b\xdbc']],
  ['slip: an escape that is none', SLIP, 9, ['a\xdbbcd\xc0ef\xc0'], ['\\', 'ef']],
  ['slip: an escape at the end', SLIP, 9, ['ab\xdb\xc0ef\xc0'], ['\\', 'ef']],
  ['slip: as long as allowed, counted without escapes', SLIP, 3, ['a\xdb\xdcb\xc0'], ['a\xc0b']],
  ['slip: too long, then good', SLIP, 3, ['abcdefg\xc0hi\xc0'], ['!', 'hi']],
  ['between', between('<', '>'), 9, ['x<abc>\r\n<de>'], ['abc', 'de']],
  ['between: both are kept', between('<', '>', true), 9, ['x<abc>y'], ['<abc>']],
  ['between: nothing is none', between('<', '>'), 9, ['<><a>'], ['a']],
  ['between: a lost end', between('<', '>'), 9, ['<ab<cd>'], ['/', 'cd']],
  ['between: an end without a start', between('<', '>'), 9, ['ab><cd>'], ['cd']],
  ['between: several bytes', between('\x02\x02', '\x03\x04'), 9, ['\x02\x02a\x02b\x03c\x03\x04'], ['a\x02b\x03c']],
  ['between: as long as allowed', between('<', '>'), 3, ['<abc>'], ['abc']],
  ['between: too long, then good', between('<', '>'), 3, ['<abcd>x<ef>'], ['!', 'ef']],
  ['between: an end that begins within the limit', between('<', '--'), 3, ['<abc--<ab---<abcd--'], ['abc', 'ab', '!']],
  ['between: a line without a start is called out', between('<', '>'), 3, ['x'.repeat(10)], ['!', '!']],
  ['the same on both sides', between('~', '~'), 9, ['~ab~cd~~ef~'], ['ab', 'cd', 'ef']],
  ['the same on both sides, kept', between('~', '~', true), 9, ['~ab~cd~'], ['~ab~', '~cd~']],
  ['gap', GAP, 9, ['abc', 20, 'de', 19, 'f', 20], ['abc', 'def']],
  ['gap: too long, then good', GAP, 3, ['abcdefg', 19, 'h', 20, 'ij', 20], ['!', 'ij']],
]

describe('frames', () => {
  test.each(CASES)('%s', (_what, frame, bytesMax, stream, out) => {
    const whole = stream.map((piece) => (typeof piece === 'number' ? piece : Buffer.from(piece, 'latin1')))
    expect(frames(frame, bytesMax, whole)).toEqual(out)
    const single = whole.flatMap((piece): (Buffer | number)[] => (typeof piece === 'number' ? [piece] : [...piece].map((byte) => Buffer.of(byte))))
    expect(frames(frame, bytesMax, single), 'byte by byte').toEqual(out)
    const halves = whole.flatMap((piece): (Buffer | number)[] => (typeof piece === 'number' ? [piece] : [piece.subarray(0, piece.length / 2), piece.subarray(piece.length / 2)]))
    expect(frames(frame, bytesMax, halves), 'in halves').toEqual(out)
  })

  test('gap: the silence is counted from the last byte, also when the timer is late', () => {
    const clock = new FakeClock()
    const out: string[] = []
    const late = { ...clock, now: () => clock.now(), wall: () => 0, after: (_ms: number, fn: () => void) => clock.after(1000, fn), every: clock.every.bind(clock) }
    const framer = makeFramer(GAP, 9, { frame: (bytes) => void out.push(bytes.toString()), skipped: () => {} }, late)
    framer.push(Buffer.from('ab'))
    clock.advance(30)
    framer.push(Buffer.from('cd'))
    expect(out).toEqual(['ab'])
  })

  test('reset forgets what is unfinished and lets the timer go', () => {
    for (const frame of [FOUR, startLength('$', 4), prefixed(), SLIP, between('<', '>'), GAP]) {
      const clock = new FakeClock()
      const out: string[] = []
      const framer = makeFramer(frame, 9, { frame: (bytes) => void out.push(bytes.toString('latin1')), skipped: () => {} }, clock)
      framer.push(Buffer.from('<$\x03a'))
      out.length = 0
      framer.reset()
      clock.advance(1000)
      framer.push(frame.kind === 'length-prefix' ? Buffer.from('\x02hi') : frame === FOUR ? Buffer.from('hihi') : Buffer.from('$hih<hi>\xc0', 'latin1'))
      clock.advance(1000)
      expect(out[0], frame.kind).toMatch(/hi/)
      expect(out.join(''), frame.kind).not.toContain('a')
      expect(clock.pending).toBe(0)
    }
  })

  test('garbage of any kind costs bounded work, and a good frame behind a silence comes through', () => {
    const good: [FrameConfig, string][] = [
      [FOUR, 'good'],
      [startLength('$', 5), '$good'],
      [prefixed(), '\x04good'],
      [prefixed({ start: Buffer.from('$'), at: 1, prefixBytes: 2, endian: 'little' }), '$\x04\0good'],
      [SLIP, '\xc0good\xc0'],
      [between('<', '>'), '<good>'],
      [GAP, 'good'],
    ]
    for (const [frame, stream] of good) {
      for (let seed = 0; seed < 40; seed++) {
        const random = seededRandom(`${frame.kind} ${seed}`)
        const garbage = Buffer.from(Array.from({ length: 3000 }, () => Math.floor(random() * 256)))
        const pieces = Array.from({ length: 30 }, (_, i) => garbage.subarray(i * 100, (i + 1) * 100))
        const out = frames(frame, 16, [...pieces, 1000, Buffer.from(stream, 'latin1'), 1000])
        // A start that garbage left open takes the frame with it at most once.
        const again = frames(frame, 16, [...pieces, 1000, Buffer.from(stream, 'latin1'), 1000, Buffer.from(stream, 'latin1'), 1000])
        expect(again.at(-1)?.endsWith('good'), `${frame.kind} ${seed}`).toBe(true)
        expect(out.every((one) => one.length <= 20)).toBe(true)
      }
    }
  })
})
