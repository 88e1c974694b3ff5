// Keyfiles say to GLib, which NetworkManager reads them with, what the configuration says. Random texts are judged by the real GLib where Python
// knows it.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { keyfileBytes, keyfileText, keyfileValue } from '../../../src/appliance/keyfile.ts'
import { Random } from '../../sim/random.ts'

const PYTHON = '/usr/bin/python3'
const READER = join(import.meta.dirname, '../../support/glib-keyfile.py')
const SEED = 20_261_122

const folder = mkdtempSync(join(tmpdir(), 'sandpiper-keyfile-'))
afterAll(() => rmSync(folder, { recursive: true }))

const hasGlib = spawnSync(PYTHON, ['-c', 'import gi.repository.GLib']).status === 0

test.each([
  ['plain', 'plain'],
  [' a b ', String.raw`\sa b\s`],
  ['   ', String.raw`\s\s\s`],
  [String.raw`a\b`, String.raw`a\\b`],
  ['#;=[x]', '#;=[x]'],
  ['a\nb\tc\rd', String.raw`a\nb\tc\rd`],
  ['ü€', 'ü€'],
])('%j', (text, value) => expect(keyfileValue(text)).toBe(value))

test('an SSID is bytes', () => expect(keyfileBytes('1;ü')).toBe('49;59;195;188;'))

test('a file', () => {
  expect(keyfileText({ a: { b: '1', c: 'x y' }, d: {} })).toBe('# Made from gateway.yaml at each start: changes here do not last.\n[a]\nb=1\nc=x y\n\n[d]\n')
})

test.skipIf(!hasGlib)(`GLib reads what was written (seed ${SEED})`, () => {
  const random = new Random(SEED)
  const signs = [...' \t\n\r\\#;=[]"\'%$&|<>!,.:/', ...'abcXYZ0189', 'ü', '€', '𝄞', String.raw`\s`, String.raw`\n`]
  const texts = Array.from({ length: 400 }, () => Array.from({ length: random.int(1, 20) }, () => random.pick(signs)).join(''))
  const files = texts.map((text, i) => {
    const path = join(folder, `${i}`)
    writeFileSync(path, keyfileText({ 'wifi-security': { psk: keyfileValue(text), after: 'end' } }))
    return path
  })
  const { stdout } = spawnSync(PYTHON, [READER], { input: files.map((file) => `${file}\n`).join(''), encoding: 'utf8' })
  const read = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as unknown)
  expect(read).toEqual(texts.map((psk) => ({ 'wifi-security': { psk, after: 'end' } })))
})
