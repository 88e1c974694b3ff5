import { beforeEach, describe, expect, test } from 'vitest'
import { Queue } from '../../../src/journal/queue.ts'
import { makeMessage, type QoS } from '../../../src/message.ts'
import { Outgoing } from '../../../src/session/outgoing.ts'
import { turns } from '../../support/hand-store.ts'
import { Bed, WINDOW_MS } from '../journal/bed.ts'
import { Line } from './line.ts'

let bed: Bed
let line: Line
beforeEach(() => {
  bed = new Bed()
  line = new Line()
})

/** A receiver without a durable session. */
function passing(receiveMaximum: number): Outgoing<Queue> {
  const outgoing = new Outgoing(new Queue(bed, null, 0), null)
  outgoing.attach(line, receiveMaximum)
  return outgoing
}

function push(outgoing: Outgoing<Queue>, payload: string | number, qos: QoS = 1): void {
  outgoing.source.push(makeMessage('t', String(payload), { qos }), null, qos, false, [])
}

async function durable(receiveMaximum = 10): Promise<Outgoing<Queue>> {
  const outgoing = new Outgoing(await bed.queue(), bed.journal)
  outgoing.attach(line, receiveMaximum)
  await bed.store.completeAll()
  return outgoing
}

/** What the store has in flight for it, as `identifier phase`. */
async function stored(): Promise<string[]> {
  return (await bed.store.memory.open()).inflight.map((row) => `${row.packetIdentifier} ${row.phase}`)
}

async function reconnect(outgoing: Outgoing<Queue>, receiveMaximum = 10): Promise<void> {
  outgoing.detach()
  line = new Line()
  outgoing.attach(line, receiveMaximum)
  await bed.store.completeAll()
}

describe('send quota', () => {
  test('no more than the receive maximum is under way, and each answer lets one more go [MQTT-3.3.4-9]', () => {
    const outgoing = passing(2)
    for (const n of [1, 2, 3, 4]) push(outgoing, n)
    expect(line.heard).toEqual(['publish 1 1', 'publish 2 2'])
    outgoing.onPuback(1)
    expect(line.heard).toEqual(['publish 3 3'])
    outgoing.onPuback(3)
    outgoing.onPuback(2)
    expect(line.heard).toEqual(['publish 4 4'])
    expect(outgoing.inFlight).toBe(1)
  })

  test('QoS 2 counts until PUBCOMP', () => {
    const outgoing = passing(1)
    push(outgoing, 'a', 2)
    push(outgoing, 'b', 1)
    outgoing.onPubrec(1, 0)
    expect(line.heard).toEqual(['publish 1 a', 'pubrel 1'])
    outgoing.onPubcomp(1)
    expect(line.heard).toEqual(['publish 2 b'])
  })

  test('a receiver that does not read gets nothing until it does', () => {
    const outgoing = passing(10)
    line.writable = false
    push(outgoing, 1)
    expect(line.heard).toEqual([])
    line.writable = true
    outgoing.pump()
    expect(line.heard).toEqual(['publish 1 1'])
  })
})

test('identifiers go round, without zero and without those in use [MQTT-2.2.1-3] [MQTT-2.2.1-4]', () => {
  const outgoing = passing(3)
  push(outgoing, 'stays', 2)
  outgoing.onPubrec(1, 0)
  for (let i = 0; i < 65_540; i++) {
    push(outgoing, i)
    outgoing.onPuback(line.identifiers.at(-1)!)
    line.said.length = 0
  }
  const used = line.identifiers.slice(1)
  expect(new Set(used).size).toBe(65_533) // 65535 is left to SUBSCRIBE
  expect(used).not.toContain(0xffff)
  expect(used).not.toContain(0)
  expect(used).not.toContain(1)
  expect(outgoing.inFlight).toBe(1)
})

describe('redelivery', () => {
  test('the unacknowledged again: same identifiers, same order, DUP; then the new ones [MQTT-4.4.0-1] [MQTT-4.6.0-1]', async () => {
    const outgoing = await durable(3)
    for (const n of [1, 2, 3, 4]) bed.publish([outgoing.source], n)
    outgoing.onPuback(2)
    expect(line.heard).toEqual(['publish 1 1', 'publish 2 2', 'publish 3 3', 'publish 4 4'])
    await reconnect(outgoing)
    bed.publish([outgoing.source], 5)
    expect(line.heard).toEqual(['dup publish 1 1', 'dup publish 3 3', 'dup publish 4 4', 'publish 5 5'])
  })

  test('with a smaller window the rest follows, still under its identifiers', async () => {
    const outgoing = await durable(3)
    for (const n of [1, 2, 3]) bed.publish([outgoing.source], n)
    await reconnect(outgoing, 1)
    expect(line.heard).toEqual(['dup publish 1 1'])
    bed.publish([outgoing.source], 4)
    for (const id of [1, 2, 3]) outgoing.onPuback(id)
    expect(line.heard).toEqual(['dup publish 2 2', 'dup publish 3 3', 'publish 4 4'])
  })

  test('after a restart QoS 2 keeps its identifier, released or not', async () => {
    const outgoing = await durable()
    bed.publish([outgoing.source], 'a', 2)
    bed.publish([outgoing.source], 'b', 2)
    await bed.store.completeAll()
    outgoing.onPubrec(1, 0)
    await bed.store.completeAll()
    const snapshot = await bed.store.open()
    expect(await stored()).toEqual(['1 released', '2 sent'])
    const { id, cursor, queued } = snapshot.destinations[0]!
    line = new Line()
    const again = new Outgoing(new Queue(bed, bed.journal, id, cursor, queued), bed.journal, snapshot.inflight)
    again.attach(line, 10)
    await bed.store.completeAll()
    expect(line.heard).toEqual(['pubrel 1', 'dup publish 2 b'])
    again.onPubcomp(1)
    again.onPubrec(2, 0)
    await bed.store.completeAll()
    again.onPubcomp(2)
    await bed.pass(1000)
    await bed.store.completeAll()
    expect(await stored()).toEqual([])
    expect(again.inFlight).toBe(0)
  })

  test('an identifier that does not follow from the place in the store is durable before QoS 1 is sent, and the same after a restart', async () => {
    const other = await durable()
    line = new Line()
    const outgoing = await durable()
    bed.publish([outgoing.source], 'first')
    for (let i = 0; i < 65_533; i++) {
      bed.publish([other.source], i)
      other.onPuback(2 + i)
    }
    bed.publish([outgoing.source], 'collides')
    bed.publish([outgoing.source], 'behind')
    expect(line.heard).toEqual(['publish 1 first'])
    await turns()
    expect(await stored()).toEqual([])
    await bed.store.completeAll()
    expect(await stored()).toEqual(['32768 sent'])
    expect(line.heard).toEqual(['publish 32768 collides', 'publish 2 behind'])
    await bed.pass(1000)
    await bed.store.completeAll()
    const snapshot = await bed.store.open()
    const { id, cursor, queued } = snapshot.destinations[1]!
    line = new Line()
    const again = new Outgoing(new Queue(bed, bed.journal, id, cursor, queued), bed.journal, snapshot.inflight)
    again.attach(line, 10)
    await bed.store.completeAll()
    expect(line.heard).toEqual(['dup publish 1 first', 'dup publish 32768 collides', 'dup publish 2 behind'])
    again.onPuback(32_768)
    await bed.pass(1000)
    await bed.store.completeAll()
    expect(await stored()).toEqual([])
  })

  test('a QoS 2 message that a limit has taken is ended with PUBREL: its identifier is not free at the receiver', async () => {
    const outgoing = new Outgoing(await bed.queue({ countMax: 1, whenFull: 'drop-oldest' }), bed.journal)
    outgoing.attach(line, 10)
    bed.publish([outgoing.source], 'dropped', 2)
    await bed.store.completeAll()
    expect(line.heard).toEqual(['publish 1 dropped'])
    outgoing.detach()
    bed.publish([outgoing.source], 'next', 2)
    await bed.store.completeAll()
    expect(bed.counters.droppedQueueLimit).toBe(1)
    line = new Line()
    outgoing.attach(line, 10)
    await bed.store.completeAll()
    expect(line.heard).toEqual(['pubrel 1', 'publish 2 next'])
    outgoing.onPubcomp(1)
    expect(outgoing.inFlight).toBe(1)
  })

  test('what was sent comes again although it has expired, what was not does not [MQTT-4.3.3-7]', async () => {
    const outgoing = await durable(2)
    const expiresAtMs = bed.clock.now() + 1000
    for (const [payload, qos] of [['one', 1], ['two', 2], ['waits', 2]] as const) bed.publish([outgoing.source], payload, qos, { expiresAtMs })
    await bed.store.completeAll()
    expect(line.heard).toEqual(['publish 1 one', 'publish 2 two'])
    await bed.pass(2000)
    await reconnect(outgoing)
    expect(line.heard).toEqual(['dup publish 1 one', 'dup publish 2 two'])
    expect(bed.counters.droppedExpired).toBe(1)
  })
})

describe('QoS 2', () => {
  test('PUBLISH leaves when message and identifier are durable; those behind wait with it', async () => {
    const outgoing = await durable()
    bed.publish([outgoing.source], 'a', 2)
    bed.publish([outgoing.source], 'b', 1)
    await turns()
    expect(bed.store.waiting).toEqual(['commit'])
    await bed.store.complete() // the message
    expect(line.heard).toEqual([])
    expect(bed.store.waiting).toEqual(['commit'])
    await bed.store.complete() // the identifier
    expect(line.heard).toEqual(['publish 1 a', 'publish 2 b'])
    expect(await stored()).toEqual(['1 sent'])
  })

  test('PUBREL leaves when "released" is durable', async () => {
    const outgoing = await durable()
    bed.publish([outgoing.source], 'a', 2)
    await bed.store.completeAll()
    line.said.length = 0
    outgoing.onPubrec(1, 0)
    await turns()
    expect(line.heard).toEqual([])
    await bed.store.complete()
    expect(line.heard).toEqual(['pubrel 1'])
  })

  test('… also when the connection was lost in between', async () => {
    const outgoing = await durable()
    bed.publish([outgoing.source], 'a', 2)
    await bed.store.completeAll()
    outgoing.onPubrec(1, 0)
    outgoing.detach()
    line = new Line()
    outgoing.attach(line, 10)
    await turns()
    expect(line.heard).toEqual([])
    await bed.store.completeAll()
    expect(line.heard).toEqual(['pubrel 1'])
    expect(await stored()).toEqual(['1 released'])
  })

  test('a connection that is lost while the gate is shut leaves nothing behind in it', async () => {
    const outgoing = await durable()
    bed.publish([outgoing.source], 'a', 2)
    await turns()
    await bed.store.complete()
    await reconnect(outgoing)
    bed.publish([outgoing.source], 'b', 2)
    await bed.store.completeAll()
    expect(line.heard).toEqual(['dup publish 1 a', 'publish 2 b'])
  })

  test('a refusal ends the handshake and frees the identifier [MQTT-4.3.3-4]', async () => {
    const outgoing = await durable(1)
    bed.publish([outgoing.source], 'a', 2)
    bed.publish([outgoing.source], 'b', 1)
    await bed.store.completeAll()
    outgoing.onPubrec(1, 0x97)
    expect(line.heard).toEqual(['publish 1 a', 'publish 2 b'])
    await bed.pass(1000)
    await bed.store.completeAll()
    expect(await stored()).toEqual([])
  })

  test('what the receiver cannot take counts as delivered', async () => {
    const outgoing = await durable()
    line.takes = false
    bed.publish([outgoing.source], 'a', 2)
    await bed.store.completeAll()
    await bed.pass(1000)
    await bed.store.completeAll()
    expect(outgoing.inFlight).toBe(0)
    expect(outgoing.source.size).toEqual({ count: 0, bytes: 0 })
    expect(await stored()).toEqual([])
  })
})

test('receiverForgot: what it had received is done, the rest is sent as new', async () => {
  const outgoing = await durable()
  bed.publish([outgoing.source], 'a', 2)
  bed.publish([outgoing.source], 'b', 2)
  bed.publish([outgoing.source], 'c', 1)
  await bed.store.completeAll()
  outgoing.onPubrec(1, 0)
  await bed.store.completeAll()
  outgoing.detach()
  line = new Line()
  outgoing.receiverForgot()
  outgoing.attach(line, 10)
  await bed.store.completeAll()
  expect(line.heard).toEqual(['publish 2 b', 'publish 3 c'])
})

describe('a peer that makes mistakes', () => {
  test('answers to what was not sent change nothing', async () => {
    const outgoing = await durable()
    outgoing.onPuback(9)
    outgoing.onPubcomp(9)
    outgoing.onPubrec(9, 0x80)
    expect(line.heard).toEqual([])
    outgoing.onPubrec(9, 0)
    expect(line.heard).toEqual(['pubrel 9 0x92'])
    bed.publish([outgoing.source], 'a', 1)
    outgoing.onPubrec(1, 0) // the wrong answer
    expect(outgoing.inFlight).toBe(1)
    outgoing.onPuback(1)
    outgoing.onPuback(1)
    expect(outgoing.inFlight).toBe(0)
    expect(outgoing.source.size.count).toBe(0)
  })

  test('PUBREC for a message that has not left yet: nothing strange is sent', async () => {
    const outgoing = await durable()
    bed.publish([outgoing.source], 'a', 2)
    await turns()
    await bed.store.complete()
    outgoing.onPubrec(1, 0)
    await bed.store.completeAll()
    expect(line.heard).toEqual(['pubrel 1'])
  })
})

test('acknowledged before the commit window closes: nothing is written', async () => {
  const outgoing = await durable()
  const before = bed.store.batches.length
  for (let i = 0; i < 100; i++) {
    bed.publish([outgoing.source], i)
    outgoing.onPuback(line.identifiers.at(-1)!)
  }
  await bed.pass(WINDOW_MS)
  expect(bed.store.batches.slice(before).every((b) => b.segments.length === 0)).toBe(true)
  expect(bed.counters.elided).toBe(100)
})

describe('a state that came from a backup: the receiver may hold identifiers that nobody here knows of', () => {
  async function restored(): Promise<Outgoing<Queue>> {
    const outgoing = new Outgoing(await bed.queue(), bed.journal, [], true)
    outgoing.attach(line, 10)
    await bed.store.completeAll()
    return outgoing
  }

  async function sent(outgoing: Outgoing<Queue>, payload: string, qos: QoS): Promise<readonly string[]> {
    bed.publish([outgoing.source], payload, qos)
    await bed.store.completeAll()
    return line.heard
  }

  test('each is freed before a QoS 2 message goes under it, and the answer to that changes nothing [MQTT-4.3.3-11]', async () => {
    const outgoing = await restored()
    expect(await sent(outgoing, 'a', 2)).toEqual(['pubrel 1', 'publish 1 a'])
    outgoing.onPubcomp(1)
    expect(outgoing.inFlight).toBe(1)
    outgoing.onPubrec(1, 0)
    await bed.store.completeAll()
    expect(line.heard).toEqual(['pubrel 1'])
    outgoing.onPubcomp(1)
    expect(outgoing.inFlight).toBe(0)
  })

  test('QoS 1 has none', async () => {
    expect(await sent(await restored(), 'a', 1)).toEqual(['publish 1 a'])
  })

  test('what goes again goes under its own, which the receiver is to know', async () => {
    const outgoing = await restored()
    await sent(outgoing, 'a', 2)
    await reconnect(outgoing)
    expect(line.heard).toEqual(['dup publish 1 a'])
  })

  test('a receiver that has forgotten the session has none', async () => {
    const outgoing = await restored()
    outgoing.receiverForgot()
    expect(await sent(outgoing, 'a', 2)).toEqual(['publish 1 a'])
  })
})
