// A serial port that is kept open: supervise.ts says when, the operating system does it, the owner hears of it. Sensors read from
// it, a Modbus bus and a receiver of NMEA sentences share it.
// Rules:
// - Everything that happens to the port becomes one event of the machine; only #do touches the port.
// - The path is looked at every second from start to the end of stop, one look at a time.
// - opened() stands before all data of that opening, and no data comes after it was lost: what is cut by a loss is never put together.
// - lost() comes with every try that fails, also when nothing has changed: the owner's record knows what it has told already.
import type { Clock, Timer } from '../../clock.ts'
import type { SerialPortConfig } from '../../config/config.ts'
import type { OpenPort, SerialPorts } from '../../serial-port.ts'
import { explainHolders, explainPortError, explainTwins, saysHeld } from '../../serial-trouble.ts'
import { type Action, IDLE, type Supervision, type SupervisionEvent, supervise } from './supervise.ts'

export const LOOK_MS = 1000

export interface LineEvents {
  /** The port was opened: nothing that came before belongs to what comes. */
  opened(): void
  /** Nothing can be read, and why, in words for the operator. It is tried again by itself. */
  lost(why: string): void
  /** The port is open, but somebody else has it too, or another device has its name: a sentence for the operator. */
  shared?(why: string): void
  /** The chunk is valid during the call only. */
  data(chunk: Buffer): void
}

export interface LineDeps {
  readonly clock: Clock
  readonly ports: SerialPorts
  /** 0 ≤ x < 1, for the jitter of the back-off. */
  readonly random: () => number
}

export class SerialLine {
  readonly #serial: SerialPortConfig
  readonly #deps: LineDeps
  readonly #events: LineEvents
  readonly #stopped = Promise.withResolvers<void>()
  #supervision: Supervision = IDLE
  #port: OpenPort | null = null
  #looking: Timer | null = null

  constructor(serial: SerialPortConfig, deps: LineDeps, events: LineEvents) {
    this.#serial = serial
    this.#deps = deps
    this.#events = events
  }

  get path(): string {
    return this.#serial.path
  }

  get isOpen(): boolean {
    return this.#supervision.phase === 'open'
  }

  /** Begins to open the port. A second call, or one after stop, does nothing. */
  start(): void {
    if (this.#supervision.phase !== 'idle') return
    this.#apply({ type: 'start' })
    this.#lookLater()
  }

  /** Resolves when the port is closed and no event will come any more. Never rejects; may be called again. */
  stop(): Promise<void> {
    this.#apply({ type: 'stop' })
    return this.#stopped.promise
  }

  /**
   * Hands bytes to the driver; false when the port is not open. `taken` is called when the driver has passed them on, and never when
   * the port is lost before. Nothing here bounds what a device does not take: who writes waits for one of both.
   */
  write(bytes: Uint8Array, taken?: () => void): boolean {
    if (!this.isOpen || this.#port === null) return false
    this.#port.write(bytes, taken)
    return true
  }

  #apply(event: SupervisionEvent, why: string | null = null): void {
    const before = this.#supervision
    const { state, action } = supervise(before, event, this.#deps.clock.now(), this.#deps.random())
    if (state === before) return
    this.#supervision = state
    if (state.phase !== before.phase) this.#enter(why)
    else if (state.absent && why !== null) this.#events.lost(why) // whatever failed before, now the plug is out
    if (action !== null) this.#do(action)
  }

  #enter(why: string | null): void {
    switch (this.#supervision.phase) {
      case 'open':
        this.#events.opened()
        return
      case 'closing':
      case 'waiting':
        if (why !== null) this.#events.lost(why)
        return
      case 'stopped':
        this.#looking?.cancel()
        this.#stopped.resolve()
        return
      default:
    }
  }

  #do(action: Action): void {
    if (action === 'open') void this.#open()
    else void this.#close()
  }

  async #open(): Promise<void> {
    const { path, flowControl, ...settings } = this.#serial
    const { ports } = this.#deps
    try {
      this.#port = await ports.open({ path, ...settings, rtscts: flowControl === 'rts-cts', xonxoff: flowControl === 'xon-xoff' }, {
        data: (chunk) => {
          if (this.isOpen) this.#events.data(chunk)
        },
        lost: (why) => this.#apply({ type: 'lost' }, explainPortError(why, path, [])),
      })
    } catch (error) {
      this.#apply({ type: 'failed' }, await this.#explain(error instanceof Error ? error.message : String(error)))
      return
    }
    this.#apply({ type: 'opened' })
    void this.#warn()
  }

  async #explain(message: string): Promise<string> {
    const { path } = this.#serial
    const { ports } = this.#deps
    return explainPortError(message, path, await ports.byId(), 'serial.path', saysHeld(message) ? await ports.holders(path) : [])
  }

  /** Bytes that somebody else takes away are missed without an error. */
  async #warn(): Promise<void> {
    const { path } = this.#serial
    const { ports } = this.#deps
    const held = explainHolders(path, await ports.holders(path))
    const twins = explainTwins(path, await ports.twins(path))
    for (const why of [held, twins]) if (why !== null && this.isOpen) this.#events.shared?.(why)
  }

  async #close(): Promise<void> {
    const port = this.#port
    this.#port = null
    await port?.close()
    this.#apply({ type: 'closed' })
  }

  #lookLater(): void {
    if (this.#supervision.phase === 'stopped') return
    this.#looking = this.#deps.clock.after(LOOK_MS, () => void this.#look())
  }

  async #look(): Promise<void> {
    const { path } = this.#serial
    const node = await this.#deps.ports.nodeAt(path)
    this.#apply({ type: 'looked', node }, node === null ? await this.#absence() : `${path} was plugged in anew`)
    this.#lookLater()
  }

  async #absence(): Promise<string> {
    return this.#explain('ENOENT')
  }
}
