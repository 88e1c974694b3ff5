// Connections that do nothing but exist, for what each of them costs in memory.

import { Client } from './client.ts'

const AT_ONCE = 100

class Idle extends Client {
  protected packets(start: number, end: number): number {
    this.control(start, end)
    return end
  }
}

const kept: Idle[] = []

export async function keepIdle(port: number, count: number): Promise<null> {
  while (kept.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - kept.length) }, (_, i) => kept.length + i)
    kept.push(...(await Promise.all(some.map((i) => Client.open((socket) => new Idle(socket), { port, clientId: `idle-${i}`, clean: true })))))
  }
  const gone = kept.filter((c) => c.closed).length
  if (gone > 0) throw new Error(`the broker closed ${gone} of ${count} idle connections`)
  return null
}
