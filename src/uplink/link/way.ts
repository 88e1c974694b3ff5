// One link's hands: its line, its connection and its probes. links.ts says what is to be done; what comes of it is told back as events.
//
// What is always true: whatever is begun is answered exactly once, by what it is about or by a deadline; an answer that comes too late is
// nobody's.
import type { Clock, Timer } from '../../clock.ts'
import type { LinkConfig } from '../../config/config.ts'
import type { Carrier, CarrierOwner } from './carrier.ts'
import type { Dialler } from '../dial/dial.ts'
import type { LinkEvent } from './link.ts'

/** What a dial has brought up. */
export interface Dialled {
  /** Network interface to leave by; null leaves it to the system. */
  readonly interface: string | null
}

export interface WayPorts {
  readonly clock: Clock
  readonly log: { info(fields: object, text: string): void; warn(fields: object, text: string): void }
  /** Opens the connection, and tells `owner` what becomes of it. It has a deadline of its own for being accepted. */
  open(link: LinkConfig, dialled: Dialled, owner: CarrierOwner): Carrier
  /** Asked once for each link with `dial`. */
  dialler(link: LinkConfig): Dialler
  /** Reaches the broker without a word of MQTT, or rejects with an Error whose message is a sentence. Ends at once when the signal says so. */
  probe(link: LinkConfig, dialled: Dialled, signal: AbortSignal): Promise<void>
  /** Bytes on the wire that the link has cost until now. Only for links with a ceiling for one attempt. */
  wireBytes(link: LinkConfig): number
}

/** A stopped connection has ended within this, or is left behind. A session of a satellite modem may take 30 s to end. */
const END_MS_MAX = 45_000
const PROBE_MS_MAX = 30_000
/** Taking a line down takes two minutes at most. */
const HANG_UP_MS_MAX = 150_000
const NOT_DIALLED: Dialled = { interface: null }

export class Way {
  readonly config: LinkConfig
  /** Why the last attempt, connection or probe failed; null when the last connection was accepted. */
  lastError: string | null = null
  readonly #uplink: string
  readonly #ports: WayPorts
  readonly #index: number
  readonly #tell: (event: LinkEvent, why: string | null) => void
  readonly #dialler: Dialler | null
  #dialled = NOT_DIALLED
  #isLineUp = false
  #carrier: Carrier | null = null
  #owner: CarrierOwner | null = null
  #isStopping = false
  #probe: AbortController | null = null
  /** Bytes when the attempt under way began; null for none, or one that may cost anything. */
  #attemptFrom: number | null = null
  readonly #deadlines: Record<DeadlineName, Timer | null> = { line: null, carrier: null, probe: null }

  /** `tell` gets what became of something, and the sentence when it failed. */
  constructor(uplink: string, config: LinkConfig, index: number, ports: WayPorts, tell: (event: LinkEvent, why: string | null) => void) {
    this.config = config
    this.#uplink = uplink
    this.#index = index
    this.#ports = ports
    this.#tell = tell
    this.#dialler = config.dial === null ? null : ports.dialler(config)
    this.#dialler?.onLost((why) => {
      if (!this.#isLineUp) return
      this.#failed({ type: 'lost', link: index }, why)
    })
  }

  get carrier(): Carrier | null {
    return this.#carrier
  }

  /** An attempt is under way that may cost so much only. */
  get hasCeiling(): boolean {
    return this.#attemptFrom !== null
  }

  dial(): void {
    const link = this.#index
    this.#beginAttempt()
    const deadline = this.#within('line', this.config.dial!.timeoutMs + HANG_UP_MS_MAX, () => this.#breakOff('the line did not come up, and nothing says why'))
    this.#dialler!.dial().then(
      (dialled) => {
        if (!this.#answered('line', deadline)) return
        this.#dialled = dialled
        this.#isLineUp = true
        this.#tell({ type: 'dialled', link }, null)
      },
      (error: unknown) => {
        if (!this.#answered('line', deadline)) return
        this.#attemptFrom = null
        this.#failed({ type: 'dial-failed', link }, sentence(error))
      },
    )
  }

  hangUp(): void {
    const link = this.#index
    this.#attemptFrom = null
    this.#isLineUp = false
    this.stopProbe()
    const deadline = this.#within('line', HANG_UP_MS_MAX, () => {
      this.#warn('the line was hung up, and nothing says that it is down: it is taken for down')
      this.#tell({ type: 'hung-up', link }, null)
    })
    void this.#dialler!.hangUp().finally(() => {
      if (this.#answered('line', deadline)) this.#tell({ type: 'hung-up', link }, null)
    })
  }

  connect(): void {
    const link = this.#index
    this.#beginAttempt()
    this.#isStopping = false
    const owner: CarrierOwner = {
      accepted: () => {
        if (this.#owner !== owner) return
        this.#attemptFrom = null
        this.lastError = null
        this.#tell({ type: 'accepted', link }, null)
      },
      ended: (why) => {
        if (this.#owner !== owner) return
        this.#owner = null
        this.#carrier = null
        this.#attemptFrom = null
        this.#answered('carrier', this.#deadlines.carrier)
        if (this.#isStopping) this.#tell({ type: 'ended', link }, null)
        else this.#failed({ type: 'ended', link }, why)
      },
    }
    this.#owner = owner
    try {
      const carrier = this.#ports.open(this.config, this.#dialled, owner)
      if (this.#owner === owner) this.#carrier = carrier
    } catch (error) {
      owner.ended(sentence(error))
    }
  }

  disconnect(): void {
    const owner = this.#owner
    this.#isStopping = true
    this.#within('carrier', END_MS_MAX, () => {
      this.#warn('a connection was stopped and did not end: it is left behind')
      owner?.ended('stopped')
    })
    this.#carrier?.stop()
  }

  probe(): void {
    const link = this.#index
    const abort = new AbortController()
    this.#probe = abort
    this.#beginAttempt()
    const deadline = this.#within('probe', PROBE_MS_MAX, () => {
      bad('the broker did not answer a probe in time')
      abort.abort()
    })
    const bad = (why: string): void => {
      this.#attemptFrom = null
      this.#failed({ type: 'probed', link, isGood: false }, why)
    }
    this.#ports.probe(this.config, this.#dialled, abort.signal).then(
      () => {
        if (!this.#answered('probe', deadline)) return
        this.#attemptFrom = null
        this.#tell({ type: 'probed', link, isGood: true }, null)
      },
      (error: unknown) => {
        if (this.#answered('probe', deadline)) bad(sentence(error))
      },
    )
  }

  /** Nothing is told of it any more. */
  stopProbe(): void {
    if (this.#answered('probe', this.#deadlines.probe)) this.#probe?.abort()
  }

  /** Ends an attempt that has cost too much, and says how much that is. */
  checkCost(): void {
    const { dial } = this.config
    if (this.#attemptFrom === null || dial === null || this.#ports.wireBytes(this.config) - this.#attemptFrom <= dial.attemptBytesMax) return
    this.#breakOff(`it has cost more than the ${dial.attemptBytesMax} bytes that one attempt may (\`maxCost\`), and the broker has not answered`)
  }

  /** Nothing more is waited for. */
  forget(): void {
    for (const name of ['line', 'carrier', 'probe'] as const) this.#answered(name, this.#deadlines[name])
  }

  #beginAttempt(): void {
    const { dial } = this.config
    if (dial !== null && dial.attemptBytesMax !== Infinity) this.#attemptFrom ??= this.#ports.wireBytes(this.config)
  }

  #breakOff(why: string): void {
    this.#attemptFrom = null
    this.#failed({ type: 'break-off', link: this.#index }, why)
  }

  #failed(event: LinkEvent, why: string): void {
    this.lastError = why
    this.#tell(event, why)
  }

  #within(name: DeadlineName, ms: number, late: () => void): Timer {
    const timer = this.#ports.clock.after(ms, () => {
      if (this.#answered(name, timer)) late()
    })
    this.#deadlines[name]?.cancel()
    this.#deadlines[name] = timer
    return timer
  }

  /** Whether this was still waited for; it is not any more. */
  #answered(name: DeadlineName, timer: Timer | null): boolean {
    if (timer === null || this.#deadlines[name] !== timer) return false
    timer.cancel()
    this.#deadlines[name] = null
    return true
  }

  #warn(text: string): void {
    this.#ports.log.warn({ uplink: this.#uplink, link: this.config.name }, text)
  }
}

type DeadlineName = 'line' | 'carrier' | 'probe'

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
