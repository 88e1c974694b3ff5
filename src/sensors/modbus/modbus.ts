// A sensor that is a Modbus slave: its values read in as few requests as they need, once per poll; its commands written.
// Rules:
// - A poll asks for one block after the other, so that slaves of a bus take turns; its values are given together. One that falls due while
//   the last has not ended is missed, and counted.
// - What a slave refuses costs its block only. A block of several values that it refuses is cut in two until the one it refuses stands
//   alone; that one is asked for in every REFUSED_POLLS-th poll only. After WHOLE_POLLS polls in pieces the blocks are tried whole again: a
//   device that was starting refuses what it gives later.
// - A slave that does not answer costs the rest of its poll. The bus leaves it alone for a while (slave.ts).
// - State: ok when all values came, degraded when some did, gone when none did or the line is not open.
import type { ModbusSensorConfig, ModbusWriteConfig } from '../../config/config.ts'
import type { Timer } from '../../clock.ts'
import type { Message } from '../../message.ts'
import { commandAnswer } from '../../mqtt/answer.ts'
import type { Raw, Source, SourceDeps } from '../sensor.ts'
import { type Block, planBlocks, splitBlock } from './blocks.ts'
import type { BusUser, ModbusBus } from './bus.ts'
import type { Buses } from './buses.ts'
import { valueIn, valueToWrite } from './registers.ts'
import type { Outcome } from './slave.ts'
import { exceptionWords, explainOutcome } from './trouble.ts'

export const REFUSED_POLLS = 10
export const WHOLE_POLLS = 100

/** Loads what Modbus needs. Rejects when the bus is not there. */
export async function makeModbusSource(config: ModbusSensorConfig, deps: SourceDeps, buses: Buses): Promise<Source> {
  return new ModbusSource(config, deps, await buses.get(config.modbus.bus))
}

/** A block, and when it is asked for again after it was refused. */
interface Asked {
  readonly block: Block
  restPolls: number
  why: string
}

export class ModbusSource implements Source, BusUser {
  readonly slave: number
  readonly #config: ModbusSensorConfig
  readonly #deps: SourceDeps
  readonly #bus: ModbusBus
  readonly #blocks: readonly Block[]
  #asked: readonly Asked[]
  /** Polls since a block was cut. */
  #pollsInPieces = 0
  #isStarted = false
  #isStopped = false
  #openedAtMs = 0
  #polls = 0
  #due: Timer | null = null
  /** What is left of the poll that runs; null when none does. */
  #poll: Poll | null = null

  constructor(config: ModbusSensorConfig, deps: SourceDeps, bus: ModbusBus) {
    this.slave = config.modbus.slave
    this.#config = config
    this.#deps = deps
    this.#bus = bus
    this.#blocks = planBlocks(config.modbus.reads, config.modbus)
    this.#asked = this.#blocks.map(fresh)
  }

  start(): void {
    if (this.#isStarted || this.#isStopped) return
    this.#isStarted = true
    for (const write of this.#config.modbus.writes) this.#deps.subscribe(write.topic, (message) => this.#onCommand(write, message))
    this.#bus.attach(this)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#due?.cancel()
    this.#poll = null
    await this.#bus.detach(this)
  }

  opened(): void {
    const { clock, log, record, name } = this.#deps
    log.info({ sensor: name, bus: this.#bus.config.name, slave: this.slave }, `sensor "${name}" reads slave ${this.slave} of the bus "${this.#bus.config.name}" at ${this.#bus.path}`)
    this.#asked = this.#blocks.map(fresh)
    this.#pollsInPieces = 0
    if (this.#asked.length === 0) {
      record.set('ok', clock.now())
      return
    }
    this.#openedAtMs = clock.now()
    this.#polls = 0
    this.#pollLater()
    this.#begin()
  }

  lost(why: string): void {
    this.#due?.cancel()
    this.#poll = null
    this.#tell('gone', why)
  }

  shared(why: string): void {
    this.#deps.log.warn({ sensor: this.#deps.name, why }, `sensor "${this.#deps.name}": ${why}`)
  }

  stray(): void {
    this.#deps.record.countSkipped('unasked')
  }

  #pollLater(): void {
    const { pollMs } = this.#config.modbus
    const { clock } = this.#deps
    const sinceMs = clock.now() - this.#openedAtMs
    this.#polls = Math.max(this.#polls + 1, Math.floor(sinceMs / pollMs))
    this.#due = clock.after(this.#polls * pollMs - sinceMs, () => {
      this.#pollLater()
      if (this.#poll === null) this.#begin()
      else this.#deps.record.countSkipped('missed')
    })
  }

  #begin(): void {
    this.#poll = new Poll(this.#asked)
    this.#step(this.#poll)
  }

  /** Asks for the next block that is to be asked for, or ends the poll. */
  #step(poll: Poll): void {
    for (let asked = poll.next(); asked !== undefined; asked = poll.next()) {
      if (asked.restPolls > 0) {
        asked.restPolls--
        poll.kept.push(asked)
        poll.fail(asked.why)
        continue
      }
      const { table, address, count } = asked.block
      this.#bus.request({ kind: 'read', slave: this.slave, table, address, count }, false, (outcome) => {
        if (this.#poll === poll) this.#onRead(poll, asked, outcome)
      })
      return
    }
    this.#end(poll)
  }

  #onRead(poll: Poll, asked: Asked, outcome: Outcome): void {
    // The line is lost, and lost() says why.
    if ('failed' in outcome && outcome.failed === 'gone') {
      this.#poll = null
      return
    }
    if ('bytes' in outcome) {
      poll.kept.push(asked)
      for (const read of asked.block.reads) poll.fields[read.name] = valueIn(asked.block, outcome.bytes, read)
      poll.values += asked.block.reads.length
    } else {
      this.#onNoValue(poll, asked, outcome)
    }
    this.#step(poll)
  }

  #onNoValue(poll: Poll, asked: Asked, outcome: Exclude<Outcome, { bytes: Buffer }>): void {
    const why = explainOutcome(outcome, this.slave, this.#bus.config.name, asked.block, this.#bus.isSerial)
    if ('failed' in outcome) {
      if (outcome.failed === 'silent' || outcome.failed === 'garbled') this.#deps.record.countSkipped(outcome.failed === 'silent' ? 'no-answer' : 'wrong-checksum')
      poll.giveUp(asked, why)
      return
    }
    this.#deps.record.countSkipped('exception')
    const halves = isAboutAddress(outcome.code) ? splitBlock(asked.block) : null
    if (halves !== null) {
      poll.insert(halves.map(fresh))
      return
    }
    asked.restPolls = isAboutAddress(outcome.code) ? REFUSED_POLLS - 1 : 0
    asked.why = why
    poll.kept.push(asked)
    poll.fail(why)
  }

  #end(poll: Poll): void {
    const nowMs = this.#deps.clock.now()
    this.#poll = null
    this.#asked = this.#nextBlocks(poll.kept)
    if (poll.values > 0) this.#deps.take(poll.fields, nowMs)
    if (poll.why === null) this.#deps.record.set('ok', nowMs)
    else this.#tell(poll.values > 0 ? 'degraded' : 'gone', poll.why)
  }

  #nextBlocks(kept: readonly Asked[]): readonly Asked[] {
    if (kept.length > this.#blocks.length && ++this.#pollsInPieces < WHOLE_POLLS) return kept
    this.#pollsInPieces = 0
    return kept.length > this.#blocks.length ? this.#blocks.map(fresh) : kept
  }

  #tell(status: 'degraded' | 'gone', why: string): void {
    const { clock, log, record, name } = this.#deps
    const level = record.set(status, clock.now(), why) ? 'warn' : 'debug'
    log[level]({ sensor: name, why }, `sensor "${name}" is ${status}: ${why}; it is tried again by itself`)
  }

  #onCommand(write: ModbusWriteConfig, message: Message): void {
    const value = valueToWrite(write, message.payload)
    if (value === null) {
      this.#refuse(write, message, 'bad-value', `the payload is no ${write.type === 'bit' ? 'on or off' : write.type}`)
      return
    }
    const { address, multiple } = write
    this.#bus.request({ kind: 'write', slave: this.slave, address, value, multiple }, true, (outcome) => {
      if ('bytes' in outcome) this.#onWritten(message)
      else if ('failed' in outcome) this.#refuse(write, message, STATUSES[outcome.failed], null)
      else this.#refuse(write, message, 'refused', outcome.code === null ? 'the answer does not belong to it' : exceptionWords(outcome.code))
    })
  }

  /** What was written is read at once, so that its readings say so. */
  #onWritten(message: Message): void {
    this.#answer(message, { status: 'written' })
    if (!this.#isStopped && this.#bus.isOpen && this.#poll === null && this.#asked.length > 0) this.#begin()
  }

  #refuse(write: ModbusWriteConfig, message: Message, status: string, why: string | null): void {
    const { log, name, record } = this.#deps
    record.countSkipped('not-written')
    log.debug({ sensor: name, topic: write.topic, status, why }, `sensor "${name}" did not write a command: ${status}`)
    this.#answer(message, why === null ? { status } : { status, why })
  }

  #answer(command: Message, said: Readonly<Record<string, string>>): void {
    const answer = commandAnswer(command, said)
    if (answer !== null) this.#deps.reply(answer, command.origin)
  }
}

const STATUSES = { silent: 'no-answer', garbled: 'no-answer', unsent: 'no-answer', gone: 'gone', full: 'queue-full' } as const

function fresh(block: Block): Asked {
  return { block, restPolls: 0, why: '' }
}

/** Illegal data address, or value: so many registers from there are what the slave refuses. */
function isAboutAddress(code: number | null): boolean {
  return code === 2 || code === 3
}

/** One round over the blocks. */
class Poll {
  readonly fields: Record<string, Raw> = Object.create(null)
  /** The blocks of the next poll. */
  readonly kept: Asked[] = []
  values = 0
  /** The first thing that went wrong. */
  why: string | null = null
  #left: Asked[]

  constructor(asked: readonly Asked[]) {
    this.#left = [...asked]
  }

  next(): Asked | undefined {
    return this.#left.shift()
  }

  /** Blocks that stand for one that was refused are asked for next. */
  insert(asked: readonly Asked[]): void {
    this.#left.unshift(...asked)
  }

  fail(why: string): void {
    this.why ??= why
  }

  /** The slave does not answer: the rest is not asked for. */
  giveUp(asked: Asked, why: string): void {
    this.fail(why)
    this.kept.push(asked, ...this.#left.splice(0))
  }
}
