import { beforeEach, describe, expect, test } from 'vitest'
import { Incoming } from '../../../src/session/incoming.ts'
import { turns } from '../../support/hand-store.ts'
import { Bed } from '../journal/bed.ts'
import { Line } from './line.ts'

let bed: Bed
let line: Line
let incoming: Incoming
beforeEach(() => {
  bed = new Bed()
  line = new Line()
  incoming = new Incoming(1, bed.journal)
  incoming.attach(line, true)
})

async function received(): Promise<number[]> {
  return (await bed.store.memory.open()).received.map((row) => row.packetIdentifier)
}

test('acknowledgements leave in the order the messages came [MQTT-4.6.0-2] [MQTT-4.6.0-3]', () => {
  const a = incoming.expectPuback(1)
  const b = incoming.expectPubrec(2)!
  const c = incoming.expectPuback(3)
  c.durable()
  b.durable()
  expect(line.heard).toEqual([])
  expect(incoming.waitingForFlash).toBe(3)
  a.durable()
  expect(line.heard).toEqual(['puback 1', 'pubrec 2', 'puback 3'])
})

test('onDrained is called once, when nothing waits any more', () => {
  const a = incoming.expectPuback(1)
  const b = incoming.expectPuback(2)
  let drained = 0
  incoming.onDrained(() => drained++)
  a.durable()
  expect(drained).toBe(0)
  b.durable()
  expect(drained).toBe(1)
  incoming.expectPuback(3).durable()
  expect(drained).toBe(1)
})

describe('duplicates of QoS 2', () => {
  test('from PUBLISH to PUBREL the same identifier is the same message [MQTT-4.3.3-10]', async () => {
    const ack = incoming.expectPubrec(7)!
    expect(incoming.expectPubrec(7)).toBeNull()
    ack.durable()
    await bed.store.completeAll()
    expect(line.heard).toEqual(['pubrec 7', 'pubrec 7'])
    expect(await received()).toEqual([7])
    incoming.onPubrel(7)
    await bed.store.completeAll()
    expect(line.heard).toEqual(['pubcomp 7'])
    expect(await received()).toEqual([])
    expect(incoming.expectPubrec(7)).not.toBeNull()
  })

  test('over a reconnection, also while the first is not on flash yet', async () => {
    const ack = incoming.expectPubrec(7)!
    incoming.detach()
    incoming.attach(line, true)
    expect(incoming.expectPubrec(7)).toBeNull()
    await turns()
    expect(line.heard).toEqual([])
    ack.durable() // speaks for a connection that is gone
    expect(line.heard).toEqual([])
    await bed.store.completeAll()
    expect(line.heard).toEqual(['pubrec 7'])
  })

  test('over a restart', async () => {
    const again = new Incoming(1, bed.journal, [7])
    again.attach(line, true)
    expect(again.expectPubrec(7)).toBeNull()
    expect(again.expectPubrec(8)).not.toBeNull()
  })

  test('of a message that is refused: it was not taken either', async () => {
    const ack = incoming.expectPubrec(7)!
    incoming.detach()
    incoming.attach(line, true)
    expect(incoming.expectPubrec(7)).toBeNull()
    ack.refused('store-full')
    await bed.store.completeAll()
    expect(line.heard).toEqual(['pubrec 7 0x97'])
    expect(await received()).toEqual([])
  })

  test('a session that ends with its connection keeps nothing', async () => {
    const passing = new Incoming(0, bed.journal)
    passing.attach(line, true)
    passing.safeWithState(passing.expectPubrec(7)!)
    passing.onPubrel(7)
    expect(line.heard).toEqual(['pubrec 7', 'pubcomp 7'])
    await bed.store.completeAll()
    expect(bed.store.batches).toHaveLength(0)
  })
})

describe('refusal', () => {
  test('5.0 is told why, and the identifier is free', async () => {
    incoming.expectPuback(1).refused('store-full')
    incoming.expectPubrec(2)!.refused('disk-full')
    expect(line.heard).toEqual(['puback 1 0x97', 'pubrec 2 0x97'])
    expect(incoming.expectPubrec(2)).not.toBeNull()
    expect(incoming.withholds).toBe(false)
  })

  test('to 3.x the acknowledgement is withheld, and those behind it are not', () => {
    let withheld = 0
    incoming.detach()
    incoming.attach(line, false, () => withheld++)
    incoming.expectPuback(1).refused('store-full')
    incoming.expectPuback(2).refused('store-full')
    incoming.expectPuback(3).durable()
    expect(line.heard).toEqual(['puback 3'])
    expect(incoming.withholds).toBe(true)
    expect(withheld).toBe(1)
    incoming.detach()
    incoming.attach(line, false)
    expect(incoming.withholds).toBe(false)
  })
})

describe('PUBCOMP', () => {
  test('leaves when the identifier is durably free', async () => {
    incoming.expectPubrec(7)!.durable()
    await turns()
    line.said.length = 0
    incoming.onPubrel(7)
    await turns()
    expect(line.heard).toEqual([])
    await bed.store.completeAll()
    expect(line.heard).toEqual(['pubcomp 7'])
  })

  test('… also for a PUBREL that is repeated on another connection before that', async () => {
    incoming.expectPubrec(7)!.durable()
    await bed.store.completeAll()
    line.said.length = 0
    incoming.onPubrel(7)
    incoming.detach()
    line = new Line()
    incoming.attach(line, true)
    incoming.onPubrel(7)
    await turns()
    expect(line.heard).toEqual([])
    await bed.store.completeAll()
    expect(line.heard).toEqual(['pubcomp 7 0x92'])
    expect(await received()).toEqual([])
  })

  test('of an identifier nobody knows says so', async () => {
    incoming.onPubrel(9)
    await bed.store.completeAll()
    expect(line.heard).toEqual(['pubcomp 9 0x92'])
  })
})

test("the peer's quota: QoS 1 until PUBACK, QoS 2 until PUBREL; a new connection starts anew", () => {
  const a = incoming.expectPuback(1)
  incoming.expectPubrec(2)!.durable()
  expect(incoming.unacknowledged).toBe(2)
  a.durable()
  expect(incoming.unacknowledged).toBe(1)
  expect(incoming.isRepeated(2)).toBe(true)
  incoming.onPubrel(2)
  expect(incoming.unacknowledged).toBe(0)
  incoming.expectPubrec(3)
  incoming.detach()
  incoming.attach(line, true)
  expect(incoming.unacknowledged).toBe(0)
  expect(incoming.isRepeated(3)).toBe(false)
})

test('a peer that has forgotten the session starts anew', async () => {
  incoming.expectPubrec(7)!.durable()
  await bed.store.completeAll()
  incoming.peerForgot()
  expect(incoming.expectPubrec(7)).not.toBeNull()
})

test('nothing is answered to a connection that is gone', async () => {
  const ack = incoming.expectPuback(1)
  incoming.expectPubrec(2)!.durable()
  incoming.onPubrel(2)
  incoming.detach()
  ack.durable()
  const next = new Line()
  incoming.attach(next, true)
  await bed.store.completeAll()
  expect(next.said).toEqual([])
})
