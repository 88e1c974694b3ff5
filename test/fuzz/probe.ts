// Nothing half applied: a packet that is refused has done nothing. Each probe makes a valid packet with topics of its own, makes mistakes in
// it until a decoder refuses it, sends it, and looks for traces.
import { generate, type Packet as Model } from 'mqtt-packet'
import type { Random } from '../unit/mqtt/samples.ts'
import { connectPacket, type Version, WireClient } from '../support/wire-client.ts'
import { expectationOf } from './model.ts'
import { mutated } from './mutate.ts'

const TRIES = 50


interface Context {
  readonly port: number
  readonly version: Version
  readonly random: Random
  /** Unique: topics and client identifiers begin with it. */
  readonly name: string
}

/** Returns what is wrong, or null. */
export async function probe(port: number, random: Random, number: number): Promise<string | null> {
  const version = random.pick([3, 4, 5] as const)
  const [what, run] = random.pick(Object.entries(PROBES))
  const open: WireClient[] = []
  try {
    const wrong = await run({ port, version, random, name: `probe-${number}` }, open)
    return wrong === null ? null : `${what} of version ${version}: ${wrong}`
  } catch (error) {
    return `${what} of version ${version}: ${(error as Error).message}`
  } finally {
    for (const client of open) if (!client.closed) await client.cut()
  }
}

const PROBES: Readonly<Record<string, (context: Context, open: WireClient[]) => Promise<string | null>>> = {
  SUBSCRIBE: async (context, open) => {
    const topics = topicsOf(context)
    const refused = refusedOne(context, { cmd: 'subscribe', messageId: 1, subscriptions: topics.map((topic) => ({ topic, qos: 1 })) } as Model)
    if (refused === null) return null
    await speakAndBeRefused(context, open, [], refused)
    return await whatComes(context, open, topics, 0)
  },
  UNSUBSCRIBE: async (context, open) => {
    const topics = topicsOf(context)
    const subscribe: Model = { cmd: 'subscribe', messageId: 1, subscriptions: topics.map((topic) => ({ topic, qos: 1 as const })) }
    const refused = refusedOne(context, { cmd: 'unsubscribe', messageId: 2, unsubscriptions: topics })
    if (refused === null) return null
    await speakAndBeRefused(context, open, [subscribe], refused)
    return await whatComes(context, open, topics, topics.length)
  },
  PUBLISH: async (context, open) => {
    const { name, random } = context
    const witness = await connected(context, open, `${name}-witness`, false)
    await witness.subscribe(`${name}/#`, { qos: 2 })
    const qos = random.pick([0, 1, 2] as const)
    const refused = refusedOne(context, { cmd: 'publish', topic: `${name}/t`, payload: 'x', qos, dup: false, retain: true, ...(qos > 0 ? { messageId: 1 } : {}) } as Model)
    if (refused === null) return null
    await speakAndBeRefused(context, open, [], refused)
    await witness.expectNothing()
    await witness.subscribe(`${name}/+`, { qos: 1 })
    await witness.expectNothing() // nor is it retained
    return null
  },
  CONNECT: async (context, open) => {
    const { name, version } = context
    const witness = await connected(context, open, `${name}-witness`, false)
    await witness.subscribe(`${name}/#`, { qos: 2 })
    const connect = connectPacket(version, { clientId: name, expirySec: 60, clean: false, will: { topic: `${name}/will`, payload: 'gone', qos: 1, retain: true } })
    const refused = refusedOne(context, connect)
    if (refused === null) return null
    const client = await opened(context, open)
    client.send(refused)
    await client.untilClosed()
    await witness.expectNothing()
    const again = await connected(context, open, name, true)
    await again.expectNothing()
    return null
  },
}

function topicsOf({ name, random }: Context): string[] {
  return Array.from({ length: random.int(1, 3) }, (_, i) => `${name}/${'abc'[i]}`)
}

/** The packet with mistakes that make a decoder refuse it, and it only; null when none was found. */
function refusedOne({ random, version }: Context, model: Model): Buffer | null {
  const valid = generate(model, { protocolVersion: version })
  const before = model.cmd === 'connect' ? Buffer.alloc(0) : generate(connectPacket(version, { clientId: 'x' }), { protocolVersion: version })
  for (let i = 0; i < TRIES; i++) {
    const bytes = Buffer.concat(mutated([valid], random.int(1, 2), random, version, [valid], 10_000))
    const expected = expectationOf(Buffer.concat([before, bytes]))
    const nothingElse = expected.packets === (model.cmd === 'connect' ? 0 : 1)
    if (expected.end === 'refused' && nothingElse) return bytes
  }
  return null
}

async function opened({ port, version }: Context, open: WireClient[]): Promise<WireClient> {
  const client = await WireClient.open(port, version)
  open.push(client)
  return client
}

async function connected(context: Context, open: WireClient[], clientId: string, clean: boolean): Promise<WireClient> {
  const client = await opened(context, open)
  client.send(connectPacket(context.version, { clientId, clean, expirySec: 60 }))
  await client.expect({ cmd: 'connack', sessionPresent: false })
  return client
}

/** A session that stays and is subscribed to its marker, what is said before, then the refused packet. */
async function speakAndBeRefused(context: Context, open: WireClient[], before: readonly Model[], refused: Buffer): Promise<void> {
  const client = await connected(context, open, context.name, false)
  client.send({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: markerOf(context), qos: 1 }] }, ...before, refused)
  await client.untilClosed()
}

/** Publishes to each topic and then the marker, and resumes the session: so many messages must come before the marker. */
async function whatComes(context: Context, open: WireClient[], topics: readonly string[], wanted: number): Promise<string | null> {
  const { name, version } = context
  const publisher = await connected(context, open, `${name}-publisher`, true)
  for (const topic of [...topics, markerOf(context)]) publisher.publish(topic, 'x', { qos: 1 })
  await publisher.drain() // its PUBACKs may wait for flash: the session would be over by then
  const client = await opened(context, open)
  client.send(connectPacket(version, { clientId: name, clean: false, expirySec: 60 }))
  await client.expect({ cmd: 'connack', ...(version === 3 ? {} : { sessionPresent: true }) })
  let came = 0
  while ((await client.expect({ cmd: 'publish' })).topic !== markerOf(context)) came++
  return came === wanted ? null : `${came} of ${topics.length} messages came, and there should be ${wanted}`
}

function markerOf({ name }: Context): string {
  return `${name}/marker`
}
