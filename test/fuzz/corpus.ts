// What mistakes are made in: recordings of real clients, random packets of every type, the tables of malformed packets.
import type { ProtocolVersion } from '../../src/mqtt/packet.ts'
import { bytesOf, TABLES } from '../unit/mqtt/malformed.ts'
import { connect, encodeModel, FROM_CLIENT, FROM_SERVER, Random } from '../unit/mqtt/samples.ts'
import { splitPackets } from './packets.ts'
import { loadRecordings } from './recordings.ts'

const VERSIONS = [3, 4, 5] as const
/** Of each packet type and version. */
const PER_TYPE = 150

export interface Recorded {
  readonly name: string
  readonly version: ProtocolVersion
  readonly packets: readonly Buffer[]
}

export interface Malformed {
  readonly why: string
  readonly version: ProtocolVersion
  /** The first bytes of their connection; otherwise an accepted CONNECT stands before them. */
  readonly first: boolean
  readonly bytes: Buffer
}

/** The same for the same seed; making it takes a moment, so there is one for all cases. */
export class Corpus {
  readonly recorded: readonly Recorded[]
  readonly malformed: readonly Malformed[]
  /** Valid packets of a client by version, CONNECT left out. */
  readonly packets: Readonly<Record<ProtocolVersion, readonly Buffer[]>>
  /** Those, a server's, and CONNECTs: what may be put anywhere. */
  readonly any: Readonly<Record<ProtocolVersion, readonly Buffer[]>>

  constructor(seed: number) {
    const random = new Random(seed)
    const samples = (makers: typeof FROM_CLIENT, version: ProtocolVersion): Buffer[] =>
      Object.values(makers).flatMap((make) => Array.from({ length: PER_TYPE }, () => encodeModel(make(random, version), version)))
    const perVersion = <T>(make: (version: ProtocolVersion) => T): Record<ProtocolVersion, T> => ({ 3: make(3), 4: make(4), 5: make(5) })

    this.recorded = loadRecordings().map(({ name, chunks }) => {
      const bytes = Buffer.concat(chunks)
      return { name, version: versionOf(bytes), packets: splitPackets(bytes) }
    })
    this.malformed = Object.values(TABLES)
      .filter((table) => table.role === 'server')
      .flatMap((table) => table.rows.map(([version, text, , why]) => ({ why, version, first: table.first === true, bytes: bytesOf(text) })))
    this.packets = perVersion((version) => samples(FROM_CLIENT, version))
    this.any = perVersion((version) => [
      ...this.packets[version],
      ...samples(FROM_SERVER, version),
      ...Array.from({ length: PER_TYPE }, () => encodeModel(connect(random, version), version)),
      ...this.malformed.map(({ bytes }) => bytes),
    ])
  }
}

/** Of a CONNECT as real clients send it: the byte behind the protocol name. */
function versionOf(bytes: Buffer): ProtocolVersion {
  const level = bytes[4 + bytes.readUInt16BE(2)]! & 0x7f
  return VERSIONS.find((version) => version === level) ?? 4
}
