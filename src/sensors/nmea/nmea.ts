// A receiver or instrument that speaks NMEA 0183, at a serial port or behind TCP: lines, sentences, one reading a moment, and the time for the clock.
//
//   line ─► sentence ─► parser ─► epoch ─► take
//             │ not-nmea, wrong-checksum, unknown-sentence: counted and skipped
//             └─ RMC, ZDA with a fix ─► gpsTime
//
// Rules:
// - A line that is no sentence changes nothing but its counter; GARBAGE_MAX of them without a sentence between them: degraded.
// - Nothing for SILENT_MS: degraded, and a connection over TCP is made anew, for it may hang on a peer that is no more.
// - A receiver without a fix is degraded, and its position has no value: an old one is not told as new.
// - The time of a receiver is offered when setsClock is on, once for each moment, and never when it is before this release was made: after 1,024
//   weeks old receivers begin to count from the start again.
import { RELEASE_DATE_MS, type Timer } from '../../clock.ts'
import type { NmeaSensorConfig } from '../../config/config.ts'
import type { SerialPorts } from '../../serial-port.ts'
import { GarbageLog } from '../garbage-log.ts'
import type { Fields, Source, SourceDeps } from '../sensor.ts'
import { type Framer, makeFramer } from '../serial/frame.ts'
import { SerialLine } from '../serial/line.ts'
import { characterMs } from '../serial/wire-time.ts'
import type { SkipReason } from '../state.ts'
import { TcpLine } from '../tcp-line.ts'
import { Epochs } from './epoch.ts'
import { NMEA_UNITS, SentenceParser } from './parser.ts'
import { epochOf, type Fix, fixOf, type Sentence, sentenceOf, utcOf } from './sentence.ts'

export const GARBAGE_MAX = 10
export const SILENT_MS = 30_000
/** A sentence has 82 characters; some receivers make longer ones. */
const LINE_BYTES_MAX = 256

export class NmeaSource implements Source {
  readonly #config: NmeaSensorConfig
  readonly #deps: SourceDeps
  readonly #parser = new SentenceParser()
  readonly #framer: Framer
  readonly #epochs: Epochs
  readonly #garbage: GarbageLog
  readonly #line: SerialLine | TcpLine
  /** Milliseconds that a character was on its way; 0 over TCP. */
  readonly #characterMs: number
  #silence: Timer | null = null
  /** Lines since the last sentence that were none. */
  #garbageInRow = 0
  #fix: Fix | null = null
  #offeredUtcMs = 0
  #toldOldTime = false

  constructor(config: NmeaSensorConfig, deps: SourceDeps, ports: SerialPorts) {
    const { clock, random } = deps
    const { line } = config.nmea
    this.#config = config
    this.#deps = deps
    this.#framer = makeFramer({ kind: 'line' }, LINE_BYTES_MAX, { frame: (frame) => this.#onLine(frame), skipped: (reason) => this.#skip(reason, null) }, clock)
    this.#epochs = new Epochs(clock, (fields, atMs) => this.#onEpoch(fields, atMs))
    this.#garbage = new GarbageLog(config.name, clock, deps.log)
    const events = {
      opened: () => this.#onOpened(),
      lost: (why: string) => this.#onLost(why),
      shared: (why: string) => deps.log.warn({ sensor: config.name, why }, `sensor "${config.name}": ${why}`),
      data: (chunk: Buffer) => this.#framer.push(chunk),
    }
    this.#line = line.kind === 'serial' ? new SerialLine(line.serial, { clock, ports, random }, events) : new TcpLine(line, { clock, random }, events)
    this.#characterMs = line.kind === 'serial' ? characterMs(line.serial) : 0
  }

  start(): void {
    this.#line.start()
  }

  async stop(): Promise<void> {
    this.#close()
    await this.#line.stop()
    this.#close()
    this.#garbage.close()
  }

  #close(): void {
    this.#silence?.cancel()
    this.#epochs.close()
    this.#framer.reset()
    this.#garbageInRow = 0
    this.#fix = null
  }

  #onOpened(): void {
    const { name } = this.#config
    const { path } = this.#line
    this.#close()
    this.#deps.record.set('ok', this.#deps.clock.now())
    this.#deps.log.info({ sensor: name, path }, `sensor "${name}" reads ${path}`)
    this.#hear()
  }

  #onLost(why: string): void {
    const { name } = this.#config
    this.#close()
    const level = this.#deps.record.set('gone', this.#deps.clock.now(), why) ? 'warn' : 'debug'
    this.#deps.log[level]({ sensor: name, why }, `sensor "${name}" is gone: ${why}; it is tried again by itself`)
  }

  /** Starts the silence over. */
  #hear(): void {
    this.#silence?.cancel()
    this.#silence = this.#deps.clock.after(SILENT_MS, () => this.#onSilent())
  }

  #onSilent(): void {
    const why = `nothing has come from ${this.#line.path} for ${SILENT_MS / 1000} s: is the receiver switched on, and connected to the right pins?`
    this.#epochs.close()
    this.#degraded(why)
    if (this.#line instanceof TcpLine) this.#line.drop(why)
    else this.#hear()
  }

  #onLine(frame: Buffer): void {
    const sentence = sentenceOf(frame.toString('latin1'))
    if (typeof sentence === 'string') this.#skip(sentence, frame)
    else this.#onSentence(sentence, this.#deps.clock.now() - frame.length * this.#characterMs)
  }

  #onSentence(sentence: Sentence, atMs: number): void {
    this.#garbageInRow = 0
    this.#hear()
    const fix = fixOf(sentence)
    // A GGA knows more of it than the others; within a moment they do not contradict it.
    if (fix !== null && (sentence.id === 'GGA' || fix === 'none' || this.#fix === null || this.#fix === 'none')) this.#fix = fix
    this.#offerTime(sentence, atMs)
    const fields = this.#parser.parse(sentence)
    if (fields === null) this.#deps.record.countSkipped('unknown-sentence')
    else if (Object.keys(fields).length > 0) this.#epochs.add(fix === null ? fields : { ...fields, fix: this.#fix }, epochOf(sentence))
  }

  #onEpoch(fields: Fields, atMs: number): void {
    const { record, clock } = this.#deps
    if (fields['fix'] === 'none') this.#degraded('the receiver has no fix: its antenna must see the sky, and the first fix takes some minutes')
    else record.set('ok', clock.now())
    this.#deps.take(fields, atMs, NMEA_UNITS)
  }

  /** ZDA has no status: it counts while the receiver has a fix. */
  #offerTime(sentence: Sentence, atMs: number): void {
    if (!this.#config.nmea.setsClock) return
    const utcMs = this.#fix === null || this.#fix === 'none' ? null : utcOf(sentence)
    if (utcMs === null || utcMs === this.#offeredUtcMs) return
    if (utcMs < RELEASE_DATE_MS) {
      this.#tellOldTime(utcMs)
      return
    }
    this.#offeredUtcMs = utcMs
    this.#deps.gpsTime(utcMs, atMs)
  }

  #tellOldTime(utcMs: number): void {
    if (this.#toldOldTime) return
    this.#toldOldTime = true
    const { name } = this.#config
    const date = new Date(utcMs).toISOString().slice(0, 10)
    this.#deps.log.warn({ sensor: name, date }, `sensor "${name}" tells the date ${date}, before this release was made: its count of weeks has rolled over, and its time is not used; a newer firmware of the receiver may mend it`)
  }

  #skip(reason: SkipReason, line: Buffer | null): void {
    this.#deps.record.countSkipped(reason)
    this.#garbage.note(reason, line)
    if (++this.#garbageInRow !== GARBAGE_MAX) return
    const { line: at } = this.#config.nmea
    const hint = at.kind === 'serial' ? `compare baud (${at.serial.baud}) with the receiver, which may speak 4800, 9600, 38400 or 115200` : 'is it the right port?'
    this.#degraded(`nothing that comes from ${this.#line.path} is NMEA 0183 (${reason}): ${hint}`)
  }

  #degraded(why: string): void {
    const { name } = this.#config
    const level = this.#deps.record.set('degraded', this.#deps.clock.now(), why) ? 'warn' : 'debug'
    this.#deps.log[level]({ sensor: name, why }, `sensor "${name}": ${why}`)
  }
}
