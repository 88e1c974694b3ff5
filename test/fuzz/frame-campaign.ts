// Whatever bytes come, the decoder answers or throws FrameError, soon, and without taking much memory; what is altered does not get past its check.
import { performance } from 'node:perf_hooks'
import { isDeepStrictEqual } from 'node:util'
import { decodeFrame, Dictionary, FrameDecoder, FrameError, frameHeader } from '../../src/frame/frame.ts'
import { plain } from '../unit/frame/samples.ts'
import { type FrameCase, frameCase, FrameCorpus } from './frame-cases.ts'

export interface FrameCampaign {
  readonly seed: number
  readonly first: number
  readonly count: number
  readonly print: (line: string) => void
}

export interface FrameReport {
  readonly ended: Readonly<Ended>
  readonly slowestMs: number
  readonly slowest: number
  /** Of resident memory over that at the beginning. */
  readonly mostMb: number
  readonly faults: readonly string[]
}

/** `slipped`: altered, and decoded all the same, because the 16 bits of the check were right by chance. */
type Ended = Record<'decoded' | 'needs' | 'refused' | 'slipped', number>

/** A machine that is busy may take so long for what takes a tenth of a second at most. */
const SLOW_MS = 3000
/** One case, and all of them: allocators keep what they had. */
const CASE_MB = 150
const MEMORY_MB = 800
const OUTPUT_BYTES_MAX = 8 * 1024 * 1024
/** More than chance. */
const SLIPPED_TIMES = 3
const SLIPPED_MORE = 3
const FAULTS_MAX = 10

export function frameCampaign({ seed, first, count, print }: FrameCampaign): FrameReport {
  const corpus = new FrameCorpus(seed)
  const ended = { decoded: 0, needs: 0, refused: 0, slipped: 0 }
  const faults: string[] = []
  const atFirst = process.memoryUsage.rss()
  let slowestMs = 0
  let slowest = first
  let mostMb = 0
  for (let number = first; number < first + count && faults.length < FAULTS_MAX; number++) {
    const it = frameCase(corpus, seed, number)
    const held = heldMb()
    const began = performance.now()
    const fault = judge(it, ended)
    const tookMs = performance.now() - began
    const caseMb = heldMb() - held
    if (tookMs > slowestMs) [slowestMs, slowest] = [tookMs, number]
    mostMb = Math.max(mostMb, (process.memoryUsage.rss() - atFirst) / 1e6)
    const wrong = fault ?? (tookMs > SLOW_MS ? `took ${Math.round(tookMs)} ms` : caseMb > CASE_MB ? `took ${Math.round(caseMb)} MB` : null)
    if (wrong !== null) faults.push(`case ${number} (${it.kind}): ${wrong}; npm run fuzz:frames -- --seed ${seed} --case ${number}`)
    if ((number - first + 1) % 20_000 === 0) print(`${number - first + 1} cases, slowest ${Math.round(slowestMs)} ms, ${Math.round(mostMb)} MB`)
  }
  if (mostMb > MEMORY_MB) faults.push(`all cases together took ${Math.round(mostMb)} MB`)
  if (ended.slipped > SLIPPED_MORE + (count / 65_536) * SLIPPED_TIMES) faults.push(`${ended.slipped} altered frames got past their check`)
  return { ended, slowestMs, slowest, mostMb, faults }
}

function heldMb(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / 1e6
}

/** What is wrong with the answer; null: nothing. */
function judge(it: FrameCase, ended: Ended): string | null {
  const { frame, dictionaries, dictionary, messages } = it
  try {
    const known = new Map(dictionaries)
    if (dictionary !== null) {
      const offered = Dictionary.parse(dictionary)
      known.set(offered.name, offered)
    }
    const header = frameHeader(frame)
    const decoded = decodeFrame(frame, known)
    const decoder = new FrameDecoder()
    for (const other of known.values()) decoder.add(other)
    decoder.decode(frame)
    if (decoded.needs !== null) ended.needs++
    else if (messages === null && dictionary === null) ended.slipped++
    else ended.decoded++
    if (messages !== null && !isDeepStrictEqual(plain(decoded.messages), plain(messages))) return 'has other messages'
    return problemOf(decoded, header)
  } catch (error) {
    if (!(error instanceof FrameError)) return `threw ${error instanceof Error ? error.stack : String(error)}`
    ended.refused++
    if (messages !== null) return `was right and refused: ${error.message}`
    return error.message.length > 200 ? `says too much: ${error.message}` : null
  }
}

function problemOf({ needs, messages, count, brings }: ReturnType<typeof decodeFrame>, header: ReturnType<typeof frameHeader>): string | null {
  if (needs !== null) return /^[0-9a-f]{8}$/.test(needs) && messages.length === 0 ? null : `needs ${needs}`
  if (messages.length !== count || count !== header.count) return `has ${messages.length} messages and says ${count}`
  let bytes = 0
  let before = -1
  for (const { topic, payload, properties, sequence, timeMs, qos, timeQuality } of messages) {
    bytes += Buffer.byteLength(topic) + payload.length + (properties?.length ?? 0)
    if (sequence <= before || sequence > header.lastSequence || topic === '' || timeMs < 0 || qos > 2 || timeQuality > 2) return 'has an impossible message'
    before = sequence
  }
  for (const { bytes: its } of brings) Dictionary.parse(its)
  return bytes > OUTPUT_BYTES_MAX ? `has ${bytes} bytes` : null
}
