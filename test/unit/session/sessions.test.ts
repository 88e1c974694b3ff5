import { beforeEach, describe, expect, test } from 'vitest'
import { Journal } from '../../../src/journal/journal.ts'
import { Audiences } from '../../../src/journal/audience.ts'
import type { Delivery } from '../../../src/journal/delivery.ts'
import { makeMessage, type Message, type QoS } from '../../../src/message.ts'
import type { ConnectPacket, ProtocolVersion, Will } from '../../../src/mqtt/packet.ts'
import { Router } from '../../../src/router/router.ts'
import type { Link } from '../../../src/session/link.ts'
import type { Session } from '../../../src/session/session.ts'
import { clientIdFor, Sessions, type Visitor } from '../../../src/session/sessions.ts'
import { Bed } from '../journal/bed.ts'

class Wire implements Link {
  readonly version: ProtocolVersion
  readonly writable = true
  readonly facts = { address: '', transport: 'unix', sinceMs: 0, keepAliveSec: 0 }
  readonly limits = { receiveMaximum: 10, subscriptionsPerClientMax: 5, topicBytesMax: 1000, topicLevelsMax: 64 }
  readonly maximumPacketSize = Infinity
  readonly got: string[] = []
  readonly identifiers: number[] = []
  ended: number | null = null
  onEnd: () => void = () => {}

  constructor(version: ProtocolVersion = 5) {
    this.version = version
  }

  sendQos0(message: Message): void {
    this.got.push(message.payload.toString())
  }
  sendPublish(delivery: Delivery): boolean {
    this.got.push(delivery.message.payload.toString())
    this.identifiers.push(delivery.packetIdentifier)
    return true
  }
  sendAck(): void {}
  send(): void {}
  press(): void {}
  holdForFlash(): void {}
  releaseForFlash(): void {}
  holdForRetained(): void {}
  releaseForRetained(): void {}
  end(reason: number): void {
    this.ended = reason
    this.onEnd()
  }
}

let bed: Bed
let router: Router
let sessions: Sessions

function build(): void {
  const { clock, turn, topics, counters } = bed
  const journal = new Journal(bed.store, clock, turn, counters, { commitWindowMs: 20, dailyBytesMax: Infinity, lastSequence: 0, onFailure: (e) => bed.failures.push(e) })
  const audiences = new Audiences()
  router = new Router({ tenant: '', clock, turn, topics, counters, journal, audiences }, { retainedMessagesMax: 10, retainedBytesMax: 1e4 })
  let next = 1
  sessions = new Sessions(
    { tenant: '', clock, turn, topics, counters, journal, audiences, router, nextDestination: () => next++, isGone: (username) => username === 'gone', noteOnline: () => {} },
    {
      sessionExpirySecMax: 1000,
      sessionsMax: 3,
      onlineMax: Infinity,
      queue: { bytesMax: 1e9, countMax: 1e9, ageMsMax: Infinity, whenFull: 'drop-oldest' },
    },
  )
}

beforeEach(() => {
  bed = new Bed()
  build()
})

function connect(more: Partial<ConnectPacket> & { clientId: string }): ConnectPacket {
  return {
    type: 1, version: 5, clean: false, keepAliveSec: 0, will: null, username: null, password: null, sessionExpirySec: 100, receiveMaximum: 10,
    maximumPacketSize: Infinity, topicAliasMaximum: 0, requestResponseInformation: false, requestProblemInformation: true,
    authenticationMethod: null, authenticationData: null, userProperties: [], bridge: false, ...more,
  }
}

/** Connects, as net/connection does it. */
function arrive(more: Partial<ConnectPacket> & { clientId: string }, visitor: Partial<Visitor> = {}): { wire: Wire; session: Session; present: boolean } {
  const packet = connect(more)
  const wire = new Wire(packet.version)
  const { session, sessionPresent } = sessions.attach(packet, wire, { clientId: packet.clientId, username: null, rights: null, ...visitor })
  wire.onEnd = () => session.link === wire && sessions.detach(session, packet.version, false, null)
  session.attach(wire, packet.receiveMaximum)
  return { wire, session, present: sessionPresent }
}

function subscribe(session: Session, filter: string, qos: QoS = 1): void {
  session.handle({ type: 8, packetIdentifier: 1, subscriptionIdentifier: 0, subscriptions: [{ filter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 }] })
}

function leave(session: Session, more: { clean?: boolean; expirySec?: number | null } = {}): void {
  sessions.detach(session, 5, more.clean ?? true, more.expirySec ?? null)
}

async function pass(sec: number): Promise<void> {
  await bed.store.completeAll()
  await bed.clock.advanceAsync(sec * 1000)
  sessions.check(bed.clock.now())
  await bed.store.completeAll()
}

const will = (delaySec: number): Will => ({ message: makeMessage('wills', 'gone', { qos: 1 }), delaySec, messageExpirySec: null })

describe('expiry', () => {
  test('0 ends with the connection', () => {
    const { session } = arrive({ clientId: 'a', sessionExpirySec: 0 })
    leave(session)
    expect(sessions.count).toBe(0)
    expect(arrive({ clientId: 'a' }).present).toBe(false)
  })

  test('a session is kept until its time is over, and everything of it goes then', async () => {
    const { session } = arrive({ clientId: 'a', sessionExpirySec: 100 })
    subscribe(session, 't')
    leave(session)
    await pass(99)
    expect(sessions.count).toBe(1)
    await pass(1)
    expect(sessions.count).toBe(0)
    expect(router.index.match('t').wishes).toEqual([])
    await pass(1)
    const snapshot = await bed.store.memory.open()
    expect([snapshot.destinations, snapshot.sessions, snapshot.subscriptions]).toEqual([[], [], []])
  })

  test('longer than the broker allows is the maximum; DISCONNECT may change it', async () => {
    const { session } = arrive({ clientId: 'a', sessionExpirySec: 0xffffffff })
    expect(session.expirySec).toBe(1000)
    leave(session, { expirySec: 5 })
    await pass(5)
    expect(sessions.count).toBe(0)
  })

  test('coming back stops the clock', async () => {
    const first = arrive({ clientId: 'a', sessionExpirySec: 100 })
    leave(first.session)
    await pass(90)
    const second = arrive({ clientId: 'a', sessionExpirySec: 100 })
    expect(second.present).toBe(true)
    await pass(200)
    expect(sessions.count).toBe(1)
    leave(second.session)
    await pass(99)
    expect(sessions.count).toBe(1)
  })
})

describe('take-over', () => {
  test('the older connection is told and the session goes on [MQTT-3.1.4-3]', async () => {
    const first = arrive({ clientId: 'a' })
    subscribe(first.session, 't')
    const second = arrive({ clientId: 'a' })
    expect(first.wire.ended).toBe(0x8e)
    expect(second.present).toBe(true)
    expect(second.session).toBe(first.session)
    await bed.store.completeAll()
    router.publish(makeMessage('t', 'hello', { qos: 1 }), null)
    expect(second.wire.got).toEqual(['hello'])
    expect(first.wire.got).toEqual([])
  })

  test('a clean start ends the old session [MQTT-3.1.2-4]', async () => {
    const first = arrive({ clientId: 'a' })
    subscribe(first.session, 't')
    await bed.store.completeAll()
    const second = arrive({ clientId: 'a', clean: true })
    expect(second.present).toBe(false)
    expect(second.session).not.toBe(first.session)
    router.publish(makeMessage('t', 'hello', { qos: 1 }), null)
    await bed.store.completeAll()
    expect(second.wire.got).toEqual([])
    await pass(2)
    const snapshot = await bed.store.memory.open()
    expect(snapshot.destinations.map((d) => d.id)).toEqual([second.session.queue.destination])
    expect(snapshot.subscriptions).toEqual([])
  })

  test('a session without durability that is taken over by one with: a new one', () => {
    const first = arrive({ clientId: 'a', sessionExpirySec: 0 })
    const second = arrive({ clientId: 'a', sessionExpirySec: 100 })
    expect(second.present).toBe(false)
    expect(first.session.queue.durable).toBe(false)
    expect(second.session.queue.durable).toBe(true)
  })
})

test('no room for another session: the client hears it, those that are there stay', () => {
  for (const clientId of ['a', 'b', 'c']) arrive({ clientId })
  expect(() => arrive({ clientId: 'd' })).toThrow('no room')
  expect(arrive({ clientId: 'a' }).present).toBe(true)
})

test('a client without an identifier gets one, and never the same', () => {
  const attach = () => {
    const packet = connect({ clientId: '', clean: true, sessionExpirySec: 0 })
    return sessions.attach(packet, new Wire(), { clientId: clientIdFor(packet), username: null, rights: null }).assignedClientId
  }
  const [a, b] = [attach(), attach()]
  expect(a).toMatch(/^auto-/)
  expect(a).not.toBe(b)
})

describe('wills', () => {
  let watcher: ReturnType<typeof arrive>
  beforeEach(async () => {
    watcher = arrive({ clientId: 'watcher', sessionExpirySec: 0 })
    subscribe(watcher.session, 'wills')
  })

  test('published when the connection ends without DISCONNECT, once', async () => {
    const { wire } = arrive({ clientId: 'a', will: will(0) })
    wire.end(0)
    await pass(1)
    expect(watcher.wire.got).toEqual(['gone'])
  })

  test('not after DISCONNECT [MQTT-3.14.4-3]', async () => {
    const { session } = arrive({ clientId: 'a', will: will(0) })
    leave(session)
    await pass(200)
    expect(watcher.wire.got).toEqual([])
  })

  test('delayed; not at all when the client is back in time [MQTT-3.1.3-9]', async () => {
    arrive({ clientId: 'a', will: will(10) }).wire.end(0)
    await pass(9)
    const { wire } = arrive({ clientId: 'a', will: will(10) })
    await pass(20)
    expect(watcher.wire.got).toEqual([])
    wire.end(0)
    await pass(10)
    expect(watcher.wire.got).toEqual(['gone'])
  })

  test('the end of the session does not wait for the delay', async () => {
    arrive({ clientId: 'a', sessionExpirySec: 5, will: will(60) }).wire.end(0)
    await pass(5)
    expect(watcher.wire.got).toEqual(['gone'])
    await pass(100)
    expect(watcher.wire.got).toEqual(['gone'])
  })
})

test('a restart: subscriptions, messages, and the time that is left', async () => {
  const { session, wire } = arrive({ clientId: 'a', sessionExpirySec: 100 })
  subscribe(session, 't', 2)
  await bed.store.completeAll()
  wire.end(0)
  router.publish(makeMessage('t', 'one', { qos: 1 }), null)
  router.publish(makeMessage('t', 'two', { qos: 2 }), null)
  await pass(60)
  const snapshot = await bed.store.open()
  build()
  sessions.restore(snapshot)
  expect(sessions.count).toBe(1)
  await pass(30)
  expect(sessions.count).toBe(1)
  const again = arrive({ clientId: 'a', sessionExpirySec: 100 })
  expect(again.present).toBe(true)
  expect(again.session.subscriptionCount).toBe(1)
  await bed.store.completeAll()
  expect(again.wire.got).toEqual(['one', 'two'])
  leave(again.session)
  await pass(100)
  expect(sessions.count).toBe(0)
})
