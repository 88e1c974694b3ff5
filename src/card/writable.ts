// The card's partition is mounted read-only, and writable for the moment of a write: then a power cut at any other time finds nothing open on it.
// One lock for all who write there (/run/sandpiper-card.lock, flock(2)): shell scripts take it with flock(1).
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Clock } from '../clock.ts'
import { tryLock } from '../libc.ts'

export const CARD_LOCK = '/run/sandpiper-card.lock'
const LOCK_MS_MAX = 60_000
const RETRY_MS = 200
const MOUNT_MS_MAX = 30_000
/** Wakes nobody: waiting for it is a sleep. */
const NOBODY = new Int32Array(new SharedArrayBuffer(4))

/**
 * Does `write` while the card can be written to. A folder that is no mount point of its own, as on a laptop or in a test, is taken as it is. Throws the
 * file system's error, or when others hold the card for longer than a minute. It blocks: for commands that do nothing else meanwhile.
 */
export function whileWritable<T>(folder: string, clock: Clock, write: () => T, lock = CARD_LOCK): T {
  const held = takeLock(lock, clock)
  try {
    if (!isReadOnlyMount(folder)) return write()
    remount(folder, 'rw')
    try {
      return write()
    } finally {
      remount(folder, 'ro')
    }
  } finally {
    closeSync(held)
  }
}

function takeLock(path: string, clock: Clock): number {
  const file = openSync(path, 'a', 0o600)
  const untilMs = clock.now() + LOCK_MS_MAX
  while (!tryLock(file)) {
    if (clock.now() > untilMs) {
      closeSync(file)
      throw new Error('the card has been in use by another program for a minute')
    }
    Atomics.wait(NOBODY, 0, 0, RETRY_MS)
  }
  return file
}

function remount(folder: string, how: 'rw' | 'ro'): void {
  execFileSync('mount', ['-o', `remount,${how}`, folder], { timeout: MOUNT_MS_MAX, stdio: ['ignore', 'ignore', 'pipe'] })
}

function isReadOnlyMount(folder: string): boolean {
  const path = resolve(folder)
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').map((line) => line.split(' '))
  // The last one is on top. Field 4 is the mount point, 5 its options, and behind the dash the file system's own.
  const top = lines.findLast((fields) => fields[4] === path)
  if (top === undefined) return false
  return [top[5]!, top.at(-1)!].some((options) => options.split(',').includes('ro'))
}
