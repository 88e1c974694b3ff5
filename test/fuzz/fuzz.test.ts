// A slice of the fuzzer (npm run fuzz has more), and that its parts can tell right from wrong.
import { describe, expect, test } from 'vitest'
import { encodeConnack, encodeDisconnect } from '../../src/mqtt/control.ts'
import { PINGRESP } from '../../src/mqtt/encode-ack.ts'
import { bytesOf } from '../unit/mqtt/malformed.ts'
import { campaign } from './campaign.ts'
import { type Case, makeCase } from './case.ts'
import { Corpus } from './corpus.ts'
import { problem } from './judge.ts'
import { expectationOf } from './model.ts'
import type { Talked } from './talk.ts'

const SEED = 1

test('mistakes of all kinds against a real gateway: it stays, answers in time, tells of them, and nothing is left of them', { timeout: 120_000 }, async () => {
  const lines: string[] = []
  const report = await campaign({ seed: SEED, first: 0, count: 3000, connections: 100, restMs: 0, verbose: false, print: (line) => lines.push(line) })
  expect(report.faults).toEqual([])
  expect(report.cases).toBe(3000)
  expect(report.probes).toBe(15)
  expect(report.protocolErrors).toBeGreaterThan(1000)
  expect(report.health.sent).toBeGreaterThan(0)
  // All ways a connection can go, or the cases are not what they are meant to be.
  const ways = Object.keys(report.ended)
  for (const way of ['open: answered', 'refused: gateway', 'left: gateway', 'begun: us', 'begun: reset']) expect(ways).toContain(way)
})

test('a case follows from its seed and number', () => {
  const again = new Corpus(SEED)
  const corpus = new Corpus(SEED)
  for (const number of [0, 1, 77, 999_999]) expect(makeCase(again, SEED, number)).toEqual(makeCase(corpus, SEED, number))
  expect(makeCase(corpus, SEED, 1).bytes).not.toEqual(makeCase(corpus, SEED + 1, 1).bytes)
})

test('every recording of a real client is a conversation that the decoder accepts', () => {
  const { recorded } = new Corpus(SEED)
  expect(recorded.length).toBeGreaterThan(15)
  expect(new Set(recorded.map(({ version }) => version))).toEqual(new Set([3, 4, 5]))
  for (const { name, version, packets } of recorded) {
    const expected = expectationOf(Buffer.concat(packets))
    expect([name, expected.version, expected.end]).toEqual([name, version, 'left'])
  }
})

describe('the judge', () => {
  const connect = bytesOf('10 # 0004 "MQTT" 05 02 003c 00 0001 "c"')
  const begun = connect.subarray(0, -1)
  const malformed = Buffer.concat([connect, bytesOf('c1 00')])
  const twice = Buffer.concat([connect, connect])
  const connack = encodeConnack(5, { reason: 0 })
  const disconnect = encodeDisconnect(5, { reason: 0x81 })

  function judge(bytes: Buffer, packets: readonly Buffer[], ended: Talked['ended'] = 'gateway', more: Partial<Case> = {}): string | null {
    const it: Case = { number: 0, kind: 'by hand', version: 5, bytes, transport: 'tcp', writes: [bytes], damaged: false, ending: 'close', shared: false, clean: false, ...more }
    return problem(it, expectationOf(bytes), { received: Buffer.concat(packets), packets, rest: 0, ended, slow: false })
  }

  test('has nothing to say about what is right', () => {
    expect(expectationOf(malformed).end).toBe('refused')
    expect(judge(malformed, [connack, disconnect])).toBeNull()
    expect(judge(connect, [connack, PINGRESP], 'answered')).toBeNull()
    expect(judge(begun, [], 'us')).toBeNull()
  })

  test.each<[string, Buffer, readonly Buffer[], Talked['ended']?]>([
    ['no end and no answer', malformed, [connack], 'late'],
    ['no CONNACK', malformed, []],
    ['no DISCONNECT', malformed, [connack]],
    ['malformed for a reason, where a protocol error is one', twice, [connack, disconnect]],
    ['DISCONNECT before CONNACK', malformed, [disconnect]],
    ['something behind DISCONNECT', malformed, [connack, disconnect, PINGRESP]],
    ['two CONNACKs', connect, [connack, connack, PINGRESP], 'answered'],
    ['DISCONNECT that says all is well', malformed, [connack, bytesOf('e0 00')]],
    ['an answer before CONNECT is whole', begun, [connack], 'us'],
    ['bytes that are no packet of a server', malformed, [connack, connect]],
    ['a reason code that does not exist', malformed, [connack, bytesOf('e0 02 03 00')]],
    ['a clean case that is refused', connect, [encodeConnack(5, { reason: 0x97 })]],
  ])('finds %s', (_what, bytes, packets, ended = 'gateway') => {
    expect(judge(bytes, packets, ended, { clean: bytes === connect })).not.toBeNull()
  })

  test('lets the gateway close on who took too long to come, and on nobody else', () => {
    const it: Case = { number: 0, kind: 'by hand', version: 5, bytes: malformed, transport: 'tcp', writes: [malformed], damaged: false, ending: 'close', shared: false, clean: false }
    const talked = { received: Buffer.alloc(0), packets: [], rest: 0, ended: 'gateway' } as const
    expect(problem(it, expectationOf(malformed), { ...talked, slow: true })).toBeNull()
    expect(problem(it, expectationOf(malformed), { ...talked, slow: false })).toBe('no CONNACK')
    expect(problem(it, expectationOf(malformed), { ...talked, ended: 'late', slow: true })).not.toBeNull()
  })

  test('finds DISCONNECT to a client of MQTT 3.1.1, which has none', () => {
    const bytes = bytesOf('10 # 0004 "MQTT" 04 02 003c 0001 "c"')
    const refused = Buffer.concat([bytes, bytesOf('c1 00')])
    expect(judge(refused, [encodeConnack(4, { reason: 0 })])).toBeNull()
    expect(judge(refused, [encodeConnack(4, { reason: 0 }), bytesOf('e0 00')])).not.toBeNull()
  })

  test('finds packets that are longer than the client takes', () => {
    const small = bytesOf('10 # 0004 "MQTT" 05 02 003c 05 27 00000005 0001 "c"')
    expect(expectationOf(small).connect?.maximumPacketSize).toBe(5)
    expect(judge(small, [connack, PINGRESP], 'answered')).toBeNull()
    expect(judge(small, [encodeConnack(5, { reason: 0, receiveMaximum: 10 }), PINGRESP], 'answered')).toMatch('a packet of 8 bytes')
  })
})
