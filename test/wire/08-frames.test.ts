// Chapter 8: MQTT in the frames of a WebSocket (section 6), after the opening handshake of 08-websocket.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { frameOf, FrameClient, Opcode } from '../support/frame-client.ts'
import { until } from '../support/until.ts'
import { bytes, CONNACK, CONNECT, CONNECT_WITH_WILL, PING, PINGRESP, PUBLISH, SCHEMES, SUBACK, SUBSCRIBE, WebSocketBed } from '../support/websocket-bed.ts'

describe.each(SCHEMES)('%s: [MQTT-6.0.0-2] packets and frames have nothing to do with each other', (scheme) => {
  test('a byte in each frame', async () => {
    await using bed = await WebSocketBed.start(scheme)
    const client = await bed.open()
    for (const byte of bytes(CONNECT + SUBSCRIBE + PUBLISH)) client.send(Buffer.of(byte))
    await client.expectBytes(CONNACK + SUBACK)
    await client.expectBytes(PUBLISH)
  })

  test('several packets in one frame, and a part of the next', async () => {
    await using bed = await WebSocketBed.start(scheme)
    const client = await bed.open()
    const all = bytes(CONNECT + SUBSCRIBE + PUBLISH + PING)
    client.send(all.subarray(0, -1))
    await client.expectBytes(CONNACK + SUBACK)
    await client.expectBytes(PUBLISH)
    client.send(all.subarray(-1))
    await client.expectBytes(PINGRESP)
  })

  test('a message in fragments, with a ping between them, and empty ones', async () => {
    await using bed = await WebSocketBed.start(scheme)
    const client = await bed.open()
    const packet = bytes(CONNECT)
    packet.forEach((byte, i) => {
      client.send(Buffer.of(byte), { opcode: i === 0 ? Opcode.binary : Opcode.continuation, final: false })
      if (i === 3) client.send('706f', { opcode: Opcode.ping })
    })
    client.send('', { opcode: Opcode.continuation, final: true })
    expect(await client.expectControl()).toMatchObject({ opcode: Opcode.pong, payload: bytes('706f') })
    await client.expectBytes(CONNACK)
    client.send('')
    client.send(PING)
    await client.expectBytes(PINGRESP)
  })

  test('the frames in one segment, split at every byte', async () => {
    await using bed = await WebSocketBed.start(scheme)
    const all = Buffer.concat([frameOf(CONNECT), frameOf(PING), frameOf('', { opcode: Opcode.ping })])
    for (let at = 1; at < all.length; at++) {
      const stream = await bed.reach()
      const client = await FrameClient.open(stream)
      await new Promise<void>((resolve) => void stream.write(all.subarray(0, at), () => setImmediate(resolve)))
      client.raw(all.subarray(at))
      await client.expectBytes(CONNACK)
      await client.expectBytes(PINGRESP)
      expect((await client.expectControl()).opcode).toBe(Opcode.pong)
      client.destroy()
    }
  })

  test('a large packet over many frames, there and back', async () => {
    await using bed = await WebSocketBed.start(scheme)
    const client = await bed.enter()
    client.send(SUBSCRIBE)
    await client.expectBytes(SUBACK)
    const payload = Buffer.alloc(500_000, 'sandpiper')
    const packet = Buffer.concat([bytes('30 a3c21e 0001 74'), payload])
    for (let at = 0; at < packet.length; at += 1000) client.send(packet.subarray(at, at + 1000))
    await client.expectBytes(packet.toString('hex'))
  })
})

describe.each(SCHEMES)('%s: frames that are refused', (scheme) => {
  const cases: readonly (readonly [name: string, frame: () => Buffer, code: number])[] = [
    ['[MQTT-6.0.0-1] text', () => frameOf(PING, { opcode: Opcode.text }), 1003],
    ['[MQTT-6.0.0-1] text in fragments', () => Buffer.concat([frameOf('61', { opcode: Opcode.text, final: false }), frameOf('62', { opcode: Opcode.continuation })]), 1003],
    ['text that is no UTF-8', () => frameOf('ff', { opcode: Opcode.text }), 1003],
    ['without a mask', () => frameOf(PING, { masked: false }), 1002],
    ['an opcode of the future', () => frameOf(PING, { opcode: 3 }), 1002],
    ['a continuation of nothing', () => frameOf(PING, { opcode: Opcode.continuation }), 1002],
    ['a ping in fragments', () => frameOf('', { opcode: Opcode.ping, final: false }), 1002],
    ['a ping that is too long', () => frameOf(Buffer.alloc(126), { opcode: Opcode.ping }), 1002],
    ['larger than the largest packet, before it has come', () => frameOf(Buffer.alloc(1_065_537)).subarray(0, 100), 1009],
    ['larger than can be', () => Buffer.from([0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), 1009],
    ['in too many fragments', () => Buffer.concat(Array.from({ length: 9000 }, (_, i) => frameOf('c0', { opcode: i === 0 ? Opcode.binary : Opcode.continuation, final: false }))), 1008],
  ]

  test.each(cases)('%s: closed with a code; the will goes out, others go on', async (_, frame, code) => {
    await using bed = await WebSocketBed.start(scheme)
    const watcher = await bed.gateway.connect(4)
    await watcher.subscribe('will')
    const client = await bed.enter(CONNECT_WITH_WILL)
    client.raw(frame())
    await client.expectClosed(code)
    await watcher.expect({ cmd: 'publish', topic: 'will', payload: 'x' })
    expect(bed.gateway.counters).toMatchObject({ protocolErrors: 1 })
  })
})

describe.each(SCHEMES)('%s: the end', (scheme) => {
  test('after DISCONNECT the gateway closes; no will', async () => {
    await using bed = await WebSocketBed.start(scheme)
    const watcher = await bed.gateway.connect(4)
    await watcher.subscribe('will')
    const client = await bed.enter(CONNECT_WITH_WILL)
    client.send('e0 00')
    await client.expectClosed(1000)
    await watcher.expectNothing()
  })

  test.each([
    ['with a Close', (client: FrameClient) => client.send('03e8', { opcode: Opcode.close }), 1000],
    ['with a Close without a code', (client: FrameClient) => client.send('', { opcode: Opcode.close }), null],
    ['without a word', (client: FrameClient) => client.destroy(), null],
  ])('a client that goes %s leaves its will', async (_, go, code) => {
    await using bed = await WebSocketBed.start(scheme)
    const watcher = await bed.gateway.connect(4)
    await watcher.subscribe('will')
    const client = await bed.enter(CONNECT_WITH_WILL)
    go(client)
    if (code !== null) await client.expectClosed(code)
    await watcher.expect({ cmd: 'publish', topic: 'will', payload: 'x' })
    expect(bed.gateway.counters.protocolErrors).toBe(0)
  })

  test('a refused CONNECT is answered before the end', async () => {
    await using bed = await WebSocketBed.start(scheme)
    const client = await bed.open()
    client.send('10 0c 0004 4d515454 07 02 0000 0000') // version 7
    await client.expectBytes('20')
    await client.expectClosed(1000)
  })

  test('a stop of the gateway tells every client', async () => {
    await using bed = await WebSocketBed.start(scheme)
    const client = await bed.open()
    client.send('10 10 0004 4d515454 05 02 0000 00 0003 616263') // 5.0
    await client.expectBytes('20')
    const stopped = bed.gateway.gateway.stop()
    await client.expectClosed(1000)
    expect(client.data.toString('hex')).toMatch(/e0..8b/)
    await stopped
  })
})

describe.each(SCHEMES)('%s: back-pressure', (scheme) => {
  const chunk = Buffer.concat([bytes('30 83d00f 0001 74'), Buffer.alloc(256_000)]) // "t", 256,000 bytes

  test('a client that does not read is sent no more than its output takes, then everything that was not dropped', { timeout: 30_000 }, async () => {
    await using bed = await WebSocketBed.start(scheme, 'websocket: true, outputBuffer: 1MB')
    const { gateway } = bed
    const slow = await bed.enter()
    slow.send(SUBSCRIBE)
    await slow.expectBytes(SUBACK)
    slow.stopReading()
    const publisher = await gateway.connect(4)
    const total = 120
    for (let i = 0; i < total; i++) publisher.send(chunk)
    await gateway.passUntil(until(() => gateway.counters.publishReceived === total, 'everything to be read'))
    expect(gateway.counters.droppedSlowReader).toBeGreaterThan(50)
    slow.goOnReading()
    await slow.expectBytes(Buffer.concat(Array.from({ length: total - gateway.counters.droppedSlowReader }, () => chunk)))
    slow.send(PING)
    await slow.expectBytes(PINGRESP)
  })

  test('a publisher is not read from while its receiver does not read', { timeout: 30_000 }, async () => {
    await using bed = await WebSocketBed.start(scheme)
    const { gateway } = bed
    const slow = await gateway.connect(4)
    await slow.subscribe('t')
    slow.stopReading()
    const publisher = await bed.enter('10 0d 0004 4d515454 04 02 0000 0001 70')
    const total = 120
    for (let i = 0; i < total; i++) publisher.send(chunk)
    let before = -1
    await until(() => {
      const now = gateway.counters.bytesReceived
      const stands = now === before && now > 1_000_000
      before = now
      return stands
    }, 'the gateway to stop reading')
    expect(gateway.counters.publishReceived).toBeLessThan(total)
    slow.goOnReading()
    for (let i = 0; i < total; i++) await slow.expect({ cmd: 'publish', topic: 't' })
    expect(gateway.counters.droppedSlowReader).toBe(0)
  })
})
