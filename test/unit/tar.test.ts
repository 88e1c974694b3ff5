// Archives that the system's own tar reads.
import { describe, expect, test } from 'vitest'
import { tarBytes, tarOf } from '../../src/tar.ts'
import { unpacked } from '../support/unpacked.ts'

describe('tar', () => {
  test('names, folders and contents of every length around a block', () => {
    const files = [0, 1, 511, 512, 513, 1024].map((length) => ({ name: `folder/of ${length}`.replace(' ', '-'), bytes: Buffer.alloc(length, 'x') }))
    const archive = tarOf(files, Date.UTC(2026, 10, 22))
    expect(archive.length).toBe(tarBytes(files.map(({ bytes }) => bytes.length)))
    expect(unpacked(archive)).toEqual(new Map(files.map(({ name, bytes }) => [name, bytes.toString()])))
  })

  test('the same files make the same bytes', () => {
    const files = [{ name: 'a', bytes: Buffer.from('b') }]
    expect(tarOf(files, 5000)).toEqual(tarOf(files, 5999))
    expect(tarOf(files, -1).length).toBe(2048)
  })

  test.each(['', 'a b', 'ü', 'a'.repeat(101), 'a\nb'])('%j is no name', (name) => {
    expect(() => tarOf([{ name, bytes: Buffer.alloc(0) }], 0)).toThrow('cannot be the name')
  })
})
