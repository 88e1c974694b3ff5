// Connections that hold a place and give nothing: some send their CONNECT at one byte a second, some say CONNECT and fall silent. How many
// of each the broker still has after a while, and when it closed the last.
import { connect, type Socket } from 'node:net'
import { connectPacket } from '../wire.ts'
import type { SlowJob, SlowResult } from './jobs.ts'
import { pause } from './wait.ts'

const BYTE_MS = 1000

interface Holder {
  readonly socket: Socket
  closedMs: number
}

export async function holdPlaces(job: SlowJob): Promise<SlowResult> {
  const from = performance.now()
  const dribbling = Array.from({ length: job.dribbling }, () => hold(job.port, from))
  const silent = Array.from({ length: job.silent }, (_, i) => {
    const holder = hold(job.port, from)
    holder.socket.write(connectPacket(`silent-${i}`, true, job.keepAliveSec))
    return holder
  })
  const bytes = connectPacket('a-client-that-takes-its-time', true)
  let at = 0
  const timer = setInterval(() => {
    for (const { socket } of dribbling) if (socket.writable) socket.write(bytes.subarray(at, at + 1))
    at++
  }, BYTE_MS)
  await pause(job.watchMs)
  clearInterval(timer)
  const result = { dribbling: outcome(dribbling), silent: outcome(silent) }
  for (const { socket } of [...dribbling, ...silent]) socket.destroy()
  return result
}

function hold(port: number, from: number): Holder {
  const holder = { socket: connect({ port, host: '127.0.0.1', noDelay: true }), closedMs: Number.NaN }
  holder.socket.on('error', () => {})
  holder.socket.on('data', () => {})
  holder.socket.on('end', () => (holder.closedMs = performance.now() - from))
  holder.socket.on('close', () => (holder.closedMs = performance.now() - from))
  return holder
}

function outcome(holders: readonly Holder[]): SlowResult['silent'] {
  const closed = holders.map((holder) => holder.closedMs).filter((ms) => !Number.isNaN(ms))
  return { left: holders.length - closed.length, lastClosedMs: closed.length === 0 ? Number.NaN : Math.max(...closed) }
}
