import { beforeEach, describe, expect, test } from 'vitest'
import { Queue } from '../../../src/journal/queue.ts'
import { makeMessage } from '../../../src/message.ts'
import { turns } from '../../support/hand-store.ts'
import { Bed, Ear, payloads, Taker, WINDOW_MS } from './bed.ts'

let bed: Bed
beforeEach(() => {
  bed = new Bed()
})

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i))
}

describe('modes', () => {
  test('offline: messages are counted, not kept in memory', async () => {
    const queue = await bed.queue()
    bed.publish([queue], 'abc')
    expect(queue.live).toBe(false)
    expect(queue.tailLength).toBe(0)
    expect(queue.size).toEqual({ count: 1, bytes: 4 })
    expect(queue.take()).toBeNull()
  })

  test('offline to live: what is stored, then what is on its way there, then what comes', async () => {
    const queue = await bed.queue()
    for (const n of [1, 2, 3]) bed.publish([queue], n)
    await bed.pass(WINDOW_MS)
    await bed.store.completeAll()
    bed.publish([queue], 4)
    const taker = new Taker(queue)
    queue.resume(1000)
    bed.publish([queue], 5)
    await turns()
    bed.publish([queue], 6)
    await bed.store.complete() // the commit of 4 and 5
    bed.publish([queue], 7)
    expect(bed.store.waiting).toEqual(['read'])
    await bed.store.complete()
    expect(queue.live).toBe(true)
    bed.publish([queue], 8)
    await bed.store.completeAll()
    expect(payloads(taker.taken)).toEqual(numbers(1, 8))
    expect(queue.size.count).toBe(8)
  })

  test('nothing is read before all that was given before is on flash', async () => {
    const queue = await bed.queue()
    bed.publish([queue], 1)
    queue.resume(1000)
    await turns()
    expect(bed.store.waiting).toEqual(['commit'])
    await bed.store.complete()
    expect(bed.store.waiting).toEqual(['read'])
  })

  test('a read that was asked for before a suspension is not taken for a later one', async () => {
    const queue = await bed.queue()
    bed.publish([queue], 1)
    await bed.pass(WINDOW_MS)
    await bed.store.completeAll()
    const taker = new Taker(queue)
    queue.resume(1000)
    await turns()
    queue.suspend()
    queue.resume(1000)
    await bed.store.completeAll()
    expect(payloads(taker.taken)).toEqual(['1'])
  })

  test('suspend and resume: the unsettled again, in order; what was settled ahead is left out', async () => {
    const taker = await bed.live()
    for (const n of [1, 2, 3, 4]) bed.publish([taker.queue], n)
    taker.settle(1)
    taker.settle(3)
    const { cursor, ahead } = taker.queue.cursorRow()
    expect(cursor).toBe(taker.taken[0]!.sequence - 1)
    expect(ahead).toEqual([taker.taken[1]!.sequence, taker.taken[3]!.sequence])
    taker.queue.suspend()
    expect(taker.queue.size.count).toBe(2)
    taker.taken.length = 0
    taker.queue.resume(1000)
    await bed.store.completeAll()
    expect(payloads(taker.taken)).toEqual(['1', '3'])
    taker.settleAll()
    expect(taker.queue.size).toEqual({ count: 0, bytes: 0 })
    const after = taker.queue.cursorRow()
    expect([after.cursor, ...after.ahead].at(-1)).toBe(bed.journal.lastSequence)
  })

  test('a restart goes on from cursor and ahead', async () => {
    const taker = await bed.live()
    for (const n of [1, 2, 3]) bed.publish([taker.queue], n)
    taker.settle(1)
    await bed.pass(WINDOW_MS)
    await bed.store.completeAll()
    await bed.pass(1000)
    await bed.store.completeAll()
    const row = (await bed.store.open()).destinations[0]!
    const again = new Taker(new Queue(bed, bed.journal, row.id, row.cursor, row.queued))
    expect(again.queue.size.count).toBe(2)
    again.queue.resume(1000)
    await bed.store.completeAll()
    expect(payloads(again.taken)).toEqual(['1', '3'])
    again.settleAll()
    expect(again.queue.size).toEqual({ count: 0, bytes: 0 })
  })
})

describe('overflow', () => {
  test('live, behind and live again while messages keep coming: none lost, none twice, in order', async () => {
    const taker = await bed.live()
    taker.windowMax = 100
    let published = 0
    let settled = 0
    let modes = ''
    for (let round = 0; round < 400; round++) {
      for (let i = 0; i < (round < 200 ? 25 : 3); i++) bed.publish([taker.queue], ++published)
      for (let i = 0; i < 10 && settled < taker.taken.length; i++) taker.settle(settled++)
      await bed.pass(round % 7 === 0 ? WINDOW_MS : 1)
      if (round % 3 === 0) await bed.store.completeAll()
      const mode = taker.queue.live ? 'L' : 'B'
      if (!modes.endsWith(mode)) modes += mode
      expect(taker.queue.tailLength).toBeLessThan(6000)
      expect(taker.queue.size.count).toBe(published - settled)
    }
    while (settled < published) {
      await bed.pass(WINDOW_MS)
      await bed.store.completeAll()
      while (settled < taker.taken.length) taker.settle(settled++)
      await turns()
    }
    expect(modes).toMatch(/^LB/)
    expect(taker.queue.live).toBe(true)
    expect(taker.taken).toHaveLength(published)
    expect(taker.taken.every((d, i) => i === 0 || d.sequence > taker.taken[i - 1]!.sequence)).toBe(true)
    expect(taker.queue.size).toEqual({ count: 0, bytes: 0 })
    expect(bed.failures).toEqual([])
  })

  test('a queue in memory only drops the newest when it is full, and says so', () => {
    const queue = new Queue(bed, null, 0)
    let kept = 0
    for (let i = 0; i < 1500; i++) if (queue.push(makeMessage('t', 'x'), null, 1, false, [])) kept++
    expect(kept).toBe(1000)
    expect(queue.size.count).toBe(1000)
  })

  test('a message that waits does not keep the chunk that it came in', async () => {
    const taker = await bed.live()
    taker.windowMax = 0
    const chunk = Buffer.alloc(64 * 1024)
    const message = makeMessage('t', chunk)
    const small = Object.assign(Object.create(Object.getPrototypeOf(message)), message, { payloadStart: 10, payloadEnd: 20 })
    taker.queue.push(small, null, 1, false, [])
    taker.windowMax = 1
    taker.pump()
    expect(taker.taken[0]!.message.bytes).toHaveLength(10)
  })
})

describe('what is not delivered', () => {
  test('QoS 2 waits for its commit, and what comes behind waits too', async () => {
    const taker = await bed.live()
    bed.publish([taker.queue], 1, 2)
    bed.publish([taker.queue], 2, 1)
    await turns()
    expect(taker.taken).toHaveLength(0)
    await bed.store.complete()
    expect(payloads(taker.taken)).toEqual(['1', '2'])
  })

  test('expired messages are counted and settled', async () => {
    const queue = await bed.queue()
    bed.publish([queue], 'short', 1, { expiresAtMs: bed.clock.now() + 5000 })
    bed.publish([queue], 'long')
    await bed.pass(6000)
    await bed.store.completeAll()
    const taker = new Taker(queue)
    queue.resume(1000)
    await bed.store.completeAll()
    expect(payloads(taker.taken)).toEqual(['long'])
    expect(bed.counters.droppedExpired).toBe(1)
    taker.settleAll()
    expect(queue.size).toEqual({ count: 0, bytes: 0 })
  })
})

describe('counts are exact', () => {
  test('a refused message that was delivered already is counted down once: settled before or after', async () => {
    const taker = await bed.live()
    const other = await bed.queue() // keeps the message from being elided
    bed.publish([taker.queue, other], 1)
    bed.publish([taker.queue, other], 2)
    bed.store.full = true
    taker.settle(0)
    await bed.pass(WINDOW_MS)
    await bed.store.completeAll()
    expect(taker.queue.size.count).toBe(1)
    taker.settle(1)
    expect(taker.queue.size).toEqual({ count: 0, bytes: 0 })
  })

  test('refused while the consumer is away again', async () => {
    const taker = await bed.live()
    const other = await bed.queue()
    for (const n of [1, 2, 3]) bed.publish([taker.queue, other], n)
    taker.settle(1)
    bed.store.full = true
    await bed.pass(WINDOW_MS)
    taker.queue.suspend()
    await bed.store.completeAll()
    expect(taker.queue.size).toEqual({ count: 0, bytes: 0 })
  })

  test('refused first, then the consumer goes: what will not come again does not count', async () => {
    const taker = await bed.live()
    taker.windowMax = 1
    const other = await bed.queue()
    bed.publish([taker.queue, other], 'outstanding')
    bed.publish([taker.queue, other], 'tail')
    bed.store.full = true
    await bed.pass(WINDOW_MS)
    await bed.store.completeAll()
    taker.queue.suspend()
    expect(taker.queue.size).toEqual({ count: 0, bytes: 0 })
  })

  test('refused while the queue is behind, with deliveries under way', async () => {
    const taker = await bed.live()
    taker.windowMax = 10
    for (let i = 0; i < 10; i++) bed.publish([taker.queue], i)
    bed.store.full = true
    for (let i = 10; i < 1200; i++) bed.publish([taker.queue], i)
    expect(taker.queue.live).toBe(false)
    await bed.pass(WINDOW_MS)
    await bed.store.completeAll()
    taker.settleAll()
    expect(taker.queue.size).toEqual({ count: 0, bytes: 0 })
  })

  test('a limit takes the oldest: what it took is not delivered, what was read out before is', async () => {
    const queue = await bed.queue({ countMax: 5 })
    for (let i = 1; i <= 4; i++) bed.publish([queue], i)
    await bed.pass(WINDOW_MS)
    await bed.store.completeAll()
    const taker = new Taker(queue)
    queue.resume(1000)
    await bed.store.completeAll()
    expect(payloads(taker.taken)).toEqual(['1', '2', '3', '4'])
    queue.suspend()
    for (let i = 5; i <= 20; i++) bed.publish([queue], i)
    await bed.pass(WINDOW_MS)
    await bed.store.completeAll()
    const dropped = bed.counters.droppedQueueLimit
    expect(dropped).toBe(15)
    expect(queue.size.count).toBe(5)
    taker.taken.length = 0
    queue.resume(1000)
    await bed.store.completeAll()
    expect(taker.taken).toHaveLength(5)
    taker.settleAll()
    expect(queue.size).toEqual({ count: 0, bytes: 0 })
  })

  test('messages that a limit took while they were in memory arrive all the same, and count once', async () => {
    const taker = await bed.live({ countMax: 3 })
    taker.windowMax = 0
    for (let i = 1; i <= 10; i++) bed.publish([taker.queue], i)
    await bed.pass(WINDOW_MS)
    await bed.store.completeAll()
    expect(bed.counters.droppedQueueLimit).toBe(7)
    taker.windowMax = Infinity
    taker.pump()
    taker.settleAll()
    expect(taker.queue.size).toEqual({ count: 0, bytes: 0 })
  })

  test('a message everybody has is free at once, one that is refused tells its publisher', async () => {
    const ear = new Ear()
    const taker = await bed.live()
    bed.publish([taker.queue], 1, 1, { waiter: ear })
    expect(taker.queue.size.count).toBe(1)
    taker.settleAll()
    expect(taker.queue.size).toEqual({ count: 0, bytes: 0 })
    expect(ear.heard).toEqual(['durable'])
  })
})
