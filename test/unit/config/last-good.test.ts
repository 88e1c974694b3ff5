// The last accepted text survives: whole, private, and not written twice.
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { loadLastGood, rememberLastGood } from '../../../src/config/last-good.ts'

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'sandpiper-last-good-'))))
afterEach(() => rmSync(folder, { recursive: true }))

it('gives back what was remembered last', () => {
  const store = join(folder, 'data', 'deep')
  expect(loadLastGood(store)).toBeNull()
  rememberLastGood(store, 'site: a # ü\n')
  expect(loadLastGood(store)).toBe('site: a # ü\n')
  rememberLastGood(store, 'site: b\n')
  expect(loadLastGood(store)).toBe('site: b\n')
  expect(readdirSync(store)).toEqual(['last-good.yaml'])
})

it('is for its owner only: it may hold passwords', () => {
  rememberLastGood(folder, 'site: a\n')
  expect(statSync(join(folder, 'last-good.yaml')).mode & 0o777).toBe(0o600)
})

it('does not write what is there already', () => {
  rememberLastGood(folder, 'site: a\n')
  const { ino } = statSync(join(folder, 'last-good.yaml'))
  rememberLastGood(folder, 'site: a\n')
  expect(statSync(join(folder, 'last-good.yaml')).ino).toBe(ino)
})

it('is not disturbed by what an interrupted write left', () => {
  writeFileSync(join(folder, 'last-good.yaml.tmp'), 'sit')
  chmodSync(join(folder, 'last-good.yaml.tmp'), 0o644)
  expect(loadLastGood(folder)).toBeNull()
  rememberLastGood(folder, 'site: a\n')
  expect(loadLastGood(folder)).toBe('site: a\n')
  expect(statSync(join(folder, 'last-good.yaml')).mode & 0o777).toBe(0o600)
})

it('throws when it cannot write, and keeps the old one', () => {
  rememberLastGood(folder, 'site: a\n')
  expect(() => rememberLastGood(join(folder, 'last-good.yaml'), 'site: b\n')).toThrow(/EEXIST|ENOTDIR/)
  expect(loadLastGood(folder)).toBe('site: a\n')
})
