// What a command says, and whether its signature is right: whatever bytes come.
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { latenessOf } from '../../../src/remote/lateness.ts'
import { Remembered } from '../../../src/remote/remembered.ts'
import { Refusal, requestOf, signatureOf, unsigned, wanted } from '../../../src/remote/request.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const KEY = Buffer.from('0123456789abcdef')

describe('a request', () => {
  test.each([
    ['', { id: null, atMs: null, words: {}, body: Buffer.alloc(0) }],
    ['{}', { id: null, atMs: null, words: {}, body: Buffer.alloc(0) }],
    ['{"id":"a","at":1795350000,"x":1}', { id: 'a', atMs: 1_795_350_000_000, words: { x: 1 }, body: Buffer.alloc(0) }],
    ['{"at":"2026-11-22T13:00:00Z"}', { id: null, atMs: Date.UTC(2026, 10, 22, 13), words: {}, body: Buffer.alloc(0) }],
    ['{"do":"check"}\nsite: x\nlog: {}\n', { id: null, atMs: null, words: { do: 'check' }, body: Buffer.from('site: x\nlog: {}\n') }],
  ])('%s', (text, request) => expect(requestOf(Buffer.from(text))).toEqual(request))

  test.each([
    ['status', 'the first line is not JSON'],
    ['[]', 'write a JSON object, such as {}'],
    ['null', 'write a JSON object, such as {}'],
    ['7', 'write a JSON object, such as {}'],
    ['{"id":7}', '"id" is a text of 40 characters at most'],
    [`{"id":"${'x'.repeat(41)}"}`, '"id" is a text of 40 characters at most'],
    ['{"id":""}', '"id" is a text of 40 characters at most'],
    ['{"at":"yesterday"}', '"at" is a number of seconds since 1970, or a time such as 2026-11-22T13:00:00Z'],
    ['{"at":"2026-11-22T13:00:00"}', '"at" is a number of seconds since 1970, or a time such as 2026-11-22T13:00:00Z'],
    ['{"at":1e400}', '"at" is a number of seconds since 1970, or a time such as 2026-11-22T13:00:00Z'],
    [`{"x":"${'y'.repeat(2000)}"}`, 'the words of a command have 2000 bytes at most'],
    [Buffer.from([0xff, 0xfe, 0x00]).toString('latin1'), 'the first line is not JSON'],
  ])('%s is none', (text, why) => expect(() => requestOf(Buffer.from(text))).toThrow(new Refusal(why)))
})

describe('a signature', () => {
  const content = Buffer.from('{"id":"1"}\n\0\xff')
  const right = `${content.toString('latin1')}\n${signatureOf(content, KEY, 's', 'pause')}`

  test('is the first half of an HMAC over site, command and content, as other tools make it', () => {
    expect(signatureOf(content, KEY, 's', 'pause')).toBe(createHmac('sha256', KEY).update(Buffer.concat([Buffer.from('s\npause\n'), content])).digest('hex').slice(0, 32))
    expect(unsigned(Buffer.from(right, 'latin1'), KEY, 's', 'pause')?.toString('latin1')).toBe(content.toString('latin1'))
  })

  test('of nothing is one too', () => expect(unsigned(Buffer.from(`\n${signatureOf(Buffer.alloc(0), KEY, 's', 'status')}`), KEY, 's', 'status')).toEqual(Buffer.alloc(0)))

  test.each([
    ['another site', right, 't', 'pause'],
    ['another command', right, 's', 'config'],
    ['another content', right.replace('1', '2'), 's', 'pause'],
    ['a byte more', `${right}0`, 's', 'pause'],
    ['none', '{"id":"1"}', 's', 'pause'],
    ['nothing at all', '', 's', 'pause'],
    ['capital letters', right.slice(0, -32) + right.slice(-32).toUpperCase(), 's', 'pause'],
    ['no line feed', right.replace(/\n(?=[0-9a-f]{32}$)/, ' '), 's', 'pause'],
  ])('with %s is wrong', (_, payload, site, command) => expect(unsigned(Buffer.from(payload, 'latin1'), KEY, site, command)).toBeNull())
})

describe('words', () => {
  const WORDS = { uplink: { text: null }, order: { text: ['pause', 'none'], default: 'pause' }, forSec: { integer: [1, 100], default: 10 } } as const

  test('are given, or as they are by default', () => expect(wanted({ uplink: 'a', forSec: 7 }, WORDS)).toEqual({ uplink: 'a', order: 'pause', forSec: 7 }))

  test.each([
    [{}, '"uplink" is missing, a text'],
    [{ uplink: 'a', order: 'stop' }, '"order" is one of pause, none'],
    [{ uplink: 'a', forSec: 0 }, '"forSec" is a whole number from 1 to 100'],
    [{ uplink: 'a', forSec: '5' }, '"forSec" is a whole number from 1 to 100'],
    [{ uplink: 'a', forSecs: 5 }, '"forSecs" is not known here: uplink, order, forSec may be given'],
    [{ uplink: 'a', toString: 5 }, '"toString" is not known here: uplink, order, forSec may be given'],
  ])('%j', (words, why) => expect(() => wanted(words, WORDS)).toThrow(new Refusal(why)))
})

describe('in time', () => {
  const KNOWN = { nowMs: 1000, wallMs: 10_000_000, ageMsMax: 600_000, needsTime: false }
  const MESSAGE = { expiresAtMs: Infinity, retain: false }

  test.each([
    ['without a time', { atMs: null }, MESSAGE, KNOWN],
    ['just now', { atMs: 10_000_000 }, MESSAGE, KNOWN],
    ['as old as may be', { atMs: 9_400_000 }, MESSAGE, { ...KNOWN, needsTime: true }],
    ['a little ahead', { atMs: 10_300_000 }, MESSAGE, KNOWN],
    ['a time that cannot be judged', { atMs: 1 }, MESSAGE, { ...KNOWN, wallMs: null }],
  ])('%s', (_, request, message, known) => expect(latenessOf(request, message, known)).toBeNull())

  test.each([
    ['too old', { atMs: 9_399_999 }, MESSAGE, KNOWN, { status: 'expired', words: { ageSec: 600 } }],
    ['expired on its way', { atMs: null }, { expiresAtMs: 1000, retain: false }, KNOWN, { status: 'expired' }],
    ['retained', { atMs: null }, { ...MESSAGE, retain: true }, KNOWN, { status: 'refused' }],
    ['in the future', { atMs: 10_300_001 }, MESSAGE, KNOWN, { status: 'refused' }],
    ['without a time that is needed', { atMs: null }, MESSAGE, { ...KNOWN, needsTime: true }, { status: 'refused' }],
    ['with a time that is needed and cannot be judged', { atMs: 1 }, MESSAGE, { ...KNOWN, needsTime: true, wallMs: null }, { status: 'refused' }],
  ])('%s', (_, request, message, known, said) => expect(latenessOf(request, message, known)).toMatchObject(said))
})

test('what has come is remembered for a day, and five hundred of it', () => {
  const clock = new FakeClock()
  const remembered = new Remembered(clock)
  for (let i = 0; i < 501; i++) remembered.add(`c${i}`)
  expect([remembered.has('c0'), remembered.has('c1'), remembered.has('c500')]).toEqual([false, true, true])
  clock.advance(86_400_000)
  expect(remembered.has('c500')).toBe(false)
})
