// The lock of the card: one writes at a time, whoever it is. That the mount becomes writable and read-only again is tried in the virtual machine.
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { whileWritable } from '../../../src/card/writable.ts'
import type { Clock } from '../../../src/clock.ts'
import { tryLock } from '../../../src/libc.ts'

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'sandpiper-writable-'))))
afterEach(() => rmSync(folder, { recursive: true }))

/** Each look at it lasts half a minute. */
function hurrying(): Clock {
  let nowMs = 0
  return { now: () => (nowMs += 30_000), wall: () => 0, after: () => ({ cancel() {} }), every: () => ({ cancel() {} }) }
}

test('nobody else has the lock meanwhile, and it is free afterwards, also when the write has failed', () => {
  const lock = join(folder, 'lock')
  const other = openSync(lock, 'a')
  expect(whileWritable(folder, hurrying(), () => tryLock(other), lock)).toBe(false)
  expect(() => whileWritable(folder, hurrying(), () => { throw new Error('full') }, lock)).toThrow('full')
  expect(tryLock(other)).toBe(true)
  closeSync(other)
})

test('who has it for too long is told of, and nothing is written', () => {
  const lock = join(folder, 'lock')
  const other = openSync(lock, 'a')
  tryLock(other)
  let wrote = false
  expect(() => whileWritable(folder, hurrying(), () => (wrote = true), lock)).toThrow('the card has been in use by another program for a minute')
  expect(wrote).toBe(false)
  closeSync(other)
})
