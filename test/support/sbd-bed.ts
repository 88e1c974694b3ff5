// A carrier over a satellite modem, and everything around it: the modem and the ground, a queue of frames that outlives carriers, an owner that
// keeps messages down, and a cable between them that lives in this process. Time is a test's.
//
// crash() is a process that is killed: what the carrier knew is gone, what was durable is not.
import type { SbdConfig } from '../../src/config/config.ts'
import { Counters } from '../../src/counters.ts'
import type { OpenPort, PortEvents, SerialPorts, SerialSettings } from '../../src/serial-port.ts'
import { type FrameSource, SbdLink, type SbdMessage, type SbdOwner } from '../../src/uplink/sbd/link.ts'
import { SbdRecord } from '../../src/uplink/sbd/record.ts'
import type { MessageId, SbdPhase } from '../../src/uplink/sbd/state.ts'
import { FakeClock, settle } from './fake-clock.ts'
import { SbdGround } from './sbd-ground.ts'
import { SbdModem, type SbdModemOptions } from './sbd-modem.ts'

export const SBD: SbdConfig = { path: '/dev/modem', baud: 19_200, hardwareFlow: false, bytesMax: 340, signalMin: 2, checkMs: Infinity }

/** The cable: bytes arrive in a later turn, in order, in pieces of `pieceBytes`. */
export class ModemCable implements SerialPorts {
  node: string | null = 'a'
  refuse: Error | null = null
  opened = 0
  pieceBytes = Infinity
  settings: SerialSettings | null = null
  readonly #modem: SbdModem
  #events: PortEvents | null = null
  #underWay = 0

  constructor(modem: SbdModem) {
    this.#modem = modem
    modem.connect((bytes) => this.#later(bytes, (piece) => this.#events?.data(piece)))
  }

  /** Bytes are on their way. */
  get busy(): boolean {
    return this.#underWay > 0
  }

  async open(settings: SerialSettings, events: PortEvents): Promise<OpenPort> {
    await settle()
    if (this.node === null) throw new Error(`Error: No such file or directory, cannot open ${settings.path}`)
    if (this.refuse !== null) throw this.refuse
    this.opened++
    this.settings = settings
    this.#events = events
    const isMine = (): boolean => this.#events === events
    return {
      write: (bytes) => isMine() && this.#later(Buffer.from(bytes), (piece) => isMine() && this.#modem.receive(piece)),
      close: async () => {
        if (isMine()) this.#events = null
      },
    }
  }

  nodeAt(): Promise<string | null> {
    return Promise.resolve(this.node)
  }

  byId(): Promise<string[]> {
    return Promise.resolve([])
  }

  holders(): Promise<string[]> {
    return Promise.resolve([])
  }

  twins(): Promise<string[]> {
    return Promise.resolve([])
  }

  /** The plug is pulled: the driver says it at once, or (`silently`) not at all. */
  unplug(silently = false): void {
    this.node = null
    const events = this.#events
    this.#events = null
    if (!silently) events?.lost('Error: Input/output error')
  }

  plug(): void {
    this.node = 'b'
  }

  /** Who holds the port is not there any more. */
  drop(): void {
    this.#events = null
  }

  #later(bytes: Buffer, to: (piece: Buffer) => void): void {
    for (let start = 0; start < bytes.length; start += this.pieceBytes) {
      const piece = Buffer.from(bytes.subarray(start, start + this.pieceBytes))
      this.#underWay++
      setImmediate(() => {
        this.#underWay--
        to(piece)
      })
    }
  }
}

/** Frames in order, settled from the front. */
export class FrameQueue {
  readonly frames: Buffer[] = []
  settled = 0
  givenBack = 0
  readonly asked: number[] = []
  readonly faults: string[] = []
  #ready: () => void = () => {}
  #epoch = 0

  push(...frames: (Buffer | string)[]): void {
    this.frames.push(...frames.map((frame) => Buffer.from(frame)))
    this.#ready()
  }

  /** For one carrier; an earlier one can do nothing any more. */
  source(): FrameSource {
    const epoch = ++this.#epoch
    let isOut = false
    const isDead = (): boolean => epoch !== this.#epoch
    return {
      next: (bytesMax) => {
        if (isDead()) return null
        this.asked.push(bytesMax)
        const frame = this.frames[0]
        if (frame === undefined) return null
        isOut = true
        return { bytes: frame.subarray(0, bytesMax), class: 'live', count: 1 }
      },
      settle: () => {
        if (isDead()) return
        if (!isOut) this.faults.push('settled what was not out')
        isOut = false
        this.settled++
        this.frames.shift()
      },
      giveBack: () => {
        if (isDead()) return
        if (!isOut) this.faults.push('gave back what was not out')
        isOut = false
        this.givenBack++
      },
      onReady: (fn) => {
        this.#ready = fn
      },
    }
  }
}

export class SbdBed {
  readonly clock: FakeClock
  readonly ground = new SbdGround()
  readonly modem: SbdModem
  readonly cable: ModemCable
  readonly queue = new FrameQueue()
  readonly counters = new Counters()
  readonly config: SbdConfig
  readonly log: string[] = []
  /** Messages down that are durable, and the last one's number: what a store would hold. */
  readonly inbox: Buffer[] = []
  #lastKept: MessageId | null = null
  /** Every message that the carriers have told, and how to say that it is safe. */
  readonly told: { readonly message: SbdMessage; readonly done: () => void; readonly refused: () => void }[] = []
  /** Messages down are kept at once; otherwise a test does it. */
  keepsAtOnce = true
  mayCheck = true
  accepted = 0
  spentBytes = 0
  readonly ends: string[] = []
  record: SbdRecord
  link: SbdLink | null = null
  ports: SerialPorts
  random: () => number = () => 0.5

  constructor(config: Partial<SbdConfig> = {}, options: Partial<SbdModemOptions> = {}, clock = new FakeClock()) {
    this.clock = clock
    this.config = { ...SBD, ...config }
    this.modem = new SbdModem({ clock, ground: this.ground, ...options })
    this.cable = new ModemCable(this.modem)
    this.ports = this.cable
    this.record = new SbdRecord(this.config, clock.now())
  }

  dial(): SbdLink {
    const { clock, counters, ports } = this
    const tell = (fields: object, text: string): void => void this.log.push(`${text} ${JSON.stringify(fields)}`)
    this.link = new SbdLink(this.#owner(), this.config, this.record, { clock, counters, ports, random: () => this.random(), log: { debug: tell, info: tell, warn: tell } })
    return this.link
  }

  /** The process is killed, and a new one begins. */
  crash(): SbdLink {
    this.cable.drop()
    this.record = new SbdRecord(this.config, this.clock.now())
    return this.dial()
  }

  #owner(): SbdOwner {
    const record = this.record
    return {
      source: this.queue.source(),
      mayCheck: () => this.mayCheck,
      accepted: () => void this.accepted++,
      message: (message, done, refused) => {
        if (record !== this.record) return // of a process that is dead
        this.told.push({ message, done, refused })
        if (this.keepsAtOnce) this.keep()
      },
      spent: (bytes) => (this.spentBytes += bytes),
      ended: (why) => {
        if (record === this.record) this.ends.push(why)
      },
    }
  }

  /** Makes the last message durable, once, and says so. */
  keep(says = true): void {
    const { message, done } = this.told.at(-1)!
    const { imei, mtmsn, bytes, mayBeKept } = message
    const isKnown = mayBeKept && this.#lastKept?.imei === imei && this.#lastKept.mtmsn === mtmsn
    if (!isKnown) this.inbox.push(bytes)
    this.#lastKept = { imei, mtmsn }
    if (says) done()
  }

  /** Lets everything happen that happens by itself, without time. */
  async rest(): Promise<void> {
    do await settle()
    while (this.cable.busy)
    await settle()
  }

  /** Dials, and comes back when the carrier has nothing to do. */
  async resting(): Promise<this> {
    this.dial()
    await this.until(() => this.link!.phase === 'resting')
    return this
  }

  /** Comes back in the very turn in which the carrier comes to a phase. */
  async reach(phase: SbdPhase): Promise<void> {
    for (let turns = 0; this.link!.phase !== phase; turns++) {
      if (turns > 10_000) throw new Error(`${phase} does not come: ${this.link!.phase}`)
      await settle()
      if (!this.cable.busy) this.clock.advance(10)
    }
  }

  /** Time goes on in steps until `condition`; rejects after `maxMs` of it. */
  async until(condition: () => boolean, maxMs = 600_000, stepMs = 250): Promise<void> {
    await this.rest()
    for (let ms = 0; !condition(); ms += stepMs) {
      if (ms > maxMs) throw new Error(`nothing after ${maxMs} ms: ${this.link?.phase}, ${this.log.slice(-3).join('; ')}, ${this.ends.at(-1)}`)
      this.clock.advance(stepMs)
      await this.rest()
    }
  }

  /** So much time goes by, and everything that happens in it happens. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.clock.now() + ms
    await this.until(() => this.clock.now() >= untilMs, ms, 1000)
  }

  /** What has arrived, each once, in the order of its first arrival. */
  get arrivedOnce(): string[] {
    return [...new Set(this.ground.arrived.map(({ bytes }) => bytes.toString('latin1')))]
  }
}
