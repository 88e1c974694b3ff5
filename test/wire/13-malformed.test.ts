// What a client must not send, statement by statement: the server checks it, answers as the version can hear it, and closes. The
// whole list of malformed packets is in 00-bytes.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { TestGateway } from '../support/gateway.ts'
import type { Version } from '../support/wire-client.ts'
import { bytesOf } from '../unit/mqtt/malformed.ts'

const C5 = '0004 "MQTT" 05'
const C4 = '0004 "MQTT" 04'

/** Bytes of a CONNECT that is not accepted, and its answer: a reason of 5.0, a return code, or null for none. */
const CONNECTS: readonly (readonly [what: string, version: Version, bytes: string, answer: keyof typeof Reason | number | null])[] = [
  ['[MQTT-3.1.2-3] the reserved flag', 5, `10 # ${C5} 03 003c 00 0001 "c"`, 'malformedPacket'],
  ['[MQTT-3.1.2-3] [MQTT3-3.1.4-1] the reserved flag', 4, `10 # ${C4} 03 003c 0001 "c"`, null],
  ['[MQTT-3.1.2-9] a will flag without will', 5, `10 # ${C5} 06 003c 00 0001 "c"`, 'malformedPacket'],
  ['[MQTT-3.1.2-9] [MQTT3-3.1.4-1] a will flag without payload', 4, `10 # ${C4} 06 003c 0001 "c" 0001 "t"`, null],
  ['[MQTT-3.1.2-11] will QoS without will', 5, `10 # ${C5} 0a 003c 00 0001 "c"`, 'malformedPacket'],
  ['[MQTT-3.1.2-11] will QoS without will', 4, `10 # ${C4} 12 003c 0001 "c"`, null],
  ['[MQTT-3.1.2-12] will QoS 3', 5, `10 # ${C5} 1e 003c 00 0001 "c" 00 0001 "t" 0000`, 'malformedPacket'],
  ['[MQTT-3.1.2-13] will RETAIN without will', 5, `10 # ${C5} 22 003c 00 0001 "c"`, 'malformedPacket'],
  ['[MQTT-3.1.2-13] will RETAIN without will', 4, `10 # ${C4} 22 003c 0001 "c"`, null],
  ['[MQTT-3.1.2-16] [MQTT-3.1.2-18] a user name without its flag', 5, `10 # ${C5} 02 003c 00 0001 "c" 0001 "u"`, 'malformedPacket'],
  ['[MQTT-3.1.2-18] a password without its flag', 4, `10 # ${C4} 82 003c 0001 "c" 0001 "u" 0001 "p"`, null],
  ['[MQTT-3.1.2-17] a user name flag without user name', 5, `10 # ${C5} 82 003c 00 0001 "c"`, 'malformedPacket'],
  ['[MQTT-3.1.2-19] a password flag without password', 5, `10 # ${C5} c2 003c 00 0001 "c" 0001 "u"`, 'malformedPacket'],
  ['[MQTT3-3.1.2-22] a password without user name', 4, `10 # ${C4} 42 003c 0001 "c" 0001 "p"`, null],
  ['[MQTT3-3.1.2-22] a password without user name', 3, '10 # 0006 "MQIsdp" 03 42 003c 0001 "c" 0001 "p"', null],
  ['[MQTT-3.1.3-1] a will before the client identifier, which is read as topic', 4, `10 # ${C4} 06 003c 0003 "a/b" 0002 "xy"`, null],
  ['[MQTT-3.1.3-3] no client identifier', 5, `10 # ${C5} 02 003c 00`, 'malformedPacket'],
  ['[MQTT-3.1.3-4] [MQTT-1.5.4-1] an overlong client identifier', 5, `10 # ${C5} 02 003c 00 0002 c0af`, 'malformedPacket'],
  ['[MQTT-3.1.3-4] [MQTT-1.5.4-2] U+0000 in the client identifier', 4, `10 # ${C4} 02 003c 0001 00`, null],
  ['[MQTT-3.1.3-11] a surrogate in the will topic', 5, `10 # ${C5} 06 003c 00 0001 "c" 00 0003 eda080 0000`, 'malformedPacket'],
  ['[MQTT-3.1.3-11] a will topic that is not UTF-8', 4, `10 # ${C4} 06 003c 0001 "c" 0001 ff 0000`, null],
  ['[MQTT-3.1.3-12] a user name that is not UTF-8', 5, `10 # ${C5} 82 003c 00 0001 "c" 0001 ff`, 'malformedPacket'],
  ['[MQTT-4.7.0-1] [MQTT-3.3.2-2] a wildcard in the will topic', 5, `10 # ${C5} 06 003c 00 0001 "c" 00 0001 "+" 0000`, 'topicNameInvalid'],
  ['[MQTT-4.7.0-1] [MQTT3-3.2.2-6] a wildcard in the will topic, for which there is no return code', 4, `10 # ${C4} 06 003c 0001 "c" 0001 "+" 0000`, null],
  ['[MQTT-1.5.7-1] a user property whose name is not UTF-8', 5, `10 # ${C5} 02 003c 07 26 0001 ff 0001 "v" 0001 "c"`, 'malformedPacket'],
  ['[MQTT3-3.1.3-7] [MQTT3-3.1.3-8] an empty client identifier with clean session 0', 4, `10 # ${C4} 00 003c 0000`, 2],
  ['[MQTT-1.5.5-1] a property length in two bytes', 5, `10 # ${C5} 02 003c 80 00 0001 "c"`, 'malformedPacket'],
  ['[MQTT-3.1.0-1] PUBLISH', 4, '30 03 0001 "t"', null],
  ['[MQTT-3.1.0-1] SUBSCRIBE', 5, '82 # 0001 00 0001 "t" 00', null],
  ['[MQTT-3.1.0-1] [MQTT-2.1.3-1] CONNECT with fixed header flags', 5, `11 # ${C5} 02 003c 00 0001 "c"`, null],
]

test.each(CONNECTS)('%s: version %i is refused', async (_what, version, bytes, answer) => {
  await using gateway = await TestGateway.start()
  const client = await gateway.open(version)
  client.send(bytesOf(bytes))
  if (typeof answer === 'string') await client.expect({ cmd: 'connack', reasonCode: Reason[answer], sessionPresent: false }) // [MQTT-3.2.2-6]
  else if (answer !== null) await client.expect({ cmd: 'connack', returnCode: answer, sessionPresent: false })
  await client.expectClosed()
  expect(gateway.gateway.sessions.count).toBe(0)
})

/** Bytes from a client that is connected, and the reason of the DISCONNECT that a 5.0 client gets; to one of 3.x nothing is said. */
const LATER: readonly (readonly [what: string, version: Version, bytes: string, reason: keyof typeof Reason])[] = [
  ['[MQTT-1.5.4-1] [MQTT-3.3.2-1] a topic with a surrogate', 5, '30 # 0003 eda080 00', 'malformedPacket'],
  ['[MQTT-1.5.4-1] [MQTT-3.3.2-1] a topic that is not UTF-8', 4, '30 # 0001 ff', 'malformedPacket'],
  ['[MQTT-1.5.4-2] [MQTT-4.7.3-2] U+0000 in a topic', 5, '30 # 0002 "t" 00 00', 'malformedPacket'],
  ['[MQTT-1.5.4-2] [MQTT-4.7.3-2] U+0000 in a filter', 4, '82 # 0001 0002 "t" 00 00', 'malformedPacket'],
  ['[MQTT-1.5.5-1] a remaining length in two bytes', 5, 'c0 80 00', 'malformedPacket'],
  ['[MQTT-1.5.5-1] a subscription identifier in two bytes', 5, '82 # 0001 03 0b 81 00 0001 "t" 00', 'malformedPacket'],
  ['[MQTT-1.5.7-1] a user property whose value has U+0000', 5, '30 # 0001 "t" 07 26 0001 "n" 0001 00', 'malformedPacket'],
  ['[MQTT-2.1.3-1] flags of PUBACK', 5, '42 02 0001', 'malformedPacket'],
  ['[MQTT-2.1.3-1] flags of PINGREQ', 4, 'c8 00', 'malformedPacket'],
  ['[MQTT-2.2.1-3] packet identifier 0 of PUBLISH', 5, '32 # 0001 "t" 0000 00', 'protocolError'],
  ['[MQTT-2.2.1-3] packet identifier 0 of SUBSCRIBE', 4, '82 # 0000 0001 "t" 00', 'protocolError'],
  ['[MQTT-2.2.1-3] packet identifier 0 of UNSUBSCRIBE', 5, 'a2 # 0000 00 0001 "t"', 'protocolError'],
  ['[MQTT-3.3.1-2] QoS 0 with DUP', 5, '38 # 0001 "t" 00', 'malformedPacket'],
  ['[MQTT-3.3.1-2] QoS 0 with DUP', 4, '38 # 0001 "t"', 'malformedPacket'],
  ['[MQTT-3.3.1-4] QoS 3', 5, '36 # 0001 "t" 0001 00', 'malformedPacket'],
  ['[MQTT-3.3.1-4] QoS 3', 3, '36 # 0001 "t" 0001', 'malformedPacket'],
  ['[MQTT-3.3.2-2] [MQTT-4.7.0-1] a wildcard in a topic', 5, '30 # 0003 "a/#" 00', 'topicNameInvalid'],
  ['[MQTT-3.3.2-2] [MQTT-4.7.0-1] a wildcard in a topic', 4, '30 # 0003 "a/+"', 'topicNameInvalid'],
  ['[MQTT-3.3.2-13] a response topic that is not UTF-8', 5, '30 # 0001 "t" 04 08 0001 ff', 'malformedPacket'],
  ['[MQTT-3.3.2-14] a wildcard in a response topic', 5, '30 # 0001 "t" 04 08 0001 "+"', 'topicNameInvalid'],
  ['[MQTT-3.3.2-19] a content type that is not UTF-8', 5, '30 # 0001 "t" 04 03 0001 ff', 'malformedPacket'],
  ['[MQTT-3.3.4-6] a subscription identifier in PUBLISH', 5, '30 # 0001 "t" 02 0b 01', 'protocolError'],
  ['[MQTT-4.7.3-1] an empty topic', 4, '30 # 0000', 'topicNameInvalid'],
  ['[MQTT-4.7.3-1] an empty filter', 5, '82 # 0001 00 0000 00', 'topicFilterInvalid'],
  ['[MQTT-3.4.2-1] PUBACK with a reason that is none', 5, '40 03 0001 01', 'protocolError'],
  ['[MQTT-3.5.2-1] PUBREC with the reason of a PUBREL', 5, '50 03 0001 92', 'protocolError'],
  ['[MQTT-3.6.2-1] PUBREL with the reason of a PUBREC', 5, '62 03 0001 10', 'protocolError'],
  ['[MQTT-3.7.2-1] PUBCOMP with a reason that is none', 5, '70 03 0001 80', 'protocolError'],
  ['[MQTT-3.6.1-1] PUBREL with flags 0', 5, '60 02 0001', 'malformedPacket'],
  ['[MQTT-3.6.1-1] PUBREL with DUP, which only 3.1 has', 4, '6a 02 0001', 'malformedPacket'],
  ['[MQTT-3.8.1-1] SUBSCRIBE with flags 0', 5, '80 # 0001 00 0001 "t" 00', 'malformedPacket'],
  ['[MQTT-3.8.1-1] SUBSCRIBE with flags 0', 4, '80 # 0001 0001 "t" 00', 'malformedPacket'],
  ['[MQTT-3.8.3-1] a filter that is not UTF-8', 5, '82 # 0001 00 0001 80 00', 'malformedPacket'],
  ['[MQTT-3.8.3-2] SUBSCRIBE without filter', 5, '82 # 0001 00', 'protocolError'],
  ['[MQTT-3.8.3-2] SUBSCRIBE without filter', 4, '82 # 0001', 'protocolError'],
  ['[MQTT-3.8.3-4] No Local on a shared subscription', 5, '82 # 0001 00 000a "$share/g/t" 04', 'protocolError'],
  ['[MQTT-3.8.3-5] a reserved option bit', 5, '82 # 0001 00 0001 "t" 40', 'malformedPacket'],
  ['[MQTT-3.8.3-5] an option of 5.0', 4, '82 # 0001 0001 "t" 08', 'malformedPacket'],
  ['[MQTT-3.8.3-5] QoS 3', 4, '82 # 0001 0001 "t" 03', 'malformedPacket'],
  ['[MQTT-3.10.1-1] UNSUBSCRIBE with flags 0', 5, 'a0 # 0001 00 0001 "t"', 'malformedPacket'],
  ['[MQTT-3.10.1-1] UNSUBSCRIBE with flags 0', 4, 'a0 # 0001 0001 "t"', 'malformedPacket'],
  ['[MQTT-3.10.3-1] a filter to unsubscribe that is not UTF-8', 5, 'a2 # 0001 00 0001 ff', 'malformedPacket'],
  ['[MQTT-3.10.3-2] UNSUBSCRIBE without filter', 5, 'a2 # 0001 00', 'protocolError'],
  ['[MQTT-3.10.3-2] UNSUBSCRIBE without filter', 4, 'a2 # 0001', 'protocolError'],
  ['[MQTT-4.7.1-1] # that is not last', 5, '82 # 0001 00 0005 "a/#/b" 00', 'topicFilterInvalid'],
  ['[MQTT-4.7.1-1] # that shares its level', 4, '82 # 0001 0003 "a/b#" 00', 'topicFilterInvalid'],
  ['[MQTT-4.7.1-2] + that shares its level', 5, '82 # 0001 00 0004 "a/b+" 00', 'topicFilterInvalid'],
  ['[MQTT-4.8.2-1] a share without name', 5, '82 # 0001 00 0009 "$share//t" 00', 'malformedPacket'],
  ['[MQTT-4.8.2-2] a share name with a wildcard', 5, '82 # 0001 00 000b "$share/a+/t" 00', 'malformedPacket'],
  ['[MQTT-4.8.2-2] a share without filter', 5, '82 # 0001 00 0008 "$share/g" 00', 'malformedPacket'],
  ['[MQTT-3.14.1-1] DISCONNECT with flags', 5, 'e1 00', 'malformedPacket'],
  ['[MQTT-3.14.1-1] DISCONNECT with flags', 4, 'e2 00', 'malformedPacket'],
  ['[MQTT-3.14.2-1] DISCONNECT with a reason that is none', 5, 'e0 01 01', 'protocolError'],
  ['[MQTT-3.15.1-1] AUTH with flags', 5, 'f1 00', 'malformedPacket'],
  ['[MQTT-3.15.2-1] AUTH with a reason that is none', 5, 'f0 # 80 04 15 0001 "a"', 'protocolError'],
]

test.each(LATER)('[MQTT-4.13.1-1] [MQTT-4.13.2-1] %s: version %i is cut off', async (_what, version, bytes, reason) => {
  await using gateway = await TestGateway.start()
  const client = await gateway.connect(version)
  client.send(bytesOf(bytes))
  if (version === 5) await client.expect({ cmd: 'disconnect', reasonCode: Reason[reason] })
  await client.expectClosed()
  expect(gateway.counters.protocolErrors).toBe(1)
})

describe('what is well-formed although it looks strange', () => {
  test('[MQTT-1.5.4-3] a BOM stays in topics and properties, wherever it stands', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    await client.subscribe('\ufeffa\ufeff')
    const bytes = '30 # 0007 efbbbf "a" efbbbf 16 03 0004 efbbbf "c" 26 0004 efbbbf "n" 0006 "v" efbbbf "vv" "x"'
    client.send(bytesOf(bytes))
    await client.expectBytes(bytesOf(bytes).toString('hex'))
  })

  test('[MQTT-1.5.4-1] the highest code point, private ones and those that are none are UTF-8', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(4)
    const topic = '\u{10ffff}\ue000\uffff\u0001'
    await client.subscribe(topic)
    client.publish(topic, 'x')
    await client.expect({ cmd: 'publish', topic })
  })
})
