import { describe, expect, test } from 'vitest'
import { makeMessage } from '../../../src/message.ts'
import type { Will } from '../../../src/mqtt/packet.ts'
import { TopicTable } from '../../../src/mqtt/topic.ts'
import { decodeWill, encodeWill, willMessage } from '../../../src/session/will.ts'

const properties = Buffer.from([0x03, 0x00, 0x01, 0x61]) // content type "a"

function will(more: Partial<Will> = {}): Will {
  return { message: makeMessage('state/däche', 'gone', { qos: 2, retain: true, properties }), delaySec: 30, messageExpirySec: 60, ...more }
}

describe('a will in the store', () => {
  test.each([will(), will({ delaySec: 0, messageExpirySec: null }), will({ delaySec: 0xffffffff, messageExpirySec: 0xfffffffe }), will({ messageExpirySec: 0 })])('comes back as it was', (before) => {
    const after = decodeWill(encodeWill(before), new TopicTable())
    expect(after.delaySec).toBe(before.delaySec)
    expect(after.messageExpirySec).toBe(before.messageExpirySec)
    const { message } = after
    expect([message.topic.name, message.payload.toString(), message.qos, message.retain]).toEqual(['state/däche', 'gone', 2, true])
    expect(message.properties).toEqual(properties)
    expect(message.expiresAtMs).toBe(Infinity)
  })

  test('an empty payload, no properties', () => {
    const after = decodeWill(encodeWill(will({ message: makeMessage('t', '') })), new TopicTable())
    expect(after.message.payloadLength).toBe(0)
    expect(after.message.properties).toBeNull()
  })

  test('damaged bytes throw RangeError', () => {
    const bytes = encodeWill(will())
    for (const length of [8, 9, bytes.length - 1]) expect(() => decodeWill(bytes.slice(0, length), new TopicTable())).toThrow(RangeError)
  })
})

test('its expiry starts when it is published, and its publisher is known', () => {
  const origin = {}
  const message = willMessage(will(), origin, 5000)
  expect(message.expiresAtMs).toBe(65_000)
  expect(message.origin).toBe(origin)
  expect(willMessage(will({ messageExpirySec: null }), origin, 5000).expiresAtMs).toBe(Infinity)
})
