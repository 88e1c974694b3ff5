// A way from the gateway to the cloud that costs by the byte, and flaps: connections over it are cut, stall or die unseen, and for a while it
// is not there at all. It counts what passes.
import type { Clock } from '../../src/clock.ts'
import type { BudgetFigures } from '../../src/uplink/budget/budget.ts'
import type { Ports, TcpInfo } from '../../src/uplink/budget/tcp-info.ts'
import { type End, Link, type LinkWire } from './link.ts'
import type { Place } from './place.ts'
import type { Random } from './random.ts'
import type { LineReport } from './soak.ts'
import type { LinePlan } from './soak-plan.ts'
import { TcpCount, WireCount } from './wire-count.ts'

export interface LineDeps {
  readonly clock: Clock
  readonly random: Random
  /** Of the gateway; NaN while it is not set. */
  readonly wall: () => number
  readonly to: Place
  /** Something has come to its end. */
  readonly arrived: (bytes: number) => void
}

const PROBE_MS_MAX = 20_000
const ASK_MS = 5
/** Around a batch: headers, answers, acknowledgements of both. */
const BATCH_OVERHEAD_BYTES = 500
/** Of less a share says little. */
const COMPARED_BYTES_MIN = 50_000

export class Line {
  readonly plan: LinePlan
  readonly #deps: LineDeps
  readonly #count: WireCount
  readonly #links = new Set<Link>()
  /** By port, those that are not over. */
  readonly #tcp = new Map<number, TcpCount>()
  #lastPort = 0
  #downUntilMs = 0
  #flaps = 0
  #probes = 0
  #countedMin = Infinity
  /** Days on which nothing but the reserve was left, at some time. */
  readonly #usedUp = new Set<number>()

  constructor(plan: LinePlan, deps: LineDeps) {
    this.plan = plan
    this.#deps = deps
    this.#count = new WireCount(plan.budget.billingDay, deps.wall)
  }

  dial(): End {
    const { clock, random, to, arrived } = this.#deps
    const { latencyMs, bytesPerSec } = this.plan
    const tcp = new TcpCount(this.#count, clock, 2 * latencyMs, bytesPerSec)
    const wire: LinkWire = {
      sent: (isUp, bytes) => tcp.sent(isUp, bytes),
      arrived: (isUp, bytes) => {
        tcp.arrived(isUp, bytes)
        arrived(bytes)
      },
      over: () => tcp.over(),
    }
    const link = new Link(clock, random, { latencyMs, piecesMax: 1, bytesPerSec, wire })
    this.#links.add(link)
    for (const other of this.#links) if (!other.open) this.#links.delete(other)
    link.a.localPort = ++this.#lastPort
    link.a.remotePort = this.plan.port
    this.#tcp.set(this.#lastPort, tcp)
    for (const [port, other] of this.#tcp) if (other.isOver) this.#tcp.delete(port)
    link.a.once('connect', () => tcp.opened())
    clock.after(0, () => link.a.emit('connectionAttempt'))
    if (!this.#isDown) to.connect(link, 2 * latencyMs)
    else if (random.chance(0.3)) clock.after(latencyMs, () => link.break()) // the others hear nothing
    return link.a
  }

  /** A connection that is ended when it is there; `count` gets it. */
  reach(count: (source: End) => void): Promise<void> {
    const stream = this.dial()
    count(stream)
    this.#probes++
    return new Promise((resolve, reject) => {
      const deadline = this.#deps.clock.after(PROBE_MS_MAX, () => stream.destroy())
      stream.once('connect', () => {
        resolve()
        stream.destroy()
      })
      stream.once('close', () => {
        deadline.cancel()
        reject(new Error('nobody answers'))
      })
    })
  }

  /** What the kernel of the gateway knows of a connection. */
  ask({ localPort }: Ports): Promise<TcpInfo | null> {
    return new Promise((resolve) => void this.#deps.clock.after(ASK_MS, () => resolve(this.#tcp.get(localPort)?.info ?? null)))
  }

  // ---- trouble

  flap(): void {
    const { random } = this.#deps
    this.#flaps++
    const kind = random.int(0, 9)
    if (kind <= 4) this.down(random.int(0, 10_000))
    else if (kind <= 5) this.down(random.int(10_000, 120_000))
    for (const link of this.#links) {
      if (kind <= 3) link.break()
      else if (kind <= 6) link.breakAfter(random.int(0, 3000))
      else if (kind <= 8) link.stall(random.int(100, 20_000))
      else this.#loseUnseen(link)
    }
  }

  down(forMs: number): void {
    this.#downUntilMs = Math.max(this.#downUntilMs, this.#deps.clock.now() + forMs)
    for (const link of this.#links) this.#loseUnseen(link)
  }

  /** From here on it works, and nobody counts. */
  heal(): void {
    this.#downUntilMs = 0
    this.#count.isClosed = true
    for (const link of this.#links) link.break()
  }

  /** Nothing passes any more, and nobody is told for a while. */
  #loseUnseen(link: Link): void {
    const { clock, random } = this.#deps
    const ms = random.int(1000, 180_000)
    link.stall(ms + 60_000)
    clock.after(ms, () => link.break())
  }

  get #isDown(): boolean {
    return this.#deps.clock.now() < this.#downUntilMs
  }

  // ---- what it costs

  /** What the gateway has counted is held against what has passed. */
  compare({ day, month, exhausted }: BudgetFigures): void {
    if (exhausted) this.#usedUp.add(this.#count.day)
    const pairs = [[day.bytes, this.#count.days.get(this.#count.day) ?? 0], [month.bytes, this.#count.months.get(this.#count.month) ?? 0]] as const
    for (const [counted, passed] of pairs) if (passed > COMPARED_BYTES_MIN) this.#countedMin = Math.min(this.#countedMin, counted / passed)
  }

  /** What is wrong. */
  judge(): string[] {
    const { name, budget } = this.plan
    const batchBytesMax = this.#count.largestBytes + BATCH_OVERHEAD_BYTES
    const over = (kind: string, limit: number, all: ReadonlyMap<number, number>): string[] =>
      [...all].filter(([, bytes]) => bytes > limit + batchBytesMax).map(([key, bytes]) => `${name}: ${Math.round(bytes)} bytes in the ${kind} ${key}, and ${limit} are allowed`)
    return [...over('day', budget.dayBytes, this.#count.days), ...over('month', budget.monthBytes, this.#count.months)]
  }

  report(): LineReport {
    const { dayBytes, monthBytes } = this.plan.budget
    const { days, months, connections, totalBytes, resentBytes } = this.#count
    return {
      name: this.plan.name, flaps: this.#flaps, connections: connections - this.#probes, probes: this.#probes, totalBytes, resentBytes, dayBytes, monthBytes,
      dayBytesMax: Math.max(0, ...days.values()), monthBytesMax: Math.max(0, ...months.values()),
      usedUpDays: this.#usedUp.size, countedMin: this.#countedMin,
    }
  }
}
