// What ss prints of a socket, and what it means on the wire.
import { createServer, connect, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { askSs, parseTcpInfo, wireBytes } from '../../../../src/uplink/budget/tcp-info.ts'

// iproute2 6.1 with -tinoH, the numbers of a connection that has sent 20 messages of 300 bytes.
const PRINTED = `ESTAB 0      0          10.99.0.1:42472    10.99.0.2:9000 timer:(keepalive,1min,0)
\t ts sack cubic wscale:10,10 rto:204 rtt:0.118/0.019 ato:40 mss:1448 pmtu:1500 rcvmss:536 advmss:1448 cwnd:30 bytes_sent:6600 bytes_retrans:600 bytes_acked:6001 bytes_received:80 segs_out:44 segs_in:22 data_segs_out:22 data_segs_in:20 send 2945084746bps lastsnd:408 retrans:0/2 delivered:21 rcv_space:14480 minrtt:0.011 snd_wnd:65536
`

test('the numbers are found, those that ss leaves out are 0', () => {
  expect(parseTcpInfo(PRINTED)).toEqual({ bytesSent: 6600, bytesSentAgain: 600, bytesReceived: 80, segmentsSent: 44, segmentsReceived: 22, timestamps: true, segmentBytesMax: 1448 })
  expect(parseTcpInfo('SYN-SENT 0 1 10.0.0.1:40000 10.0.0.2:8883\n\t cubic rto:1000 mss:524 segs_out:3')).toEqual({
    bytesSent: 0, bytesSentAgain: 0, bytesReceived: 0, segmentsSent: 3, segmentsReceived: 0, timestamps: false, segmentBytesMax: 524,
  })
})

test.each(['', 'ESTAB 0 0 10.0.0.1:1 10.0.0.2:2', 'TIME-WAIT 0 0 10.0.0.1:1 10.0.0.2:2 timer:(timewait,59sec,0)', 'Error: something', '\0\n\n:::'])('%j is nobody’s counters', (text) => {
  expect(parseTcpInfo(text)).toBeNull()
})

test('on the wire: payload, headers of both directions, and a loss of theirs like ours', () => {
  const plain = { bytesSent: 1000, bytesSentAgain: 0, bytesReceived: 100, segmentsSent: 10, segmentsReceived: 5, timestamps: true, segmentBytesMax: 1448 }
  expect(wireBytes(plain, 'IPv4')).toBe(1100 + 15 * 52 + 16)
  expect(wireBytes(plain, 'IPv6')).toBe(1100 + 15 * 72 + 16)
  expect(wireBytes({ ...plain, timestamps: false }, 'IPv4')).toBe(1100 + 15 * 40 + 24)
  expect(wireBytes({ ...plain, bytesSentAgain: 100 }, 'IPv4')).toBeCloseTo(1000 + 520 + 1.1 * (100 + 260) + 16)
})

test('a socket of ours is found by its ports', async ({ skip }) => {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' })
  await once(socket, 'connect')
  socket.write(Buffer.alloc(5000))
  for (let bytes = 0; bytes < 5000; ) bytes += ((await once(socket, 'data')) as [Buffer])[0].length
  const ports = { localPort: socket.localPort!, remotePort: socket.remotePort! }
  const info = await askSs(ports)
  socket.destroy()
  server.close()
  if (info === 'unavailable') skip('there is no ss (Debian: iproute2)')
  expect(info).toMatchObject({ bytesSent: 5000, bytesReceived: 5000, bytesSentAgain: 0 })
  expect(await askSs({ localPort: 1, remotePort: 1 })).toBeNull()
})

test('a system without ss says so once and for all', async () => {
  const path = process.env.PATH
  process.env.PATH = '/nonexistent'
  try {
    expect(await askSs({ localPort: 1, remotePort: 1 })).toBe('unavailable')
  } finally {
    process.env.PATH = path
  }
})
