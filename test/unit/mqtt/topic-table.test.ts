import { describe, expect, test } from 'vitest'
import { LimitExceeded, ProtocolError, Reason } from '../../../src/mqtt/reason.ts'
import { TopicTable, TopicTables } from '../../../src/mqtt/topic.ts'

function resolve(table: TopicTable, name: string) {
  const bytes = Buffer.from(`<${name}>`)
  return table.resolve(bytes, 1, bytes.length - 1)
}

describe('the topic table', () => {
  test('gives the same Topic for the same bytes, on bytes of its own', () => {
    const table = new TopicTable()
    const bytes = Buffer.from('a/b')
    const topic = table.resolve(bytes, 0, 3)
    bytes.write('x/y')
    expect(topic.bytes.toString()).toBe('a/b')
    expect(resolve(table, 'a/b')).toBe(topic)
    expect(resolve(table, 'x/y').name).toBe('x/y')
  })

  test('keeps a site of 2,000 topics: nearly all stay the Topic they were', () => {
    const table = new TopicTable()
    const names = Array.from({ length: 2000 }, (_, i) => `site/hall-${i % 10}/machine-${i}/temperature`)
    const topics = names.map((name) => resolve(table, name))
    const kept = names.filter((name, i) => resolve(table, name) === topics[i])
    expect(kept.length).toBeGreaterThan(1950)
  })

  test('is right about every topic, however many there are', () => {
    const table = new TopicTable()
    for (let i = 0; i < 50_000; i++) {
      const name = `t/${(i * 7919) % 20_011}`
      expect(resolve(table, name).name).toBe(name)
    }
  })

  test('never keeps what is not a topic name', () => {
    const table = new TopicTable()
    for (let i = 0; i < 2; i++) expect(() => resolve(table, 'a/+')).toThrow(ProtocolError)
    for (let i = 0; i < 2; i++) expect(() => resolve(table, '')).toThrow(ProtocolError)
  })
})

describe('limits of a table', () => {
  const limits = { topicBytesMax: 10, topicLevelsMax: 3 }

  test.each(['x'.repeat(10), 'ü'.repeat(5), 'a/b/c', '//', 'a'])('%j is within', (name) => {
    expect(resolve(new TopicTable(limits), name).name).toBe(name)
  })

  test.each(['x'.repeat(11), 'ü'.repeat(6), 'a/b/c/d', '///', 'a/b/c/'])('%j is beyond, each time', (name) => {
    const table = new TopicTable(limits)
    for (let i = 0; i < 2; i++) {
      expect(() => resolve(table, name)).toThrow(LimitExceeded)
      expect(() => resolve(table, name)).toThrow(expect.objectContaining({ reason: Reason.topicNameInvalid, counter: 'refusedTopics' }))
    }
  })

  test('what is no topic name at all is told as that', () => {
    const bytes = Buffer.concat([Buffer.from('x'.repeat(20)), Buffer.of(0xff)])
    expect(() => new TopicTable(limits).resolve(bytes, 0, bytes.length)).toThrow(expect.objectContaining({ reason: Reason.malformedPacket }))
  })

  test('listeners with the same limits share a table, others do not', () => {
    const tables = new TopicTables()
    const table = tables.of(limits)
    expect(tables.of({ ...limits })).toBe(table)
    const wide = tables.of({ ...limits, topicLevelsMax: 4 })
    expect(resolve(wide, 'a/b/c/d').name).toBe('a/b/c/d')
    expect(() => resolve(table, 'a/b/c/d')).toThrow(LimitExceeded)
  })
})
