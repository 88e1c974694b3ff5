// What goes first under keep-latest and thin, for every implementation of the store.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeMessage } from '../../src/message.ts'
import { TopicTable } from '../../src/mqtt/topic.ts'
import { RecordReader, recordSizeMax, writeRecord } from '../../src/store/record.ts'
import type { Batch, Change, CommitResult, DestinationLimits, Segment, Store } from '../../src/store/store.ts'
import { readAll, records, segment, taken } from './store.model.ts'
import { batch, destination, type OpenStore, type StoreUnderTest } from './store.suite.ts'

const KEEP_LATEST = { whenFull: 'keep-latest' } as const
const cursor = (destination: number, cursor: number, ahead: number[] = []): Change => ({ kind: 'cursor', row: { destination, cursor, ahead, mayHaveSent: 0 } })

/** Messages of topics: 'aab' is two of a and one of b, from `first` on. */
function of(audience: number, first: number, topics: string, payloadBytes = 20): Segment {
  const sequences = Array.from(topics, (_, i) => first + i)
  return segment(audience, sequences, payloadBytes, undefined, (sequence) => topics[sequence - first]!)
}

export function thinningSuite(name: string, open: OpenStore): void {
  describe(`thinning out: ${name}`, () => {
    let t: StoreUnderTest
    let store: Store

    async function start(limits: Partial<DestinationLimits>, options?: { bytesMax?: number }): Promise<void> {
      await t?.end()
      t = await open(options)
      store = t.store
      await store.commit(batch([], [destination(1, limits), destination(2), destination(3)]))
    }

    async function queued(id: number): Promise<{ count: number; bytes: number }> {
      t = await t.reopen()
      store = t.store
      return t.snapshot.destinations.find((d) => d.id === id)!.queued
    }

    const commit = (given: Partial<Batch> & { segments?: readonly Segment[] }): Promise<CommitResult> => store.commit(batch(given.segments ?? [], given.changes ?? []))
    const give = (...segments: Segment[]): Promise<CommitResult> => commit({ segments })

    beforeEach(() => start({}))
    afterEach(() => t.end())

    it('keep-latest: the last message of each topic stays, under its number', async () => {
      await start({ ...KEEP_LATEST, countMax: 6 })
      expect((await give(of(1, 1, 'abacab'))).drops).toEqual([])
      const given = of(1, 7, 'cb')
      const bytes = records(of(1, 1, 'abacab')).reduce((sum, r) => sum + r.bytes, 0) - records(of(1, 5, 'a')).reduce((sum, r) => sum + r.bytes, 0)
      expect((await give(given)).drops).toEqual([{ destination: 1, reason: 'queue-count', count: 5, bytes, upTo: 0 }])
      expect((await queued(1)).count).toBe(3)
      await give(of(1, 9, 'ddd'))
      expect((await queued(1)).count).toBe(6)
      expect((await give(of(1, 12, 'd'))).drops).toMatchObject([{ count: 3 }])
      expect(await readAll(store, 1)).toEqual([5, 7, 8, 12])
    })

    it('thin: of the older half, every n-th message of each topic stays, its last one among them', async () => {
      await start({ countMax: 12, whenFull: { thin: 3 } })
      expect((await give(of(1, 1, 'aaabaa'), of(1, 7, 'aaaaaa'))).drops).toEqual([])
      // The older half of 14 is aaabaaa: 7 and 3 of a, and 4.
      expect((await give(of(1, 13, 'ac'))).drops).toMatchObject([{ destination: 1, reason: 'queue-count', count: 4, upTo: 0 }])
      expect((await queued(1)).count).toBe(10)
      // Again: the older half of 3 4 7 8 9 10 11 12 13 14 15 16 17 18, 4 being of b.
      expect((await give(of(1, 15, 'aaaa'))).drops).toMatchObject([{ count: 4 }])
      expect(await readAll(store, 1)).toEqual([4, 8, 11, 12, 13, 14, 15, 16, 17, 18])
    })

    it('thin: the newer half is left as it is', async () => {
      await start({ countMax: 5, whenFull: { thin: 1000 } })
      expect((await give(of(1, 1, 'aaaaaa'))).drops).toMatchObject([{ count: 2, upTo: 0 }])
      expect(await readAll(store, 1)).toEqual([3, 4, 5, 6])
    })

    it('thin: when each topic has one message only, the oldest go', async () => {
      await start({ countMax: 4, whenFull: { thin: 2 } })
      const { drops } = await give(of(1, 1, 'abcdef'))
      expect(drops).toMatchObject([{ destination: 1, reason: 'queue-count', count: 2, upTo: 2 }])
      expect(await readAll(store, 1)).toEqual([3, 4, 5, 6])
    })

    it('keep-latest: when there are more topics than may stay, the oldest go', async () => {
      await start({ ...KEEP_LATEST, countMax: 3 })
      const { drops } = await give(of(1, 1, 'abacde'))
      expect(drops).toMatchObject([{ count: 1, upTo: 0 }, { count: 2, upTo: 3 }])
      expect(await readAll(store, 1)).toEqual([4, 5, 6])
    })

    it('holds in bytes', async () => {
      const one = of(1, 1, 'a').data.length
      await start({ ...KEEP_LATEST, bytesMax: 4 * one })
      await give(of(1, 1, 'aab'), of(1, 4, 'b'))
      const { drops } = await give(of(1, 5, 'c'))
      expect(drops).toEqual([{ destination: 1, reason: 'queue-bytes', count: 2, bytes: 2 * one, upTo: 0 }])
      expect(await queued(1)).toEqual({ count: 3, bytes: 3 * one })
      expect(await readAll(store, 1)).toEqual([2, 4, 5])
    })

    it('touches nobody else of the same audience, and each queue may be thinned out in its own way', async () => {
      await start({ ...KEEP_LATEST, countMax: 5 })
      await commit({ changes: [destination(3, { countMax: 5, whenFull: { thin: 2 } })] })
      await give(of(123, 1, 'aabbc'))
      await give(of(12, 6, 'a'), of(123, 7, 'a'))
      expect(await readAll(store, 1)).toEqual([4, 5, 7])
      expect(await readAll(store, 2)).toEqual([1, 2, 3, 4, 5, 6, 7])
      expect(await readAll(store, 3)).toEqual([2, 3, 4, 5, 7])
      expect((await queued(2)).count).toBe(7)
      expect(await readAll(store, 1)).toEqual([4, 5, 7])
      expect(await readAll(store, 3)).toEqual([2, 3, 4, 5, 7])
      await commit({ changes: [cursor(2, 7)] })
      expect(await readAll(store, 1)).toEqual([4, 5, 7])
      expect(await readAll(store, 3)).toEqual([2, 3, 4, 5, 7])
    })

    it('leaves in flight what has been read out', async () => {
      await start({ ...KEEP_LATEST, countMax: 6 })
      await give(of(1, 1, 'aa'), of(1, 3, 'aa'), of(1, 5, 'aa'))
      expect(taken(await store.read(1, 0, 1), 0)).toEqual([1, 2])
      expect((await give(of(1, 7, 'b'))).drops).toMatchObject([{ count: 3, upTo: 0 }])
      expect(await readAll(store, 1)).toEqual([1, 2, 6, 7])
      await commit({ changes: [cursor(1, 0, [2])] })
      expect((await queued(1)).count).toBe(3)
      await commit({ changes: [cursor(1, 2)] })
      expect((await queued(1)).count).toBe(2)
      expect(await readAll(store, 1, 2)).toEqual([6, 7])
    })

    it.each([KEEP_LATEST, { whenFull: { thin: 2 } }, { whenFull: 'drop-oldest' }] as const)('leaves what a packet identifier stands for over a restart: %j', async (policy) => {
      await start({ ...policy, countMax: 6 })
      const row = { destination: 1, packetIdentifier: 9, first: 2, sequence: 4, qos: 2, phase: 'sent' } as const
      await commit({ segments: [of(1, 1, 'aaaaaa')], changes: [{ kind: 'inflight', row }] })
      await queued(1)
      await give(of(1, 7, 'aa'))
      expect((await queued(1)).count).toBeLessThanOrEqual(6)
      const left = await readAll(store, 1)
      expect([...left.slice(0, 4), left.at(-1)]).toEqual([1, 2, 3, 4, 8])
    })

    it('leaves out what is settled already', async () => {
      await start({ ...KEEP_LATEST, countMax: 5 })
      await commit({ segments: [of(1, 1, 'aabbc')], changes: [] })
      await commit({ changes: [cursor(1, 1, [3, 5])] })
      expect((await give(of(1, 6, 'bbb'))).drops).toEqual([])
      expect((await give(of(1, 9, 'b'))).drops).toMatchObject([{ count: 4 }])
      expect(await readAll(store, 1)).toEqual([2, 9])
      expect((await queued(1)).count).toBe(2)
      expect(t.snapshot.destinations[0]!.cursor).toMatchObject({ cursor: 1, ahead: [3, 5] })
    })

    it('keeps messages as they were: age, expiry, properties, payload, and how their receiver wants them', async () => {
      await start({ ...KEEP_LATEST, countMax: 4 })
      const properties = Buffer.from('260001610001620300017a', 'hex')
      const messages = ['a', 'a', 'b', 'a'].map((topic, i) => makeMessage(topic, `${topic}${i}`, { qos: 2, retain: true, expiresAtMs: 90_000, properties }))
      const bytes = Buffer.alloc(messages.reduce((sum, m) => sum + recordSizeMax(m), 0))
      let at = 0
      for (let i = 0; i < messages.length; i++) at = writeRecord(bytes, at, messages[i]!, i * 200, 5000, 4600)
      const audiences = [{ id: 77, members: [{ destination: 1, qos: 2, upgrade: true, retainAsPublished: true, subscriptionIdentifiers: [3, 8] }] }] as const
      const given = { audience: 77, first: 1000, last: 1600, count: 4, storedAtMs: 1_800_000_000_000, data: bytes.subarray(0, at) }
      await store.commit({ audiences, changes: [], segments: [given] })
      await give(of(1, 2000, 'c'))
      const { segments, audiences: found } = await store.read(1, 0, 1e6)
      expect(found.find((a) => a.id === 77)).toEqual(audiences[0])
      const kept = segments.find((s) => s.audience === 77)!
      expect(kept).toMatchObject({ first: 1400, last: 1600, count: 2, storedAtMs: 1_800_000_000_000 })
      const reader = new RecordReader(kept.data, kept.first)
      for (const i of [2, 3]) {
        expect(reader.next()).toBe(true)
        const message = reader.message(new TopicTable(), 5000, 0)
        expect(reader.sequence).toBe(1000 + i * 200)
        expect(reader.ageMs).toBe(400)
        expect([message.topic.name, message.payload.toString(), message.qos, message.retain, message.expiresAtMs]).toEqual([messages[i]!.topic.name, `${messages[i]!.topic.name}${i}`, 2, true, 90_000])
        expect(message.properties?.toString('hex')).toBe(properties.toString('hex'))
      }
      expect(reader.next()).toBe(false)
    })

    it('moves messages that stand alone, of any size', async () => {
      await start({ ...KEEP_LATEST, countMax: 3 })
      const large = (sequence: number): Segment => of(1, sequence, 'ab'[sequence % 2]!, 300_000)
      await give(large(1), large(2), large(3))
      await give(of(1, 4, 'c'))
      for (let n = 0; n < 4; n++) await commit({}) // the rest of the round
      const { segments } = await store.read(1, 0, 1e7)
      expect(segments.map((s) => s.first)).toEqual([2, 3, 4])
      expect(segments.map((s) => Buffer.compare(s.data, (s.first < 4 ? large(s.first) : of(1, 4, 'c')).data))).toEqual([0, 0, 0])
    })

    it('drops by age what it has thinned out, like the rest', async () => {
      await start({ ...KEEP_LATEST, countMax: 4, ageMsMax: 1000 })
      const now = (sequences: number[], topic: string): Segment => segment(1, sequences, 20, t.clock.wall(), () => topic)
      await give(now([1, 2], 'a'))
      t.clock.advance(600)
      await give(now([3, 4, 5], 'b'))
      expect(await readAll(store, 1)).toEqual([2, 5])
      t.clock.advance(500)
      // What has been read out is in flight: only a restart makes it old.
      if (!t.keepsReadUpTo) await queued(1)
      const { drops } = await give(now([6], 'b'))
      expect(drops).toMatchObject(t.keepsReadUpTo ? [] : [{ reason: 'queue-age', count: 1, upTo: 2 }])
    })

    it('takes effect when the limits change', async () => {
      await give(of(1, 1, 'aaaabb'))
      const { drops } = await commit({ changes: [destination(1, { ...KEEP_LATEST, countMax: 3 })] })
      expect(drops).toMatchObject([{ destination: 1, reason: 'queue-count', count: 4 }])
      expect(await readAll(store, 1)).toEqual([4, 6])
      await commit({ changes: [destination(1, { countMax: 1 })] })
      expect(await readAll(store, 1)).toEqual([6])
    })

    it('frees what only the queue still held', async () => {
      await start({ ...KEEP_LATEST, countMax: 20 })
      let bytesUsed = 0
      for (let n = 1; n <= 200; n++) ({ bytesUsed } = await give(of(1, n, 'abcd'[n % 4]!, 10_000)))
      expect(bytesUsed).toBeLessThan(500_000)
      await commit({ changes: [cursor(1, 200)] })
      ;({ bytesUsed } = await commit({}))
      expect(bytesUsed).toBeLessThan(50_000)
      t = await t.reopen()
      store = t.store
      expect(t.snapshot.audiences.every((a) => a.members.length > 0)).toBe(true)
    })

    it('forgets a destination with what was its own, and gives another one of its number nothing', async () => {
      await start({ ...KEEP_LATEST, countMax: 3 })
      await give(of(12, 1, 'aabb'))
      await commit({ changes: [{ kind: 'destination-end', destination: 1 }] })
      t = await t.reopen()
      store = t.store
      await commit({ changes: [destination(1, { ...KEEP_LATEST, countMax: 3 })] })
      expect(await readAll(store, 1)).toEqual([])
      expect(await readAll(store, 2)).toEqual([1, 2, 3, 4])
      await give(of(1, 5, 'cccc'))
      expect(await readAll(store, 1)).toEqual([8])
    })

    it('drops the oldest where the disk has no room for what would stay', async () => {
      // Beside the queue there is room for one more segment, but not for moving one.
      await start({ ...KEEP_LATEST, countMax: 30 })
      let full = 0
      for (let n = 1; n <= 30; n++) full = (await give(of(1, n, 'ab'[n % 2]!, 10_000))).bytesUsed
      await start({ ...KEEP_LATEST, countMax: 30 }, { bytesMax: full + 15_000 })
      for (let n = 1; n <= 30; n++) expect((await give(of(1, n, 'ab'[n % 2]!, 10_000))).drops).toEqual([])
      for (let n = 31; n <= 40; n++) {
        const { refused, drops } = await give(of(1, n, 'ab'[n % 2]!, 10_000))
        expect({ refused, drops }).toMatchObject({ refused: null, drops: [{ destination: 1, reason: 'queue-count', count: 1, upTo: n - 30 }] })
      }
      expect(await readAll(store, 1)).toHaveLength(30)
    })

    it.each(['keep-latest', { thin: 5 }] as const)('%j goes on in steps, and may be cut off between any two', { timeout: 60_000 }, async (whenFull) => {
      const countMax = 20_000
      await start({ countMax, whenFull })
      const topics = 50
      const shown = new Map<string, number>()
      let sequence = 0
      let dropped = 0
      let most = 0
      const topicOf = (s: number): string => `site/device-${s % topics}`
      for (let n = 0; n < 150; n++) {
        const sequences = Array.from({ length: 250 }, () => ++sequence)
        for (const s of sequences) shown.set(topicOf(s), s)
        const { drops } = await give(segment(n % 2 === 0 ? 1 : 12, sequences, 90, undefined, topicOf))
        for (const drop of drops) dropped += drop.count
        most = Math.max(most, sequence - dropped)
        if (n % 40 === 39) expect((await queued(1)).count).toBe(sequence - dropped)
      }
      expect(most).toBeGreaterThan(countMax + 250)
      expect(most).toBeLessThanOrEqual(countMax * 1.25)
      const left = await readAll(store, 1, 0, 256 * 1024)
      expect(left).toHaveLength(sequence - dropped)
      expect(left).toEqual(left.toSorted((a, b) => a - b))
      expect(new Set(left).size).toBe(left.length)
      for (const last of shown.values()) expect(left).toContain(last)
      expect(await readAll(store, 2, 0, 256 * 1024)).toHaveLength(75 * 250)
    })
  })
}
