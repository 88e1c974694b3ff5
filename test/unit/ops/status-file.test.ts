// The status file: whole, only when something has changed, and fresh enough to tell that the gateway lives.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Status } from '../../../src/ops/status.ts'
import { StatusFile } from '../../../src/ops/status-file.ts'
import { STATUS } from '../../support/card-facts.ts'
import { FakeClock } from '../../support/fake-clock.ts'

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'sandpiper-status-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const { at: _at, uptimeMs: _uptimeMs, ...NOW } = STATUS
const warnings: string[] = []
const log = { warn: (_fields: object, text: string): void => void warnings.push(text) }
const read = (): Status => JSON.parse(readFileSync(join(folder, 'status.json'), 'utf8')) as Status

test('is there at once, not for everybody, and goes with the gateway', () => {
  const clock = new FakeClock()
  const file = new StatusFile(folder, { clock, log, status: () => NOW })
  file.start()
  expect(read()).toMatchObject({ ...NOW, at: clock.wall(), uptimeMs: expect.any(Number) })
  expect(statSync(join(folder, 'status.json')).mode & 0o007).toBe(0)
  file.stop()
  expect(readdirSync(folder)).toEqual([])
})

test('changes within five seconds, and is otherwise written once a minute', () => {
  const clock = new FakeClock()
  let clients = 0
  const file = new StatusFile(folder, { clock, log, status: () => ({ ...NOW, broker: { ...NOW.broker, clients } }) })
  file.start()
  const written = new Set<number>()
  for (let sec = 0; sec < 120; sec += 5) {
    clock.advance(5000)
    written.add(read().at)
  }
  expect(written.size).toBeLessThanOrEqual(3)
  clients = 7
  clock.advance(5000)
  expect(read().broker.clients).toBe(7)
  file.stop()
})

test('a folder that is gone is said once', () => {
  const clock = new FakeClock()
  let clients = 0
  const file = new StatusFile(join(folder, 'gone'), { clock, log, status: () => ({ ...NOW, broker: { ...NOW.broker, clients: clients++ } }) })
  file.start()
  clock.advance(60_000)
  expect(warnings).toHaveLength(1)
  file.stop()
})
