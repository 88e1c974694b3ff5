// Connections that do nothing but exist, for what each of them costs in memory.

import { connect } from 'node:tls'
import { connectPacket } from '../wire.ts'
import { Client } from './client.ts'

const AT_ONCE = 100

class Idle extends Client {
  protected packets(start: number, end: number): number {
    this.control(start, end)
    return end
  }
}

interface Kept {
  readonly closed: boolean
}

const kept: Kept[] = []

export async function keepIdle(port: number, count: number, tls: boolean): Promise<null> {
  while (kept.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - kept.length) }, (_, i) => `idle-${kept.length + i}`)
    const open = async (clientId: string): Promise<Kept> => (tls ? await openSecure(port, clientId) : await Client.open((socket) => new Idle(socket), { port, clientId, clean: true }))
    kept.push(...(await Promise.all(some.map(open))))
  }
  const gone = kept.filter((c) => c.closed).length
  if (gone > 0) throw new Error(`the broker closed ${gone} of ${count} idle connections`)
  return null
}

/** Whoever the broker is: the certificate is made for the run. */
async function openSecure(port: number, clientId: string): Promise<Kept> {
  const { promise, resolve, reject } = Promise.withResolvers<Kept>()
  const client = { closed: false }
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  socket.once('secureConnect', () => socket.write(connectPacket(clientId, true)))
  socket.once('data', (bytes: Buffer) => (bytes[0] === 0x20 && bytes[3] === 0 ? resolve(client) : reject(new Error('not let in over TLS'))))
  socket.on('error', reject)
  socket.on('close', () => {
    client.closed = true
    reject(new Error('the broker closed the connection before CONNACK'))
  })
  return await promise
}
