// Whose configuration runs, and in which order the others are tried.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { chooseConfig } from '../../../src/config/choose.ts'
import { rememberLastGood } from '../../../src/config/last-good.ts'

let folder = ''
const folders: string[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sandpiper-choose-'))
  folders.push(folder)
})
afterAll(() => {
  for (const one of folders) rmSync(one, { recursive: true })
})

function sources(text: string | null, { lastGood = true, orDefault = true, state = join(folder, 'state') as string | null } = {}): string[] {
  const file = join(folder, 'gateway.yaml')
  if (text !== null) writeFileSync(file, text)
  return [...chooseConfig(file, { state, lastGood, orDefault, detectedBoard: null, moment: null }).candidates()].map(({ source, config }) => `${source} ${config.site}`)
}

function remember(text: string): void {
  mkdirSync(join(folder, 'state'), { recursive: true })
  rememberLastGood(join(folder, 'state'), text)
}

test.each([
  ['a good file', 'site: new', ['file new', 'last-good old', 'default gateway']],
  ['a good file that is the last good one', 'site: old\n', ['file old', 'default gateway']],
  ['a mistake', 'sight: new', ['last-good old', 'default gateway']],
  ['no file', null, ['last-good old', 'default gateway']],
])('%s', (_, text, expected) => {
  remember('site: old\n')
  expect(sources(text)).toEqual(expected)
})

test('without an earlier one', () => expect(sources('')).toEqual(['default gateway']))
test('only what was asked for', () => {
  remember('site: old\n')
  expect(sources('', { orDefault: false })).toEqual(['last-good old'])
  expect(sources('', { orDefault: false, lastGood: false })).toEqual([])
  expect(sources('site: new', { orDefault: false, lastGood: false })).toEqual(['file new'])
})
test('a last good one that this program does not take any more', () => {
  remember('sight: old\n')
  expect(sources('')).toEqual(['default gateway'])
})
test('a last good one whose secrets are gone runs all the same', () => {
  remember('site: old\nuplinks: [{ name: u, url: mqtt://h, username: u, password: { stored: g00000000000000000000 }, routes: [{ out: a }] }]\n')
  expect(sources('')[0]).toBe('last-good old')
})
test('without a state folder it lies with the store, as the file says', () => {
  rememberLastGood(join(folder, 'elsewhere'), 'site: old\n')
  expect(sources('sight: x\nstore: { path: elsewhere }\n', { state: null })[0]).toBe('last-good old')
})
test('a relative store lies in the state folder, an absolute one where it is said', () => {
  const file = join(folder, 'gateway.yaml')
  const path = (store: string): string => {
    writeFileSync(file, `site: s\n${store}`)
    return chooseConfig(file, { state: '/var/lib/x', lastGood: false, orDefault: false, detectedBoard: null, moment: null }).candidates().next().value!.config.store.path
  }
  expect([path(''), path('store: { path: deep/er }'), path('store: { path: /mnt/disk }')]).toEqual(['/var/lib/x/data', '/var/lib/x/deep/er', '/mnt/disk'])
})
