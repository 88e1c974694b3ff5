// Random commits, acknowledgements, reads, limits and restarts against the plainest model (store.model.ts). A failure prints its
// seed; SEED=n runs that one alone.
import assert from 'node:assert/strict'
import { describe, expect, it } from 'vitest'
import type { AudienceRow, Change, DestinationLimits, Drop, Segment, WhenFull } from '../../src/store/store.ts'
import { member, Model, ModelDestination, NO_LIMITS, records, segment } from './store.model.ts'
import { destination, type OpenStore, type StoreUnderTest } from './store.suite.ts'

/** Mulberry32: small, and the same everywhere. */
function generator(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0
    let x = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

const STEPS = 250
const byDestination = (a: Drop, b: Drop): number => a.destination - b.destination

class Run {
  readonly #random: (below: number) => number
  readonly #model = new Model()
  readonly #audiences = new Map<string, AudienceRow>()
  #t: StoreUnderTest
  #sequence = 0
  #nextDestination = 1
  /** Topics of their own for each audience: what `thin` keeps of others depends on how their segments overlap. */
  readonly #ownTopics: boolean
  /** Row 1 of what is in flight, by destination. */
  readonly #inFlight = new Map<number, number>()

  constructor(seed: number, t: StoreUnderTest) {
    this.#random = generator(seed)
    this.#ownTopics = seed % 2 === 0
    this.#t = t
  }

  async play(): Promise<void> {
    for (let i = 0; i < 4; i++) await this.#commit([this.#newDestination()], [])
    for (let step = 0; step < STEPS; step++) {
      const dice = this.#random(20)
      if (dice < 11) await this.#commit(this.#changes(), this.#segments())
      else if (dice < 19) await this.#read()
      else await this.#restart()
    }
    await this.#restart()
    for (const id of this.#model.destinations.keys()) await this.#readFrom(id, 0)
    await this.#t.end()
  }

  #limits(): DestinationLimits {
    const whenFull = this.#some<WhenFull>(['drop-oldest', 'drop-newest', 'keep-latest', this.#ownTopics ? { thin: 2 + this.#random(4) } : 'keep-latest'])
    const kind = this.#random(4)
    if (kind === 0) return { ...NO_LIMITS, whenFull, countMax: 5 + this.#random(30) }
    if (kind === 1) return { ...NO_LIMITS, whenFull, bytesMax: 200 + this.#random(2000) }
    if (kind === 2) return { ...NO_LIMITS, whenFull, bytesMax: 200 + this.#random(2000), countMax: 5 + this.#random(30) }
    return NO_LIMITS
  }

  #newDestination(): Change {
    return destination(this.#nextDestination++, this.#limits())
  }

  #some<T>(list: readonly T[]): T {
    return list[this.#random(list.length)]!
  }

  #changes(): Change[] {
    const changes: Change[] = []
    const ids = [...this.#model.destinations.keys()]
    for (let n = this.#random(3); n > 0; n--) {
      const id = this.#some(ids)
      const d = this.#model.destinations.get(id)!
      const next = this.#model.queued(id).slice(0, 12)
      const cursor = next.length === 0 || this.#random(3) === 0 ? d.cursor : this.#some(next).sequence
      // Numbers that were never stored are settled too, and so are some that are yet to come: acknowledged before their commit.
      const ahead = [...d.ahead, ...next.filter(() => this.#random(3) === 0).map((m) => m.sequence)]
      if (this.#random(6) === 0) ahead.push(this.#sequence + 1 + this.#random(10))
      const beyond = [...new Set(ahead)].filter((s) => s > cursor).sort((a, b) => a - b)
      changes.push({ kind: 'cursor', row: { destination: id, cursor, ahead: beyond, mayHaveSent: this.#random(4) } })
    }
    if (this.#random(6) === 0) {
      const id = this.#some(ids)
      const sent = this.#model.queued(id)[this.#random(10)]
      if (sent !== undefined) changes.push({ kind: 'inflight', row: { destination: id, packetIdentifier: 1, first: sent.sequence, sequence: sent.sequence, qos: 2, phase: 'sent' } })
    }
    if (this.#random(40) === 0 && ids.length > 2) {
      const id = this.#some(ids)
      return [...changes.filter((c) => !('row' in c) || !('destination' in c.row) || c.row.destination !== id), { kind: 'destination-end', destination: id }, this.#newDestination()]
    }
    if (this.#random(25) === 0) changes.push(destination(this.#some(ids), this.#limits()))
    return changes
  }

  /** Messages go to random audiences in turn, so that their segments overlap. */
  #segments(): Segment[] {
    const ids = [...this.#model.destinations.keys()]
    const sets = Array.from({ length: 1 + this.#random(3) }, () => ids.filter(() => this.#random(2) === 0)).filter((s) => s.length > 0)
    if (sets.length === 0) return []
    const lists = new Map<number, number[]>()
    for (let n = 1 + this.#random(25); n > 0; n--) {
      this.#sequence += 1 + (this.#random(4) === 0 ? this.#random(3) : 0)
      const set = this.#some(sets)
      const key = set.join()
      let row = this.#audiences.get(key)
      if (row === undefined) this.#audiences.set(key, (row = { id: this.#audiences.size + 1, members: set.map(member) }))
      lists.set(row.id, [...(lists.get(row.id) ?? []), this.#sequence])
    }
    const topics = 1 + this.#random(6)
    return [...lists].map(([audience, sequences]) => {
      const of = this.#ownTopics ? `site/${audience}` : 'site'
      return segment(audience, sequences, 5 + this.#random(60), this.#t.clock.wall(), (sequence) => `${of}/${sequence % topics}`)
    })
  }

  async #commit(changes: Change[], segments: Segment[]): Promise<void> {
    const model = this.#model
    const rows = [...this.#audiences.values()]
    const audiences = segments.map((s) => rows.find((a) => a.id === s.audience)!)
    const limited = new Set<number>()
    for (const change of changes) {
      if (change.kind === 'cursor') model.settle(change.row)
      if (change.kind === 'destination') {
        const known = model.destinations.get(change.row.id)
        if (known === undefined) model.destinations.set(change.row.id, new ModelDestination(change.row.limits))
        else {
          if (JSON.stringify(known.limits.whenFull) !== JSON.stringify(change.row.limits.whenFull)) known.wait = 0
          known.limits = change.row.limits
        }
        limited.add(change.row.id)
      }
      if (change.kind === 'inflight') {
        const d = model.destinations.get(change.row.destination)!
        d.sentUpTo = Math.max(d.sentUpTo, change.row.sequence)
        this.#inFlight.set(change.row.destination, change.row.sequence)
      }
      if (change.kind === 'destination-end') model.destinations.delete(change.destination)
    }
    const drops: Drop[] = []
    for (let i = 0; i < segments.length; i++) {
      const members = audiences[i]!.members.map((m) => m.destination)
      model.append(segments[i]!, members, drops)
      for (const id of members) limited.add(id)
    }
    const result = await this.#t.store.commit({ audiences, changes, segments })
    assert.equal(result.refused, null)
    const batchFirst = Math.min(2 ** 44 - 1, ...segments.map((s) => s.first))
    for (const id of limited) if (model.destinations.has(id)) model.limit(id, batchFirst, drops, result.drops)
    assert.deepEqual(result.drops.toSorted(byDestination), drops.toSorted(byDestination))
  }

  async #read(): Promise<void> {
    const id = this.#some([...this.#model.destinations.keys()])
    const d = this.#model.destinations.get(id)!
    await this.#readFrom(id, this.#random(2) === 0 ? d.cursor : this.#random(this.#sequence + 1))
  }

  async #readFrom(id: number, after: number): Promise<void> {
    const d = this.#model.destinations.get(id)!
    for (let turn = 1 + this.#random(4); turn > 0; turn--) {
      const result = await this.#t.store.read(id, after, 50 + this.#random(1500))
      const heard = result.segments
        .filter((s) => result.audiences.some((a) => a.id === s.audience && a.members.some((m) => m.destination === id)))
        .flatMap(records)
        .map((r) => r.sequence)
        .filter((s) => s > after && s <= result.upTo && !d.ahead.has(s))
        .sort((a, b) => a - b)
      const stored = this.#model.stored(id, after).map((m) => m.sequence).filter((s) => !d.ahead.has(s))
      assert.deepEqual(heard, stored.filter((s) => s <= result.upTo))
      assert.deepEqual(result.segments.map((s) => s.first), result.segments.map((s) => s.first).toSorted((a, b) => a - b))
      if (result.end) assert.ok(stored.every((s) => s <= result.upTo))
      else assert.ok(result.upTo > after)
      if (result.segments.length > 0) d.readUpTo = result.upTo
      if (result.end) return
      after = result.upTo
    }
  }

  async #restart(): Promise<void> {
    this.#t = await this.#t.reopen()
    const { snapshot } = this.#t
    assert.deepEqual(snapshot.destinations.map((d) => d.id).sort((a, b) => a - b), [...this.#model.destinations.keys()].sort((a, b) => a - b))
    for (const row of snapshot.destinations) {
      const d = this.#model.destinations.get(row.id)!
      assert.deepEqual(row.cursor, { destination: row.id, cursor: d.cursor, ahead: [...d.ahead].sort((a, b) => a - b), mayHaveSent: d.mayHaveSent })
      assert.deepEqual({ id: row.id, ...row.queued }, { id: row.id, ...this.#model.size(row.id) })
      assert.deepEqual(row.limits, d.limits)
      if (this.#t.keepsReadUpTo) continue
      d.readUpTo = 0
      d.sentUpTo = this.#inFlight.get(row.id) ?? 0
      d.wait = 0
    }
  }
}

export function storeProperties(name: string, open: OpenStore, runs: number): void {
  describe(`store against its model: ${name}`, () => {
    const first = process.env['SEED'] === undefined ? 1 : Number(process.env['SEED'])
    const seeds = process.env['SEED'] === undefined ? Array.from({ length: runs }, (_, i) => first + i) : [first]
    it.each(seeds)('seed %i', async (seed) => {
      await expect(new Run(seed, await open()).play()).resolves.toBeUndefined()
    })
  })
}
