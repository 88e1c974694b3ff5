// A backup takes the place of the store: cut off at every step, what is opened after it is the old store or the new one, and nothing is lost of either.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Engine } from '../../../src/store/engine.ts'
import { TAKE_OVER } from '../../../src/store/folder.ts'
import { SqliteStore } from '../../../src/store/sqlite.ts'
import type { Change, Snapshot } from '../../../src/store/store.ts'
import { takeOver } from '../../../src/store/takeover.ts'
import { member, segment } from '../../contract/store.model.ts'
import { destination } from '../../contract/store.suite.ts'
import { FakeClock } from '../../support/fake-clock.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'takeover-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

/** A store with so many messages, and whatever `changes` say; closed, or killed with its log as it is. */
function makeStore(path: string, messages: number, changes: readonly Change[] = [], isKilled = false): void {
  const engine = new Engine({ folder: path, bytesMax: 1e9 }, 0)
  const segments = Array.from({ length: messages }, (_, i) => segment(1, [i + 1], 100))
  engine.commit([{ batch: { audiences: [{ id: 1, members: [member(1)] }], changes: [destination(1), ...changes], segments }, nowWallMs: 0 }])
  if (isKilled) {
    const log = readFileSync(join(path, 'store.db-wal'))
    const database = readFileSync(join(path, 'store.db'))
    engine.close()
    writeFileSync(join(path, 'store.db-wal'), log)
    writeFileSync(join(path, 'store.db'), database)
  } else engine.close()
  mkdirSync(join(path, 'uplinks', 'cloud'), { recursive: true })
  writeFileSync(join(path, 'uplinks', 'cloud', `command-${messages}.json`), '{}')
}

/** A backup that is whole lies there, as backup/receive.ts leaves it. */
function makePending(messages: number, changes: readonly Change[] = []): void {
  const apart = join(folder, 'apart')
  makeStore(apart, messages, changes)
  mkdirSync(join(folder, 'restore'))
  for (const part of ['store.db', 'uplinks']) renameSync(join(apart, part), join(folder, 'restore', part))
  rmSync(apart, { recursive: true })
}

function opened(path = folder): Snapshot {
  const engine = new Engine({ folder: path, bytesMax: 1e9 }, 0)
  const { snapshot } = engine
  engine.close()
  return snapshot
}

const messagesOf = (snapshot: Snapshot): number => snapshot.destinations[0]?.queued.count ?? 0
const shelf = (path: string): string[] => readdirSync(join(path, 'uplinks', 'cloud'))
const value = (key: string, n: number): Change => ({ kind: 'value', key, value: n })

test('with the next opening it is the store, and the one before is kept', () => {
  makeStore(folder, 30, [], true)
  makePending(20)
  const snapshot = opened()
  expect(messagesOf(snapshot)).toBe(20)
  expect(shelf(folder)).toEqual(['command-20.json'])
  expect(snapshot.restored).toEqual({ kept: join(folder, 'replaced') })
  expect(readdirSync(folder).filter((name) => /^re(store|placed)(\.|$)/.test(name))).toEqual(['replaced'])
  expect(messagesOf(opened(join(folder, 'replaced')))).toBe(30)
  expect(shelf(join(folder, 'replaced'))).toEqual(['command-30.json'])
  expect(opened().restored).toBeUndefined()
})

test('where there was no store there is nothing to keep', () => {
  makePending(20)
  expect(opened()).toMatchObject({ restored: { kept: null } })
  expect(existsSync(join(folder, 'replaced'))).toBe(false)
})

test('one that was replaced is kept, not all of them', () => {
  makeStore(folder, 10)
  for (const messages of [20, 30]) {
    makePending(messages)
    opened()
  }
  expect(messagesOf(opened(join(folder, 'replaced')))).toBe(20)
})

describe('cut off before a step', () => {
  const steps: string[] = []

  test('there are many', () => {
    makeStore(folder, 30, [], true)
    makePending(20)
    mkdirSync(join(folder, 'replaced'))
    takeOver(folder, { ...TAKE_OVER, onStep: (what) => steps.push(what) })
    expect(steps).toEqual(['renew', 'set store.db aside', 'set uplinks aside', 'take the backup', expect.stringMatching(/^put/), expect.stringMatching(/^put/), 'remove what was replaced before', 'keep what was replaced', 'end'])
  })

  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])('%i: the next opening goes on, and has both stores whole', (cut) => {
    makeStore(folder, 30, [value('budget/cloud/lte/day/key', 9), value('budget/cloud/lte/day/bytes', 500)], true)
    makePending(20, [value('budget/cloud/lte/day/key', 9), value('budget/cloud/lte/day/bytes', 100)])
    mkdirSync(join(folder, 'replaced'))
    writeFileSync(join(folder, 'replaced', 'older'), '')
    let step = 0
    expect(() => takeOver(folder, { ...TAKE_OVER, onStep: (what) => {
      if (step++ === cut) throw new Error(`cut before: ${what}`)
    } })).toThrow('cut before')
    const snapshot = opened()
    expect(messagesOf(snapshot)).toBe(20)
    expect(shelf(folder)).toEqual(['command-20.json'])
    expect(snapshot.values).toContainEqual({ key: 'budget/cloud/lte/day/bytes', value: 500 })
    expect(messagesOf(opened(join(folder, 'replaced')))).toBe(30)
    expect(shelf(join(folder, 'replaced'))).toEqual(['command-30.json'])
    expect(readdirSync(folder).filter((name) => /^re(store|placed)(\.|$)/.test(name))).toEqual(['replaced'])
  })

  test('one that is not whole yet is nobody’s: the store is as it was', () => {
    makeStore(folder, 30)
    makePending(20)
    renameSync(join(folder, 'restore'), join(folder, 'restore.new'))
    expect(opened()).toMatchObject({ destinations: [{ queued: { count: 30 } }] })
    expect(existsSync(join(folder, 'restore.new'))).toBe(false)
  })
})

describe('what is no store', () => {
  test('is left aside, said, and the store goes on', () => {
    makeStore(folder, 30)
    makePending(20)
    writeFileSync(join(folder, 'restore', 'store.db'), 'no database '.repeat(1000))
    const snapshot = opened()
    expect(messagesOf(snapshot)).toBe(30)
    expect(snapshot.restored).toEqual({ refused: expect.stringContaining('not a database') as string, path: join(folder, 'restore.bad') })
  })

  test('takes a place that is damaged all the same', () => {
    writeFileSync(join(folder, 'store.db'), 'no database '.repeat(1000))
    makePending(20)
    expect(messagesOf(opened())).toBe(20)
    expect(readFileSync(join(folder, 'replaced', 'store.db'), 'latin1')).toContain('no database')
  })
})

test('nothing happens while somebody has the store open', async () => {
  makeStore(folder, 30)
  const running = new Engine({ folder, bytesMax: 1e9 }, 0)
  try {
    makePending(20)
    const other = new SqliteStore({ folder, bytesMax: 1e9, clock: new FakeClock() })
    await expect(other.open()).rejects.toMatchObject({ code: 'E_STORE_LOCKED' })
    expect(existsSync(join(folder, 'restore', 'store.db'))).toBe(true)
    expect(messagesOf(running.snapshot)).toBe(30)
  } finally {
    running.close()
  }
})

describe('the world has gone on since the backup', () => {
  const session = (id: number, name: string): Change[] => [
    { kind: 'destination', row: { id, kind: 'session', tenant: '', name, limits: { bytesMax: 1e6, countMax: 1e3, ageMsMax: Infinity, whenFull: 'drop-oldest' } } },
    { kind: 'session', row: { destination: id, version: 5, sessionExpirySec: 3600, disconnectedAtMs: 0, will: null, owner: null } },
  ]
  const subscription = (id: number, filter: string): Change => ({ kind: 'subscription', row: { destination: id, filter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: 0 } })

  test('streams begin anew, incoming identifiers are free, and all that came from the backup is marked', () => {
    makePending(20, [value('stream/cloud', 77), value('stream/cloud/live/x', 78), { kind: 'received', destination: 1, packetIdentifier: 5 }, ...session(7, 'pump')])
    const { values, received } = opened()
    expect(values).toEqual([{ key: 'restored/destinations', value: 7 }])
    expect(received).toEqual([])
  })

  test('what is spent is spent, what was counted is counted, outputs stay', () => {
    const day = (key: number, bytes: number): Change[] => [value('budget/cloud/lte/day/key', key), value('budget/cloud/lte/day/bytes', bytes)]
    const month = (key: number, bytes: number): Change[] => [value('budget/cloud/lte/month/key', key), value('budget/cloud/lte/month/bytes', bytes)]
    makeStore(folder, 1, [...day(20, 5), ...month(3, 900), value('pulses/rain', 40), value('pulses/flow', 900), value('output/pump/last', 0), value('remote/answers/spent', 900), value('boot/aa', 1)])
    makePending(1, [...day(19, 700), ...month(3, 1000), value('pulses/rain', 88), value('pulses/flow', 700), value('output/pump/last', 1), value('remote/answers/spent', 10), value('boot/bb', 1)])
    expect(Object.fromEntries(opened().values.map(({ key, value: n }) => [key, n]))).toEqual({
      'budget/cloud/lte/day/key': 20,
      'budget/cloud/lte/day/bytes': 5,
      'budget/cloud/lte/month/key': 3,
      'budget/cloud/lte/month/bytes': 1000,
      'pulses/rain': 88,
      'pulses/flow': 900,
      'output/pump/last': 0,
      'remote/answers/spent': 900,
      'boot/bb': 1, // it explains times in the backup
      'restored/destinations': 1,
    })
  })

  test('a client has the subscriptions that it made last; one that is not known any more has those of the backup', () => {
    makeStore(folder, 1, [...session(4, 'pump'), subscription(4, 'new/#'), subscription(4, 'kept/#')])
    makePending(1, [...session(9, 'pump'), subscription(9, 'old/#'), subscription(9, 'kept/#'), ...session(10, 'lamp'), subscription(10, 'lamp/#')])
    expect(opened().subscriptions.map(({ destination: of, filter }) => `${of} ${filter}`).sort()).toEqual(['10 lamp/#', '9 kept/#', '9 new/#'])
  })
})
