// Session tickets: the newest first, each once, few of them, and only for whom they came from.
import { describe, expect, test } from 'vitest'
import { type Ticket, TlsTickets } from '../../../../src/uplink/client/tls-tickets.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { MemoryShelf } from '../../../support/memory-shelf.ts'
import { uplinkConfig } from '../../../support/uplink-config.ts'

const ticket = (n: number): Ticket => ({ session: Buffer.from(`ticket ${n}`), version: 'TLSv1.3' })
const OPTIONS = uplinkConfig().tlsOptions

function make(more: Parameters<typeof uplinkConfig>[0] = {}, shelf = new MemoryShelf()): { tickets: TlsTickets; shelf: MemoryShelf; clock: FakeClock } {
  const clock = new FakeClock()
  return { clock, shelf, tickets: new TlsTickets(uplinkConfig(more), shelf, clock) }
}

describe('session tickets', () => {
  test('the newest is taken first, each once, and four are kept', () => {
    const { tickets } = make()
    for (let n = 1; n <= 6; n++) tickets.add(ticket(n))
    expect([1, 2, 3, 4, 5].map(() => tickets.take()?.session.toString() ?? null)).toEqual(['ticket 6', 'ticket 5', 'ticket 4', 'ticket 3', null])
  })

  test('one that is too large to be true is not kept', () => {
    const { tickets } = make()
    tickets.add({ session: Buffer.alloc(20_000), version: 'TLSv1.3' })
    expect(tickets.take()).toBeNull()
  })

  test('a refused handshake is followed by one without a ticket that offers everything', () => {
    const { tickets } = make()
    tickets.add(ticket(1))
    tickets.add(ticket(2))
    tickets.refused()
    expect(tickets.take()).toBeNull()
    expect(tickets.wasRefused).toBe(true)
  })

  test('a thousand reconnects a day are not a thousand writes', async () => {
    const { tickets, clock, shelf } = make()
    let writes = 0
    shelf.write = () => Promise.resolve(void writes++)
    for (let i = 0; i < 1000; i++) {
      tickets.add(ticket(i))
      await clock.advanceAsync(86_400)
    }
    expect(writes).toBeLessThanOrEqual(144)
    expect(writes).toBeGreaterThan(100)
  })

  test('they survive an orderly stop', async () => {
    const { tickets, shelf } = make()
    for (const n of [1, 2]) tickets.add(ticket(n))
    await tickets.stop()
    const next = make({}, shelf).tickets
    await next.prepare()
    expect(next.take()).toEqual(ticket(2))
    expect(next.take()).toEqual(ticket(1))
  })

  test.each([
    ['another host', { host: 'other' }],
    ['another port', { port: 8884 }],
    ['another protocol', { tlsOptions: { ...OPTIONS, alpn: 'mqtt' } }],
    ['another certificate of ours', { tlsOptions: { ...OPTIONS, identity: { cert: Buffer.from('c'), key: Buffer.from('k') } } }],
    ['another name', { tlsOptions: { ...OPTIONS, servername: 'other' } }],
    ['another authority', { tlsOptions: { ...OPTIONS, ca: Buffer.from('other') } }],
    ['another version', { tlsOptions: { ...OPTIONS, versionMax: 'TLSv1.2' as const } }],
  ])('%s gets none of them', async (_name, more) => {
    const { tickets, shelf } = make()
    tickets.add(ticket(1))
    await tickets.stop()
    const next = make(more, shelf).tickets
    await next.prepare()
    expect(next.take()).toBeNull()
  })

  test('a file that cannot be read is no file', async () => {
    for (const text of ['', 'null', '{', '[]', '{"owner":1,"tickets":5}']) {
      const { tickets, shelf } = make()
      await shelf.write('tls-sessions', Buffer.from(text))
      await tickets.prepare()
      expect(tickets.take()).toBeNull()
    }
  })

  test('a shelf that fails is none', async () => {
    const { tickets, shelf } = make()
    shelf.read = () => Promise.reject(new Error('broken'))
    shelf.write = () => Promise.reject(new Error('broken'))
    await tickets.prepare()
    tickets.add(ticket(1))
    await tickets.stop()
    expect(tickets.take()).toEqual(ticket(1))
  })
})
