// What the page makes of messages: the tree of topics, payloads that are read, values of a sensor.
import { describe, expect, test } from 'vitest'
import { inOneLine, setOut } from '../../../src/dashboard/parts/payload.ts'
import { sensorValues } from '../../../src/dashboard/parts/sensor-values.ts'
import type { Message, Sensor } from '../../../src/dashboard/parts/shapes.ts'
import { sorted, TopicTree } from '../../../src/dashboard/parts/topic-tree.ts'

const message = (topic: string, payload = '1'): Message => ({ topic, payload, encoding: 'utf8', bytes: payload.length, cut: false, qos: 0, retain: false, at: '2026-11-22T12:00:00Z' })
const bytes = (...of: number[]) => ({ payload: Buffer.from(of).toString('base64'), encoding: 'base64' as const, bytes: of.length, cut: false })

describe('the tree', () => {
  test('a topic is at the end of its levels, empty ones too', () => {
    const tree = new TopicTree()
    for (const topic of ['a', 'a/b', '/x', 'a//c', 'a/b']) tree.add(message(topic))
    expect(tree.root.topics).toBe(4)
    expect(tree.of('a')).toMatchObject({ topics: 3, messages: 1 })
    expect(tree.of('a/b')).toMatchObject({ topics: 1, messages: 2, topic: 'a/b', level: 'b' })
    expect(tree.of('a//c')?.topic).toBe('a//c')
    expect(tree.of('/x')?.topic).toBe('/x')
    expect(tree.of('a/b/c')).toBeNull()
  })

  test('in the order of people', () => {
    const tree = new TopicTree()
    for (const level of ['pump-10', 'pump-9', 'Alarm', '__proto__']) tree.add(message(level))
    expect(sorted(tree.root).map(({ level }) => level)).toEqual(['__proto__', 'Alarm', 'pump-9', 'pump-10'])
  })

  test('what there is no room for is counted, what is there goes on', () => {
    const tree = new TopicTree()
    for (let i = 0; i < 5000; i++) tree.add(message(`t/${i}`))
    tree.add(message('t/1', 'new'))
    expect([tree.root.topics, tree.left, tree.of('t/1')?.last?.payload]).toEqual([2999, 2001, 'new'])
    tree.clear()
    expect([tree.root.topics, tree.left, tree.root.children.size]).toEqual([0, 0, 0])
  })
})

describe('payloads', () => {
  test('JSON is set out, as long as it is whole', () => {
    expect(setOut(message('a', '{"b":[1]}'))).toBe('{\n  "b": [\n    1\n  ]\n}')
    expect(setOut({ ...message('a', '{"b":'), cut: true })).toBe('{"b":')
    expect(setOut(message('a', '{no'))).toBe('{no')
    expect(setOut(message('a', '17'))).toBe('17')
  })

  test('bytes are rows of hexadecimal', () => {
    expect(setOut(bytes(0, 72, 105, 255))).toBe(`0000  ${'00 48 69 ff'.padEnd(47)}  ·Hi·`)
    expect(setOut(bytes(...Array.from({ length: 17 }, () => 65))).split('\n')).toHaveLength(2)
    expect(inOneLine(bytes(1, 255))).toBe('01 ff')
  })

  test('in one line', () => {
    expect([inOneLine(message('a', 'x\n\ty')), inOneLine(message('a', ''))]).toEqual(['x y', '(empty)'])
  })
})

describe('values of a sensor', () => {
  const sensor = (payload: string, values: NonNullable<Sensor['last']>['values'] = null): Sensor => ({ name: 's', status: 'ok', since: null, readings: 1, skipped: {}, troubles: 0, lastError: null, last: { at: '2026-11-22T12:00:00Z', topic: 't', payload, values, quality: null } })

  test('as it names them', () => {
    expect(sensorValues(sensor('', [{ name: 'level', value: 7, unit: '%' }]))).toEqual([{ name: 'level', value: 7, unit: '%' }])
  })

  test('or as they stand in its payload', () => {
    expect(sensorValues(sensor('{"value":1.5,"time":"x","sequence":4,"on":true,"more":{}}'))).toEqual([{ name: 'value', value: 1.5, unit: null }, { name: 'on', value: true, unit: null }])
    expect(sensorValues(sensor('17.5'))).toEqual([{ name: 'value', value: 17.5, unit: null }])
  })

  test('or none', () => {
    for (const payload of ['', 'open', '[1]', '{}', 'null']) expect(sensorValues(sensor(payload)), payload).toBeNull()
    expect(sensorValues({ ...sensor(''), last: null })).toBeNull()
  })
})
