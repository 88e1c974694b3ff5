// What the operator orders, above the policies of the links.
import { describe, expect, test } from 'vitest'
import { LinksBed, makeLink } from './links-bed.ts'

const MINUTE = 60_000
const SELDOM = { connect: { kind: 'when', queued: 100, classes: [], schedule: null, windows: [], passesFile: null, idleMs: 5000 } } as const

/** A link that nothing asks for. */
function seldom(): LinksBed {
  const bed = new LinksBed([makeLink('lte', SELDOM)])
  bed.links.start()
  return bed
}

describe('connect', () => {
  test('connects a link that nobody asks for, until all is sent and nothing has come for a moment', () => {
    const bed = seldom()
    expect(bed.carriers).toHaveLength(0)
    bed.links.order('connect', bed.clock.now() + 15 * MINUTE)
    expect(bed.carriers).toHaveLength(1)
    bed.carriers[0]!.accept()
    bed.drained = false
    bed.clock.advance(5 * MINUTE)
    expect(bed.links.state).toMatchObject({ phase: 'up', order: { kind: 'connect' } })
    bed.drained = true
    bed.receivedAtMs = bed.clock.now()
    bed.clock.advance(9000)
    expect(bed.links.state.phase).toBe('up')
    bed.clock.advance(3000)
    expect(bed.links.state).toMatchObject({ phase: 'idle', order: null })
    expect(bed.carriers).toHaveLength(1)
  })

  test('waits for no back-off', () => {
    const bed = new LinksBed([makeLink('ethernet')])
    bed.links.start()
    bed.carriers[0]!.end('refused')
    expect(bed.links.state.phase).toBe('waiting')
    bed.links.order('connect', bed.clock.now() + MINUTE)
    expect(bed.carriers).toHaveLength(2)
  })

  test('ends by its time where nothing answers', () => {
    const bed = seldom()
    bed.links.order('connect', bed.clock.now() + MINUTE)
    bed.carriers[0]!.end('refused')
    bed.clock.advance(2 * MINUTE)
    expect(bed.links.state).toMatchObject({ phase: 'idle', order: null })
  })

  test('does not spend what is spent', () => {
    const budget = { dayBytes: 1000, monthBytes: 1000, billingDay: 1, reserve: null } as never
    const bed = new LinksBed([makeLink('lte', { ...SELDOM, budget })])
    bed.spent.add('lte')
    bed.links.start()
    bed.links.order('connect', bed.clock.now() + MINUTE)
    expect(bed.carriers).toHaveLength(0)
  })
})

test('hold stays connected for as long as was said', () => {
  const bed = seldom()
  bed.links.order('hold', bed.clock.now() + 10 * MINUTE)
  bed.carriers[0]!.accept()
  bed.clock.advance(9 * MINUTE)
  expect(bed.links.state).toMatchObject({ phase: 'up', order: { kind: 'hold' } })
  bed.clock.advance(2 * MINUTE)
  expect(bed.links.state).toMatchObject({ phase: 'idle', order: null })
})

describe('pause', () => {
  test('ends a connection, begins none, and lets go by its time', () => {
    const bed = new LinksBed([makeLink('ethernet')])
    bed.links.start()
    bed.carriers[0]!.accept()
    bed.links.order('pause', bed.clock.now() + 10 * MINUTE)
    expect(bed.carriers[0]!.isStopped).toBe(true)
    expect(bed.links.state).toMatchObject({ phase: 'idle', order: { kind: 'pause' } })
    bed.clock.advance(9 * MINUTE)
    bed.links.changed()
    expect(bed.carriers).toHaveLength(1)
    bed.clock.advance(2 * MINUTE)
    expect(bed.carriers).toHaveLength(2)
    expect(bed.links.state.order).toBeNull()
  })

  test('is taken back', () => {
    const bed = new LinksBed([makeLink('ethernet')])
    bed.links.start()
    bed.links.order('pause', bed.clock.now() + 10 * MINUTE)
    expect(bed.links.state.phase).toBe('idle')
    bed.links.order(null, 0)
    expect(bed.links.state).toMatchObject({ phase: 'connecting', order: null })
  })

  test('after the stop nothing is ordered', async () => {
    const bed = new LinksBed([makeLink('ethernet')])
    bed.links.start()
    await bed.links.stop()
    bed.links.order('connect', bed.clock.now() + MINUTE)
    expect(bed.links.state).toMatchObject({ phase: 'stopped', order: null })
  })
})
