// A line that commands drive: from a message on its topic to the wire, and back what became of it.
//
//   command ─► command.ts ─► switch.ts ─► line ─► state topic, retained: on, off, or gone
//      │ no command, no line ─► refused            └─► Response Topic: { "status": "done" | "waiting" | "refused", "value": …, "why": … }
//   once a second ─► fail-safe.ts ─► switch.ts
//
// Rules:
// - What is told is what the line is, read back, never what was wanted.
// - After the machine's start the line is opened as `start` says. A restart of our process changes nothing: the line is opened at the level that it
//   has, and the end of a pulse is kept. Which of the two it is, is known by the kernel's identifier of this start.
// - An orderly stop leaves the line as it is, unless `atStop` says otherwise.
// - Commands that come before the line is open wait for it, the latest one; while the line is gone they are refused.
import { bootOffsetMs, type Clock, type Timer } from '../clock.ts'
import type { OutputConfig } from '../config/config.ts'
import type { GpioPort } from '../gpio/gpio.ts'
import { HeldLine } from '../gpio/held.ts'
import type { OutputLine } from '../gpio/lines.ts'
import { makeMessage, type Message } from '../message.ts'
import { commandAnswer } from '../mqtt/answer.ts'
import { Topic } from '../mqtt/topic.ts'
import { type Command, parseCommand } from './command.ts'
import { FailSafe } from './fail-safe.ts'
import { type Answer, command, dueAtMs, found, openedAt, type Step, type Switch, tick } from './switch.ts'

const CHECK_MS = 1000

export interface OutputState {
  readonly name: string
  readonly status: 'starting' | 'ok' | 'degraded' | 'gone' | 'stopped'
  /** What the line is; null while that is not known. */
  readonly on: boolean | null
  /** What it will be when its least time is over; null when nothing waits. */
  readonly waiting: boolean | null
  readonly commands: number
  readonly refused: number
  /** Times that it was made safe. */
  readonly madeSafe: number
  /** In words for the operator; stays when it is well again. */
  readonly lastError: string | null
}

export interface OutputLog {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
}

export interface OutputDeps {
  readonly clock: Clock
  readonly log: OutputLog
  readonly random: () => number
  readonly gpio: GpioPort
  /** Numbers that survive a restart. */
  readonly numbers: { get(key: string): number | undefined; set(key: string, value: number): void }
  /** Of this start of the machine, as a number. */
  readonly boot: number
  /** What is published to this topic from now on, in the output's tenant. */
  subscribe(topic: string, take: (message: Message) => void): void
  publish(message: Message): void
  /** Publishes for `asker`, where it might publish there itself. */
  reply(message: Message, asker: object | null): void
  /** Whether whoever published with this origin is connected. */
  clientOnline(origin: object): boolean
  uplinkUp(name: string): boolean
  /** Must not throw. */
  stateChanged(state: OutputState): void
}

export class Output {
  readonly #config: OutputConfig
  readonly #deps: OutputDeps
  readonly #topic: Topic
  readonly #held: HeldLine<OutputLine>
  readonly #failSafe: FailSafe | null
  #switch: Switch<Message> | null = null
  /** Came before the line was open for the first time. */
  #early: Message | null = null
  #status: OutputState['status'] = 'starting'
  #commands = 0
  #refused = 0
  #madeSafe = 0
  #lastError: string | null = null
  #told: string | null = null
  #check: Timer | null = null
  #wake: Timer | null = null

  constructor(config: OutputConfig, deps: OutputDeps) {
    this.#config = config
    this.#deps = deps
    this.#topic = Topic.of(config.state)
    this.#failSafe = config.failSafe === null ? null : new FailSafe(config.failSafe, deps.clock.now())
    this.#held = new HeldLine(deps, () => this.#open(), {
      opened: (line) => this.#onOpened(line),
      looked: (level) => this.#onLooked(level),
      failed: (why) => this.#onFailed(why),
    })
  }

  get name(): string {
    return this.#config.name
  }

  get state(): OutputState {
    const isOpen = this.#held.line !== null
    return {
      name: this.name,
      status: this.#status,
      on: isOpen ? (this.#switch?.on ?? null) : null,
      waiting: this.#switch?.waiting?.on ?? null,
      commands: this.#commands,
      refused: this.#refused,
      madeSafe: this.#madeSafe,
      lastError: this.#lastError,
    }
  }

  start(): void {
    this.#deps.subscribe(this.#config.command, (message) => this.#onCommand(message))
    this.#check = this.#deps.clock.every(CHECK_MS, () => this.#checkSafe())
    this.#held.start()
  }

  /** Resolves when the line is let go of. Never rejects. */
  async stop(): Promise<void> {
    this.#check?.cancel()
    this.#wake?.cancel()
    const { atStop, failSafe } = this.#config
    if (atStop === 'failSafe' && failSafe !== null && this.#switch !== null && this.#switch.on !== failSafe.on) {
      // Nothing will be there to wait for a least time.
      this.#apply({ state: openedAt(failSafe.on, this.#deps.clock.now(), null), write: failSafe.on, answers: [] })
    }
    this.#status = 'stopped'
    await this.#held.stop()
  }

  // ---- the line

  #open(): Promise<OutputLine> {
    const { gpio, numbers, boot } = this.#deps
    const { activeLow, drive } = this.#config.gpio
    const before = numbers.get(this.#key('last'))
    const isRestart = this.#switch !== null || numbers.get(this.#key('boot')) === boot
    const atStart = this.#config.start === 'last' ? before === 1 : this.#config.start === 'on'
    const kept = this.#switch?.on ?? (before === undefined ? atStart : before === 1)
    return gpio.openOutput(this.#config.gpio, { activeLow, drive, initially: isRestart ? kept : atStart, force: !isRestart })
  }

  #onOpened(line: OutputLine): void {
    const { clock, numbers, boot, log } = this.#deps
    const on = line.read()
    const nowMs = clock.now()
    if (this.#switch === null) {
      const isPulse = numbers.get(this.#key('boot')) === boot && numbers.get(this.#key('last')) === (on ? 1 : 0)
      const endsSinceBootMs = isPulse ? (numbers.get(this.#key('ends')) ?? 0) : 0
      this.#switch = openedAt(on, nowMs, endsSinceBootMs > 0 ? endsSinceBootMs - bootOffsetMs : null)
      numbers.set(this.#key('boot'), boot)
    } else this.#switch = found(this.#switch, on, nowMs)
    const shortcomings = line.shortcomings.join('; ')
    this.#status = shortcomings === '' ? 'ok' : 'degraded'
    if (shortcomings !== '') this.#lastError = shortcomings
    log.info({ output: this.name, on }, `output "${this.name}" is ${wordOf(on)}${shortcomings === '' ? '' : `: ${shortcomings}`}`)
    this.#settle()
    const early = this.#early
    this.#early = null
    if (early !== null) this.#obey(early)
  }

  #onLooked(level: boolean): void {
    if (this.#switch === null || level === this.#switch.on) return
    this.#lastError = `its line is ${wordOf(level)} though it was made ${wordOf(this.#switch.on)}: something else drives it`
    this.#deps.log.warn({ output: this.name }, `output "${this.name}": ${this.#lastError}`)
    this.#switch = found(this.#switch, level, this.#deps.clock.now())
    this.#settle()
  }

  #onFailed(why: string): void {
    const tell = why === this.#lastError && this.#status === 'gone' ? this.#deps.log.debug : this.#deps.log.warn
    this.#status = 'gone'
    this.#lastError = why
    tell.call(this.#deps.log, { output: this.name }, `output "${this.name}" cannot be driven: ${why}`)
    const early = this.#early
    this.#early = null
    if (early !== null) this.#refuse(early, why)
    this.#settle()
  }

  // ---- commands

  #onCommand(message: Message): void {
    this.#commands++
    if (this.#status === 'starting') {
      if (this.#early !== null) this.#refuse(this.#early, 'a later command took its place')
      this.#early = message
    } else this.#obey(message)
  }

  #obey(message: Message): void {
    const wanted = parseCommand(message.payload)
    if (typeof wanted === 'string') this.#refuse(message, wanted)
    else if (this.#held.line === null) this.#refuse(message, `its line is gone: ${this.#lastError}`)
    else {
      this.#failSafe?.commanded(message.origin)
      this.#do(wanted, message)
    }
  }

  #refuse(message: Message, why: string): void {
    this.#refused++
    this.#deps.log.warn({ output: this.name, topic: message.topic.name }, `output "${this.name}" refused a command: ${why}`)
    this.#answer({ request: message, status: 'refused', why })
    this.#deps.stateChanged(this.state)
  }

  #do(wanted: Command, request: Message | null): void {
    if (this.#switch !== null) this.#apply(command(this.#switch, wanted, request, this.#deps.clock.now(), this.#config))
  }

  #checkSafe(): void {
    const { failSafe } = this.#config
    if (this.#held.line === null) return // it is asked again when there is a line
    const why = this.#failSafe?.check(this.#deps.clock.now(), (client) => this.#deps.clientOnline(client), (uplink) => this.#deps.uplinkUp(uplink)) ?? null
    if (why === null || failSafe === null || this.#switch === null) return
    const { on, waiting } = this.#switch
    if ((waiting?.on ?? on) === failSafe.on) return
    this.#madeSafe++
    this.#deps.log.warn({ output: this.name }, `output "${this.name}" is made ${wordOf(failSafe.on)}: ${why}`)
    this.#do({ on: failSafe.on, forMs: null }, null)
  }

  #apply({ state, write, answers }: Step<Message>): void {
    const line = this.#held.line
    let why: string | null = line === null ? `its line is gone: ${this.#lastError}` : null
    if (write !== null && line !== null) {
      try {
        line.write(write)
        if (line.read() !== write) why = `its line stays ${wordOf(!write)}: something else drives it`
      } catch (error) {
        why = `its line is gone: ${(error as Error).message}`
        this.#held.lost(error)
      }
    }
    // What could not be switched is as it was; what was waited for is over.
    this.#switch = why === null || write === null ? state : { ...(this.#switch ?? state), on: !write, waiting: null, endsAtMs: null }
    for (const answer of answers) this.#tellAnswer(answer, write === null ? null : why)
    this.#settle()
  }

  #tellAnswer(answer: Answer<Message>, why: string | null): void {
    const told = answer.status === 'done' && why !== null ? { ...answer, status: 'refused' as const, why } : answer
    if (told.status === 'refused') this.#refused++
    this.#answer(told)
  }

  #answer({ request, status, why }: Answer<Message>): void {
    const value = this.state.on
    const answer = commandAnswer(request, why === null ? { status, value } : { status, value, why })
    if (answer !== null) this.#deps.reply(answer, request.origin)
  }

  // ---- what follows a change

  /** Tells the state, keeps what must survive, and sets the timer of what is due. */
  #settle(): void {
    const { clock, numbers } = this.#deps
    const { on } = this.state
    const endsAtMs = this.#switch?.endsAtMs ?? null
    const word = on === null ? 'gone' : wordOf(on)
    if (word !== this.#told) this.#deps.publish(makeMessage(this.#topic, word, { qos: this.#config.qos, retain: true }))
    this.#told = word
    if (on !== null) numbers.set(this.#key('last'), on ? 1 : 0)
    numbers.set(this.#key('ends'), endsAtMs === null ? 0 : endsAtMs + bootOffsetMs)
    this.#deps.stateChanged(this.state)
    this.#wake?.cancel()
    this.#wake = null
    const dueMs = this.#switch === null || on === null ? null : dueAtMs(this.#switch, this.#config)
    if (dueMs !== null && this.#status !== 'stopped') this.#wake = clock.after(dueMs - clock.now(), () => this.#onDue())
  }

  #onDue(): void {
    if (this.#switch !== null) this.#apply(tick(this.#switch, this.#deps.clock.now(), this.#config))
  }

  #key(what: 'boot' | 'last' | 'ends'): string {
    return `output/${this.name}/${what}`
  }
}

function wordOf(on: boolean): string {
  return on ? 'on' : 'off'
}
