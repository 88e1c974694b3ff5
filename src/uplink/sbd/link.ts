// A carrier of frames over an Iridium modem at a serial port: the port, the AT command line on it, and the owner on the other side. What is
// done when is decided in session.ts.
//
// What lives here: the open port, its timers, what the machine wants done. Made anew for every attempt; what outlives it is the SbdRecord.
// What is always true: accepted() comes once at most, ended() exactly once and last; after it nothing is asked of the source, and what it gave
// is settled or given back.
import type { Clock, Timer } from '../../clock.ts'
import type { SbdConfig } from '../../config/config.ts'
import type { Counters } from '../../counters.ts'
import type { OpenPort, SerialPorts } from '../../serial-port.ts'
import { explainPortError } from '../../serial-trouble.ts'
import { AtPort } from './at-port.ts'
import type { Carrier, CarrierOwner } from '../link/carrier.ts'
import { CREDIT_BYTES, type SbdRecord } from './record.ts'
import { step } from './session.ts'
import { initialState, type MessageId, type SbdAction, type SbdEvent, type SbdPhase, type SbdState } from './state.ts'

/** The node of the port is looked at this often: the driver does not tell that it is gone. */
const LOOK_MS = 1000
/** A session that has begun may end within this when the carrier is stopped; most do within 20 s. */
export const STOP_MS = 30_000

/** Where frames come from. Every method may be called from a call of this carrier's, and `next` must not call `fn` of `onReady`. */
export interface FrameSource {
  /** The next frame of at most `bytesMax` bytes, or null when nothing is due. The same frame again until it is settled or given back. */
  next(bytesMax: number): { readonly bytes: Uint8Array; readonly class: string; readonly count: number } | null
  /** The network has it: it leaves the queue. */
  settle(): void
  /** Not sent, or not known to be: it stays first in the queue. The next may be asked for with a smaller `bytesMax`. */
  giveBack(): void
  onReady(fn: () => void): void
}

/** A message down. */
export interface SbdMessage extends MessageId {
  readonly bytes: Buffer
  /** It was in the modem before this carrier: an earlier process may have kept it and ended before it could clear the modem. */
  readonly mayBeKept: boolean
}

export interface SbdOwner extends CarrierOwner {
  readonly source: FrameSource
  /** A session without a message up may cost its credit now. */
  mayCheck(): boolean
  /**
   * A message down. The network has it no more, the modem until `done` is called: that is when the message is safe. Until then nothing else
   * goes over this link. After `refused` it is told again, a minute later. One of them is called, once, also when the carrier has
   * ended meanwhile.
   */
  message(message: SbdMessage, done: () => void, refused: () => void): void
  /** A session cost so many bytes: credits of 50. */
  spent(bytes: number): void
}

export interface SbdDeps {
  readonly clock: Clock
  readonly ports: SerialPorts
  readonly counters: Counters
  readonly log: { debug(fields: object, text: string): void; info(fields: object, text: string): void; warn(fields: object, text: string): void }
  readonly random: () => number
}

export class SbdLink implements Carrier {
  /** Resolves after ended(), when the port is closed too. */
  readonly closed: Promise<void>
  readonly #owner: SbdOwner
  readonly #config: SbdConfig
  readonly #record: SbdRecord
  readonly #deps: SbdDeps
  readonly #closed = Promise.withResolvers<void>()
  #state: SbdState
  readonly #events: SbdEvent[] = []
  #isStepping = false
  #port: OpenPort | null = null
  #at: AtPort | null = null
  #wake: Timer | null = null
  #wakeAtMs = Infinity
  #look: Timer | null = null
  #deadline: Timer | null = null

  constructor(owner: SbdOwner, config: SbdConfig, record: SbdRecord, deps: SbdDeps) {
    this.#owner = owner
    this.#config = config
    this.#record = record
    this.#deps = deps
    this.#state = initialState(record.memory)
    this.closed = this.#closed.promise
    owner.source.onReady(() => this.#apply({ type: 'due' }))
    void this.#open()
  }

  get up(): boolean {
    return this.#state.isUp && !this.#state.isStopping && this.#state.phase !== 'over'
  }

  get phase(): SbdPhase {
    return this.#state.phase
  }

  /** Begins nothing more; a session that has begun gets STOP_MS to end. */
  stop(): void {
    if (this.#state.phase === 'over') return
    this.#deadline ??= this.#deps.clock.after(STOP_MS, () => this.#apply({ type: 'lost', why: 'stopped in the middle of a session' }))
    this.#apply({ type: 'stop' })
  }

  // ---- the port

  async #open(): Promise<void> {
    const { path, baud, hardwareFlow } = this.#config
    const { ports, clock } = this.#deps
    try {
      const port = await ports.open(
        { path, baud, dataBits: 8, parity: 'none', stopBits: 1, rtscts: hardwareFlow },
        { data: (chunk) => this.#at?.feed(chunk), lost: (why) => this.#lost(why) },
      )
      this.#port = port
      if (this.#state.phase === 'over') return void this.#close()
      this.#at = new AtPort((bytes) => port.write(bytes), clock, (line) => this.#onUnasked(line))
    } catch (error) {
      const { path } = this.#config
      this.#lost(error instanceof Error ? error.message : String(error), await ports.byId(), await ports.holders(path))
      return void this.#close()
    }
    this.#lookLater(null)
    this.#apply({ type: 'start' })
  }

  #lost(why: string, byId: readonly string[] = [], holders: readonly string[] = []): void {
    this.#apply({ type: 'lost', why: explainPortError(why, this.#config.path, byId, 'sbd.port', holders) })
  }

  #lookLater(node: string | null): void {
    if (this.#state.phase !== 'over') this.#look = this.#deps.clock.after(LOOK_MS, () => void this.#lookAt(node))
  }

  async #lookAt(node: string | null): Promise<void> {
    const found = await this.#deps.ports.nodeAt(this.#config.path)
    if (found !== null && (node === null || node === found)) this.#lookLater(found)
    else this.#lost('ENODEV')
  }

  async #close(): Promise<void> {
    await this.#port?.close()
    this.#closed.resolve()
  }

  #onUnasked(line: string): void {
    const { log } = this.#deps
    if (line.startsWith('HARDWARE FAILURE')) log.warn({ port: this.#config.path, line }, 'the satellite modem reports a fault of its hardware')
    this.#apply({ type: 'unasked', line })
  }

  // ---- the machine decides, this does

  /** Events that an action brings about come after the others of its step. */
  #apply(event: SbdEvent): void {
    if (this.#state.phase === 'over') return
    this.#events.push(event)
    if (this.#isStepping) return
    this.#isStepping = true
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) this.#step(next)
    this.#isStepping = false
    this.#keepTime()
  }

  #step(event: SbdEvent): void {
    const { clock, random } = this.#deps
    if (this.#state.phase === 'over') return
    const record = this.#record
    const env = { config: this.#config, nowMs: clock.now(), random: random(), mayCheck: this.#owner.mayCheck(), kept: record.kept }
    const { state, actions } = step(this.#state, event, env)
    this.#state = state
    record.memory = state.memory
    for (const action of actions) this.#do(action)
  }

  #do(action: SbdAction): void {
    const { source } = this.#owner
    switch (action.kind) {
      case 'command':
        return this.#at!.run(action.command, (answer) => this.#apply({ type: 'answer', answer }))
      case 'take': {
        const frame = source.next(action.bytesMax)
        return void this.#events.push({ type: 'frame', bytes: frame?.bytes ?? null })
      }
      case 'settle':
        this.#record.messagesUp++
        return source.settle()
      case 'give-back':
        return source.giveBack()
      case 'message':
        return this.#onMessage(action)
      case 'session':
        return this.#onSession(action)
      case 'smaller':
        return this.#deps.log.warn({ port: this.#config.path, bytesMax: action.bytesMax, why: action.why }, 'a satellite message was too large: the next ones are made smaller')
      case 'cleared':
        this.#record.kept = null
        return
      case 'message-lost':
        this.#deps.counters.droppedByModem++
        return this.#deps.log.warn({ port: this.#config.path }, 'the satellite modem lost a message for this gateway: it started anew before it was read')
      case 'up':
        return this.#onUp()
      case 'end':
        return this.#onEnd(action.why)
    }
  }

  #onUp(): void {
    const { imei, model } = this.#state
    this.#record.imei = imei
    this.#record.model = model
    this.#deps.log.info({ port: this.#config.path, imei, model }, 'the satellite modem is ready')
    this.#owner.accepted()
  }

  #onMessage({ bytes, mtmsn, isFound }: Extract<SbdAction, { kind: 'message' }>): void {
    const { imei } = this.#state
    const message = { bytes, imei, mtmsn, mayBeKept: isFound }
    this.#record.handOver(message, (done, refused) => this.#owner.message(message, done, refused), (isKept) => this.#apply({ type: isKept ? 'kept' : 'refused' }))
  }

  #onSession({ upBytes, downBytes, verdict, isKnown }: Extract<SbdAction, { kind: 'session' }>): void {
    const outcome = isKnown ? (verdict === null ? 'succeeded' : 'failed') : 'unknown'
    const credits = this.#record.count(upBytes, downBytes, outcome)
    this.#record.kept = null // a session clears what the modem held
    const { signal, queued, memory } = this.#state
    const fields = { outcome, upBytes, downBytes, credits, signal, queued }
    this.#record.lastError = verdict === null ? (isKnown ? null : 'the end of the last session is not known: its message goes again') : `the session failed: ${verdict.why}`
    if (verdict === null) this.#deps.log.debug(fields, 'a satellite session has ended')
    else this.#deps.log.info({ ...fields, why: verdict.why, failures: memory.failures }, 'a satellite session has failed')
    if (credits > 0) this.#owner.spent(credits * CREDIT_BYTES)
  }

  #keepTime(): void {
    const { phase, wakeAtMs, weakUntilMs, signal } = this.#state
    const { signalMin } = this.#config
    this.#record.signal = signal
    if (phase === 'resting' && wakeAtMs === weakUntilMs) this.#record.lastError = `the signal is too weak, ${signal} of ${signalMin} bars: the antenna needs a clear view of the sky`
    const atMs = phase === 'resting' ? wakeAtMs : Infinity
    if (atMs === this.#wakeAtMs) return
    this.#wake?.cancel()
    this.#wakeAtMs = atMs
    if (atMs === Infinity) return
    this.#wake = this.#deps.clock.after(Math.max(0, Math.ceil(atMs - this.#deps.clock.now())), () => {
      this.#wakeAtMs = Infinity
      this.#apply({ type: 'due' })
    })
  }

  #onEnd(why: string): void {
    for (const timer of [this.#wake, this.#look, this.#deadline]) timer?.cancel()
    this.#record.unreadable += this.#at?.unreadable ?? 0
    this.#at?.close()
    this.#at = null
    if (this.#port !== null) void this.#close()
    this.#owner.ended(why)
  }
}
