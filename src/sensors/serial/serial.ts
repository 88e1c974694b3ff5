// A sensor at a serial port: the bytes of a line that line.ts keeps open, through frame.ts, checksum.ts and decode.ts to readings; and
// what talk.ts sends: the requests of a poll, the commands of a topic.
// Rules:
// - A frame that is not a reading is counted and skipped; the frame after it is not touched. That holds for the cut line that a port
//   usually begins with. When GARBAGE_MAX of them came without a reading between them, the sensor is degraded until one comes.
// - Log: one line when the port opens, one when what keeps it from reading changes; the same failure again is debug.
import type { SerialSensorConfig } from '../../config/config.ts'
import type { Message } from '../../message.ts'
import type { SerialPorts } from '../../serial-port.ts'
import { commandAnswer } from '../../mqtt/answer.ts'
import { GarbageLog } from '../garbage-log.ts'
import type { Source, SourceDeps } from '../sensor.ts'
import type { SkipReason } from '../state.ts'
import { type ChecksumCheck, makeChecksum } from './checksum.ts'
import { type Decoder, makeDecoder } from './decode.ts'
import { type Framer, makeFramer } from './frame.ts'
import { SerialLine } from './line.ts'
import { SILENT_MAX, Talk, type WriteOutcome } from './talk.ts'
import { characterMs } from './wire-time.ts'

export const GARBAGE_MAX = 10

export class SerialSource implements Source {
  readonly #config: SerialSensorConfig
  readonly #deps: SourceDeps
  readonly #checksum: ChecksumCheck | null
  readonly #decode: Decoder
  readonly #framer: Framer
  readonly #garbage: GarbageLog
  readonly #line: SerialLine
  readonly #talk: Talk
  /** Skipped since the last reading. */
  #skippedInRow = 0
  #isStarted = false

  constructor(config: SerialSensorConfig, deps: SourceDeps, ports: SerialPorts) {
    const { clock, random } = deps
    this.#config = config
    this.#deps = deps
    this.#checksum = config.checksum === null ? null : makeChecksum(config.checksum)
    this.#decode = makeDecoder(config.decode)
    const sink = { frame: (frame: Buffer) => this.#onFrame(frame), skipped: (reason: SkipReason) => this.#skip(reason, null) }
    this.#framer = makeFramer(config.frame, config.frameBytesMax, sink, clock)
    this.#garbage = new GarbageLog(config.name, clock, deps.log)
    this.#line = new SerialLine(config.serial, { clock, ports, random }, {
      opened: () => this.#onOpened(),
      lost: (why) => this.#onLost(why),
      shared: (why) => deps.log.warn({ sensor: config.name, why }, `sensor "${config.name}": ${why}`),
      data: (chunk) => this.#framer.push(chunk),
    })
    this.#talk = new Talk(config.poll, characterMs(config.serial), clock, {
      write: (bytes, taken) => this.#line.write(bytes, taken),
      asking: () => this.#framer.reset(),
      silent: (times) => this.#onSilent(times),
    })
  }

  start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    const { write } = this.#config
    if (write !== null) this.#deps.subscribe(write.topic, (message) => this.#onCommand(message))
    this.#line.start()
  }

  async stop(): Promise<void> {
    this.#isStarted = true
    this.#talk.closed()
    await this.#line.stop()
    this.#framer.reset()
    this.#garbage.close()
  }

  #onOpened(): void {
    const { name } = this.#config
    const { path } = this.#config.serial
    this.#framer.reset()
    this.#skippedInRow = 0
    this.#deps.record.set('ok', this.#deps.clock.now())
    this.#deps.log.info({ sensor: name, path }, `sensor "${name}" reads ${path}`)
    this.#talk.opened()
  }

  #onLost(why: string): void {
    const { name } = this.#config
    this.#talk.closed()
    this.#framer.reset()
    const log = this.#deps.record.set('gone', this.#deps.clock.now(), why) ? 'warn' : 'debug'
    this.#deps.log[log]({ sensor: name, why }, `sensor "${name}" is gone: ${why}; it is tried again by itself`)
  }

  #onFrame(frame: Buffer): void {
    if (!this.#talk.listens) {
      this.#deps.record.countSkipped('unasked')
      return
    }
    const checked = this.#checksum === null ? frame : this.#checksum(frame)
    if (checked === null) this.#skip('wrong-checksum', frame)
    else this.#give(checked)
  }

  #give(frame: Buffer): void {
    const nowMs = this.#deps.clock.now()
    const said = this.#config.reading === null ? this.#decode.payload(frame) : this.#decode.fields(frame)
    if (typeof said === 'string') {
      this.#skip(said, frame)
      return
    }
    this.#skippedInRow = 0
    this.#talk.answered()
    if (this.#deps.record.status === 'degraded') this.#deps.record.set('ok', nowMs)
    if (Buffer.isBuffer(said)) this.#deps.pass(said)
    else this.#deps.take(said, nowMs)
  }

  #skip(reason: SkipReason, frame: Buffer | null): void {
    this.#deps.record.countSkipped(reason)
    this.#garbage.note(reason, frame)
    if (++this.#skippedInRow !== GARBAGE_MAX) return
    const { path, baud } = this.#config.serial
    const why = `nothing that comes from ${path} is a reading (${reason}): compare serial.baud (${baud}), parity, \`frame\` and \`decode\` with the device`
    this.#deps.record.set('degraded', this.#deps.clock.now(), why)
  }

  #onSilent(times: number): void {
    this.#deps.record.countSkipped('no-answer')
    if (times !== SILENT_MAX) return
    const { name } = this.#config
    const { path } = this.#config.serial
    const why =
      this.#skippedInRow > 0
        ? `the device at ${path} answers, but with nothing that is a reading: compare \`frame\` and \`decode\` with what it says`
        : `the device at ${path} did not answer ${SILENT_MAX} requests in a row: is it switched on, and poll.request what it understands?`
    this.#deps.record.set('degraded', this.#deps.clock.now(), why)
    this.#deps.log.warn({ sensor: name, why }, `sensor "${name}": ${why}`)
  }

  #onCommand(message: Message): void {
    const { prefix, suffix } = this.#config.write!
    this.#talk.command(Buffer.concat([prefix, message.payload, suffix]), (outcome) => this.#onWritten(message, outcome))
  }

  #onWritten(command: Message, outcome: WriteOutcome): void {
    const answer = commandAnswer(command, { status: outcome })
    if (answer !== null) this.#deps.reply(answer, command.origin)
    if (outcome === 'written') return
    const { name } = this.#config
    this.#deps.record.countSkipped('not-written')
    this.#deps.log.debug({ sensor: name, outcome }, `sensor "${name}" did not write a command: ${outcome}`)
  }
}
