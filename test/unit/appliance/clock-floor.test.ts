// The clock's floor: a shell script that the image runs early. `date -s` is only noted here.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

const SCRIPT = join(import.meta.dirname, '../../../image/rootfs/usr/lib/sandpiper/clock-floor')
const YEAR_SEC = 366 * 86_400
const JOURNAL_SEC = 5

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sandpiper-clock-'))
  writeFileSync(join(folder, 'date'), `#!/bin/sh\necho "$*" > ${folder}/set\n`)
  chmodSync(join(folder, 'date'), 0o755)
})
afterEach(() => rmSync(folder, { recursive: true }))

function dated(path: string, atSec: number): void {
  const file = join(folder, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, '')
  utimesSync(file, atSec, atSec)
}

/** Seconds that the clock was set to; null when it was left alone. */
function floor(): number | null {
  execFileSync(SCRIPT, { env: { PATH: process.env.PATH, SANDPIPER_ROOT: folder, SANDPIPER_DATA: folder, SANDPIPER_DATE: join(folder, 'date') } })
  try {
    return Number(/@(\d+)/.exec(readFileSync(join(folder, 'set'), 'utf8'))![1])
  } catch {
    return null
  }
}

const now = (): number => Math.floor(Date.now() / 1000)
const uptime = (): number => Math.floor(Number(readFileSync('/proc/uptime', 'utf8').split('.')[0]))

test('a clock that is right is left alone', () => {
  dated('usr/lib/os-release', now() - YEAR_SEC)
  dated('sandpiper/data/store.db', now() - YEAR_SEC)
  expect(floor()).toBeNull()
})

test('not before the build', () => {
  const build = now() + YEAR_SEC
  dated('usr/lib/os-release', build)
  expect(floor()).toBe(build)
})

test('not before the last commit, and what has passed since the power came', () => {
  const last = now() + 2 * YEAR_SEC
  dated('usr/lib/os-release', now() + YEAR_SEC)
  dated('sandpiper/data/store.db', last - 1000)
  dated('sandpiper/data/store.db-wal', last)
  expect(Math.abs(floor()! - (last + JOURNAL_SEC + uptime()))).toBeLessThanOrEqual(2)
})

test('the database counts where an orderly stop has left no log', () => {
  const last = now() + 2 * YEAR_SEC
  dated('usr/lib/os-release', now() - YEAR_SEC)
  dated('sandpiper/elsewhere/store.db', last)
  expect(floor()!).toBeGreaterThanOrEqual(last)
})

test('a wrong date of an old file does not hold when a newer log says otherwise', () => {
  dated('usr/lib/os-release', now() - YEAR_SEC)
  dated('sandpiper/data/store.db', now() + 5 * YEAR_SEC)
  dated('sandpiper/data/store.db-wal', now() - 1000 - uptime())
  expect(floor()).toBeNull()
})

test('a date that cannot be is not believed', () => {
  dated('usr/lib/os-release', now() - YEAR_SEC)
  dated('sandpiper/data/store.db-wal', now() + 30 * YEAR_SEC)
  dated('sandpiper/data/store.db', now() - YEAR_SEC)
  expect(floor()).toBeNull()
})

test('without a data partition', () => {
  dated('usr/lib/os-release', now() - YEAR_SEC)
  expect(floor()).toBeNull()
})
