// A Modbus bus: one line, many slaves, one request at a time.
// Rules:
// - The line is open from the first user to the last, and stays open over time-outs: closing it would leave adapters locked.
// - Slaves take turns, one request each; within a slave commands go before readings. Nothing waits while the line is closed.
// - A time-out is counted from when the wire has carried the request, and the wire has time for the whole answer besides.
// - On a serial line a request goes out when it has been silent for 3.5 characters, 1.75 ms above 19,200 baud (MODBUS over Serial Line
//   V1.02 section 2.5.1.1).
// - A TCP server that answered nothing for MUTE_MS, to UNANSWERED_MAX requests at least and whoever of its slaves they were for, is connected
//   to anew.
import type { Clock, Timer } from '../../clock.ts'
import type { BusConfig } from '../../config/config.ts'
import type { SerialPorts } from '../../serial-port.ts'
import { SerialLine } from '../serial/line.ts'
import { characterMs } from '../serial/wire-time.ts'
import { TcpLine } from '../tcp-line.ts'
import { makeClient, type ModbusAnswer, type ModbusClient, type ModbusRequest } from './master.ts'
import { type AnswerPort, MbapPort, RtuPort, type Wire } from './port.ts'
import { type Job, type Outcome, Slave } from './slave.ts'

const UNANSWERED_MAX = 3
const MUTE_MS = 10_000
/** Exception codes of MODBUS Application Protocol V1.1b3 section 7. */
const PATH_UNAVAILABLE = 10
const TARGET_SILENT = 11
/** Above this rate the silence between frames is as long as there. */
const FAST_BAUD = 19_200
const FAST_SILENCE_MS = 1.75

/** A sensor on the bus. */
export interface BusUser {
  readonly slave: number
  opened(): void
  lost(why: string): void
  /** The line works, but something is wrong with it: a sentence. */
  shared(why: string): void
  /** A frame of its slave came that nobody waited for. */
  stray(): void
}

export interface BusDeps {
  readonly clock: Clock
  readonly ports: SerialPorts
  readonly random: () => number
}

/** The line that is open at the time. */
class BusLine implements Wire {
  line: SerialLine | TcpLine | null = null

  get isOpen(): boolean {
    return this.line?.isOpen ?? false
  }

  write(bytes: Uint8Array): boolean {
    return this.line?.write(bytes) ?? false
  }
}

export class ModbusBus {
  readonly config: BusConfig
  readonly #deps: BusDeps
  readonly #wire: BusLine
  readonly #port: AnswerPort
  readonly #client: ModbusClient
  readonly #characterMs: number
  readonly #silenceMs: number
  readonly #users = new Set<BusUser>()
  readonly #slaves = new Map<number, Slave>()
  #closing: Promise<void> = Promise.resolve()
  /** The slave that was asked last: the next one has its turn. */
  #lastSlave = -1
  #current: { readonly job: Job; readonly slave: Slave } | null = null
  #timer: Timer | null = null
  #quietSinceMs = -Infinity
  #unanswered = 0
  /** Or when the line was opened. */
  #answeredAtMs = 0

  private constructor(config: BusConfig, deps: BusDeps, wire: BusLine, port: AnswerPort, client: ModbusClient) {
    const { line } = config.modbus
    this.#wire = wire
    port.onStray = (slave) => this.#onStray(slave)
    port.onUnreadable = () => this.#drop('what it sends is not Modbus TCP')
    this.config = config
    this.#deps = deps
    this.#port = port
    this.#client = client
    this.#characterMs = line.kind === 'serial' ? characterMs(line.serial) : 0
    this.#silenceMs = line.kind === 'tcp' ? 0 : line.serial.baud > FAST_BAUD ? FAST_SILENCE_MS : 3.5 * this.#characterMs
  }

  /** Loads the library. Nothing is opened before the first user comes. */
  static async make(config: BusConfig, deps: BusDeps): Promise<ModbusBus> {
    const wire = new BusLine()
    const port = config.modbus.line.kind === 'serial' ? new RtuPort(wire) : new MbapPort(wire)
    return new ModbusBus(config, deps, wire, port, await makeClient(port))
  }

  get isOpen(): boolean {
    return this.#wire.isOpen
  }

  get isSerial(): boolean {
    return this.config.modbus.line.kind === 'serial'
  }

  /** How the line is called in messages. */
  get path(): string {
    const { line } = this.config.modbus
    return line.kind === 'serial' ? line.serial.path : `${line.host}:${line.port}`
  }

  /** The first one opens the line. */
  attach(user: BusUser): void {
    this.#users.add(user)
    if (!this.#slaves.has(user.slave)) {
      const { timeoutMs, retries } = this.config.modbus
      this.#port.slaves.add(user.slave)
      this.#slaves.set(user.slave, new Slave(user.slave, timeoutMs, retries))
    }
    if (this.#users.size === 1) void this.#closing.then(() => this.#open())
    else if (this.isOpen) user.opened()
  }

  /** The last one closes the line. Resolves when it is closed; never rejects. */
  detach(user: BusUser): Promise<void> {
    if (!this.#users.delete(user) || this.#users.size > 0) return Promise.resolve()
    const line = this.#wire.line
    this.#wire.line = null
    this.#abandon()
    this.#closing = line?.stop() ?? Promise.resolve()
    return this.#closing
  }

  /** `done` is called once, at the latest when the slave is given up; at once where nothing can be sent. */
  request(request: ModbusRequest, isUrgent: boolean, done: (outcome: Outcome) => void): void {
    const slave = this.#slaves.get(request.slave)
    if (!this.isOpen || slave === undefined) {
      done({ failed: 'gone' })
      return
    }
    slave.add({ request, done }, isUrgent, this.#deps.clock.now())
    this.#next()
  }

  #open(): void {
    if (this.#users.size === 0 || this.#wire.line !== null) return
    const { line } = this.config.modbus
    const events = {
      opened: () => this.#onOpened(),
      lost: (why: string) => this.#onLost(why),
      shared: (why: string) => this.#tell((user) => user.shared(why)),
      data: (chunk: Buffer) => this.#onData(chunk),
    }
    this.#wire.line = line.kind === 'serial' ? new SerialLine(line.serial, this.#deps, events) : new TcpLine(line, this.#deps, events)
    this.#wire.line.start()
  }

  #onOpened(): void {
    for (const slave of this.#slaves.values()) slave.forget()
    this.#port.reset()
    this.#heard()
    this.#quietSinceMs = this.#deps.clock.now()
    this.#tell((user) => user.opened())
  }

  #onLost(why: string): void {
    this.#abandon()
    this.#tell((user) => user.lost(why))
  }

  #tell(fn: (user: BusUser) => void): void {
    for (const user of this.#users) fn(user)
  }

  #onData(chunk: Buffer): void {
    this.#quietSinceMs = this.#deps.clock.now()
    this.#port.push(chunk)
  }

  #onStray(number: number): void {
    this.#slaves.get(number)?.late()
    this.#tell((user) => {
      if (user.slave === number) user.stray()
    })
    this.#next()
  }

  #drop(why: string): void {
    if (this.#wire.line instanceof TcpLine) this.#wire.line.drop(`${this.path}: ${why}`)
  }

  /** What waits is answered: the line is gone. */
  #abandon(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#current = null
    this.#port.giveUp()
    const jobs = [...this.#slaves.values()].flatMap((slave) => slave.drain())
    for (const job of jobs) job.done({ failed: 'gone' })
  }

  /** Sends what is next, or sets the timer for when it may be. */
  #next(): void {
    if (this.#current !== null || !this.isOpen) return
    this.#timer?.cancel()
    this.#timer = null
    const nowMs = this.#deps.clock.now()
    const slave = this.#whoseTurn(nowMs)
    if (slave === null) return
    const waitMs = Math.max(slave.notBeforeMs, this.#quietSinceMs + this.#silenceMs) - nowMs
    if (waitMs > 0) this.#timer = this.#deps.clock.after(waitMs, () => this.#next())
    else this.#send(slave, nowMs)
  }

  /** The next slave in turn that may be asked now; when there is none, the one that may be asked first. */
  #whoseTurn(nowMs: number): Slave | null {
    const waiting = [...this.#slaves.values()].filter((slave) => slave.hasJobs).toSorted((a, b) => a.number - b.number)
    const ready = waiting.filter((slave) => slave.notBeforeMs <= nowMs)
    const turn = ready.find((slave) => slave.number > this.#lastSlave) ?? ready[0]
    if (turn !== undefined) return turn
    return waiting.reduce<Slave | null>((first, slave) => (first === null || slave.notBeforeMs < first.notBeforeMs ? slave : first), null)
  }

  #send(slave: Slave, nowMs: number): void {
    const job = slave.next!
    const current = { job, slave }
    this.#current = current
    this.#lastSlave = slave.number
    this.#client.send(job.request, (answer) => {
      if (this.#current === current) this.#onAnswer(answer)
    })
    const request = this.#port.requestBytes
    this.#quietSinceMs = nowMs + request * this.#characterMs
    const wireMs = (request + this.#port.answerBytes) * this.#characterMs
    this.#timer = this.#deps.clock.after(wireMs + this.config.modbus.timeoutMs, () => this.#onTimeout())
  }

  #onAnswer(answer: ModbusAnswer): void {
    this.#heard()
    // A gateway to another bus says that nobody answered it there.
    if ('code' in answer && (answer.code === PATH_UNAVAILABLE || answer.code === TARGET_SILENT)) {
      this.#noAnswer('silent')
      return
    }
    const { job, slave } = this.#ended()
    slave.take(job)
    slave.answered()
    job.done(answer)
    this.#next()
  }

  #onTimeout(): void {
    this.#unanswered++
    const isMute = this.#unanswered >= UNANSWERED_MAX && this.#deps.clock.now() - this.#answeredAtMs >= MUTE_MS
    if (isMute) this.#drop('it did not answer')
    // The line may have gone with it, and all that waited.
    if (this.#current !== null) this.#noAnswer(this.#port.giveUp() ? 'garbled' : 'silent')
  }

  #heard(): void {
    this.#unanswered = 0
    this.#answeredAtMs = this.#deps.clock.now()
  }

  #noAnswer(failed: 'silent' | 'garbled'): void {
    const { job, slave } = this.#ended()
    const others = slave.failed(job, this.#deps.clock.now())
    if (others !== null) {
      job.done({ failed })
      for (const other of others) other.done({ failed: 'unsent' })
    }
    this.#next()
  }

  #ended(): { readonly job: Job; readonly slave: Slave } {
    const ended = this.#current!
    this.#timer?.cancel()
    this.#timer = null
    this.#current = null
    return ended
  }
}
