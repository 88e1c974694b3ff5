// One case: the bytes of one connection, how they are cut, and how it ends. A case follows from the seed and its number alone, so that it
// can be made again without those before it.
import type { ProtocolVersion } from '../../src/mqtt/packet.ts'
import { connect, encodeModel, Random } from '../unit/mqtt/samples.ts'
import { authentication, connectPacket, conversation } from './conversation.ts'
import type { Corpus } from './corpus.ts'
import { mutated } from './mutate.ts'
import { splitAt, withClientId } from './packets.ts'
import { openingOf, type Transport, writesOf } from './transport.ts'

export interface Case {
  readonly number: number
  /** Where the bytes come from, for whoever reads a failure. */
  readonly kind: string
  readonly version: ProtocolVersion
  /** What is said in MQTT. */
  readonly bytes: Buffer
  readonly transport: Transport
  /** What is written for that, write by write. */
  readonly writes: readonly Buffer[]
  /** Mistakes were made in what the transport adds: nobody knows what the gateway gets to see. */
  readonly damaged: boolean
  /** How a connection ends that is still open when all was said. */
  readonly ending: 'disconnect' | 'close' | 'reset'
  /** Its client identifier may be that of another connection, which may take over from it at any time. */
  readonly shared: boolean
  /** Nothing is wrong with it: it must not be refused. */
  readonly clean: boolean
}

/** Just over the gateway's limit of 64 kB for CONNECT; a case is short, or a run is about copying bytes. */
const BYTES_MAX = 80_000
/** Longer ones are not cut at every byte: each write is a system call of its own. */
const BYTEWISE_MAX = 150
const TRANSPORTS: readonly Transport[] = [...Array.from({ length: 10 }, () => 'tcp' as const), 'proxy', 'websocket']
/** Identifiers that many cases share: their clients take over from each other, and resume each other's sessions. */
const SHARED_IDS = 50

interface Base {
  readonly kind: string
  readonly version: ProtocolVersion
  readonly packets: readonly Buffer[]
  /** Acceptable as it is, with an identifier of its own. */
  readonly clean?: boolean
  /** Has identifiers of its own making. */
  readonly shared?: boolean
}

/** A generator for whatever belongs to one case. */
export function randomOf(seed: number, number: number): Random {
  return new Random(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(number + 1, 0xc2b2ae35))
}

export function makeCase(corpus: Corpus, seed: number, number: number): Case {
  const random = randomOf(seed, number)
  const clientId = random.chance(0.1) ? `shared-${random.int(1, SHARED_IDS)}` : ownId(number)
  const base = makeBase(corpus, random, clientId)
  const { version } = base
  const mistakes = random.pick(base.kind.startsWith('malformed') ? [0, 0, 0, 1] : [0, 0, 1, 1, 1, 1, 2, 3])
  let packets = mutated(base.packets, mistakes, random, version, corpus.any[version], BYTES_MAX)
  let { kind } = base
  let spliced = false
  if (random.chance(0.08)) {
    const other = makeBase(corpus, random, `${clientId}-2`)
    packets = splice(packets, other.packets, random)
    kind += ` and ${other.kind}`
    spliced = true
  }
  const bytes = Buffer.concat(packets)
  const transport = random.pick(TRANSPORTS)
  const damaged = transport !== 'tcp' && random.chance(0.3)
  return {
    number,
    kind: `${kind}, ${mistakes} mistakes`,
    version,
    bytes,
    transport,
    writes: makeWrites(bytes, transport, damaged, random),
    damaged,
    ending: random.pick(['disconnect', 'close', 'reset'] as const),
    shared: clientId.startsWith('shared') || base.shared === true,
    clean: base.clean === true && mistakes === 0 && !spliced && !damaged && !clientId.startsWith('shared'),
  }
}

/** Not another case's, also when a mistake is made in it. */
function ownId(number: number): string {
  return `f${number}-${(Math.imul(number, 0x9e3779b1) >>> 0).toString(36)}`
}

function makeBase(corpus: Corpus, random: Random, clientId: string): Base {
  const version = random.pick([3, 4, 5, 5] as const)
  const n = random.next()
  if (n < 0.28) return { kind: 'conversation', version, packets: conversation(random, version, clientId), clean: true }
  if (n < 0.55) {
    const packets = Array.from({ length: random.int(0, 5) }, () => random.pick(corpus.packets[version]))
    const any = random.chance(0.3)
    return { kind: 'packets', version, packets: [any ? anyConnect(random, version) : connectPacket(random, version, clientId), ...packets], shared: any }
  }
  if (n < 0.72) {
    const { name, version: recordedAs, packets } = random.pick(corpus.recorded)
    return { kind: `recorded ${name}`, version: recordedAs, packets: packets.with(0, withClientId(packets[0]!, recordedAs, clientId)) }
  }
  if (n < 0.87) {
    const { why, version: asVersion, first, bytes } = random.pick(corpus.malformed)
    return { kind: `malformed: ${why}`, version: asVersion, packets: first ? [bytes] : [connectPacket(random, asVersion, clientId), bytes], shared: first }
  }
  if (n < 0.92) return { kind: 'authentication', version: 5, packets: authentication(random, clientId) }
  const noise = Buffer.concat([Buffer.of(random.int(0, 255)), random.bytes(100)])
  return { kind: 'noise', version, packets: random.chance() ? [noise] : [connectPacket(random, version, clientId), noise] }
}

/** With everything a CONNECT may have, also what this gateway refuses. */
function anyConnect(random: Random, version: ProtocolVersion): Buffer {
  return encodeModel(connect(random, version), version)
}

/** The beginning of one stream and the end of another, cut between packets or within. */
function splice(one: readonly Buffer[], other: readonly Buffer[], random: Random): Buffer[] {
  if (random.chance()) return [...one.slice(0, random.int(1, one.length)), ...other.slice(random.int(0, other.length - 1))]
  const head = Buffer.concat(one)
  const tail = Buffer.concat(other)
  return [head.subarray(0, random.int(1, head.length)), tail.subarray(random.int(0, tail.length - 1))]
}

function makeWrites(bytes: Buffer, transport: Transport, damaged: boolean, random: Random): Buffer[] {
  // An address of its own: those that fail often are answered late.
  const client = [10, random.int(0, 255), random.int(0, 255), random.int(1, 254)]
  const writes = writesOf(transport, openingOf(transport, random.chance(), client), bytes, makeCuts(bytes.length, random))
  if (!damaged && (transport === 'tcp' || random.chance(0.7))) return writes
  let all = Buffer.concat(writes)
  // In the header or request every second time: it is short, compared with the rest.
  const partLength = random.chance() ? writes[0]!.length : all.length
  if (damaged) all = Buffer.concat([...mutated([all.subarray(0, partLength)], random.int(1, 3), random, 4, [bytes], BYTES_MAX), all.subarray(partLength)])
  return splitAt(all, makeCuts(all.length, random))
}

function makeCuts(length: number, random: Random): number[] {
  const n = random.next()
  if (n < 0.55) return [length]
  if (n < 0.7 && length <= BYTEWISE_MAX) return Array.from({ length }, (_, i) => i + 1)
  const cuts = new Set(Array.from({ length: random.int(1, 5) }, () => random.int(1, length)))
  return [...cuts.add(length)].sort((a, b) => a - b)
}
