// A port that nothing listens on, below the range the kernel hands out by itself: a process that is stopped and started again
// finds it free, whatever other tests connect to meanwhile.
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

const FIRST = 20_000
const LAST = 32_000

export function freePort(): Promise<number> {
  return firstFree(isFree)
}

export function freeUdpPort(): Promise<number> {
  return firstFree(isFreeUdp)
}

async function firstFree(isFreeAt: (port: number) => Promise<boolean>): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(FIRST, LAST)
    if (await isFreeAt(port)) return port
  }
  throw new Error(`no free port between ${FIRST} and ${LAST}`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)))
  })
}

function isFreeUdp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.once('error', () => resolve(false))
    socket.bind({ port, address: '127.0.0.1' }, () => socket.close(() => resolve(true)))
  })
}
