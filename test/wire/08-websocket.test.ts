// Chapter 8: the opening handshake of MQTT over WebSocket (section 6). The client is made by hand: it can do what no library would.
import { describe, expect, test } from 'vitest'
import { bytes, CONNACK, CONNECT, PING, PINGRESP, SCHEMES, WebSocketBed } from '../support/websocket-bed.ts'
import { frameOf, FrameClient, type HandshakeOptions, Opcode } from '../support/frame-client.ts'
import { until } from '../support/until.ts'

describe.each(SCHEMES)('%s: the opening handshake', (scheme) => {
  test.each([
    ['mqtt', 'mqtt'],
    ['mqttv3.1', 'mqttv3.1'],
    ['mqttv3.1, mqtt', 'mqtt'],
    ['chat,mqtt', 'mqtt'],
  ])('[MQTT-6.0.0-4] of %s it selects %s', async (offered, selected) => {
    await using bed = await WebSocketBed.start(scheme)
    const client = await bed.open({ protocol: offered })
    expect(client).toMatchObject({ accepted: true, protocol: selected })
    client.send(CONNECT)
    await client.expectBytes(CONNACK)
  })

  test.each([
    ['[MQTT-6.0.0-3] no subprotocol', { protocol: null }, 400, 'Sec-WebSocket-Protocol must offer mqtt\n'],
    ['another subprotocol', { protocol: 'chat' }, 400, 'Sec-WebSocket-Protocol must offer mqtt\n'],
    ['its name in capitals', { protocol: 'MQTT' }, 400, 'Sec-WebSocket-Protocol must offer mqtt\n'],
    ['a malformed list', { protocol: 'mqtt,,' }, 400, 'Invalid Sec-WebSocket-Protocol header\n'],
    ['another path', { path: '/chat' }, 404, 'MQTT over WebSocket is at /mqtt and /\n'],
    ['a path below', { path: '/mqtt/x' }, 404, 'MQTT over WebSocket is at /mqtt and /\n'],
    ['an older version of WebSocket', { headers: { 'Sec-WebSocket-Version': '7' } }, 400, 'Missing or invalid Sec-WebSocket-Version header\n'],
    ['no key', { headers: { 'Sec-WebSocket-Key': '' } }, 400, 'Missing or invalid Sec-WebSocket-Key header\n'],
    ['another upgrade', { headers: { Upgrade: 'h2c' } }, 400, 'Invalid Upgrade header\n'],
    ['no upgrade', { headers: { Upgrade: '', Connection: '' } }, 426, 'this is MQTT over WebSocket\n'],
    ['no upgrade, over and over', { headers: { Upgrade: '', Connection: 'keep-alive' } }, 426, 'this is MQTT over WebSocket\n'],
    ['a body', { headers: { 'Content-Length': '5' } }, 400, 'a request with a body\n'],
    ['headers without end', { headers: { Cookie: 'x'.repeat(17_000) } }, 431, 'malformed request\n'],
  ] as const)('%s: a short answer, and the end', async (_, options: HandshakeOptions, status, body) => {
    await using bed = await WebSocketBed.start(scheme)
    const client = await bed.open(options)
    await until(() => client.closed, 'the end of the connection')
    expect(client).toMatchObject({ status, body })
    expect(client.head).toContain('Connection: close\r\n')
    expect(bed.gateway.counters).toMatchObject({ refusedWebSockets: 1, connectionsRefused: 1, connectionsOpened: 0 })
  })

  test.each([
    ['GET', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 426],
    ['POST', 'POST /mqtt HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nbegin', 426],
    ['HEAD elsewhere', 'HEAD /index.html HTTP/1.0\r\n\r\n', 404],
    ['CONNECT', 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n', 405],
    ['two at once', 'GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n', 426],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['MQTT', bytes(CONNECT).toString('latin1'), 400],
    ['noise', '\x00\xff\x00\xff', 400],
  ])('what is no WebSocket client gets a 4xx: %s', async (_, request, status) => {
    await using bed = await WebSocketBed.start(scheme)
    const client = FrameClient.over(await bed.reach())
    client.raw(Buffer.from(request, 'latin1'))
    await until(() => client.closed, 'the end of the connection')
    expect(client.status).toBe(status)
    expect(client.body.match(/HTTP/)).toBeNull() // one answer
    expect(bed.gateway.counters.refusedWebSockets).toBe(1)
  })

  test.each([
    ['websocket: true', { '/mqtt': 101, '/': 101, '/mqtt?token=1': 101, '/?': 101, '/broker': 404 }],
    ['websocket: { path: /broker }', { '/broker': 101, '/broker?x': 101, '/mqtt': 404, '/': 404, '/broker/': 404 }],
  ])('at its paths only: %s', async (keys, paths) => {
    await using bed = await WebSocketBed.start(scheme, keys)
    const statuses: Record<string, number> = {}
    for (const path of Object.keys(paths)) statuses[path] = (await bed.open({ path })).status
    expect(statuses).toEqual(paths)
  })

  test('nothing is compressed, whatever is offered', async () => {
    await using bed = await WebSocketBed.start(scheme)
    const client = await bed.open({ headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' } })
    expect(client.accepted).toBe(true)
    expect(client.head).not.toContain('Extensions')
    client.send(CONNECT, { opcode: Opcode.binary | 0x40 }) // RSV1
    await client.expectClosed(1002)
  })

  test('the request byte by byte, and the first packet right behind it', async () => {
    await using bed = await WebSocketBed.start(scheme)
    const stream = await bed.reach()
    const client = FrameClient.over(stream)
    const request = client.request()
    for (const byte of request.subarray(0, -1)) await new Promise<void>((resolve) => void stream.write(Buffer.of(byte), () => setImmediate(resolve)))
    client.raw(Buffer.concat([request.subarray(-1), frameOf(CONNECT), frameOf(PING)]))
    await client.expectBytes(CONNACK)
    await client.expectBytes(PINGRESP)
  })

  test('has the time of CONNECT, and takes from it', async () => {
    await using bed = await WebSocketBed.start(scheme)
    const silent = FrameClient.over(await bed.reach())
    const halfway = FrameClient.over(await bed.reach())
    halfway.raw(Buffer.from('GET /mqtt HTT'))
    await bed.gateway.pass(6)
    const late = await bed.open()
    await bed.gateway.pass(5)
    for (const client of [silent, halfway]) await client.expectClosed(null)
    await bed.gateway.pass(6)
    await late.expectClosed(1000)
    await until(() => bed.gateway.counters.connectTimeouts === 3, 'all to be counted')
  })
})
