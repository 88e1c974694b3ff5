// Chapter 8: listeners behind a proxy that tells who the client is (PROXY protocol). What a header may be is in test/unit/net; here is
// what the listener makes of it, before each transport.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Authority } from '../support/certificates.ts'
import { frameOf, FrameClient } from '../support/frame-client.ts'
import { TestGateway, type TestGatewayOptions } from '../support/gateway.ts'
import { dial, dialTls, listenersOf } from '../support/listeners.ts'
import { until } from '../support/until.ts'
import { connectPacket, WireClient } from '../support/wire-client.ts'

let authority: Authority
let ca: Buffer
let tls = ''
beforeAll(async () => {
  authority = await Authority.make()
  ca = readFileSync(authority.certFile)
  const { keyFile, certFile } = await authority.issue('gateway')
  tls = `, tls: { key: "${keyFile}", cert: "${certFile}" }`
})
afterAll(() => authority[Symbol.asyncDispose]())

const V1 = Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 40000 1883\r\n')
const V2 = Buffer.from('0d0a0d0a000d0a515549540a 21 11 000f c0000207 c6336401 9c40 075b 040000'.replaceAll(' ', ''), 'hex')
const V1_IPV6 = Buffer.from('PROXY TCP6 2001:db8:0::7 ::1 40000 1883\r\n')
const LOCAL = Buffer.from('0d0a0d0a000d0a515549540a 20 00 0000'.replaceAll(' ', ''), 'hex')
const UNKNOWN = Buffer.from('PROXY UNKNOWN\r\n')
const from = (source: string): Buffer => Buffer.from(`PROXY TCP4 ${source} 198.51.100.1 40000 1883\r\n`)
const CONNECT = Buffer.from('100c00044d5154540402003c0000', 'hex')

/** A gateway that notes who has connected. */
async function start(more = '', broker: TestGatewayOptions['broker'] = {}, proxies = '127.0.0.1'): Promise<{ gateway: TestGateway; peers: string[] } & AsyncDisposable> {
  const peers: string[] = []
  const debug = (fields: object, text: string): void => void (text === 'client connected' && peers.push((fields as { peer: string }).peer))
  const gateway = await TestGateway.start({
    broker: { ...listenersOf(`port: 0, proxyProtocol: { from: [${proxies}] }${more}`), ...broker },
    log: { debug, info() {}, warn() {}, error() {} },
  })
  return { gateway, peers, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() }
}

const over = (stream: Duplex): WireClient => WireClient.over(stream, 4)
const write = (socket: Socket, bytes: Buffer): Promise<void> => new Promise((resolve) => void socket.write(bytes, () => setImmediate(resolve)))

/** What stands before the gateway: each connection is carried on, with `header` before its first bytes. */
async function proxyTo(port: number, header: Buffer, joined: boolean): Promise<{ readonly port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect({ port, host: '127.0.0.1', noDelay: true })
    for (const [socket, other] of [[near, far], [far, near]] as const) {
      sockets.add(socket)
      socket.on('error', () => {}).once('close', () => other.destroy())
    }
    far.pipe(near)
    near.once('data', (first: Buffer) => {
      if (joined) far.write(Buffer.concat([header, first]))
      else far.write(header, () => setImmediate(() => far.write(first)))
      near.pipe(far)
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const end = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await new Promise<void>((resolve) => void server.close(() => resolve()))
  }
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: end }
}

describe('who the client is', () => {
  test.each([
    ['version 1', V1, '192.0.2.7:40000'],
    ['version 2', V2, '192.0.2.7:40000'],
    ['IPv6', V1_IPV6, '[2001:db8::7]:40000'],
    ['LOCAL: the proxy itself', LOCAL, '127.0.0.1:PORT'],
    ['UNKNOWN', UNKNOWN, '127.0.0.1:PORT'],
  ])('%s', async (_, header, peer) => {
    await using bed = await start()
    const socket = await dial({ port: bed.gateway.port })
    socket.write(Buffer.concat([header, CONNECT]))
    await over(socket).expect({ cmd: 'connack', returnCode: 0 })
    expect(bed.peers).toEqual([peer.replace('PORT', String(socket.localPort))])
  })

  test.each([['version 1', V1], ['version 2', V2]])('%s, cut apart from CONNECT at every byte', async (_, header) => {
    await using bed = await start()
    const all = Buffer.concat([header, CONNECT])
    for (let at = 1; at < all.length; at++) {
      const socket = await dial({ port: bed.gateway.port })
      const client = over(socket)
      await write(socket, all.subarray(0, at))
      await write(socket, all.subarray(at))
      await client.expect({ cmd: 'connack', returnCode: 0 })
      socket.destroy()
    }
    expect(new Set(bed.peers)).toEqual(new Set(['192.0.2.7:40000']))
    expect(bed.gateway.counters).toMatchObject({ refusedProxyHeaders: 0, connectionsOpened: all.length - 1 })
  })

  test('byte by byte', async () => {
    await using bed = await start()
    const socket = await dial({ port: bed.gateway.port })
    const client = over(socket)
    for (const byte of Buffer.concat([V2, CONNECT])) await write(socket, Buffer.of(byte))
    await client.expect({ cmd: 'connack', returnCode: 0 })
  })

  describe.each([['in one segment with what follows', true], ['on its own', false]])('the header %s', (_, joined) => {
    test.each([['version 1', V1], ['version 2', V2]])('%s, before TLS', async (_version, header) => {
      await using bed = await start(tls)
      await using proxy = await proxyTo(bed.gateway.port, header, joined)
      const client = over(await dialTls(proxy.port, { ca }))
      client.send(connectPacket(4))
      await client.expect({ cmd: 'connack', returnCode: 0 })
      expect(bed.peers).toEqual(['192.0.2.7:40000'])
    })

    test.each([['version 1', V1], ['version 2', V2]])('%s, before WebSocket', async (_version, header) => {
      await using bed = await start(', websocket: true')
      await using proxy = await proxyTo(bed.gateway.port, header, joined)
      const client = FrameClient.over(await dial({ port: proxy.port }))
      client.raw(Buffer.concat([client.request(), frameOf(CONNECT)]))
      await client.expectBytes('20020000')
      expect(bed.peers).toEqual(['192.0.2.7:40000'])
    })

    test.each([['version 1', V1], ['version 2', V2]])('%s, before TLS and WebSocket', async (_version, header) => {
      await using bed = await start(`${tls}, websocket: true`)
      await using proxy = await proxyTo(bed.gateway.port, header, joined)
      const client = await FrameClient.open(await dialTls(proxy.port, { ca }))
      client.send(CONNECT)
      await client.expectBytes('20020000')
      expect(bed.peers).toEqual(['192.0.2.7:40000'])
    })
  })

  test('limits count by the client’s address, not by the proxy’s', async () => {
    await using bed = await start(', maxConnectionsPerAddress: 1')
    const enter = async (header: Buffer): Promise<WireClient> => {
      const socket = await dial({ port: bed.gateway.port })
      socket.write(Buffer.concat([header, CONNECT]))
      return over(socket)
    }
    const first = await enter(from('192.0.2.1'))
    await first.expect({ cmd: 'connack', returnCode: 0 })
    await (await enter(from('192.0.2.2'))).expect({ cmd: 'connack', returnCode: 0 })
    await (await enter(from('192.0.2.1'))).expectClosed()
    expect(bed.gateway.counters).toMatchObject({ refusedPerAddress: 1, connectionsRefused: 1 })
    await first.disconnect()
    await until(async () => (await enter(from('192.0.2.1'))).expect({ cmd: 'connack', returnCode: 0 }), 'room for one more')
  })
})

describe('refused and counted', () => {
  test.each([
    ['MQTT at once', CONNECT],
    ['a malformed header', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n')],
    ['a header without end', Buffer.from(`PROXY TCP4 ${'1'.repeat(200)}`)],
    ['TLS at once', Buffer.from('160301020001', 'hex')],
  ])('a proxy that sends %s', async (_, bytes) => {
    await using bed = await start()
    const socket = await dial({ port: bed.gateway.port })
    socket.write(bytes)
    await over(socket).expectClosed()
    expect(bed.gateway.counters).toMatchObject({ refusedProxyHeaders: 1, connectionsRefused: 1, connectionsOpened: 0 })
  })

  test.each([['version 1', V1], ['version 2', V2]])('a header of somebody who is no proxy: %s', async (_, header) => {
    await using bed = await start('', {}, '10.0.0.1, 127.0.0.2/31')
    const socket = await dial({ port: bed.gateway.port })
    socket.on('error', () => {}).write(Buffer.concat([header, CONNECT]))
    await over(socket).expectClosed()
    expect(bed.gateway.counters).toMatchObject({ refusedProxyHeaders: 1, connectionsOpened: 0 })
    const proxy = await dial({ port: bed.gateway.port, localAddress: '127.0.0.3' })
    proxy.write(Buffer.concat([header, CONNECT]))
    await over(proxy).expect({ cmd: 'connack', returnCode: 0 })
    expect(bed.peers).toEqual(['192.0.2.7:40000'])
  })

  test('on a listener without the option a header is no MQTT', async () => {
    await using gateway = await TestGateway.start()
    const socket = await dial({ port: gateway.port })
    socket.write(Buffer.concat([V1, CONNECT]))
    await over(socket).expectClosed()
    expect(gateway.counters.connectionsNow).toBe(0)
  })

  test('a proxy that never finishes its header, in the time of CONNECT', async () => {
    await using bed = await start()
    const silent = over(await dial({ port: bed.gateway.port }))
    const halfway = over(await dial({ port: bed.gateway.port }))
    halfway.send(V1.subarray(0, 20))
    await bed.gateway.pass(12)
    for (const client of [silent, halfway]) await client.expectClosed()
    expect(bed.gateway.counters.connectTimeouts).toBe(2)
  })

  test('no more wait for their header than may be connected', async () => {
    await using bed = await start('', { connectionsMax: 3 })
    const waiting = []
    for (let i = 0; i < 3; i++) waiting.push(await dial({ port: bed.gateway.port }))
    await over(await dial({ port: bed.gateway.port })).expectClosed()
    expect(bed.gateway.counters.refusedProxyHeaders).toBe(1)
    waiting[0]!.write(Buffer.concat([V1, CONNECT]))
    await over(waiting[0]!).expect({ cmd: 'connack', returnCode: 0 })
    const another = await dial({ port: bed.gateway.port }) // there is room for one more
    another.write(Buffer.concat([V2, CONNECT]))
    await over(another).expect({ cmd: 'connack', returnCode: 0 })
  })
})
