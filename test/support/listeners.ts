// Listeners as a site's file has them, and the ways to reach them.
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { BrokerConfig } from '../../src/config/config.ts'
import { checkText } from '../../src/config/load.ts'

/** Each item is what stands between the braces of a list item, for example `port: 0, websocket: true`. */
export function listenersOf(...items: readonly string[]): Pick<BrokerConfig, 'listeners'> {
  const result = checkText(`site: test\nbroker:\n  listeners:\n${items.map((item) => `    - { ${item} }\n`).join('')}`, '/tmp/gateway.yaml')
  if ('problems' in result) throw new Error(result.problems.map((p) => `${p.path}: ${p.message}`).join('; '))
  return { listeners: result.config.broker.listeners }
}

export async function dial(to: NetConnectOpts): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', noDelay: true, ...to })
  await new Promise<void>((resolve, reject) => void socket.once('connect', resolve).once('error', reject))
  return socket
}

/** Over a socket that is connected already, or to a port of 127.0.0.1. Rejects with what the handshake failed by. */
export async function dialTls(to: number | Socket, options: ConnectionOptions): Promise<TLSSocket> {
  if (typeof to !== 'number' && to.destroyed) throw new Error('the socket is closed')
  const where = typeof to === 'number' ? { port: to, host: '127.0.0.1' } : { socket: to, servername: 'localhost' }
  const socket = connectTls({ ...where, ...options })
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve).once('error', reject)
    socket.once('close', () => reject(new Error('the gateway hung up')))
  })
  return socket
}
