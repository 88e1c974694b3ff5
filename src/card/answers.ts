// Whether the broker answers, asked as a device would: a CONNECT, to which any CONNACK is an answer, also one that refuses us.
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '../clock.ts'
import type { StatusListener } from '../ops/status.ts'

const ANSWER_MS_MAX = 5000
const CONNACK = 0x20
/** MQTT 3.1.1, Clean Session, keep alive 10 s, no client identifier: the smallest that there is [MQTT-3.1.3-7]. */
const CONNECT = Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 10, 0, 0])
const DISCONNECT = Buffer.from([0xe0, 0])

export interface Answer {
  readonly where: string
  /** null when it answered. */
  readonly why: string | null
}

/** Never rejects. The listener that is asked is one without TLS, where there is one. */
export async function askBroker(listeners: readonly StatusListener[], clock: Clock): Promise<Answer | null> {
  const listener = listeners.find((l) => !l.tls) ?? listeners[0]
  if (listener === undefined) return null
  const where = 'socket' in listener ? listener.socket : `port ${listener.port}`
  return { where, why: await ask(listener, clock) }
}

function ask(listener: StatusListener, clock: Clock): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = open(listener)
    const end = (why: string | null): void => {
      timer.cancel()
      socket.destroy()
      resolve(why)
    }
    const timer = clock.after(ANSWER_MS_MAX, () => end(`no answer within ${ANSWER_MS_MAX / 1000} s`))
    socket.once('error', (error) => end(error.message))
    socket.once('close', () => end('it closed the connection'))
    socket.once('data', (bytes: Buffer) => {
      if (bytes[0] === CONNACK) socket.end(DISCONNECT)
      end(bytes[0] === CONNACK ? null : 'it does not speak MQTT')
    })
    socket.write(CONNECT)
  })
}

function open(listener: StatusListener): Socket {
  if ('socket' in listener) return connectTcp({ path: listener.socket })
  const host = ['0.0.0.0', '::'].includes(listener.host) ? '127.0.0.1' : listener.host
  // Whose certificate it is does not matter: nothing secret is said.
  return listener.tls ? connectTls({ host, port: listener.port, rejectUnauthorized: false }) : connectTcp({ host, port: listener.port })
}
