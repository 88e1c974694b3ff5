// A client whose connections are metered, at one end of an IP line (ip-line.ts): it does what a line of JSON says, and answers with what the
// meter has counted. In a process of its own, because a process is in one network namespace.
//
// Arguments: counts (auto, interface, connection), `kernel` or `estimate`, the interface or ''.
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { connect as connectTls } from 'node:tls'
import { systemClock } from '../../src/clock.ts'
import { askSs } from '../../src/uplink/budget/tcp-info.ts'
import { LinkMeter, type WireConnection } from '../../src/uplink/budget/meter.ts'
import type { BudgetConfig } from '../../src/config/config.ts'
import { connectPacket, WireClient } from './wire-client.ts'

/** What the test asks for: connect, then so many messages, then the end. */
export interface MeteredRun {
  readonly host: string
  readonly port: number
  /** null for none. */
  readonly ca: string | null
  readonly messages: number
  readonly bytes: number
  readonly qos: 0 | 1 | 2
  /** Time between two messages; 0: all at once. */
  readonly everyMs: number
  /** As many come back as were sent. */
  readonly echo: boolean
  /** How it ends: with DISCONNECT, or by being cut off. */
  readonly end: 'disconnect' | 'destroy'
  /** The last look at the kernel comes so long after the last message. */
  readonly restMs: number
}

export interface MeteredAnswer {
  readonly bytes: number
  readonly countedBy: string
  readonly error: string | null
}

const [counts, way, device] = process.argv.slice(2) as [BudgetConfig['counts'], 'kernel' | 'estimate', string]
const meter = new LinkMeter(counts, {
  clock: systemClock,
  spend: () => {},
  connectCost: () => {},
  ...(way === 'kernel' ? { ask: askSs } : { ask: async () => 'unavailable' as const }),
})
if (device !== '') meter.useInterface(device)
const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function run(asked: MeteredRun): Promise<void> {
  const { host, port, ca, end, restMs } = asked
  const raw = connect({ host, port, noDelay: true })
  const wire = meter.open(raw, host)
  const socket = ca === null ? raw : connectTls({ socket: raw, ca: readFileSync(ca), servername: 'localhost' })
  raw.on('error', () => {})
  socket.on('data', () => wire.moved())
  await new Promise<void>((resolve, reject) => void socket.once(ca === null ? 'connect' : 'secureConnect', resolve).once('error', reject))
  const client = WireClient.over(socket, 5)
  client.send(connectPacket(5, { clientId: 'metered' }))
  wire.moved()
  await client.expect({ cmd: 'connack' })
  wire.accepted()
  if (asked.echo) await client.subscribe('a/#', { qos: 1 })
  await talk(client, wire, asked)
  await rest(restMs)
  wire.ending()
  const over = new Promise((resolve) => raw.once('close', resolve))
  if (end === 'disconnect') client.send({ cmd: 'disconnect', reasonCode: 0 })
  else socket.destroy()
  await over
}

/** Sends, and answers what comes, until everything is acknowledged. */
async function talk(client: WireClient, wire: WireConnection, { messages, bytes, qos, everyMs, echo }: MeteredRun): Promise<void> {
  const wanted = (qos === 0 ? 0 : messages) + (echo ? messages : 0)
  const send = async (): Promise<void> => {
    for (let i = 0; i < messages; i++) {
      client.publish('a/b', Buffer.alloc(bytes, i), { qos })
      wire.moved()
      if (everyMs > 0) await rest(everyMs)
    }
  }
  const sending = send()
  for (let seen = 0; seen < wanted; ) {
    const packet = await client.expectOneOf('puback', 'pubrec', 'pubcomp', 'publish')
    if (packet.cmd === 'pubrec') client.send({ cmd: 'pubrel', messageId: packet.messageId! })
    else seen++
    if (packet.cmd === 'publish' && packet.qos === 1) client.send({ cmd: 'puback', messageId: packet.messageId! })
    wire.moved()
  }
  await sending
}

for await (const line of createInterface(process.stdin)) {
  let error: string | null = null
  try {
    await run(JSON.parse(line) as MeteredRun)
  } catch (failure) {
    error = (failure as Error).message
  }
  await rest(200) // what the end still sends
  await meter.settle()
  const answer: MeteredAnswer = { bytes: meter.bytes, countedBy: meter.countedBy, error }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
process.exit()
