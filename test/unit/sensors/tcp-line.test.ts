// A connection that is kept open: real sockets, time that the test moves.
import { createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TcpLine } from '../../../src/sensors/tcp-line.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { freePort } from '../../support/ports.ts'
import { until } from '../../support/until.ts'

let clock: FakeClock
let server: Server | null
let peers: Socket[]
let told: string[]
let line: TcpLine
let port: number

beforeEach(async () => {
  clock = new FakeClock()
  server = null
  peers = []
  told = []
  port = await freePort()
  line = new TcpLine({ host: '127.0.0.1', port }, { clock, random: () => 0 }, {
    opened: () => void told.push('opened'),
    lost: (why) => void told.push(`lost ${why}`),
    data: (chunk) => void told.push(`data ${chunk.toString()}`),
  })
})

afterEach(async () => {
  await line.stop()
  unplug()
})

async function plug(): Promise<void> {
  server = createServer((peer) => void peers.push(peer.on('error', () => {})))
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}

function unplug(): void {
  server?.close()
  for (const peer of peers.splice(0)) peer.destroy()
}

const tells = (text: string): Promise<unknown> => until(() => told.some((one) => one.includes(text)), `"${text}" to be told`)

describe('a connection', () => {
  test('carries bytes both ways, and is made anew when it was lost', async () => {
    await plug()
    line.start()
    line.start()
    await tells('opened')
    await until(() => peers.length === 1, 'the peer')
    peers[0]!.write('hello')
    await tells('data hello')
    const heard = once(peers[0]!, 'data')
    let taken = false
    expect(line.write(Buffer.from('hi'), () => (taken = true))).toBe(true)
    expect(String((await heard)[0])).toBe('hi')
    expect(taken).toBe(true)
    peers.shift()!.destroy()
    await tells('lost')
    expect(line.isOpen).toBe(false)
    expect(line.write(Buffer.from('x'))).toBe(false)
    clock.advance(999)
    clock.advance(1)
    await until(() => told.filter((one) => one === 'opened').length === 2, 'the next connection')
  })

  test('that is refused is tried at 1, 3, 7 s, and says what to look at', async () => {
    line.start()
    await tells('lost')
    expect(told[0]).toContain(`127.0.0.1:${port} refuses the connection`)
    for (const [i, waitMs] of [1000, 2000, 4000].entries()) {
      clock.advance(waitMs - 1)
      expect(clock.pending).toBe(1)
      clock.advance(1)
      await until(() => told.length === i + 2, 'the next refusal')
    }
    await plug()
    clock.advance(8000)
    await tells('opened')
  })

  test('that is dropped says why, and no data of it comes after', async () => {
    await plug()
    line.start()
    await tells('opened')
    line.drop('it did not answer')
    await tells('lost')
    expect(told.at(-1)).toContain('it did not answer')
  })

  test('that takes nothing is given up before its bytes fill the memory', async () => {
    server = createServer((peer) => void peers.push(peer.pause().on('error', () => {})))
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    line.start()
    await tells('opened')
    const piece = Buffer.alloc(32 * 1024)
    await until(() => !line.write(piece), 'the write to be refused')
    await tells('takes nothing any more')
  })

  test('stop ends it, also while it is tried, and leaves nothing', async () => {
    line.start()
    await line.stop()
    await line.stop()
    line.start()
    expect([clock.pending, told]).toEqual([0, []])
  })
})
