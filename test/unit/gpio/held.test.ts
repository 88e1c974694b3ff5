import { describe, expect, test } from 'vitest'
import { HeldLine, LOOK_MS, RETRY_MS_MAX, RETRY_MS_MIN } from '../../../src/gpio/held.ts'
import { FakeClock, settle } from '../../support/fake-clock.ts'

function bedOf(random = 0) {
  const clock = new FakeClock()
  const said: string[] = []
  const wire = { trouble: null as string | null, open: 0, opening: null as Promise<void> | null }
  const line = {
    read: () => {
      if (wire.trouble !== null) throw new Error(wire.trouble)
      return true
    },
    close: () => void wire.open--,
  }
  const open = async () => {
    await wire.opening
    line.read()
    wire.open++
    return line
  }
  const held = new HeldLine({ clock, random: () => random }, open, {
    opened: () => void said.push('opened'),
    looked: (level) => void said.push(`looked ${level}`),
    failed: (why) => void said.push(`failed ${why}`),
  })
  return { clock, held, wire, said }
}

describe('one line', () => {
  test('is opened once, looked at, and closed', async () => {
    const { clock, held, wire, said } = bedOf()
    held.start()
    held.start()
    await settle()
    held.start()
    expect(said).toEqual(['opened'])
    clock.advance(2 * LOOK_MS)
    expect(said).toEqual(['opened', 'looked true', 'looked true'])
    await held.stop()
    await held.stop()
    expect([wire.open, clock.pending, held.line]).toEqual([0, 0, null])
  })

  test('that goes is found out by looking, closed, and opened again when it is back', async () => {
    const { clock, held, wire, said } = bedOf()
    held.start()
    await settle()
    wire.trouble = 'gone'
    await clock.advanceAsync(LOOK_MS)
    expect([said, wire.open]).toEqual([['opened', 'failed gone'], 0])
    wire.trouble = null
    await clock.advanceAsync(RETRY_MS_MIN)
    expect([said, wire.open]).toEqual([['opened', 'failed gone', 'opened'], 1])
    await held.stop()
  })

  test('lost is told once, however many say it', async () => {
    const { held, said, wire } = bedOf()
    held.start()
    await settle()
    held.lost(new Error('a'))
    held.lost(new Error('b'))
    expect([said, wire.open]).toEqual([['opened', 'failed a'], 0])
    await held.stop()
  })
})

test('tries come less and less often, half a minute apart at most', async () => {
  const { clock, held, wire, said } = bedOf()
  wire.trouble = 'held by somebody'
  held.start()
  const times: number[] = []
  for (let seconds = 0, seen = 0; seconds < 200; seconds++) {
    await clock.advanceAsync(1000)
    if (said.length > seen) times.push(seconds)
    seen = said.length
  }
  const gaps = times.slice(1).map((at, i) => at - times[i]!)
  expect(gaps.slice(0, 5)).toEqual([2, 4, 8, 16, 30].slice(0, gaps.slice(0, 5).length))
  expect(Math.max(...gaps)).toBe(RETRY_MS_MAX / 1000)
  await held.stop()
  expect(clock.pending).toBe(0)
})

describe('stop', () => {
  test('while it is being opened closes what comes', async () => {
    const { clock, held, wire, said } = bedOf()
    const { promise, resolve } = Promise.withResolvers<void>()
    wire.opening = promise
    held.start()
    const stopped = held.stop()
    resolve()
    await stopped
    expect([wire.open, said, clock.pending]).toEqual([0, [], 0])
  })

  test('while it waits ends the waiting; it does not start again', async () => {
    const { clock, held, wire, said } = bedOf()
    wire.trouble = 'gone'
    held.start()
    await settle()
    await held.stop()
    wire.trouble = null
    held.start()
    await clock.advanceAsync(RETRY_MS_MAX)
    expect([said, wire.open, clock.pending]).toEqual([['failed gone'], 0, 0])
  })
})
