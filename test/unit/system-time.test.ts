import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemTime } from '../../src/system-time.ts'

const NOON_MS = Date.UTC(2026, 10, 21, 12)
let root: string

beforeEach(() => void (root = mkdtempSync(join(tmpdir(), 'sandpiper-time-'))))
afterEach(() => rmSync(root, { recursive: true, force: true }))

function put(file: string, text = ''): void {
  mkdirSync(dirname(join(root, file)), { recursive: true })
  writeFileSync(join(root, file), text)
}

const refused = (): boolean => {
  throw new Error('EPERM')
}

describe('the clock is known to be right', () => {
  test('when the kernel says that somebody leads it', () => expect(systemTime(root, () => true).isSynced(NOON_MS)).toBe(true))

  test.each(['/run/sandpiper-clock/set', '/run/systemd/timesync/synchronized'])('by %s, where the kernel may not be asked', (file) => {
    const time = systemTime(root, refused)
    mkdirSync(dirname(join(root, file)), { recursive: true })
    expect(time.isSynced(NOON_MS)).toBe(false)
    put(file)
    expect(time.isSynced(NOON_MS)).toBe(true)
  })

  test('when it agrees with one that has a battery', () => {
    put('/sys/class/rtc/rtc0/since_epoch', `${NOON_MS / 1000 + 20}\n`)
    expect(systemTime(root, () => false).isSynced(NOON_MS)).toBe(true)
    expect(systemTime(root, () => false).isSynced(NOON_MS + 3_600_000)).toBe(false)
  })
})

test('nobody knows where the kernel may not be asked and nobody else tells', () => {
  expect(systemTime(root, refused).isSynced(NOON_MS)).toBeNull()
})

test('a start has its identifier from the kernel, and one of its own where it hides that', () => {
  put('/proc/sys/kernel/random/boot_id', '0123abcd-0000-0000-0000-000000000000\n')
  expect(systemTime(root).boot).toBe('0123abcd')
  rmSync(join(root, 'proc'), { recursive: true })
  expect(systemTime(root).boot).toMatch(/^[0-9a-f]{8}$/)
})
