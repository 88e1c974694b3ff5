import { beforeEach, describe, expect, test } from 'vitest'
import { turns } from '../../support/hand-store.ts'
import { Bed, Ear, payloads, type Taker, WINDOW_MS } from './bed.ts'

let bed: Bed
beforeEach(() => {
  bed = new Bed()
})

/** Batches given since. */
function batchesSince(from: number) {
  return bed.store.batches.slice(from)
}

describe('where flash has to be spared', () => {
  const DAY_BYTES = 864_000_000 // 10 bytes/ms, 6 MB at once
  const BATCH_BYTES = 10_000

  /** Ten messages a second for somebody who is away, each batch of BATCH_BYTES; how many batches in each second. */
  async function batches(spared: Bed, seconds: number): Promise<number[]> {
    const queue = await spared.queue()
    const counts: number[] = []
    for (let second = 0; second < seconds; second++) {
      const from = spared.store.batches.length
      for (let i = 0; i < 10; i++) {
        const before = spared.store.batches.length
        spared.publish([queue], i)
        await spared.pass(100)
        spared.store.bytesWritten += (spared.store.batches.length - before) * BATCH_BYTES
        await spared.store.completeAll()
      }
      counts.push(spared.store.batches.length - from)
    }
    return counts
  }

  test('what was saved is spent first, then messages wait for company, and never longer than two seconds more', async () => {
    const spared = new Bed({ dailyBytesMax: DAY_BYTES })
    const counts = await batches(spared, 120)
    expect(counts.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 10))
    const later = counts.slice(-20).reduce((sum, n) => sum + n, 0)
    expect(later).toBeGreaterThanOrEqual(10)
    expect(later).toBeLessThanOrEqual(21)
  })

  test('and otherwise each is a write of its own', async () => {
    expect(await batches(bed, 3)).toEqual([10, 10, 10])
  })

  test('an urgent change does not wait', async () => {
    const spared = new Bed({ dailyBytesMax: DAY_BYTES })
    spared.store.bytesWritten = 1e9
    const queue = await spared.queue() // and the journal hears of it
    spared.publish([queue], 1)
    const from = spared.store.batches.length
    await spared.pass(1900)
    expect(spared.store.batches.length).toBe(from)
    spared.journal.change({ kind: 'value', key: 'a', value: 1 }, true)
    await turns()
    expect(spared.store.batches.length).toBe(from + 1)
  })
})

describe('when a batch is due', () => {
  test('an urgent change goes with the turn it came in', async () => {
    bed.journal.change({ kind: 'value', key: 'a', value: 1 }, true)
    expect(bed.store.waiting).toEqual([])
    await turns()
    expect(bed.store.waiting).toEqual(['commit'])
  })

  test('changes that are no hurry wait a second for company, and no longer', async () => {
    bed.journal.change({ kind: 'value', key: 'a', value: 1 }, false)
    await bed.pass(999)
    expect(bed.store.batches).toHaveLength(0)
    await bed.pass(1)
    expect(bed.store.batches).toHaveLength(1)
  })

  test('a message that somebody may still acknowledge waits for the end of the window', async () => {
    const { queue } = await bed.live()
    const from = bed.store.batches.length
    bed.publish([queue], 1)
    await bed.pass(WINDOW_MS - 1)
    expect(batchesSince(from)).toHaveLength(0)
    await bed.pass(1)
    expect(batchesSince(from)).toHaveLength(1)
  })

  test('a single message for somebody who is away waits for company until the end of the window', async () => {
    const queue = await bed.queue()
    const from = bed.store.batches.length
    bed.publish([queue], 1)
    await bed.pass(WINDOW_MS - 1)
    expect(batchesSince(from)).toHaveLength(0)
    await bed.pass(1)
    expect(batchesSince(from)).toHaveLength(1)
  })

  test('a burst for somebody who is away goes when it has ended', async () => {
    const queue = await bed.queue()
    const from = bed.store.batches.length
    for (let i = 0; i < 10; i++) bed.publish([queue], i)
    await bed.pass(1)
    expect(batchesSince(from)).toHaveLength(1)
    expect(bed.store.messagesOf(from)).toBe(10)
  })

  test('a burst that goes on does not go before its gaps get longer, but for the window', async () => {
    const queue = await bed.queue()
    const from = bed.store.batches.length
    for (let i = 0; i < 5; i++) {
      bed.publish([queue], i)
      await bed.pass(2)
    }
    expect(batchesSince(from)).toHaveLength(0)
    await bed.pass(4) // three gaps of two milliseconds since the last one
    expect(batchesSince(from)).toHaveLength(1)
  })

  test('a segment that is full goes at once', async () => {
    const queue = await bed.queue()
    const from = bed.store.batches.length
    bed.publish([queue], 'x'.repeat(70_000))
    await turns()
    expect(batchesSince(from)).toHaveLength(1)
  })

  test('QoS 2 goes at once: its receivers wait for the commit', async () => {
    const { queue } = await bed.live()
    const from = bed.store.batches.length
    bed.publish([queue], 1, 2)
    await turns()
    expect(batchesSince(from)).toHaveLength(1)
  })

  test('one batch at a time: what comes meanwhile is the next one', async () => {
    const queue = await bed.queue()
    const from = bed.store.batches.length
    bed.publish([queue], 1, 2)
    await turns()
    bed.publish([queue], 2, 2)
    bed.publish([queue], 3, 2)
    await bed.pass(100)
    expect(batchesSince(from)).toHaveLength(1)
    await bed.store.complete()
    expect(batchesSince(from)).toHaveLength(2)
    expect(bed.store.messagesOf(from + 1)).toBe(2)
  })

  test('only the last retained message of a topic is written', async () => {
    const row = (n: number) => ({ tenant: '', topic: 't', data: Buffer.from([n]), storedAtMs: 0 })
    bed.journal.retain(row(1))
    bed.journal.retain(row(2))
    await bed.pass(1000)
    expect(bed.store.batches[0]!.changes).toEqual([{ kind: 'retained', row: row(2) }])
  })

  test('waitDurable is heard within the window', async () => {
    const ear = new Ear()
    bed.journal.endRetained('', 't')
    bed.journal.waitDurable(ear)
    await bed.pass(WINDOW_MS)
    await bed.store.completeAll()
    expect(ear.heard).toEqual(['durable'])
  })

  test('whenDurable is called at once when nothing is to be written, and not before', async () => {
    const called: string[] = []
    bed.journal.whenDurable(() => called.push('yes'))
    expect(called).toEqual([])
    await turns()
    expect(called).toEqual(['yes'])
    expect(bed.store.batches).toHaveLength(0)
  })
})

describe('ack or commit', () => {
  test('what everybody acknowledged in the window never reaches the store', async () => {
    const taker = await bed.live()
    const from = bed.store.batches.length
    const ear = new Ear()
    bed.publish([taker.queue], 1, 1, { waiter: ear })
    expect(ear.heard).toEqual([])
    taker.settleAll()
    expect(ear.heard).toEqual(['durable'])
    await bed.pass(5000)
    expect(batchesSince(from)).toHaveLength(0)
    expect(bed.counters.elided).toBe(1)
    expect(bed.journal.pendingCount).toBe(0)
  })

  test('one acknowledgement of two is not enough', async () => {
    const [a, b] = [await bed.live(), await bed.live()]
    const from = bed.store.batches.length
    const ear = new Ear()
    bed.publish([a.queue, b.queue], 1, 1, { waiter: ear })
    a.settleAll()
    expect(ear.heard).toEqual([])
    await bed.pass(WINDOW_MS)
    expect(bed.store.messagesOf(from)).toBe(1)
    b.settleAll() // too late: it is being written
    expect(ear.heard).toEqual([])
    await bed.store.completeAll()
    expect(ear.heard).toEqual(['durable'])
    expect(bed.counters.elided).toBe(0)
  })

  test('held messages are written whoever acknowledges', async () => {
    const taker = await bed.live()
    const from = bed.store.batches.length
    const ear = new Ear()
    bed.publish([taker.queue], 1, 1, { waiter: ear, held: true })
    taker.settleAll()
    expect(ear.heard).toEqual([])
    await bed.pass(WINDOW_MS)
    expect(bed.store.messagesOf(from)).toBe(1)
    await bed.store.completeAll()
    expect(ear.heard).toEqual(['durable'])
  })

  test('a young message may wait while the batch takes an older one', async () => {
    const taker = await bed.live()
    const from = bed.store.batches.length
    bed.publish([taker.queue], 'old')
    await bed.pass(WINDOW_MS - 5)
    bed.publish([taker.queue], 'young')
    await bed.pass(5)
    expect(bed.store.messagesOf(from)).toBe(1)
    taker.settle(1)
    expect(bed.counters.elided).toBe(1)
  })

  test('what must be written takes the earlier ones of its audience along: a lane only grows at its end', async () => {
    const taker = await bed.live()
    const from = bed.store.batches.length
    bed.publish([taker.queue], 'first', 1)
    bed.publish([taker.queue], 'second', 2) // held, at once
    bed.publish([taker.queue], 'third', 1)
    await turns()
    expect(bed.store.messagesOf(from)).toBe(2)
    await bed.pass(WINDOW_MS)
    await bed.store.completeAll()
    await bed.pass(WINDOW_MS)
    await bed.store.completeAll()
    expect(bed.failures).toEqual([])
    expect(payloads(taker.taken)).toEqual(['first', 'second', 'third'])
  })

  test('a message for somebody away is written, and elided for nobody', async () => {
    const [online, away] = [await bed.live(), await bed.queue()]
    const from = bed.store.batches.length
    bed.publish([online.queue, away], 1)
    online.settleAll()
    await bed.pass(WINDOW_MS)
    expect(bed.store.messagesOf(from)).toBe(1)
  })
})

describe('a store that is full', () => {
  test('the waiter is told, and the counts go down again', async () => {
    const [online, away] = [await bed.live(), await bed.queue()]
    bed.store.full = true
    const ear = new Ear()
    bed.publish([online.queue, away], 1, 1, { waiter: ear })
    expect(away.size.count).toBe(1)
    await bed.pass(WINDOW_MS)
    await bed.store.completeAll()
    expect(ear.heard).toEqual(['store-full'])
    expect(away.size).toEqual({ count: 0, bytes: 0 })
    expect(bed.counters.refusedStoreFull).toBe(1)
    online.settleAll()
    expect(online.queue.size).toEqual({ count: 0, bytes: 0 })
  })

  test('QoS 2 that is refused is not delivered', async () => {
    const taker = await bed.live()
    bed.store.full = true
    bed.publish([taker.queue], 'refused', 2)
    await bed.store.completeAll()
    bed.store.full = false
    bed.publish([taker.queue], 'taken', 2)
    await bed.store.completeAll()
    expect(payloads(taker.taken)).toEqual(['taken'])
  })

  test('an identifier is not kept without its message; one that belongs to no message is given again', async () => {
    const queue = await bed.queue()
    bed.store.full = true
    const called: string[] = []
    bed.publish([queue], 1, 2, { waiter: { durable: () => {}, refused: () => bed.journal.change({ kind: 'received-end', destination: 1, packetIdentifier: 5 }, false) } })
    bed.journal.change({ kind: 'received', destination: 1, packetIdentifier: 5 }, false)
    bed.journal.change({ kind: 'received', destination: 1, packetIdentifier: 6 }, false)
    bed.journal.whenDurable(() => called.push('yes'))
    await turns()
    await bed.store.complete()
    expect((await bed.store.memory.open()).received).toEqual([])
    expect(called).toEqual([])
    await bed.store.completeAll()
    expect((await bed.store.memory.open()).received).toEqual([{ destination: 1, packetIdentifier: 6 }])
    expect(called).toEqual(['yes'])
  })
})

test('drain writes what could still be acknowledged, and all that comes meanwhile', async () => {
  const taker = await bed.live()
  const ear = new Ear()
  bed.publish([taker.queue], 1, 1, { waiter: ear })
  let done = false
  void bed.journal.drain().then(() => (done = true))
  await turns()
  expect(bed.store.waiting).toEqual(['commit'])
  bed.journal.change({ kind: 'value', key: 'late', value: 1 }, false)
  await bed.store.complete()
  expect(done).toBe(false)
  await bed.store.completeAll()
  expect(done).toBe(true)
  expect(ear.heard).toEqual(['durable'])
  expect(bed.journal.pendingCount).toBe(0)
})

test('congestion is over when the bytes are written', async () => {
  const queue = await bed.queue()
  const big = 'x'.repeat(1024 * 1024)
  for (let i = 0; i < 17; i++) bed.publish([queue], big)
  expect(bed.journal.congested).toBe(true)
  let relieved = 0
  bed.journal.onRelief(() => relieved++)
  await bed.store.completeAll()
  expect(bed.journal.congested).toBe(false)
  expect(relieved).toBe(1)
})

test('many that wait for the next batch are congestion too, over when that is written', async () => {
  let called = 0
  const wait = (count: number): void => {
    for (let i = 0; i < count; i++) bed.journal.whenDurable(() => called++)
  }
  bed.journal.change({ kind: 'subscription-end', destination: 1, filter: 'a' }, true)
  await bed.pass(0) // the store is busy now
  wait(10_000)
  expect(bed.journal.congested).toBe(false)
  wait(1)
  expect(bed.journal.congested).toBe(true)
  let relieved = 0
  bed.journal.onRelief(() => relieved++)
  await bed.store.completeAll()
  await bed.pass(0)
  expect([bed.journal.congested, called, relieved]).toEqual([false, 10_001, 1])
})

test('a random mixture of audiences, QoS and speeds never breaks the store and arrives in order', async () => {
  let seed = 12345
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * n)
  }
  const takers: Taker[] = [await bed.live(), await bed.live(), await bed.live()]
  const sent = takers.map(() => [] as string[])
  for (let i = 0; i < 600; i++) {
    const chosen = [0, 1, 2].filter(() => random(2) === 0)
    if (chosen.length > 0) {
      for (const c of chosen) sent[c]!.push(String(i))
      bed.publish(chosen.map((c) => takers[c]!.queue), i, random(4) === 0 ? 2 : 1)
    }
    const taker = takers[random(3)]!
    if (random(3) === 0) taker.settleAll()
    if (random(6) === 0) await bed.pass(random(WINDOW_MS))
    if (random(4) === 0 && bed.store.waiting.length > 0) await bed.store.complete()
  }
  for (let i = 0; i < 10; i++) {
    await bed.pass(WINDOW_MS)
    await bed.store.completeAll()
    for (const taker of takers) taker.settleAll()
  }
  expect(bed.failures).toEqual([])
  for (const [i, taker] of takers.entries()) {
    expect(taker.taken).toHaveLength(sent[i]!.length)
    expect(taker.taken.every((d, n) => n === 0 || d.sequence > taker.taken[n - 1]!.sequence)).toBe(true)
    expect(taker.queue.size).toEqual({ count: 0, bytes: 0 })
  }
  await bed.pass(1000)
  await bed.store.completeAll()
  expect((await bed.store.memory.open()).destinations.map((d) => d.queued.count)).toEqual([0, 0, 0])
})
