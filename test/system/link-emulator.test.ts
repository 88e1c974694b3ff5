// The link of the laboratory does what it says: an instrument that is wrong makes every figure wrong that it stands behind.
//
// A busy machine makes everything later, never sooner: times have lower bounds from physics, and upper ones only where order would be lost.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { LinkEmulator, type LinkShape } from '../support/link-emulator.ts'
import { endWithUs } from '../support/orphans.ts'
import { until } from '../support/until.ts'

const open: (() => void | Promise<void>)[] = []

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

/** The far end: keeps what comes, and answers with it when it is to. */
class Far {
  readonly sockets: Socket[] = []
  readonly chunks: Buffer[] = []
  port = 0

  static async start(echoes: boolean): Promise<Far> {
    const far = new Far()
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      far.sockets.push(socket)
      socket.on('error', () => {})
      socket.on('data', (chunk: Buffer) => {
        far.chunks.push(chunk)
        if (echoes) socket.write(chunk)
      })
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    far.port = (server.address() as AddressInfo).port
    open.push(() => {
      for (const socket of far.sockets) socket.destroy()
      server.close()
    })
    return far
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }
}

interface Near {
  readonly socket: Socket
  readonly got: () => Buffer
  readonly closed: () => boolean
  readonly error: () => string | undefined
}

async function bed(shape: LinkShape & { readonly seed?: number }, echoes = false): Promise<{ readonly link: LinkEmulator; readonly far: Far; readonly dial: () => Promise<Near> }> {
  const far = await Far.start(echoes)
  const link = await LinkEmulator.start({ to: { port: far.port }, ...shape })
  open.push(() => link[Symbol.asyncDispose]())
  const dial = async (): Promise<Near> => {
    const socket = connect({ port: link.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    open.push(() => void socket.destroy())
    const state: { chunks: Buffer[]; closed: boolean; error?: string | undefined } = { chunks: [], closed: false }
    socket.on('data', (chunk: Buffer) => state.chunks.push(chunk))
    socket.on('error', (error: NodeJS.ErrnoException) => (state.error = error.code))
    socket.once('close', () => (state.closed = true))
    await until(() => socket.readyState === 'open' || state.closed, 'the connection')
    return { socket, got: () => Buffer.concat(state.chunks), closed: () => state.closed, error: () => state.error }
  }
  return { link, far, dial }
}

const pattern = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255))

describe('bytes', () => {
  test.each<[string, LinkShape]>([
    ['an ideal link', {}],
    ['a slow one with delay and jitter', { bitsPerSec: 4e6, rttMs: 20, jitterMs: 10 }],
  ])('%s carries them whole and in order, both ways, and then the end', async (_, shape) => {
    const { link, far, dial } = await bed(shape, true)
    const near = await dial()
    const sent = pattern(200_000)
    for (let at = 0; at < sent.length; at += 3000) near.socket.write(sent.subarray(at, at + 3000))
    await until(() => near.got().length === sent.length, 'the echo')
    expect(near.got().equals(sent)).toBe(true)
    near.socket.end()
    await until(() => far.sockets[0]!.readableEnded, 'the far end to hear of the end')
    expect(near.closed()).toBe(false) // half of it is open
    far.sockets[0]!.end()
    await until(() => near.closed() && link.connections === 0, 'the end of the connection')
    expect(link.counters).toMatchObject({ connections: 1, cuts: 0, up: { taken: 200_000, delivered: 200_000, lost: 0 }, down: { taken: 200_000, delivered: 200_000, lost: 0 } })
  })

  test('a reset on one side is one on the other', async () => {
    const { far, dial } = await bed({ rttMs: 10 })
    const near = await dial()
    near.socket.write('x')
    await until(() => far.bytes.length === 1, 'the byte')
    far.sockets[0]!.resetAndDestroy()
    await until(() => near.closed(), 'the reset')
    expect(near.error()).toBe('ECONNRESET')
  })

  test('where nobody listens behind the link, the connection is reset', async () => {
    const { dial, far } = await bed({})
    await using link = await LinkEmulator.to(1)
    const near = connect({ port: link.port, host: '127.0.0.1' })
    const [error] = (await once(near, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNRESET')
    expect(far.sockets).toHaveLength(0)
    await expect(dial()).resolves.toBeDefined()
  })
})

describe('time', () => {
  test('the rate holds for each direction by itself, headers included, over all connections together', async () => {
    const { far, dial } = await bed({ bitsPerSec: { up: 320_000, down: 1e9 } }, true)
    const nears = [await dial(), await dial()]
    const began = performance.now()
    for (const { socket } of nears) socket.write(pattern(20_000))
    await until(() => nears.every((n) => n.got().length === 20_000), 'everything')
    const tookMs = performance.now() - began
    // 14 segments each: (20,000 + 14 × 52) × 8 bits, twice, at 320 kbit/s.
    const wantedMs = (2 * (20_000 + 14 * 52) * 8) / 320
    expect(tookMs).toBeGreaterThan(wantedMs * 0.99)
    expect(tookMs).toBeLessThan(wantedMs * 2)
    expect(far.bytes).toHaveLength(40_000)
  })

  test('the round trip has its length, and opening a connection takes one', async () => {
    const { dial } = await bed({ rttMs: 200 }, true)
    const began = performance.now()
    const near = await dial()
    const trip = async (n: number): Promise<number> => {
      const from = performance.now()
      near.socket.write('x')
      await until(() => near.got().length === n, 'the echo')
      return performance.now() - from
    }
    await trip(1)
    expect(performance.now() - began).toBeGreaterThanOrEqual(399)
    const ms = [await trip(2), await trip(3), await trip(4)]
    expect(Math.min(...ms)).toBeGreaterThanOrEqual(199)
    expect(Math.min(...ms)).toBeLessThan(400)
  })

  test('jitter makes segments later, and none overtakes another', async () => {
    const { far, dial } = await bed({ jitterMs: 60 })
    const near = await dial()
    const began = performance.now()
    for (let i = 0; i < 40; i++) near.socket.write(Buffer.alloc(1448, i))
    await until(() => far.bytes.length === 40 * 1448, 'everything')
    expect(far.bytes.equals(Buffer.concat(Array.from({ length: 40 }, (_, i) => Buffer.alloc(1448, i))))).toBe(true)
    expect(performance.now() - began).toBeGreaterThan(20) // the latest of 40
  })

  test('who sends faster than the line is not read from: the queue has a bound', async () => {
    const { link, dial, far } = await bed({ bitsPerSec: 1e6, queueBytesMax: 10_000 })
    const near = await dial()
    near.socket.write(Buffer.alloc(20_000_000))
    await until(() => far.bytes.length > 30_000, 'the first bytes')
    const { up } = link.counters
    expect(up.taken - up.delivered).toBeLessThan(10_000 + 2 * 65_536) // the queue, and what was read at once
    expect(near.socket.writableLength).toBeGreaterThan(0)
  })
})

describe('trouble', () => {
  test.each(['reset', 'end'] as const)('connections are cut by chance, with %s, and what was under way is lost', async (by) => {
    const { link, far, dial } = await bed({ rttMs: 2000, cut: { perSec: 4, by } })
    const near = await dial()
    near.socket.on('end', () => near.socket.end())
    near.socket.write('lost') // arrives after 3 seconds
    await until(() => near.closed(), 'the cut', 15_000)
    expect(near.error()).toBe(by === 'reset' ? 'ECONNRESET' : undefined)
    await until(() => link.connections === 0, 'both sockets to be closed')
    const { cuts, up } = link.counters
    expect({ cuts, up, far: far.bytes.toString() }).toEqual({ cuts: 1, up: { taken: 4, delivered: 0, lost: 4 }, far: '' })
  })

  test('connections are cut by what has passed', async () => {
    const { link, far, dial } = await bed({ cut: { perMillionBytes: 100 } })
    const near = await dial()
    const feed = setInterval(() => near.socket.write(Buffer.alloc(1000)), 1)
    open.push(() => clearInterval(feed))
    await until(() => near.closed(), 'the cut')
    expect(link.counters.cuts).toBe(1)
    expect(far.bytes.length).toBeGreaterThan(0)
  })

  test('the same seed cuts at the same byte', async () => {
    const cutAt = async (seed: number): Promise<number> => {
      const { link, dial } = await bed({ bitsPerSec: 50e6, cut: { perMillionBytes: 20 }, seed })
      const near = await dial()
      near.socket.write(Buffer.alloc(1_000_000))
      await until(() => near.closed(), 'the cut')
      return Math.ceil(link.counters.up.delivered / 1448)
    }
    expect(await cutAt(5)).toBe(await cutAt(5))
    expect(await cutAt(5)).not.toBe(await cutAt(6))
  })

  test('half open: both ends keep their connection, bytes are swallowed, and a new one lives', async () => {
    const { link, far, dial } = await bed({}, true)
    const near = await dial()
    near.socket.write('a')
    await until(() => near.got().length === 1, 'the echo')
    link.cutConnections('silent')
    near.socket.write('b')
    far.sockets[0]!.write('c')
    await until(() => link.counters.up.lost === 1 && link.counters.down.lost === 1, 'both bytes to be swallowed')
    near.socket.end() // the far end does not learn of it
    await until(() => near.closed(), 'the near end')
    const next = await dial()
    next.socket.write('d')
    await until(() => next.got().length === 1, 'the echo')
    expect(far.bytes.toString()).toBe('ad')
    expect(far.sockets[0]!.readableEnded).toBe(false)
    expect(link.connections).toBe(2)
  })

  test('cut: connections are reset and refused; mended: they come again, at the same port', async () => {
    const { link, far, dial } = await bed({}, true)
    const near = await dial()
    await link.cut()
    await until(() => near.closed(), 'the reset')
    expect((await dial()).error()).toBe('ECONNREFUSED')
    await link.mend()
    const next = await dial()
    next.socket.write('x')
    await until(() => next.got().length === 1, 'the echo')
    expect(far.sockets).toHaveLength(2)
  })

  test('paused: what is sent waits, new connections too, and all of it arrives afterwards', async () => {
    const { link, far, dial } = await bed({ rttMs: 10 })
    const near = await dial()
    near.socket.write('1')
    await until(() => far.bytes.length === 1, 'the first byte')
    link.pause()
    near.socket.write('2')
    const late = await dial()
    late.socket.write('3')
    await until(() => far.sockets.length === 2, 'the second connection')
    expect(far.bytes.toString()).toBe('1')
    await link.mend()
    await until(() => far.bytes.length === 3, 'the rest')
    expect(link.counters).toMatchObject({ downs: 1, up: { delivered: 3, lost: 0 } })
  })

  test('flaps: the link goes and comes by itself', async () => {
    const { link, dial } = await bed({ flap: { upMs: 60, downMs: 60, random: true } })
    const seen = new Set<string>()
    await until(async () => {
      const near = await dial()
      seen.add(near.error() ?? 'connected')
      near.socket.destroy()
      return seen.has('ECONNREFUSED') && seen.has('connected') && link.counters.downs >= 3
    }, 'both states')
  })

  test('black hole: connections are taken, and nobody answers', async () => {
    const { link, far, dial } = await bed({ blackHole: true }, true)
    const near = await dial()
    near.socket.write('x')
    expect(link.connections).toBe(1)
    await link.mend()
    await until(() => near.closed(), 'its end, when the link is a link again')
    const next = await dial()
    next.socket.write('y')
    await until(() => next.got().toString() === 'y', 'the echo')
    expect(far.bytes.toString()).toBe('y')
  })
})

describe('bytes on the wire', () => {
  test('the estimate: headers, acknowledgements, opening and end', async () => {
    const { link, far, dial } = await bed({ rttMs: 1 })
    const near = await dial()
    near.socket.write(Buffer.alloc(100)) // nothing answers: an acknowledgement of its own
    await until(() => far.bytes.length === 100, 'the message')
    const opened = { up: 112, down: 60 }
    await until(() => link.counters.wire.down > opened.down, 'the acknowledgement')
    expect(link.counters.wire).toEqual({ up: opened.up + 152, down: opened.down + 52 })
    far.sockets[0]!.write(Buffer.alloc(10 * 1448)) // every second segment is acknowledged
    await until(() => near.got().length === 10 * 1448, 'the answer')
    expect(link.counters.wire).toEqual({ up: opened.up + 152 + 5 * 52, down: opened.down + 52 + 10 * 1500 })
    near.socket.end()
    far.sockets[0]!.end()
    await until(() => near.closed() && link.connections === 0, 'the end')
    expect(link.counters.wire).toEqual({ up: opened.up + 152 + 7 * 52, down: opened.down + 52 + 10 * 1500 + 2 * 52 })
  })
})

describe('from the command line', () => {
  const FILE = fileURLToPath(new URL('../support/link-emulator.ts', import.meta.url))

  const run = (...args: string[]): { readonly child: ReturnType<typeof spawn>; readonly said: () => string } => {
    const child = endWithUs(spawn(process.execPath, [FILE, ...args], { stdio: ['ignore', 'pipe', 'pipe'] }))
    let said = ''
    for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
    return { child, said: () => said }
  }

  test('it says its port, and its counters when asked and at the end', async () => {
    const far = await Far.start(true)
    const { child, said } = run('--to', `127.0.0.1:${far.port}`, '--bps', '1M/256k', '--rtt', '20ms', '--cut-rate', '0.001/s,0.1/MB', '--flap', '1h/1s', '--seed', '3')
    const port = await until(() => /^listening on 127\.0\.0\.1:(\d+)$/m.exec(said())?.[1], 'the port')
    const near = connect({ port: Number(port), host: '127.0.0.1' })
    near.write('hello')
    const [echo] = (await once(near, 'data')) as [Buffer]
    expect(echo.toString()).toBe('hello')
    child.kill('SIGUSR1')
    await until(() => said().split('\n').length === 3, 'the counters')
    near.destroy()
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
    const [, first, last] = said().split('\n')
    expect(JSON.parse(first!)).toMatchObject({ connections: 1, up: { delivered: 5 }, down: { delivered: 5 } })
    expect(JSON.parse(last!)).toMatchObject({ connections: 1 })
  })

  test.each([
    [['--bps', '9600'], '--to is missing'],
    [['--to', 'here'], '--to: write for example'],
    [['--to', 'a:1', '--bps', 'fast'], '--bps: write for example 9600'],
    [['--to', 'a:1', '--rtt', '600'], '--rtt: write for example 600ms'],
    [['--to', 'a:1', '--cut-rate', '20%'], '--cut-rate: write for example 0.3/s'],
    [['--to', 'a:1', '--cut-by', 'axe'], '--cut-by: write for example reset, end, silent'],
    [['--to', 'a:1', '--flap', '60s'], '--flap: write for example 60s/5s'],
    [['--to', 'a:1', '--fast'], "Unknown option '--fast'"],
  ])('%j is refused with a sentence', async (args, sentence) => {
    const { child, said } = run(...args)
    expect(await once(child, 'exit')).toEqual([2, null])
    expect(said()).toContain(sentence)
  })
})
