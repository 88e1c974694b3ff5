// The last lines of the log: as many as were asked for, no more than are kept.
import { describe, expect, test } from 'vitest'
import { LogRing } from '../../../src/ops/log-ring.ts'

const line = (n: number, level = 30, more = ''): string => `{"level":${level},"time":"2026-11-22T10:00:00.${String(n % 1000).padStart(3, '0')}Z","n":${n}${more},"msg":"line ${n}"}\n`

describe('the last lines', () => {
  test('of a level and graver ones, oldest first', () => {
    const ring = new LogRing()
    for (const [n, level] of [10, 20, 30, 40, 50, 60].entries()) ring.push(line(n, level))
    expect(ring.last(10, 'warn')).toEqual([
      { at: '2026-11-22T10:00:00.003Z', level: 'warn', text: 'line 3', fields: { n: 3 } },
      { at: '2026-11-22T10:00:00.004Z', level: 'error', text: 'line 4', fields: { n: 4 } },
      { at: '2026-11-22T10:00:00.005Z', level: 'fatal', text: 'line 5', fields: { n: 5 } },
    ])
    expect(ring.last(2, 'trace').map(({ text }) => text)).toEqual(['line 4', 'line 5'])
  })

  test('a thousand are kept, or fewer where they are long', () => {
    const ring = new LogRing()
    for (let n = 0; n < 1500; n++) ring.push(line(n))
    expect(ring.last(5000, 'trace').map(({ fields }) => fields['n'])).toEqual(Array.from({ length: 1000 }, (_, i) => 500 + i))
    for (let n = 0; n < 100; n++) ring.push(line(n, 30, `,"long":"${'x'.repeat(10_000)}"`))
    expect(ring.last(5000, 'trace').length).toBe(26)
    ring.push(line(0, 30, `,"long":"${'x'.repeat(500_000)}"`))
    expect(ring.last(5000, 'trace').length).toBe(1)
  })
})

test('who listens is told each line, until he has gone', () => {
  const ring = new LogRing()
  const heard: string[] = []
  const end = ring.listen(({ text }) => void heard.push(text))
  ring.push(line(1))
  end()
  ring.push(line(2))
  expect(heard).toEqual(['line 1'])
})
