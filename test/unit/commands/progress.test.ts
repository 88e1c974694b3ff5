// How far long work is: a bar that fits the terminal, or a line now and then.
import { describe, expect, test } from 'vitest'
import { barText, lineText, Progress, type Step } from '../../../src/commands/progress.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const half: Step = { done: 50_000_000, total: 100_000_000, unit: 'bytes' }

describe('a bar', () => {
  test('as wide as the terminal, less a column, and what is left of the time', () => {
    expect(barText('backup', half, 10_000, 80)).toMatch(/^backup {2}\[(#{16,17})\.{16,17}\] {2}50 % {2}50\.0 MB of 100 MB {2}10 s left$/)
    expect(barText('backup', half, 10_000, 80)).toHaveLength(79)
  })

  test.each([200, 100, 60, 40, 30, 20, 10, 2])('fits %i columns', (columns) => {
    const text = barText('backup', { ...half, note: 'a long note about what is going on at the moment' }, 10_000, columns)
    expect(text.length).toBeLessThan(columns)
    if (columns >= 20) expect(text).toContain('50 %')
  })

  test('without an end there is none, and no time left', () => {
    expect(barText('backup', { ...half, total: null }, 10_000, 80)).toBe('backup  50.0 MB')
  })

  test('messages, and a part of a whole', () => {
    expect(barText('cloud', { done: 30, total: 120, unit: 'messages', note: 'by lte' }, 60_000, 100)).toMatch(/^cloud {2}\[#+\.+\] {2}25 % {2}30 of 120 messages {2}3 min left {2}by lte$/)
    expect(barText('root', { done: 100, total: 100, unit: 'percent' }, 60_000, 40)).toBe(`root  [${'#'.repeat(24)}]  100 %`)
  })

  test('what goes beyond its total, or has none to do, is whole', () => {
    expect(barText('x', { done: 9, total: 5, unit: 'messages' }, 9000, 80)).toContain('100 %')
    expect(barText('x', { done: 0, total: 0, unit: 'messages' }, 9000, 80)).toContain('100 %')
  })
})

test('a line says the same', () => {
  expect(lineText('backup', { ...half, note: 'it is checked' }, 10_000)).toBe('backup: 50 %, 50.0 MB of 100 MB, 10 s left, it is checked')
})

describe('told', () => {
  function told(isTty: boolean): { readonly progress: Progress; readonly clock: FakeClock; readonly out: string[] } {
    const clock = new FakeClock()
    const out: string[] = []
    return { progress: new Progress('backup', { write: (text) => void out.push(text), isTty, columns: 40 }, clock), clock, out }
  }

  test('on a terminal over itself, not more often than it can be read, and taken away at the end', () => {
    const { progress, clock, out } = told(true)
    for (let done = 0; done <= 1000; done++) {
      progress.at({ done, total: 1000, unit: 'messages' })
      clock.advance(1)
    }
    progress.end()
    expect(out).toHaveLength(7)
    expect(out[0]).toBe('\r\u001b[Kbackup  0 %  0 of 1000 messages')
    expect(out.at(-1)).toBe('\r\u001b[K')
  })

  test('elsewhere a line every ten seconds, and nothing to take away', () => {
    const { progress, clock, out } = told(false)
    for (let done = 0; done <= 25; done++) {
      progress.at({ done, total: 25, unit: 'messages' })
      clock.advance(1000)
    }
    progress.end()
    expect(out).toEqual(['backup: 0 %, 0 of 25 messages\n', 'backup: 40 %, 10 of 25 messages, 15 s left\n', 'backup: 80 %, 20 of 25 messages, 5 s left\n'])
  })
})
