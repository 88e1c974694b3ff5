// Connections in numbers: how fast they are taken, and how a site comes back at once.
import { usageOf } from '../machine.ts'
import { Client } from './client.ts'
import type { ConnectJob, ConnectResult, ReturnJob, ReturnResult } from './jobs.ts'

const SUBSCRIBED_AT_ONCE = 100

/** Nothing but CONNACK and SUBACK comes, one at a time. */
class Plain extends Client {
  protected packets(start: number, end: number): number {
    this.control(start, end)
    return end
  }
}

async function open(port: number, clientId: string, clean: boolean): Promise<Plain> {
  return await Client.open((socket) => new Plain(socket), { port, clientId, clean })
}

/** `count` connections, `atOnce` of them on their way at a time, each from connect() to its CONNACK; all stay until the last is there. */
export async function connectMany(job: ConnectJob): Promise<ConnectResult> {
  const clients: Plain[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < job.count) clients.push(await open(job.port, `connect-${next++}`, true))
  }
  const sample = () => ({ at: performance.now(), load: process.cpuUsage(), broker: usageOf(job.brokerPid) })
  const from = sample()
  await Promise.all(Array.from({ length: job.atOnce }, lane))
  const to = sample()
  await endAll(clients)
  const sec = (to.at - from.at) / 1000
  return {
    perSec: job.count / sec,
    loadCpu: (to.load.user + to.load.system - from.load.user - from.load.system) / 1e6 / sec,
    brokerCpuSec: to.broker.cpuSec - from.broker.cpuSec,
  }
}

/** Makes `count` sessions that stay, each with a subscription, and leaves. */
export async function leaveSessions(port: number, count: number): Promise<null> {
  for (let from = 0; from < count; from += SUBSCRIBED_AT_ONCE) {
    const some = Array.from({ length: Math.min(SUBSCRIBED_AT_ONCE, count - from) }, async (_, i) => {
      const client = await open(port, `site-${from + i}`, false)
      await client.subscribe(`site/${from + i}/#`, 1)
      return client
    })
    await endAll(await Promise.all(some))
  }
  return null
}

/** All of them come back, nobody waits for anybody. */
export async function returnAll(job: ReturnJob): Promise<ReturnResult> {
  const from = performance.now()
  const clients = await Promise.all(Array.from({ length: job.count }, async (_, i) => await open(job.port, `site-${i}`, false)))
  const ms = performance.now() - from
  const present = clients.filter((client) => client.sessionPresent).length
  const faults = present === job.count ? [] : [`${job.count - present} of ${job.count} sessions were not present any more`]
  await endAll(clients)
  return { ms, faults }
}

async function endAll(clients: readonly Client[]): Promise<void> {
  await Promise.all(clients.map((client) => client.end()))
}
