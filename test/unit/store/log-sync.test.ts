// When a commit is on the card: the log's size and blocks from the start, one sync for each commit, and what happens when that fails.
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Engine } from '../../../src/store/engine.ts'
import { logPath } from '../../../src/store/folder.ts'
import { LogSync } from '../../../src/store/log-sync.ts'
import { LOG_BYTES } from '../../../src/store/schema.ts'
import { segment } from '../../contract/store.model.ts'
import { batch, destination } from '../../contract/store.suite.ts'

vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  return { ...real, fdatasyncSync: vi.fn<typeof fs.fdatasyncSync>(real.fdatasyncSync), writeSync: vi.fn<typeof fs.writeSync>(real.writeSync as typeof fs.writeSync) }
})

const systemError = (code: string): Error => Object.assign(new Error(code), { code })
const given = (n: number) => ({ batch: batch([segment(1, [n], 20)], n === 1 ? [destination(1)] : []), nowWallMs: 0 })
const stored = (engine: Engine): number => engine.snapshot.lastSequence

let folder: string
const engines: Engine[] = []

function open(): Engine {
  const engine = new Engine({ folder, bytesMax: 1e9 }, 0)
  engines.push(engine)
  return engine
}

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'log-'))
})

afterEach(() => {
  vi.mocked(fs.fdatasyncSync).mockClear()
  vi.mocked(fs.writeSync).mockClear()
  for (const engine of engines.splice(0)) engine.close()
  fs.rmSync(folder, { recursive: true })
})

describe('the log', () => {
  it('has its size and its blocks before the first commit, and keeps both', () => {
    const engine = open()
    const before = fs.statSync(logPath(folder))
    expect(before.size).toBe(LOG_BYTES)
    expect(before.blocks * 512).toBeGreaterThanOrEqual(LOG_BYTES)
    for (let n = 1; n <= 50; n++) engine.commit([given(n)])
    expect(fs.statSync(logPath(folder)).size).toBe(LOG_BYTES)
  })

  it('is read as far as it was written when the gateway did not close it', () => {
    const engine = open()
    for (let n = 1; n <= 50; n++) engine.commit([given(n)])
    const other = fs.mkdtempSync(join(tmpdir(), 'log-copy-'))
    try {
      fs.cpSync(folder, other, { recursive: true }) // what a power cut leaves
      const again = new Engine({ folder: other, bytesMax: 1e9 }, 0)
      expect(stored(again)).toBe(50)
      expect(fs.statSync(logPath(other)).size).toBe(LOG_BYTES)
      again.close()
      expect(fs.existsSync(logPath(other))).toBe(false)
    } finally {
      fs.rmSync(other, { recursive: true })
    }
  })

  it('grows as it can on a full disk', () => {
    const path = join(folder, 'log')
    fs.writeFileSync(path, 'abc')
    vi.mocked(fs.writeSync).mockImplementationOnce(() => {
      fs.truncateSync(path, 1000) // half a write
      throw systemError('ENOSPC')
    })
    new LogSync(path, LOG_BYTES).close()
    expect(fs.readFileSync(path, 'latin1')).toBe('abc')
  })

  it('is not taken for filled when it cannot be written at all', () => {
    const path = join(folder, 'log')
    fs.writeFileSync(path, '')
    vi.mocked(fs.writeSync).mockImplementationOnce(() => {
      throw systemError('EIO')
    })
    expect(() => new LogSync(path, LOG_BYTES)).toThrow('EIO')
  })
})

describe('a commit', () => {
  it('is synced once, whatever it holds', () => {
    const engine = open()
    engine.commit([given(1)])
    expect(fs.fdatasyncSync).toHaveBeenCalledTimes(1)
    engine.commit([given(2), given(3), given(4)])
    expect(fs.fdatasyncSync).toHaveBeenCalledTimes(2)
  })

  it('that was not synced is not answered', () => {
    const engine = open()
    engine.commit([given(1)])
    vi.mocked(fs.fdatasyncSync).mockImplementationOnce(() => {
      throw systemError('EIO')
    })
    expect(() => engine.commit([given(2)])).toThrow('EIO')
  })
})
