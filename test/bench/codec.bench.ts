// How fast the codec alone is, on one core: node test/bench/codec.bench.ts
// Decoding: 64 KB chunks as a busy socket gives them. The best of several rounds counts: the machine has other work too.
import { Decoder } from '../../src/mqtt/decode.ts'
import { writeAck } from '../../src/mqtt/encode-ack.ts'
import { encodePublish, encodePublishFor, publishSize, writePublish } from '../../src/mqtt/encode.ts'
import type { ProtocolVersion } from '../../src/mqtt/packet.ts'
import { Slab } from '../../src/mqtt/slab.ts'
import { TopicTable } from '../../src/mqtt/topic.ts'
import { makeMessage, Message, type QoS } from '../../src/message.ts'
import { encodeConnect } from '../../src/mqtt/control.ts'

const ROUNDS = 7
const CHUNK_BYTES = 65_536

/** Runs `work`, which does `count` things, and prints the best rate. */
function measure(name: string, count: number, work: () => void): void {
  let best = 0
  for (let round = 0; round < ROUNDS; round++) {
    const from = performance.now()
    work()
    best = Math.max(best, count / (performance.now() - from) / 1000)
  }
  console.log(`${name.padEnd(58)} ${best.toFixed(2).padStart(7)} M/s`)
}

/** Copies the packets one after the other into 64 KB chunks, some 64 MB in all; returns the chunks and how many packets they hold. */
function stream(packets: Buffer[]): { chunks: Buffer[]; count: number } {
  const chunks: Buffer[] = []
  let count = 0
  let rest = Buffer.alloc(0)
  const turn = Buffer.concat(packets)
  const many = Buffer.concat(Array.from({ length: Math.ceil((4 * CHUNK_BYTES) / turn.length) }, () => turn))
  while (chunks.length < 1024) {
    const bytes = Buffer.concat([rest, many])
    let at = 0
    for (; at + CHUNK_BYTES <= bytes.length; at += CHUNK_BYTES) chunks.push(Buffer.from(bytes.subarray(at, at + CHUNK_BYTES)))
    rest = bytes.subarray(at)
    count += (many.length / turn.length) * packets.length
  }
  chunks.push(Buffer.from(rest))
  return { chunks, count }
}

function publish(version: ProtocolVersion, topic: string, qos: QoS, properties: Buffer | null = null): Buffer {
  const encoded = encodePublishFor(makeMessage(topic, Buffer.alloc(100, 0x61), { properties }), version, qos, false, false, qos, [], 0, true, 0)
  return Buffer.from(encoded.bytes.subarray(encoded.start, encoded.end))
}

const topics = new TopicTable()

function measureDecode(name: string, version: ProtocolVersion, packets: Buffer[]): void {
  const { chunks, count } = stream(packets)
  measure(`decode ${name}`, count, () => {
    const decoder = new Decoder({ role: 'server', topics, packetBytesMax: 1 << 20, connectBytesMax: 65_536, topicAliasMaximum: 16 })
    decoder.push(encodeConnect(version, { clientId: 'bench', clean: true, keepAliveSec: 0 }))
    decoder.next(0)
    let decoded = 0
    for (const chunk of chunks) {
      decoder.push(chunk)
      while (decoder.next(0) !== null) decoded++
    }
    if (decoded !== count) throw new Error(`decoded ${decoded} of ${count}`)
  })
}

const manyTopics = Array.from({ length: 1000 }, (_, i) => `site/hall-${i % 10}/machine-${i}/temperature`)

measureDecode('QoS 0, 3.1.1, topic of 7 bytes', 4, [publish(4, 'bench/0', 0)])
measureDecode('QoS 0, 3.1.1, 10 topics of 35 bytes in turn', 4, manyTopics.slice(0, 10).map((topic) => publish(4, topic, 0)))
measureDecode('QoS 0, 3.1.1, 1000 topics of 35 bytes in turn', 4, manyTopics.map((topic) => publish(4, topic, 0)))
measureDecode('QoS 0, 5.0, topic of 7 bytes, no properties', 5, [publish(5, 'bench/0', 0)])
measureDecode('QoS 0, 5.0, topic of 7 bytes, a content type', 5, [publish(5, 'bench/0', 0, Buffer.from('\x03\0\x04json', 'latin1'))])
measureDecode('QoS 1, 3.1.1, topic of 7 bytes', 4, [publish(4, 'bench/0', 1)])
measureDecode('PUBACK', 4, [Buffer.from('40021234', 'hex')])

const slab = new Slab()
const COUNT = 1_000_000
const payload = Buffer.alloc(100, 0x61)
const message = makeMessage('bench/0', payload)
let bytes = 0

measure('encode QoS 0, message in hand anew', COUNT, () => {
  for (let i = 0; i < COUNT; i++) {
    const fresh = new Message(message.topic, 0, false, payload, 0, 100, null, Infinity, null)
    bytes += encodePublish(fresh, 4, 0, false, 0).end
  }
})
measure('encode QoS 0, kept encoding', COUNT, () => {
  for (let i = 0; i < COUNT; i++) bytes += encodePublish(message, 4, 0, false, 0).end
})
measure('encode QoS 0 for a receiver, 5.0, alias', COUNT, () => {
  for (let i = 0; i < COUNT; i++) bytes += encodePublishFor(message, 5, 0, false, false, 0, [], 1, false, 0).end
})
measure('copy QoS 1 with packet identifier', COUNT, () => {
  for (let i = 0; i < COUNT; i++) {
    writePublish(slab, message, 4, 1, false, false, (i & 0x7fff) + 1, false, 0)
    bytes += slab.end
  }
})
measure('size of a PUBLISH', COUNT, () => {
  for (let i = 0; i < COUNT; i++) bytes += publishSize(message, 5, 1)
})
measure('write PUBACK', COUNT, () => {
  for (let i = 0; i < COUNT; i++) {
    writeAck(slab, 4, (i & 0x7fff) + 1)
    bytes += slab.end
  }
})
if (bytes === 0) throw new Error('nothing was measured')
