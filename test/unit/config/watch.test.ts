// A configuration that changes: seen when nobody is writing any more, once, and whatever became of its files.
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConfigWatch, sourcesOf } from '../../../src/config/watch.ts'
import { FakeClock } from '../../support/fake-clock.ts'

let folder: string
let file: string
let clock: FakeClock
let seen: number
let watch: ConfigWatch

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sandpiper-watch-'))
  file = join(folder, 'gateway.yaml')
  writeFileSync(file, 'a')
  clock = new FakeClock()
  seen = 0
  watch = new ConfigWatch(clock, () => {
    seen++
    watch.follow(sourcesOf(file, [join(folder, 'other')]))
  })
  watch.follow(sourcesOf(file, [join(folder, 'other')]))
})

afterEach(() => {
  watch.stop()
  rmSync(folder, { recursive: true })
})

function looks(n: number): void {
  for (let i = 0; i < n; i++) clock.advance(2000)
}

test('nothing, while nothing changes', () => {
  looks(5)
  expect(seen).toBe(0)
})

test.each<[string, () => void]>([
  ['written', () => writeFileSync(file, 'ab')],
  ['replaced', () => (writeFileSync(join(folder, 'new'), 'a'), renameSync(join(folder, 'new'), file))],
  ['removed', () => rmSync(file)],
  ['another that it names is made', () => writeFileSync(join(folder, 'other'), 'x')],
])('%s: seen at the second look, once', (_, change) => {
  change()
  looks(1)
  expect(seen).toBe(0)
  looks(1)
  expect(seen).toBe(1)
  looks(3)
  expect(seen).toBe(1)
})

test('while it is still being written, it is waited for', () => {
  for (let i = 0; i < 4; i++) {
    writeFileSync(file, 'b'.repeat(i + 2))
    looks(1)
  }
  expect(seen).toBe(0)
  looks(1)
  expect(seen).toBe(1)
})

test('what changed between reading and the first look is seen', () => {
  const sources = sourcesOf(file, [])
  writeFileSync(file, 'changed')
  watch.follow(sources)
  looks(2)
  expect(seen).toBe(1)
})

test('behind a symbolic link', () => {
  const link = join(folder, 'link.yaml')
  symlinkSync(file, link)
  watch.follow(sourcesOf(link, []))
  writeFileSync(file, 'changed')
  looks(2)
  expect(seen).toBe(1)
})

test('after stop nothing', () => {
  writeFileSync(file, 'changed')
  watch.stop()
  looks(3)
  expect(seen).toBe(0)
})
