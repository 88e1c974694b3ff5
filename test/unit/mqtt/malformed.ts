// What a strict decoder refuses: one row per mistake, bytes in, reason code out.
//
// Bytes are hex; "text" stands for its UTF-8 bytes, and # for the remaining length of what follows it. Except in the tables of CONNECT
// and of first packets, a server has accepted a CONNECT of the row's version before, with a packet limit of 1 MB and 4 topic aliases.
import type { Reason } from '../../../src/mqtt/reason.ts'

export type Row = readonly [version: 3 | 4 | 5, bytes: string, reason: keyof typeof Reason, why: string]

export interface Table {
  readonly role: 'server' | 'client'
  /** True when the rows are the first bytes on the connection. */
  readonly first?: boolean
  readonly rows: readonly Row[]
}

export function bytesOf(text: string): Buffer {
  const mark = text.indexOf(' # ')
  if (mark < 0) return plainBytes(text)
  const rest = plainBytes(text.slice(mark + 3))
  const length: number[] = []
  for (let n = rest.length; ; n >>= 7) {
    if (n < 128) {
      length.push(n)
      break
    }
    length.push((n & 127) | 128)
  }
  return Buffer.concat([plainBytes(text.slice(0, mark)), Buffer.from(length), rest])
}

function plainBytes(text: string): Buffer {
  const parts = text.match(/"[^"]*"|[0-9a-f]+/gi) ?? []
  return Buffer.concat(parts.map((part) => (part.startsWith('"') ? Buffer.from(part.slice(1, -1), 'utf8') : Buffer.from(part, 'hex'))))
}

const fixedHeader: Table = {
  role: 'server',
  rows: [
    [4, '00 00', 'malformedPacket', 'packet type 0'],
    [5, '00 00', 'malformedPacket', 'packet type 0'],
    [4, 'f0 00', 'malformedPacket', 'packet type 15 before MQTT 5.0'],
    [3, 'f0 00', 'malformedPacket', 'packet type 15 in MQTT 3.1'],
    [4, 'c0 80 00', 'malformedPacket', 'remaining length 0 in two bytes'],
    [5, '30 85 00 0001 "t" 00', 'malformedPacket', 'remaining length 5 in two bytes'],
    [5, '30 85 80 00 0001 "t" 00', 'malformedPacket', 'remaining length 5 in three bytes'],
    [4, 'c0 80 80 80 80 01', 'malformedPacket', 'remaining length of five bytes'],
    [4, '30 ff ff ff ff', 'malformedPacket', 'remaining length that goes on after four bytes'],
    [4, '30 ff ff ff 7f', 'packetTooLarge', 'the longest packet there is'],
    [5, '30 fd ff 3f', 'packetTooLarge', 'one byte over the limit'],
    [4, '20 02 00 00', 'protocolError', 'CONNACK to a server'],
    [4, '90 03 0001 00', 'protocolError', 'SUBACK to a server'],
    [4, 'b0 02 0001', 'protocolError', 'UNSUBACK to a server'],
    [4, 'd0 00', 'protocolError', 'PINGRESP to a server'],
  ],
}

const firstPacket: Table = {
  role: 'server',
  first: true,
  rows: [
    [4, '30 03 0001 "t"', 'protocolError', 'PUBLISH before CONNECT'],
    [4, '30', 'protocolError', 'the first byte of a PUBLISH before CONNECT'],
    [4, 'c0 00', 'protocolError', 'PINGREQ before CONNECT'],
    [4, '82 # 0001 0001 "t" 00', 'protocolError', 'SUBSCRIBE before CONNECT'],
    [5, 'f0 00', 'protocolError', 'AUTH before CONNECT'],
    [4, 'e0 00', 'protocolError', 'DISCONNECT before CONNECT'],
    [4, '11 # 0004 "MQTT" 04 02 003c 0001 "c"', 'protocolError', 'CONNECT with a reserved fixed header flag'],
    [4, '16 03 01 02 00', 'protocolError', 'a TLS ClientHello'],
    [4, '"GET / HTTP/1.1"', 'protocolError', 'an HTTP request'],
    [4, '10 ff ff 7f', 'packetTooLarge', 'CONNECT longer than allowed before anyone is known'],
    [4, '10 80 80 80 80 01', 'malformedPacket', 'CONNECT with a remaining length of five bytes'],
    [4, '10 00', 'malformedPacket', 'empty CONNECT'],
  ],
}

const connect: Table = {
  role: 'server',
  first: true,
  rows: [
    [4, '10 # 0004 "MQTX" 04 02 003c 0001 "c"', 'unsupportedProtocolVersion', 'unknown protocol name'],
    [4, '10 # 0004 "mqtt" 04 02 003c 0001 "c"', 'unsupportedProtocolVersion', 'protocol name in lower case'],
    [4, '10 # 0000 04 02 003c 0001 "c"', 'unsupportedProtocolVersion', 'empty protocol name'],
    [4, '10 # 0004 ffffffff 04 02 003c 0001 "c"', 'unsupportedProtocolVersion', 'protocol name that is not UTF-8'],
    [4, '10 # 0004 "MQTT" 03 02 003c 0001 "c"', 'unsupportedProtocolVersion', 'MQTT with level 3'],
    [4, '10 # 0006 "MQIsdp" 04 02 003c 0001 "c"', 'unsupportedProtocolVersion', 'MQIsdp with level 4'],
    [5, '10 # 0006 "MQIsdp" 05 02 003c 00 0001 "c"', 'unsupportedProtocolVersion', 'MQIsdp with level 5'],
    [4, '10 # 0004 "MQTT" 00 02 003c 0001 "c"', 'unsupportedProtocolVersion', 'level 0'],
    [4, '10 # 0004 "MQTT" 06 02 003c 0001 "c"', 'unsupportedProtocolVersion', 'level 6'],
    [5, '10 # 0004 "MQTT" 85 02 003c 00 0001 "c"', 'unsupportedProtocolVersion', 'bridge bit in MQTT 5.0'],
    [4, '10 # 0004 "MQT"', 'malformedPacket', 'ends in the protocol name'],
    [4, '10 # 0004 "MQTT"', 'malformedPacket', 'ends before the level'],
    [4, '10 # 0004 "MQTT" 04', 'malformedPacket', 'ends before the flags'],
    [4, '10 # 0004 "MQTT" 04 02 00', 'malformedPacket', 'ends in the keep alive'],
    [4, '10 # 0004 "MQTT" 04 02 003c', 'malformedPacket', 'ends before the client identifier'],
    [4, '10 # 0004 "MQTT" 04 02 003c 0002 "c"', 'malformedPacket', 'client identifier reaches beyond the packet'],
    [4, '10 # 0004 "MQTT" 04 02 003c 0001 "c" 00', 'malformedPacket', 'a byte behind the payload'],
    [4, '10 # 0004 "MQTT" 04 03 003c 0001 "c"', 'malformedPacket', 'reserved flag'],
    [4, '10 # 0004 "MQTT" 04 0a 003c 0001 "c"', 'malformedPacket', 'will QoS without a will'],
    [4, '10 # 0004 "MQTT" 04 22 003c 0001 "c"', 'malformedPacket', 'will RETAIN without a will'],
    [3, '10 # 0006 "MQIsdp" 03 0a 003c 0001 "c"', 'malformedPacket', 'will QoS without a will in MQTT 3.1'],
    [4, '10 # 0004 "MQTT" 04 1e 003c 0001 "c" 0001 "t" 0000', 'malformedPacket', 'will QoS 3'],
    [4, '10 # 0004 "MQTT" 04 06 003c 0001 "c"', 'malformedPacket', 'will flag without a will'],
    [4, '10 # 0004 "MQTT" 04 06 003c 0001 "c" 0001 "t"', 'malformedPacket', 'will without a payload'],
    [4, '10 # 0004 "MQTT" 04 06 003c 0001 "c" 0001 "+" 0000', 'topicNameInvalid', 'wildcard in the will topic'],
    [4, '10 # 0004 "MQTT" 04 06 003c 0001 "c" 0000 0000', 'topicNameInvalid', 'empty will topic'],
    [4, '10 # 0004 "MQTT" 04 06 003c 0001 "c" 0002 c080 0000', 'malformedPacket', 'will topic that is not UTF-8'],
    [4, '10 # 0004 "MQTT" 04 42 003c 0001 "c" 0001 "p"', 'malformedPacket', 'password without user name in 3.1.1'],
    [3, '10 # 0006 "MQIsdp" 03 42 003c 0001 "c" 0001 "p"', 'malformedPacket', 'password without user name in 3.1'],
    [4, '10 # 0004 "MQTT" 04 82 003c 0001 "c"', 'malformedPacket', 'user name flag without user name'],
    [4, '10 # 0004 "MQTT" 04 c2 003c 0001 "c" 0001 "u"', 'malformedPacket', 'password flag without password'],
    [4, '10 # 0004 "MQTT" 04 82 003c 0001 "c" 0001 ff', 'malformedPacket', 'user name that is not UTF-8'],
    [4, '10 # 0004 "MQTT" 04 02 003c 0001 00', 'malformedPacket', 'U+0000 in the client identifier'],
    [4, '10 # 0004 "MQTT" 04 02 003c 0003 eda080', 'malformedPacket', 'surrogate in the client identifier'],
    [4, '10 # 0004 "MQTT" 04 02 003c 0002 c0af', 'malformedPacket', 'overlong UTF-8 in the client identifier'],
    [4, '10 # 0004 "MQTT" 04 00 003c 0000', 'clientIdentifierNotValid', 'empty client identifier without clean session in 3.1.1'],
    [3, '10 # 0006 "MQIsdp" 03 02 003c 0000', 'clientIdentifierNotValid', 'empty client identifier in 3.1'],
  ],
}

const connectProperties: Table = {
  role: 'server',
  first: true,
  rows: [
    [5, '10 # 0004 "MQTT" 05 02 003c', 'malformedPacket', 'no property length'],
    [5, '10 # 0004 "MQTT" 05 02 003c 09 0001 "c"', 'malformedPacket', 'property length reaches beyond the packet'],
    [5, '10 # 0004 "MQTT" 05 02 003c 80 00 0001 "c"', 'malformedPacket', 'property length in more bytes than needed'],
    [5, '10 # 0004 "MQTT" 05 02 003c 02 11 00 00000a 0001 "c"', 'malformedPacket', 'property reaches beyond the property length'],
    [5, '10 # 0004 "MQTT" 05 02 003c 02 00 00 0001 "c"', 'malformedPacket', 'unknown property 0'],
    [5, '10 # 0004 "MQTT" 05 02 003c 02 7f 00 0001 "c"', 'malformedPacket', 'unknown property 0x7f'],
    [5, '10 # 0004 "MQTT" 05 02 003c 02 80 01 0001 "c"', 'malformedPacket', 'property identifier of two bytes'],
    [5, '10 # 0004 "MQTT" 05 02 003c 03 23 0001 0001 "c"', 'malformedPacket', 'topic alias in CONNECT'],
    [5, '10 # 0004 "MQTT" 05 02 003c 05 18 00000001 0001 "c"', 'malformedPacket', 'will delay outside the will properties'],
    [5, '10 # 0004 "MQTT" 05 02 003c 04 1f 0001 "r" 0001 "c"', 'malformedPacket', 'reason string in CONNECT'],
    [5, '10 # 0004 "MQTT" 05 02 003c 0a 11 00000000 11 00000001 0001 "c"', 'protocolError', 'session expiry twice, the first 0'],
    [5, '10 # 0004 "MQTT" 05 02 003c 06 21 0001 21 0001 0001 "c"', 'protocolError', 'receive maximum twice'],
    [5, '10 # 0004 "MQTT" 05 02 003c 03 21 0000 0001 "c"', 'protocolError', 'receive maximum 0'],
    [5, '10 # 0004 "MQTT" 05 02 003c 05 27 00000000 0001 "c"', 'protocolError', 'maximum packet size 0'],
    [5, '10 # 0004 "MQTT" 05 02 003c 02 17 02 0001 "c"', 'protocolError', 'request problem information 2'],
    [5, '10 # 0004 "MQTT" 05 02 003c 02 19 ff 0001 "c"', 'protocolError', 'request response information 255'],
    [5, '10 # 0004 "MQTT" 05 02 003c 04 16 0001 00 0001 "c"', 'protocolError', 'authentication data without a method'],
    [5, '10 # 0004 "MQTT" 05 02 003c 08 15 0001 "a" 15 0001 "a" 0001 "c"', 'protocolError', 'authentication method twice'],
    [5, '10 # 0004 "MQTT" 05 02 003c 07 26 0001 ff 0001 "v" 0001 "c"', 'malformedPacket', 'user property name that is not UTF-8'],
    [5, '10 # 0004 "MQTT" 05 02 003c 07 26 0001 "n" 0001 00 0001 "c"', 'malformedPacket', 'U+0000 in a user property value'],
    [5, '10 # 0004 "MQTT" 05 06 003c 00 0001 "c" 02 01 02 0001 "t" 0000', 'protocolError', 'will payload format 2'],
    [5, '10 # 0004 "MQTT" 05 06 003c 00 0001 "c" 03 23 0001 0001 "t" 0000', 'malformedPacket', 'topic alias in a will'],
    [5, '10 # 0004 "MQTT" 05 06 003c 00 0001 "c" 02 0b 01 0001 "t" 0000', 'malformedPacket', 'subscription identifier in a will'],
    [5, '10 # 0004 "MQTT" 05 06 003c 00 0001 "c" 0a 18 00000000 18 00000000 0001 "t" 0000', 'protocolError', 'will delay twice'],
    [5, '10 # 0004 "MQTT" 05 06 003c 00 0001 "c" 04 08 0001 "#" 0001 "t" 0000', 'topicNameInvalid', 'wildcard in the response topic of a will'],
    [5, '10 # 0004 "MQTT" 05 06 003c 00 0001 "c" 03 18 0000 0001 "t" 0000', 'malformedPacket', 'will delay cut short'],
  ],
}

const secondConnect: Table = {
  role: 'server',
  rows: [
    [4, '10 # 0004 "MQTT" 04 02 003c 0001 "c"', 'protocolError', 'second CONNECT'],
    [5, '10 # 0004 "MQTT" 05 02 003c 00 0001 "c"', 'protocolError', 'second CONNECT'],
    [5, '12 # 0004 "MQTT" 05 02 003c 00 0001 "c"', 'malformedPacket', 'second CONNECT with flags'],
  ],
}

const publish: Table = {
  role: 'server',
  rows: [
    [4, '30 00', 'malformedPacket', 'no topic'],
    [4, '30 01 00', 'malformedPacket', 'half a topic length'],
    [4, '30 03 0002 "t"', 'malformedPacket', 'topic reaches beyond the packet'],
    [4, '30 02 0000', 'topicNameInvalid', 'empty topic'],
    [3, '30 02 0000', 'topicNameInvalid', 'empty topic in 3.1'],
    [4, '30 03 0001 "+"', 'topicNameInvalid', 'wildcard +'],
    [4, '30 05 0003 "a/#"', 'topicNameInvalid', 'wildcard # at the end'],
    [4, '30 05 0003 "a+b"', 'topicNameInvalid', 'wildcard + inside a level'],
    [4, '30 03 0001 00', 'malformedPacket', 'U+0000 in the topic'],
    [4, '30 03 0001 ff', 'malformedPacket', 'topic that is not UTF-8'],
    [4, '30 05 0003 eda080', 'malformedPacket', 'surrogate in the topic'],
    [4, '30 04 0002 c1bf', 'malformedPacket', 'overlong UTF-8 in the topic'],
    [4, '30 06 0004 f4908080', 'malformedPacket', 'code point beyond U+10FFFF in the topic'],
    [4, '36 05 0001 "t" 0001', 'malformedPacket', 'QoS 3'],
    [5, '36 06 0001 "t" 0001 00', 'malformedPacket', 'QoS 3'],
    [4, '38 03 0001 "t"', 'malformedPacket', 'QoS 0 with DUP in 3.1.1'],
    [5, '38 04 0001 "t" 00', 'malformedPacket', 'QoS 0 with DUP in 5.0'],
    [4, '32 03 0001 "t"', 'malformedPacket', 'QoS 1 without packet identifier'],
    [4, '32 04 0001 "t" 00', 'malformedPacket', 'half a packet identifier'],
    [4, '32 05 0001 "t" 0000', 'protocolError', 'packet identifier 0 at QoS 1'],
    [4, '34 05 0001 "t" 0000', 'protocolError', 'packet identifier 0 at QoS 2'],
    [5, '34 06 0001 "t" 0000 00', 'protocolError', 'packet identifier 0 in 5.0'],
  ],
}

const publishProperties: Table = {
  role: 'server',
  rows: [
    [5, '30 # 0001 "t"', 'malformedPacket', 'no property length'],
    [5, '30 # 0001 "t" 05', 'malformedPacket', 'property length reaches beyond the packet'],
    [5, '30 # 0001 "t" 80', 'malformedPacket', 'property length cut short'],
    [5, '30 # 0001 "t" 80 00', 'malformedPacket', 'property length in more bytes than needed'],
    [5, '30 # 0001 "t" ff ff ff ff 01', 'malformedPacket', 'property length of five bytes'],
    [5, '30 # 0001 "t" 02 00 00', 'malformedPacket', 'unknown property 0'],
    [5, '30 # 0001 "t" 05 11 00000001', 'malformedPacket', 'session expiry in PUBLISH'],
    [5, '30 # 0001 "t" 05 18 00000001', 'malformedPacket', 'will delay in PUBLISH'],
    [5, '30 # 0001 "t" 04 1f 0001 "r"', 'malformedPacket', 'reason string in PUBLISH'],
    [5, '30 # 0001 "t" 01 01', 'malformedPacket', 'payload format cut short'],
    [5, '30 # 0001 "t" 02 01 02', 'protocolError', 'payload format 2'],
    [5, '30 # 0001 "t" 04 01 00 01 01', 'protocolError', 'payload format twice, the first 0'],
    [5, '30 # 0001 "t" 04 02 000000 "payload"', 'malformedPacket', 'message expiry reaches into the payload'],
    [5, '30 # 0001 "t" 0a 02 00000000 02 00000001', 'protocolError', 'message expiry twice'],
    [5, '30 # 0001 "t" 02 23 00 "payload"', 'malformedPacket', 'topic alias reaches into the payload'],
    [5, '30 # 0001 "t" 06 23 0001 23 0001', 'protocolError', 'topic alias twice'],
    [5, '30 # 0001 "t" 03 23 0000', 'topicAliasInvalid', 'topic alias 0'],
    [5, '30 # 0001 "t" 03 23 0005', 'topicAliasInvalid', 'topic alias over the maximum'],
    [5, '30 # 0000 03 23 ffff', 'topicAliasInvalid', 'topic alias far over the maximum, without topic'],
    [5, '30 # 0000 03 23 0001', 'protocolError', 'topic alias that was never set'],
    [5, '30 # 0000 00', 'protocolError', 'neither topic nor alias'],
    [5, '30 # 0001 "+" 03 23 0001', 'topicNameInvalid', 'alias for a topic with a wildcard'],
    [5, '30 # 0001 "t" 02 0b 01', 'protocolError', 'subscription identifier from a client'],
    [5, '30 # 0001 "t" 04 03 0001 ff', 'malformedPacket', 'content type that is not UTF-8'],
    [5, '30 # 0001 "t" 06 03 0000 03 0000', 'protocolError', 'content type twice, both empty'],
    [5, '30 # 0001 "t" 04 03 0005 "payload"', 'malformedPacket', 'content type reaches into the payload'],
    [5, '30 # 0001 "t" 03 08 0000', 'protocolError', 'empty response topic'],
    [5, '30 # 0001 "t" 06 08 0003 "a/+"', 'topicNameInvalid', 'wildcard in the response topic'],
    [5, '30 # 0001 "t" 04 08 0001 00', 'malformedPacket', 'U+0000 in the response topic'],
    [5, '30 # 0001 "t" 08 08 0001 "a" 08 0001 "a"', 'protocolError', 'response topic twice'],
    [5, '30 # 0001 "t" 06 09 0000 09 0000', 'protocolError', 'correlation data twice'],
    [5, '30 # 0001 "t" 04 09 0002 00 "payload"', 'malformedPacket', 'correlation data reaches into the payload'],
    [5, '30 # 0001 "t" 04 26 0001 "n"', 'malformedPacket', 'user property without value'],
    [5, '30 # 0001 "t" 07 26 0001 "n" 0001 ff', 'malformedPacket', 'user property value that is not UTF-8'],
  ],
}

const acknowledgements: Table = {
  role: 'server',
  rows: [
    [4, '40 00', 'malformedPacket', 'empty PUBACK'],
    [4, '40 01 00', 'malformedPacket', 'half a packet identifier'],
    [4, '40 02 0000', 'protocolError', 'PUBACK for packet identifier 0'],
    [5, '50 03 0000 00', 'protocolError', 'PUBREC for packet identifier 0'],
    [4, '40 03 0001 00', 'malformedPacket', 'reason code before MQTT 5.0'],
    [4, '42 02 0001', 'malformedPacket', 'PUBACK with flags 2'],
    [4, '5f 02 0001', 'malformedPacket', 'PUBREC with flags 15'],
    [4, '60 02 0001', 'malformedPacket', 'PUBREL with flags 0'],
    [4, '6a 02 0001', 'malformedPacket', 'PUBREL with DUP in 3.1.1'],
    [4, '71 02 0001', 'malformedPacket', 'PUBCOMP with flags 1'],
    [5, '40 03 0001 01', 'protocolError', 'PUBACK with reason 0x01'],
    [5, '40 03 0001 92', 'protocolError', 'PUBACK with the reason of a PUBREL'],
    [5, '62 03 0001 10', 'protocolError', 'PUBREL with the reason of a PUBACK'],
    [5, '70 03 0001 80', 'protocolError', 'PUBCOMP with reason 0x80'],
    [5, '40 05 0001 00 00 00', 'malformedPacket', 'a byte behind the properties'],
    [5, '40 04 0001 00 01', 'malformedPacket', 'property length reaches beyond the packet'],
    [5, '40 # 0001 00 03 21 0001', 'malformedPacket', 'receive maximum in PUBACK'],
    [5, '40 # 0001 00 08 1f 0001 "r" 1f 0001 "r"', 'protocolError', 'reason string twice'],
    [5, '40 # 0001 00 04 1f 0001 ff', 'malformedPacket', 'reason string that is not UTF-8'],
  ],
}

const subscribe: Table = {
  role: 'server',
  rows: [
    [4, '80 # 0001 0001 "t" 00', 'malformedPacket', 'flags 0'],
    [4, '8a # 0001 0001 "t" 00', 'malformedPacket', 'DUP in 3.1.1'],
    [4, '82 00', 'malformedPacket', 'empty'],
    [4, '82 # 0000 0001 "t" 00', 'protocolError', 'packet identifier 0'],
    [4, '82 # 0001', 'protocolError', 'no topic filter'],
    [5, '82 # 0001 00', 'protocolError', 'no topic filter in 5.0'],
    [5, '82 # 0001', 'malformedPacket', 'no property length'],
    [4, '82 # 0001 0001 "t"', 'malformedPacket', 'no options'],
    [4, '82 # 0001 0002 "t" 00', 'malformedPacket', 'filter of which a byte is missing'],
    [4, '82 # 0001 0001 "t" 03', 'malformedPacket', 'QoS 3 in 3.1.1'],
    [5, '82 # 0001 00 0001 "t" 03', 'protocolError', 'QoS 3 in 5.0'],
    [4, '82 # 0001 0001 "t" 04', 'malformedPacket', 'No Local in 3.1.1'],
    [5, '82 # 0001 00 0001 "t" 40', 'malformedPacket', 'reserved option bit 6'],
    [5, '82 # 0001 00 0001 "t" 80', 'malformedPacket', 'reserved option bit 7'],
    [5, '82 # 0001 00 0001 "t" 30', 'protocolError', 'retain handling 3'],
    [4, '82 # 0001 0000 00', 'malformedPacket', 'empty filter in 3.1.1'],
    [5, '82 # 0001 00 0000 00', 'topicFilterInvalid', 'empty filter in 5.0'],
    [5, '82 # 0001 00 0003 "#/a" 00', 'topicFilterInvalid', '# that is not last'],
    [5, '82 # 0001 00 0002 "a#" 00', 'topicFilterInvalid', '# that does not fill its level'],
    [5, '82 # 0001 00 0004 "a+/b" 00', 'topicFilterInvalid', '+ that does not fill its level'],
    [4, '82 # 0001 0002 "+a" 00', 'malformedPacket', '+ that does not fill its level, in 3.1.1'],
    [5, '82 # 0001 00 0001 "a" 00 0002 "a#" 00', 'topicFilterInvalid', 'second filter not valid'],
    [4, '82 # 0001 0001 00 00', 'malformedPacket', 'U+0000 in the filter'],
    [4, '82 # 0001 0001 80 00', 'malformedPacket', 'filter that is not UTF-8'],
    [5, '82 # 0001 00 000a "$share/g/t" 04', 'protocolError', 'No Local on a shared subscription'],
    [5, '82 # 0001 00 0008 "$share/g" 00', 'malformedPacket', 'share without filter'],
    [5, '82 # 0001 00 0009 "$share//t" 00', 'malformedPacket', 'share without name'],
    [5, '82 # 0001 00 000a "$share/+/t" 00', 'malformedPacket', 'wildcard in the share name'],
    [5, '82 # 0001 00 000b "$share/g/a#" 00', 'topicFilterInvalid', 'filter of a share not valid'],
    [5, '82 # 0001 02 0b 00 0001 "t" 00', 'protocolError', 'subscription identifier 0'],
    [5, '82 # 0001 04 0b 01 0b 02 0001 "t" 00', 'protocolError', 'subscription identifier twice'],
    [5, '82 # 0001 05 0b ff ff ff ff 01 0001 "t" 00', 'malformedPacket', 'subscription identifier of five bytes'],
    [5, '82 # 0001 03 0b 81 00 0001 "t" 00', 'malformedPacket', 'subscription identifier in more bytes than needed'],
    [5, '82 # 0001 04 1f 0001 "r" 0001 "t" 00', 'malformedPacket', 'reason string in SUBSCRIBE'],
  ],
}

const unsubscribe: Table = {
  role: 'server',
  rows: [
    [4, 'a0 # 0001 0001 "t"', 'malformedPacket', 'flags 0'],
    [4, 'a2 # 0000 0001 "t"', 'protocolError', 'packet identifier 0'],
    [4, 'a2 # 0001', 'protocolError', 'no topic filter'],
    [5, 'a2 # 0001 00', 'protocolError', 'no topic filter in 5.0'],
    [4, 'a2 # 0001 0002 "t"', 'malformedPacket', 'filter of which a byte is missing'],
    [4, 'a2 # 0001 0001 "t" 00', 'malformedPacket', 'a byte behind the last filter'],
    [5, 'a2 # 0001 00 0000', 'topicFilterInvalid', 'empty filter'],
    [5, 'a2 # 0001 00 0003 "a+b"', 'topicFilterInvalid', '+ inside a level'],
    [4, 'a2 # 0001 0001 ff', 'malformedPacket', 'filter that is not UTF-8'],
    [5, 'a2 # 0001 02 0b 01 0001 "t"', 'malformedPacket', 'subscription identifier in UNSUBSCRIBE'],
  ],
}

const endings: Table = {
  role: 'server',
  rows: [
    [4, 'c0 01 00', 'malformedPacket', 'PINGREQ with a body'],
    [4, 'c1 00', 'malformedPacket', 'PINGREQ with a flag'],
    [4, 'e0 01 00', 'malformedPacket', 'DISCONNECT with a body in 3.1.1'],
    [4, 'e1 00', 'malformedPacket', 'DISCONNECT with a flag'],
    [5, 'e0 01 01', 'protocolError', 'DISCONNECT with reason 0x01'],
    [5, 'e0 01 92', 'protocolError', 'DISCONNECT with the reason of a PUBREL'],
    [5, 'e0 03 00 00 00', 'malformedPacket', 'DISCONNECT with a byte behind the properties'],
    [5, 'e0 02 00 01', 'malformedPacket', 'DISCONNECT whose property length reaches beyond it'],
    [5, 'e0 # 00 04 1c 0001 "s"', 'malformedPacket', 'server reference from a client'],
    [5, 'e0 # 00 0a 11 00000001 11 00000001', 'protocolError', 'session expiry twice'],
    [5, 'f1 00', 'malformedPacket', 'AUTH with a flag'],
    [5, 'f0 01 18', 'malformedPacket', 'AUTH without property length'],
    [5, 'f0 # 18 00', 'protocolError', 'AUTH without a method'],
    [5, 'f0 # 80 04 15 0001 "a"', 'protocolError', 'AUTH with reason 0x80'],
    [5, 'f0 # 18 07 16 0001 00 21 0001', 'malformedPacket', 'receive maximum in AUTH'],
  ],
}

const fromServer: Table = {
  role: 'client',
  rows: [
    [4, '10 # 0004 "MQTT" 04 02 003c 0001 "c"', 'protocolError', 'CONNECT from a server'],
    [4, '82 # 0001 0001 "t" 00', 'protocolError', 'SUBSCRIBE from a server'],
    [4, 'a2 # 0001 0001 "t"', 'protocolError', 'UNSUBSCRIBE from a server'],
    [4, 'c0 00', 'protocolError', 'PINGREQ from a server'],
    [4, 'e0 00', 'protocolError', 'DISCONNECT from a server before 5.0'],
    [4, 'd0 01 00', 'malformedPacket', 'PINGRESP with a body'],
    [4, '20 02 02 00', 'malformedPacket', 'CONNACK with a reserved flag'],
    [4, '20 02 01 05', 'protocolError', 'CONNACK that refuses with session present'],
    [5, '20 03 01 87 00', 'protocolError', 'CONNACK that refuses with session present in 5.0'],
    [4, '20 02 00 06', 'protocolError', 'CONNACK with return code 6'],
    [4, '20 01 00', 'malformedPacket', 'CONNACK without code'],
    [4, '20 03 00 00 00', 'malformedPacket', 'CONNACK with properties in 3.1.1'],
    [5, '20 02 00 00', 'malformedPacket', 'CONNACK without property length'],
    [5, '20 03 00 8b 00', 'protocolError', 'CONNACK with the reason of a DISCONNECT'],
    [5, '20 # 00 00 02 24 02', 'protocolError', 'maximum QoS 2'],
    [5, '20 # 00 00 03 21 0000', 'protocolError', 'receive maximum 0'],
    [5, '20 # 00 00 05 27 00000000', 'protocolError', 'maximum packet size 0'],
    [5, '20 # 00 00 02 25 02', 'protocolError', 'retain available 2'],
    [5, '20 # 00 00 06 22 0001 22 0001', 'protocolError', 'topic alias maximum twice'],
    [5, '20 # 00 00 02 17 01', 'malformedPacket', 'request problem information in CONNACK'],
    [5, '20 # 00 00 04 16 0001 00', 'protocolError', 'authentication data without a method'],
    [4, '90 02 0001', 'malformedPacket', 'SUBACK without codes'],
    [4, '90 03 0000 00', 'protocolError', 'SUBACK for packet identifier 0'],
    [4, '90 03 0001 03', 'protocolError', 'SUBACK with code 3'],
    [4, '90 03 0001 87', 'protocolError', 'SUBACK with a reason of 5.0 in 3.1.1'],
    [5, '90 # 0001 00 11', 'protocolError', 'SUBACK with the reason of an UNSUBACK'],
    [4, 'b0 03 0001 00', 'malformedPacket', 'UNSUBACK with codes in 3.1.1'],
    [5, 'b0 # 0001 00', 'malformedPacket', 'UNSUBACK without codes in 5.0'],
    [5, 'b0 # 0001 00 01', 'protocolError', 'UNSUBACK with the reason of a SUBACK'],
    [5, 'e0 # 00 05 11 00000001', 'malformedPacket', 'session expiry from a server'],
    [5, 'e0 01 04', 'protocolError', 'DISCONNECT with will from a server'],
    [5, 'f0 # 19 04 15 0001 "a"', 'protocolError', 're-authenticate from a server'],
    [5, '30 # 0001 "t" 02 0b 00', 'protocolError', 'subscription identifier 0 in PUBLISH'],
    [5, '30 # 0001 "t" 02 0b 80', 'malformedPacket', 'subscription identifier cut short'],
  ],
}

export const TABLES: Readonly<Record<string, Table>> = {
  'fixed header': fixedHeader,
  'first packet': firstPacket,
  CONNECT: connect,
  'CONNECT properties': connectProperties,
  'second CONNECT': secondConnect,
  PUBLISH: publish,
  'PUBLISH properties': publishProperties,
  'PUBACK, PUBREC, PUBREL, PUBCOMP': acknowledgements,
  SUBSCRIBE: subscribe,
  UNSUBSCRIBE: unsubscribe,
  'PINGREQ, DISCONNECT, AUTH': endings,
  'from a server': fromServer,
}
