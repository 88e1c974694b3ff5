// Chapter 8: a connection takes a place of its listener from accept on, and gives it back however it ends and how far it had come.
/* oxlint-disable vitest/expect-expect -- allPlacesAreFree has the assertions */
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Authority } from '../support/certificates.ts'
import { frameOf, FrameClient, Opcode } from '../support/frame-client.ts'
import { TestGateway } from '../support/gateway.ts'
import { dial, dialTls, listenersOf } from '../support/listeners.ts'
import { until } from '../support/until.ts'
import { Random } from '../unit/mqtt/samples.ts'

const PLACES = 4
const CONNECT = Buffer.from('100c00044d5154540402003c0000', 'hex')
const CONNACK = '20020000'
const PROXY = Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 40000 1883\r\n')

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

interface Way {
  readonly proxied: boolean
  readonly secure: boolean
  readonly framed: boolean
}

const ways: readonly Way[] = [false, true].flatMap((proxied) => [false, true].flatMap((secure) => [false, true].map((framed) => ({ proxied, secure, framed }))))

describe.each(ways)('PROXY $proxied, TLS $secure, WebSocket $framed', ({ proxied, secure, framed }) => {
  const start = (): Promise<TestGateway> =>
    TestGateway.start({ broker: { ...listenersOf(`port: 0${proxied ? ', proxyProtocol: { from: [127.0.0.1] }' : ''}${secure ? tls : ''}${framed ? ', websocket: true' : ''}`), connectionsMax: PLACES } })

  const knock = async (gateway: TestGateway): Promise<Socket> => (await dial({ port: gateway.port })).on('error', () => {})

  /** One step after the other; `turn` may end it at each. Answers with what has its CONNACK. */
  async function enter(socket: Socket, turn: () => void = () => {}): Promise<FrameClient | Duplex> {
    let stream: Duplex = socket
    turn()
    if (proxied) socket.write(PROXY)
    turn()
    if (secure) stream = (await dialTls(socket, { ca })).on('error', () => {})
    turn()
    if (!framed) {
      stream.write(CONNECT)
      const connack = await new Promise<Buffer>((resolve, reject) => void stream.once('data', resolve).once('close', () => reject(new Error('closed'))))
      expect(connack.toString('hex')).toBe(CONNACK)
      return stream
    }
    const client = await FrameClient.open(stream)
    turn()
    client.send(CONNECT)
    await client.expectBytes(CONNACK)
    return client
  }

  async function allPlacesAreFree(gateway: TestGateway): Promise<void> {
    const clients: (FrameClient | Duplex)[] = []
    for (let i = 0; i < PLACES; i++) clients.push(await until(async () => enter(await knock(gateway)), `place ${i + 1} of ${PLACES}`))
    const { connectionsRefused } = gateway.counters
    await expect(enter(await knock(gateway))).rejects.toThrow(/closed|hung up|disconnected|ECONNRESET|an answer/)
    expect(gateway.counters.connectionsRefused).toBeGreaterThan(connectionsRefused)
    for (const client of clients) client.destroy()
  }

  test('cut off after each step', async () => {
    await using gateway = await start()
    for (let steps = 1; steps <= 5; steps++) {
      for (let i = 0; i < PLACES; i++) {
        const socket = await knock(gateway)
        let left = steps
        await enter(socket, () => {
          if (--left === 0) socket.destroy()
        }).then((client) => client.destroy(), () => {})
      }
    }
    await allPlacesAreFree(gateway)
  })

  test('after noise at each step', async () => {
    await using gateway = await start()
    const random = new Random(8)
    for (let i = 0; i < 60; i++) {
      const socket = await knock(gateway)
      const noise = Buffer.from(Array.from({ length: random.int(1, 200) }, () => random.int(0, 255)))
      let left = random.int(1, 5)
      await enter(socket, () => {
        if (--left === 0) socket.write(noise, () => socket.end())
      }).then((client) => client.destroy(), () => {})
      socket.destroy()
    }
    await allPlacesAreFree(gateway)
  })

  test('after silence at each step', async () => {
    await using gateway = await start()
    for (let steps = 1; steps <= 4; steps++) {
      const sockets: Socket[] = []
      for (let i = 0; i < PLACES; i++) {
        const socket = await knock(gateway)
        sockets.push(socket)
        let left = steps
        await enter(socket, () => {
          if (--left === 0) throw new Error('silence')
        }).catch(() => {})
      }
      await until(async () => {
        await gateway.pass(1)
        return sockets.every((socket) => socket.destroyed || socket.readableEnded || socket.readyState !== 'open')
      }, 'the gateway to give them up')
    }
    await allPlacesAreFree(gateway)
  })

  test.runIf(framed)('after frames that are refused', async () => {
    await using gateway = await start()
    for (let i = 0; i < 2 * PLACES; i++) {
      const client = (await until(async () => enter(await knock(gateway)), 'a place')) as FrameClient
      client.raw(frameOf('00', { opcode: i % 2 === 0 ? Opcode.text : 3 }))
      await client.expectClosed(i % 2 === 0 ? 1003 : 1002)
    }
    await allPlacesAreFree(gateway)
  })
})
