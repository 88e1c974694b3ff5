// The catalogue of errors is what operators read: nothing in it that is not used, nothing used that they cannot look up.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CATALOGUE, type ErrorCode, OperatorError } from '../../src/errors.ts'

const ROOT = join(import.meta.dirname, '../..')
const CODES = Object.keys(CATALOGUE) as ErrorCode[]
const SOURCES = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && file !== 'errors.ts')
  .map((file) => readFileSync(join(ROOT, 'src', file), 'utf8'))

describe.each(CODES)('%s', (code) => {
  test('is thrown or reported somewhere', () => {
    expect(SOURCES.some((text) => text.includes(`'${code}'`))).toBe(true)
  })

  test('its hint says what to do, to stand at the end of a sentence', () => {
    const hint = CATALOGUE[code]
    expect(hint.split(' ').length).toBeGreaterThanOrEqual(4)
    expect(hint).toBe(hint.trim())
    expect(hint).not.toMatch(/[.!]$/)
    expect(hint).not.toMatch(/^[A-Z]/)
    expect(new OperatorError(code, 'this happened').sentence).toBe(`this happened: ${hint}`)
  })
})

test('the guide has a row for each: | `E_…` | … |', () => {
  const rows = readFileSync(join(ROOT, 'src/docs/guide/errors.md'), 'utf8').matchAll(/^\|\s*`?(E_[A-Z_]+)`?\s*\|/gm)
  expect(Array.from(rows, ([, code]) => code).sort()).toEqual([...CODES].sort())
})

test('no code is used that is not in the catalogue', () => {
  const used = new Set(SOURCES.flatMap((text) => Array.from(text.matchAll(/OperatorError\(\s*'(E_[A-Z_]+)'/g), ([, code]) => code)))
  expect([...used].filter((code) => !(CODES as (string | undefined)[]).includes(code))).toEqual([])
})
