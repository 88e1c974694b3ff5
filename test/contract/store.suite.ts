// The contract of src/store/store.ts, sentence by sentence, for every implementation of it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { OperatorError } from '../../src/errors.ts'
import { type Batch, type Change, type DestinationLimits, type DestinationRow, type Segment, type Snapshot, type Store, STREAMS_MAX } from '../../src/store/store.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import { member, NO_LIMITS, readAll, records, segment, taken } from './store.model.ts'

export interface StoreUnderTest {
  readonly store: Store
  readonly clock: FakeClock
  readonly snapshot: Snapshot
  /** What was read out before a restart is still taken as in flight: memory that was never gone. */
  readonly keepsReadUpTo: boolean
  /** Closes and opens again. */
  reopen(): Promise<StoreUnderTest>
  end(): Promise<void>
}

export type OpenStore = (options?: { bytesMax?: number }) => Promise<StoreUnderTest>

export const destination = (id: number, limits: Partial<DestinationLimits> = {}): Change => ({ kind: 'destination', row: row(id, limits) })

function row(id: number, limits: Partial<DestinationLimits>): DestinationRow {
  return { id, kind: 'session', tenant: '', name: `client-${id}`, limits: { ...NO_LIMITS, ...limits } }
}

/** Audience numbers here are their members' digits: 12 is destinations 1 and 2. */
const audience = (id: number) => ({ id, members: [...String(id)].map((d) => member(Number(d))) })

export const batch = (segments: readonly Segment[], changes: readonly Change[] = []): Batch => ({
  audiences: [...new Set(segments.map((s) => s.audience))].map(audience),
  changes,
  segments,
})

const cursor = (destination: number, cursor: number, ahead: number[] = [], mayHaveSent = 0): Change => ({ kind: 'cursor', row: { destination, cursor, ahead, mayHaveSent } })

export function storeSuite(name: string, open: OpenStore): void {
  describe(`store: ${name}`, () => {
    let t: StoreUnderTest
    let store: Store

    async function start(changes: readonly Change[], options?: { bytesMax?: number }): Promise<void> {
      await t?.end()
      t = await open(options)
      store = t.store
      await store.commit(batch([], changes))
    }

    async function reopen(): Promise<Snapshot> {
      t = await t.reopen()
      store = t.store
      return t.snapshot
    }

    const queued = async (id: number) => (await reopen()).destinations.find((d) => d.id === id)?.queued

    beforeEach(() => start([destination(1), destination(2), destination(3)]))
    afterEach(() => t.end())

    it('starts empty', async () => {
      await t.end()
      t = await open()
      store = t.store
      expect(t.snapshot).toMatchObject({ lastSequence: 0, destinations: [], audiences: [], sessions: [], retained: [], setAside: null })
    })

    it('gives back what was stored, byte for byte', async () => {
      const given = segment(1, [5, 6, 9], 50, 1_700_000_000_123)
      await store.commit(batch([{ ...given, data: Buffer.from(given.data) }]))
      const { segments, audiences, upTo, end } = await store.read(1, 0, 1000)
      expect(segments.map((s) => ({ ...s, data: Buffer.from(s.data) }))).toEqual([{ ...given, data: Buffer.from(given.data) }])
      expect(audiences).toEqual([audience(1)])
      expect({ upTo, end }).toEqual({ upTo: 9, end: true })
    })

    it('sees every commit called before the read, without waiting for it', async () => {
      const commits = [1, 2, 3].map((n) => store.commit(batch([segment(1, [n])])))
      expect(await readAll(store, 1)).toEqual([1, 2, 3])
      await Promise.all(commits)
    })

    it('answers commits in the order they were given', async () => {
      const order: number[] = []
      await Promise.all([1, 2, 3, 4].map((n) => store.commit(batch([segment(1, [n])])).then(() => order.push(n))))
      expect(order).toEqual([1, 2, 3, 4])
    })

    it('reads nothing for a destination it does not know', async () => {
      expect(await store.read(99, 7, 1000)).toEqual({ segments: [], audiences: [], upTo: 7, end: true })
    })

    it('merges audiences and says how far the answer is complete', async () => {
      await store.commit(batch([segment(1, [1, 4, 7]), segment(12, [2, 5, 8]), segment(13, [3, 6, 9])]))
      await store.commit(batch([segment(12, [10, 12]), segment(1, [11, 13])]))
      const first = await store.read(1, 0, 1)
      expect(first.upTo).toBe(1)
      expect(first.end).toBe(false)
      expect(taken(first, 0)).toEqual([1])
      for (const bytesMax of [1, 100, 200, 10_000]) {
        expect(await readAll(store, 1, 0, bytesMax)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
        expect(await readAll(store, 2, 0, bytesMax)).toEqual([2, 5, 8, 10, 12])
        expect(await readAll(store, 1, 6, bytesMax)).toEqual([7, 8, 9, 10, 11, 12, 13])
      }
      const { segments } = await store.read(1, 0, 10_000)
      expect(segments.map((s) => s.first)).toEqual([1, 2, 3, 10, 11])
    })

    it('gives about as many bytes as asked for, and one segment at least', async () => {
      for (let n = 1; n <= 40; n++) await store.commit(batch([segment(1, [n], 1000)]))
      expect((await store.read(1, 0, 1)).segments).toHaveLength(1)
      expect((await store.read(1, 0, 5000)).segments).toHaveLength(5)
      expect((await store.read(1, 20, 5000)).segments[0]!.first).toBe(21)
    })

    it('does not give what is settled', async () => {
      await store.commit(batch([segment(12, [1, 2, 3, 4])], []))
      await store.commit(batch([], [cursor(1, 2)]))
      expect(await readAll(store, 1)).toEqual([3, 4])
      expect(await readAll(store, 2)).toEqual([1, 2, 3, 4])
    })

    it('counts exactly what is left, within segments and ahead of the cursor', async () => {
      const sizes = segment(1, [1, 2, 3, 4, 5, 6], 30)
      const [bytes] = records(sizes)
      await store.commit(batch([sizes, segment(12, [7, 8], 30)]))
      expect(await queued(1)).toEqual({ count: 8, bytes: sizes.data.length + segment(12, [7, 8], 30).data.length })
      await store.commit(batch([], [cursor(1, 2)]))
      expect((await queued(1))?.count).toBe(6)
      await store.commit(batch([], [cursor(1, 2, [4, 7])]))
      expect(await queued(1)).toEqual({ count: 4, bytes: 4 * bytes!.bytes })
      await store.commit(batch([], [cursor(1, 4, [7])]))
      expect((await queued(1))?.count).toBe(3)
      expect((await queued(2))?.count).toBe(2)
      await store.commit(batch([], [cursor(1, 8)]))
      expect(await queued(1)).toEqual({ count: 0, bytes: 0 })
    })

    it('keeps cursor and ahead over a restart, and never goes back', async () => {
      await store.commit(batch([segment(1, [1, 2, 3, 4, 5])], [cursor(1, 1, [3, 5], 1)]))
      expect((await reopen()).destinations[0]!.cursor).toEqual({ destination: 1, cursor: 1, ahead: [3, 5], mayHaveSent: 1 })
      await store.commit(batch([], [cursor(1, 3)]))
      await store.commit(batch([], [cursor(1, 2, [], 7)]))
      expect((await reopen()).destinations[0]!.cursor).toEqual({ destination: 1, cursor: 3, ahead: [5], mayHaveSent: 7 })
    })

    it('does not keep messages that everybody has settled before their commit', async () => {
      await store.commit(batch([], [cursor(1, 10), cursor(2, 8, [10])]))
      const { bytesUsed } = await store.commit(batch([]))
      await store.commit(batch([segment(12, [10], 5000)]))
      expect((await store.commit(batch([]))).bytesUsed).toBe(bytesUsed)
      await store.commit(batch([segment(12, [11, 12])], [cursor(1, 12)]))
      expect(await readAll(store, 1)).toEqual([])
      expect(await readAll(store, 2)).toEqual([11, 12])
    })

    it('deletes a segment when all have settled it, and never before', async () => {
      const { bytesUsed: empty } = await store.commit(batch([segment(123, [1])], [cursor(1, 1), cursor(2, 1), cursor(3, 1)]))
      await store.commit(batch([segment(123, [2, 3, 4], 20_000)]))
      await store.commit(batch([], [cursor(1, 4)]))
      await store.commit(batch([], [cursor(3, 4)]))
      const { bytesUsed: full } = await store.commit(batch([], [cursor(2, 3)]))
      expect(full).toBeGreaterThan(empty + 59_000)
      expect(await readAll(store, 2)).toEqual([4])
      const { bytesUsed: after } = await store.commit(batch([], [cursor(2, 4)]))
      expect(after).toBeLessThan(empty + 6000)
    })

    it('ends a destination with all that is its own', async () => {
      const of = (kind: 'session' | 'subscription' | 'inflight' | 'received', id: number): Change => {
        if (kind === 'session') {
          return { kind, row: { destination: id, version: 5, sessionExpirySec: 60, disconnectedAtMs: 0, will: null, owner: null } }
        }
        if (kind === 'subscription') {
          const options = { qos: 1, noLocal: false, retainAsPublished: true, retainHandling: 0, identifier: 7 } as const
          return { kind, row: { destination: id, filter: 'a/#', ...options } }
        }
        if (kind === 'inflight') return { kind, row: { destination: id, packetIdentifier: 4, first: 1, sequence: 1, qos: 2, phase: 'sent' } }
        return { kind, destination: id, packetIdentifier: 9 }
      }
      const changes = [1, 2].flatMap((id) => (['session', 'subscription', 'inflight', 'received'] as const).map((kind) => of(kind, id)))
      await store.commit(batch([segment(12, [1, 2], 9000), segment(1, [3], 9000)], changes))
      const { bytesUsed } = await store.commit(batch([], [cursor(2, 1)]))
      await store.commit(batch([], [{ kind: 'destination-end', destination: 1 }]))
      const snapshot = await reopen()
      expect(snapshot.destinations.map((d) => d.id)).toEqual([2, 3])
      expect(snapshot.audiences).toEqual([{ id: 12, members: [member(2)] }])
      for (const rows of [snapshot.sessions, snapshot.subscriptions, snapshot.inflight, snapshot.received]) {
        expect(rows.map((r) => r.destination)).toEqual([2])
      }
      expect(snapshot.lastSequence).toBe(3)
      expect(await readAll(store, 1)).toEqual([])
      expect(await readAll(store, 2)).toEqual([2])
      const { bytesUsed: after } = await store.commit(batch([], [cursor(2, 2)]))
      expect(after).toBeLessThan(bytesUsed - 25_000)
    })

    it('gives a destination nothing of another one that had its number', async () => {
      await store.commit(batch([segment(12, [1, 2])]))
      await store.commit(batch([], [{ kind: 'destination-end', destination: 1 }]))
      await reopen()
      await store.commit(batch([], [destination(1)]))
      expect(await queued(1)).toEqual({ count: 0, bytes: 0 })
      expect(await readAll(store, 1)).toEqual([])
    })

    it('keeps sequence numbers known that only an ended destination showed', async () => {
      await store.commit(batch([segment(1, [70, 71])], [cursor(1, 80)]))
      await store.commit(batch([], [{ kind: 'destination-end', destination: 1 }]))
      expect((await reopen()).lastSequence).toBe(80)
    })

    it('keeps small rows, applied in order', async () => {
      const data = Buffer.from('0123456789').subarray(2, 5)
      const will = Buffer.from('will')
      const session = { destination: 1, version: 4, sessionExpirySec: 0xffffffff, disconnectedAtMs: 1_800_000_000_000, will, owner: 'pump' } as const
      const options = { qos: 2, noLocal: true, retainAsPublished: false, retainHandling: 2, identifier: 268_435_455 } as const
      await store.commit(
        batch([], [
          { kind: 'session', row: { ...session, will: null, owner: null } },
          { kind: 'session', row: session },
          { kind: 'subscription', row: { destination: 1, filter: 'a/+', ...options } },
          { kind: 'subscription', row: { destination: 1, filter: 'b', ...options } },
          { kind: 'subscription-end', destination: 1, filter: 'b' },
          { kind: 'inflight', row: { destination: 1, packetIdentifier: 1, first: 5, sequence: 2 ** 44 - 1, qos: 2, phase: 'sent' } },
          { kind: 'inflight', row: { destination: 1, packetIdentifier: 1, first: 6, sequence: 2 ** 44 - 1, qos: 2, phase: 'released' } },
          { kind: 'inflight', row: { destination: 1, packetIdentifier: 2, first: 3, sequence: 3, qos: 1, phase: 'sent' } },
          { kind: 'inflight-end', destination: 1, packetIdentifier: 2 },
          { kind: 'received', destination: 1, packetIdentifier: 65_535 },
          { kind: 'received', destination: 1, packetIdentifier: 65_535 },
          { kind: 'received', destination: 1, packetIdentifier: 3 },
          { kind: 'received-end', destination: 1, packetIdentifier: 3 },
          { kind: 'retained', row: { tenant: '', topic: 'a/1', data: Buffer.from('old'), storedAtMs: 1 } },
          { kind: 'retained', row: { tenant: '', topic: 'a/1', data, storedAtMs: 2 } },
          { kind: 'retained', row: { tenant: '', topic: 'a/2', data, storedAtMs: 2 } },
          { kind: 'retained', row: { tenant: 'acme', topic: 'a/2', data, storedAtMs: 3 } },
          { kind: 'retained-end', tenant: '', topic: 'a/2' },
          { kind: 'value', key: 'pulses', value: 1 },
          { kind: 'value', key: 'pulses', value: 2 ** 53 - 1 },
          { kind: 'value', key: 'ratio', value: -0.25 },
          { kind: 'value', key: 'gone', value: 7 },
          { kind: 'value-end', key: 'gone' },
          { kind: 'value-end', key: 'never there' },
        ]),
      )
      const s = await reopen()
      expect(s.sessions.map((r) => ({ ...r, will: Buffer.from(r.will!).toString() }))).toEqual([{ ...session, will: 'will' }])
      expect(s.subscriptions).toEqual([{ destination: 1, filter: 'a/+', ...options }])
      expect(s.inflight).toEqual([{ destination: 1, packetIdentifier: 1, first: 6, sequence: 2 ** 44 - 1, qos: 2, phase: 'released' }])
      expect(s.received).toEqual([{ destination: 1, packetIdentifier: 65_535 }])
      expect(s.retained.map((r) => ({ ...r, data: Buffer.from(r.data).toString() }))).toEqual([
        { tenant: '', topic: 'a/1', data: '234', storedAtMs: 2 },
        { tenant: 'acme', topic: 'a/2', data: '234', storedAtMs: 3 },
      ])
      expect(s.values.toSorted((a, b) => a.key.localeCompare(b.key))).toEqual([
        { key: 'pulses', value: 2 ** 53 - 1 },
        { key: 'ratio', value: -0.25 },
      ])
      expect(s.lastSequence).toBe(2 ** 44 - 1)
    })

    it('keeps how far each stream was unpacked, never less than before', async () => {
      const unpacked = (stream: string, sequence: number): Change => ({ kind: 'unpacked', stream, sequence })
      await store.commit(batch([segment(1, [1, 2])], [unpacked('a1', 2 ** 44 - 1), unpacked('b2', 7)]))
      await store.commit(batch([], [unpacked('b2', 9), unpacked('b2', 8)]))
      await store.commit(batch([segment(1, [3])], [unpacked('b2', 3)]))
      const byStream = (await reopen()).unpacked.toSorted((a, b) => a.stream.localeCompare(b.stream))
      expect(byStream).toEqual([{ stream: 'a1', sequence: 2 ** 44 - 1 }, { stream: 'b2', sequence: 9 }])
    })

    it(`forgets the streams that were quiet longest when there are more than ${STREAMS_MAX}`, { timeout: 30_000 }, async () => {
      const changes: Change[] = []
      for (let n = 1; n <= STREAMS_MAX; n++) changes.push({ kind: 'unpacked', stream: `s${n}`, sequence: n })
      await store.commit(batch([], changes))
      expect((await reopen()).unpacked).toHaveLength(STREAMS_MAX)
      await store.commit(batch([], [{ kind: 'unpacked', stream: 's1', sequence: 3 }, { kind: 'unpacked', stream: 'new', sequence: 4 }]))
      const kept = new Map((await reopen()).unpacked.map((u) => [u.stream, u.sequence]))
      expect(kept.size).toBeLessThanOrEqual(STREAMS_MAX)
      expect(kept.size).toBeGreaterThan(STREAMS_MAX * 0.98)
      expect([kept.get('s1'), kept.get('new'), kept.get(`s${STREAMS_MAX}`), kept.get('s2')]).toEqual([3, 4, STREAMS_MAX, undefined])
    })

    it.each(['drop-oldest', 'drop-newest', 'keep-latest', { thin: 2 }, { thin: 1000 }] as const)('keeps what goes first: %j', async (whenFull) => {
      await store.commit(batch([], [destination(2, { whenFull })]))
      expect((await reopen()).destinations.find((d) => d.id === 2)?.limits).toEqual({ ...NO_LIMITS, whenFull })
    })

    it('keeps destinations with their limits', async () => {
      const limits = { bytesMax: 1e9, countMax: 1e6, ageMsMax: 1e8, whenFull: 'drop-newest' } as const
      await store.commit(batch([], [{ kind: 'destination', row: { id: 2, kind: 'uplink', tenant: 'acme', name: 'cloud', limits } }]))
      const found = (await reopen()).destinations.find((d) => d.id === 2)
      expect(found).toEqual({
        id: 2,
        kind: 'uplink',
        tenant: 'acme',
        name: 'cloud',
        limits,
        cursor: { destination: 2, cursor: 0, ahead: [], mayHaveSent: 0 },
        queued: { count: 0, bytes: 0 },
      })
      expect((await reopen()).destinations.find((d) => d.id === 1)?.limits).toEqual(NO_LIMITS)
    })

    it('gives audiences that have messages, and forgets the others', async () => {
      await store.commit(batch([segment(12, [1]), segment(3, [2])]))
      await store.commit(batch([], [cursor(3, 2)]))
      expect((await reopen()).audiences).toEqual([audience(12)])
      await store.commit(batch([segment(3, [3])]))
      expect(await readAll(store, 3)).toEqual([3])
    })

    it('stores sequence and audience numbers up to their bounds', async () => {
      const top = { audiences: [{ id: 2 ** 19 - 1, members: [member(1)] }], changes: [], segments: [segment(2 ** 19 - 1, [2 ** 44 - 2, 2 ** 44 - 1])] }
      await store.commit(top)
      expect(await readAll(store, 1)).toEqual([2 ** 44 - 2, 2 ** 44 - 1])
      expect((await reopen()).lastSequence).toBe(2 ** 44 - 1)
    })

    describe('limits', () => {
      it('drop the oldest of one destination only, as few as needed', async () => {
        await start([destination(1, { countMax: 5 }), destination(2)])
        const { drops } = await store.commit(batch([segment(12, [1, 2, 3, 4])]))
        expect(drops).toEqual([])
        const over = await store.commit(batch([segment(12, [5, 6, 7, 8])]))
        expect(over.drops).toEqual([{ destination: 1, reason: 'queue-count', count: 3, bytes: expect.any(Number) as number, upTo: 3 }])
        expect(await readAll(store, 1)).toEqual([4, 5, 6, 7, 8])
        expect(await readAll(store, 2)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
        expect((await queued(1))?.count).toBe(5)
      })

      it('hold in bytes', async () => {
        const one = segment(1, [1], 100).data.length
        await start([destination(1, { bytesMax: 3 * one })])
        for (let n = 1; n <= 3; n++) expect((await store.commit(batch([segment(1, [n], 100)]))).drops).toEqual([])
        const { drops } = await store.commit(batch([segment(1, [4], 100)]))
        expect(drops).toEqual([{ destination: 1, reason: 'queue-bytes', count: 1, bytes: one, upTo: 1 }])
        expect(await queued(1)).toEqual({ count: 3, bytes: 3 * one })
      })

      it('drop what is too old, by the wall clock', async () => {
        await start([destination(1, { ageMsMax: 1000, whenFull: 'drop-newest' }), destination(2)])
        await store.commit(batch([segment(12, [1, 2], 20, t.clock.wall())]))
        t.clock.advance(600)
        await store.commit(batch([segment(12, [3], 20, t.clock.wall())]))
        t.clock.advance(400)
        expect((await store.commit(batch([]))).drops).toEqual([])
        t.clock.advance(1)
        const { drops } = await store.commit(batch([]))
        expect(drops).toMatchObject([{ destination: 1, reason: 'queue-age', count: 2, upTo: 2 }])
        expect(await readAll(store, 1)).toEqual([3])
        expect(await readAll(store, 2)).toEqual([1, 2, 3])
      })

      it('do not call anything old when the clock was set in between', async () => {
        await start([destination(1, { ageMsMax: 1000 })])
        await store.commit(batch([segment(1, [1], 20, 5000)])) // 1970: a board without a battery
        expect((await store.commit(batch([]))).drops).toEqual([])
        expect(await readAll(store, 1)).toEqual([1])
      })

      it('refuse the newest of one destination only', async () => {
        await start([destination(1, { countMax: 3, whenFull: 'drop-newest' }), destination(2)])
        await store.commit(batch([segment(12, [1, 2])]))
        const { drops, refused } = await store.commit(batch([segment(12, [3, 4]), segment(1, [5])]))
        expect(refused).toBe(null)
        expect(drops).toMatchObject([{ destination: 1, reason: 'queue-count', count: 2, upTo: 0 }])
        expect(await readAll(store, 1)).toEqual([1, 2, 5])
        expect(await readAll(store, 2)).toEqual([1, 2, 3, 4])
        await store.commit(batch([segment(12, [6])]))
        await store.commit(batch([], [cursor(1, 5)]))
        await store.commit(batch([segment(12, [7, 8])]))
        expect((await queued(1))?.count).toBe(2)
        expect(await readAll(store, 1)).toEqual([7, 8])
        expect(await readAll(store, 2)).toEqual([1, 2, 3, 4, 6, 7, 8])
        expect(t.snapshot.audiences.find((a) => a.id === 12)).toEqual(audience(12))
      })

      it('leave alone what has been read out, as long as there is something else', async () => {
        await start([destination(1, { countMax: 6 })])
        for (let n = 1; n <= 6; n += 2) await store.commit(batch([segment(1, [n, n + 1])]))
        expect(taken(await store.read(1, 0, 1), 0)).toEqual([1, 2])
        const { drops } = await store.commit(batch([segment(1, [7, 8, 9])]))
        expect(drops).toMatchObject([{ count: 3, upTo: 5 }])
        expect(await readAll(store, 1)).toEqual([1, 2, 6, 7, 8, 9])
        expect((await queued(1))?.count).toBe(6)
        await store.commit(batch([], [cursor(1, 1)]))
        expect(await readAll(store, 1)).toEqual([2, 6, 7, 8, 9])
        await store.commit(batch([], [cursor(1, 2)]))
        expect((await reopen()).destinations[0]).toMatchObject({ cursor: { cursor: 5 }, queued: { count: 4 } })
      })

      it('drop what has been read out last of all', async () => {
        await start([destination(1, { countMax: 3 })])
        await store.commit(batch([segment(1, [1, 2, 3])]))
        await readAll(store, 1)
        const { drops } = await store.commit(batch([segment(1, [4, 5])]))
        expect(drops).toMatchObject([{ count: 2, upTo: 2 }])
        expect(await readAll(store, 1)).toEqual([3, 4, 5])
      })

      it('cut a batch down that is larger than the limit', async () => {
        await start([destination(1, { countMax: 3 })])
        const { drops } = await store.commit(batch([segment(1, [1, 3, 5, 7, 9]), segment(1, [10, 12])]))
        expect(drops).toMatchObject([{ count: 4, upTo: 7 }])
        expect(await readAll(store, 1)).toEqual([9, 10, 12])
      })

      it('take effect when they change', async () => {
        await store.commit(batch([segment(1, [1, 2, 3, 4, 5])]))
        const { drops } = await store.commit(batch([], [destination(1, { countMax: 2 })]))
        expect(drops).toMatchObject([{ destination: 1, reason: 'queue-count', count: 3, upTo: 3 }])
      })

      it('free what only the destination still held', async () => {
        await start([destination(1, { countMax: 4 })])
        let bytesUsed = 0
        for (let n = 1; n <= 30; n++) ({ bytesUsed } = await store.commit(batch([segment(1, [n], 10_000)])))
        expect(bytesUsed).toBeLessThan(150_000)
      })
    })

    describe('when the store is full', () => {
      const big = (n: number): Segment => segment(1, [n], 40_000)

      beforeEach(() => start([destination(1), destination(2)], { bytesMax: 200_000 }))

      async function fill(): Promise<number> {
        for (let n = 1; n < 20; n++) if ((await store.commit(batch([big(n)]))).refused !== null) return n
        throw new Error('was never full')
      }

      it('keeps the changes, nothing of the segments, and says so', async () => {
        const n = await fill()
        const { refused, bytesUsed } = await store.commit(batch([segment(2, [100]), big(101)], [{ kind: 'value', key: 'k', value: 5 }]))
        expect(refused).toBe('store-full')
        expect(bytesUsed).toBeLessThanOrEqual(200_000)
        expect(await readAll(store, 2)).toEqual([])
        expect(await readAll(store, 1)).toHaveLength(n - 1)
        expect((await reopen()).values).toEqual([{ key: 'k', value: 5 }])
      })

      it('does not count what it refused as unpacked', async () => {
        const unpacked = (sequence: number): Change => ({ kind: 'unpacked', stream: 'a1', sequence })
        await store.commit(batch([segment(2, [1])], [unpacked(1)]))
        await fill()
        expect((await store.commit(batch([big(100)], [unpacked(100)]))).refused).toBe('store-full')
        expect((await reopen()).unpacked).toEqual([{ stream: 'a1', sequence: 1 }])
        await store.commit(batch([], [unpacked(2)]))
        expect((await reopen()).unpacked).toEqual([{ stream: 'a1', sequence: 2 }])
      })

      it('has room again when something is settled, in that very batch', async () => {
        await fill()
        expect((await store.commit(batch([big(30)], [cursor(1, 1)]))).refused).toBe(null)
        expect((await store.commit(batch([big(31)]))).refused).toBe('store-full')
        expect((await store.commit(batch([big(31)], [cursor(1, 2)]))).refused).toBe(null)
        expect((await readAll(store, 1)).slice(-2)).toEqual([30, 31])
      })
    })

    it('rejects after close', async () => {
      await store.close()
      await store.close()
      await expect(store.commit(batch([]))).rejects.toBeInstanceOf(OperatorError)
      await expect(store.read(1, 0, 100)).rejects.toMatchObject({ code: 'E_STORE_FAILED' })
    })
  })
}
