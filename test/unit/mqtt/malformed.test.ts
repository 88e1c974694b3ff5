import { describe, expect, test } from 'vitest'
import { Decoder } from '../../../src/mqtt/decode.ts'
import { ProtocolError, Reason } from '../../../src/mqtt/reason.ts'
import { TopicTable } from '../../../src/mqtt/topic.ts'
import { bytesOf, TABLES, type Table } from './malformed.ts'

const CONNECT = {
  3: bytesOf('10 # 0006 "MQIsdp" 03 02 003c 0001 "c"'),
  4: bytesOf('10 # 0004 "MQTT" 04 02 003c 0001 "c"'),
  5: bytesOf('10 # 0004 "MQTT" 05 02 003c 00 0001 "c"'),
}

function decoderFor(table: Table, version: 3 | 4 | 5): Decoder {
  const decoder = new Decoder({ role: table.role, topics: new TopicTable(), packetBytesMax: 1 << 20, connectBytesMax: 65_536, topicAliasMaximum: 4 })
  if (table.role === 'client') decoder.version = version
  else if (table.first !== true) {
    decoder.push(CONNECT[version])
    decoder.next(0)
  }
  return decoder
}

function mistake(decoder: Decoder): unknown {
  try {
    while (decoder.next(0) !== null);
  } catch (error) {
    return error
  }
  return null
}

for (const [name, table] of Object.entries(TABLES)) {
  describe(`${name}: what is malformed is refused`, () => {
    test.each(table.rows)('v%i %s → %s: %s', (version, text, reason) => {
      const decoder = decoderFor(table, version)
      decoder.push(bytesOf(text))
      const error = mistake(decoder)
      expect(error).toBeInstanceOf(ProtocolError)
      expect((error as ProtocolError).reason).toBe(Reason[reason])

      // What is said once stays said: nothing is decoded after a mistake.
      decoder.push(bytesOf('c0 00'))
      expect(() => decoder.next(0)).toThrow(error as ProtocolError)
      expect(decoder.bufferedBytes).toBe(0)
    })

    test.each(table.rows)('v%i %s byte by byte → %s: %s', (version, text, reason) => {
      const decoder = decoderFor(table, version)
      let error: unknown = null
      for (const byte of bytesOf(text)) {
        decoder.push(Buffer.from([byte]))
        error = mistake(decoder)
        if (error !== null) break
      }
      expect(error).toBeInstanceOf(ProtocolError)
      expect((error as ProtocolError).reason).toBe(Reason[reason])
    })
  })
}

test('a mistake behind valid packets of the same chunk comes after them', () => {
  const decoder = decoderFor(TABLES.PUBLISH!, 4)
  decoder.push(bytesOf('30 03 0001 "t" c0 00 c1 00 c0 00'))
  expect(decoder.next(0)?.type).toBe(3)
  expect(decoder.next(0)?.type).toBe(12)
  expect(() => decoder.next(0)).toThrow(ProtocolError)
  expect(() => decoder.next(0)).toThrow(ProtocolError)
})

test('a packet that is too long is refused at its fixed header, and nothing of it is buffered', () => {
  const decoder = decoderFor(TABLES.PUBLISH!, 4)
  decoder.packetBytesMax = 1000
  decoder.push(bytesOf('30 e6 07')) // 998 bytes and a header of 3
  expect(() => decoder.next(0)).toThrow('packet of 1001 bytes; the limit is 1000')
  expect(decoder.bufferedBytes).toBe(0)

  const fits = decoderFor(TABLES.PUBLISH!, 4)
  fits.packetBytesMax = 1000
  fits.push(bytesOf('30 e5 07'))
  expect(fits.next(0)).toBeNull()
  expect(fits.bufferedBytes).toBe(1000)
})

test('the version of a CONNECT that is wrong further on is known, so that it can be answered', () => {
  const decoder = decoderFor(TABLES.CONNECT!, 5)
  decoder.push(bytesOf('10 # 0004 "MQTT" 05 03 003c 00 0001 "c"'))
  expect(() => decoder.next(0)).toThrow(ProtocolError)
  expect(decoder.version).toBe(5)
})
