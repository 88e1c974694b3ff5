// The last hours of what sensors, topics and the gateway itself have told: for charts.
//
//   sensor, topic ─► columns: count, least, largest, sum of each step ─► every quarter of an hour a block ─► recorder ─► ring on flash
//   figures, once a step ─┘                                                                                    └► charts have all of it
//
// What is always true
//   1. Steps run on the monotonic clock. A block notes when it began by a stored time (stored-time.ts), so what was recorded before the clock was set
//      is put right when somebody looks; when the clock jumps, a new block begins.
//   2. What is not on flash yet, a quarter of an hour at most, is lost in a power cut; an orderly stop writes it.
//   3. In memory are the steps of one block, not what is kept.
import type { Clock, Timer } from '../clock.ts'
import type { HistoryConfig, HistoryTopicConfig } from '../config/config.ts'
import type { Counters } from '../counters.ts'
import type { Message } from '../message.ts'
import type { Reading } from '../sensors/reading/reading.ts'
import type { Ring } from '../store/ring.ts'
import { BlockTime } from './block-time.ts'
import { packCells } from './cells.ts'
import { Chart, gridOf, type Points } from './chart.ts'
import { Columns } from './columns.ts'
import type { Figure } from './figures.ts'
import { fieldIn, jsonIn, numberIn, numbersIn } from './numbers-in.ts'
import { type HistoryLog, Recorder } from './recorder.ts'
import { type Series, SeriesTable, type SeriesSource } from './series.ts'

/** Of a block, as long as that is a step or more. */
const WRITE_MS = 900_000
/** Blocks that a jump of the clock has ended before their time wait for the next whole one, so many of them. */
const CUT_SHORT_MAX = 2
/** Charts that wait for their turn; each reads the ring from the store's thread. */
const WAITING_MAX = 16

export interface HistoryDeps {
  readonly clock: Clock
  readonly log: HistoryLog
  readonly counters: Counters
  readonly ring: Ring
  readonly figures: readonly Figure[]
  /** Now, as a stored time. */
  storedNow(): number
  /** Wall milliseconds of a stored time: by the system's clock for this start of the machine, however right; null when nobody knows any more. */
  wallOf(storedMs: number): number | null
  /** What is published to the filter from now on, in the gateway's own space. `take` must not throw. */
  subscribe(filter: string, take: (message: Message) => void): void
}

export interface SeriesState {
  readonly id: string
  readonly source: SeriesSource
  /** Of a topic's series: whose rights hold for it. */
  readonly topic: string | null
  readonly unit: string | null
  /** The last value since the start, and when it came (Clock.now). */
  readonly last: { readonly atMs: number; readonly value: number } | null
}

export interface Charts {
  readonly stepSec: number
  readonly endsAtMs: number
  readonly series: readonly (Points & { readonly id: string })[]
}

export class History {
  readonly config: HistoryConfig
  readonly #deps: HistoryDeps
  readonly #table: SeriesTable
  readonly #columns: Columns
  readonly #recorder: Recorder
  /** Of the block that is being filled, and which of its steps is now. */
  #time: BlockTime
  #step = 0
  #timer: Timer | null = null
  /** Topics of the configuration that have told something else than numbers: each is named once. */
  readonly #withoutNumber = new Set<HistoryTopicConfig>()
  #hasLeftOut = false
  #lastChart: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(config: HistoryConfig, deps: HistoryDeps) {
    const { stepMs, keepMs, seriesMax, bytesMax } = config
    const blockSteps = Math.max(1, Math.ceil(WRITE_MS / stepMs))
    this.config = config
    this.#deps = deps
    this.#table = new SeriesTable(seriesMax)
    this.#columns = new Columns(blockSteps)
    this.#time = new BlockTime(stepMs, deps.clock.now(), deps.storedNow())
    this.#recorder = new Recorder({ stepMs, keepMs, bytesMax, blockSteps }, { ...deps, table: this.#table })
  }

  start(): void {
    this.#begin()
    for (const topic of this.config.topics) this.#deps.subscribe(topic.filter, (message) => this.#onMessage(topic, message))
  }

  /** What is not on flash yet is written. Never rejects. */
  async stop(): Promise<void> {
    if (this.#timer === null) return
    this.#timer.cancel()
    this.#timer = null
    this.#close(this.#step + 1)
    await this.#recorder.write()
  }

  /** What a sensor has told; `reading` null: a payload of its source's own. */
  onReading(sensor: string, reading: Reading | null, { payload }: Message): void {
    if (this.#timer === null) return
    if (reading === null) return numbersIn(payload, (name, value) => this.#add(`sensor/${sensor}/${name}`, null, value))
    if (reading.quality === 'stale') return // told before
    for (const { name, value, unit } of reading.values) if (typeof value === 'number') this.#add(`sensor/${sensor}/${name}`, unit, value)
  }

  /** What there is, by its id. */
  async list(): Promise<readonly SeriesState[]> {
    await this.#recorder.ready()
    return [...this.#table.all].map(stateOf).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** null for what there is no series of. */
  async find(id: string): Promise<SeriesState | null> {
    await this.#recorder.ready()
    const series = this.#table.get(id)
    return series === undefined ? null : stateOf(series)
  }

  /** The last `forMs` of each, in `pointsMax` points at most; of an id that is not there, empty ones. null: too many wait. Rejects when what is on flash cannot be read. */
  async charts(ids: readonly string[], forMs: number, pointsMax: number): Promise<Charts | null> {
    if (this.#waiting >= WAITING_MAX) return null
    this.#waiting++
    const before = this.#lastChart
    const mine = before.then(() => this.#draw(ids, forMs, pointsMax))
    this.#lastChart = mine.catch(() => {})
    try {
      return await mine
    } finally {
      this.#waiting--
    }
  }

  async #draw(ids: readonly string[], forMs: number, pointsMax: number): Promise<Charts> {
    await this.#recorder.ready()
    const { stepMs } = this.config
    const nowMs = this.#wallNow()
    const grid = gridOf(nowMs, forMs, stepMs, pointsMax)
    const endMs = grid.startMs + grid.points * grid.pointMs
    const charts = new Map([...new Set(ids)].map((id) => [id, new Chart(grid)]))
    const known = [...charts].flatMap(([id, chart]) => {
      const series = this.#table.get(id)
      return series === undefined ? [] : [{ series, chart }]
    })
    const startedMs = this.#deps.wallOf(this.#time.startedAtMs)
    if (startedMs !== null && this.#timer !== null) for (const { series, chart } of known) chart.add(startedMs, stepMs, this.#columns.cellsOf(series.row))
    const isWanted = (block: { readonly startedAtMs: number; readonly stepMs: number; readonly steps: number }): boolean => {
      const wallMs = this.#deps.wallOf(block.startedAtMs)
      return wallMs !== null && wallMs < endMs && wallMs + block.steps * block.stepMs > grid.startMs
    }
    await this.#recorder.read(known.map(({ series }) => series), isWanted, (stretch) => {
      const wallMs = this.#deps.wallOf(stretch.startedAtMs)
      if (wallMs !== null) known[stretch.series]!.chart.add(wallMs, stretch.stepMs, stretch.cells)
    })
    return { stepSec: grid.pointMs / 1000, endsAtMs: endMs, series: [...charts].map(([id, { points }]) => ({ id, ...points })) }
  }

  // ---- what comes

  #onMessage(topic: HistoryTopicConfig, { topic: { name }, payload }: Message): void {
    if (this.#timer === null) return
    if (topic.fields.length === 0) {
      const value = numberIn(payload)
      if (value === null) this.#tellOfNone(topic, name)
      else this.#add(`topic/${name}`, null, value)
      return
    }
    const json = jsonIn(payload)
    let found = false
    for (const field of topic.fields) {
      const value = fieldIn(json, field)
      if (value === null) continue
      found = true
      this.#add(`topic/${name}#${field}`, null, value)
    }
    if (!found) this.#tellOfNone(topic, name)
  }

  #add(id: string, unit: string | null, value: number): void {
    const series = this.#table.admit(id, unit)
    if (series === null) {
      this.#deps.counters.historyValuesLeftOut++
      if (!this.#hasLeftOut) this.#deps.log.warn({ series: id, seriesMax: this.config.seriesMax }, 'the history has no room for another series: see history.maxSeries')
      this.#hasLeftOut = true
      return
    }
    this.#columns.add(series.row, this.#step, value)
    series.last = value
    series.lastAtMs = this.#deps.clock.now()
  }

  #tellOfNone(topic: HistoryTopicConfig, name: string): void {
    if (this.#withoutNumber.has(topic)) return
    this.#withoutNumber.add(topic)
    const { fields } = topic
    this.#deps.log.warn({ topic: name, fields }, fields.length === 0 ? 'a message of history.topics is no number: name the `fields` of JSON' : 'a message of history.topics has none of its `fields`')
  }

  // ---- steps

  #begin(): void {
    const { clock, storedNow } = this.#deps
    this.#time = new BlockTime(this.config.stepMs, clock.now(), storedNow())
    this.#step = 0
    this.#await()
  }

  #await(): void {
    const { clock } = this.#deps
    this.#timer = clock.after(this.#time.endOf(this.#step) - clock.now(), () => this.#onTime())
  }

  #onTime(): void {
    const nowMs = this.#deps.clock.now()
    const step = this.#time.stepAt(nowMs)
    if (step <= this.#step) return this.#await() // a timer that fires a fraction early
    for (const figure of this.#deps.figures) {
      const value = figure.read(nowMs)
      if (value !== null) this.#add(`gateway/${figure.name}`, figure.unit, value)
    }
    if (step < this.#columns.steps && !this.#time.hasJumped(nowMs, this.#deps.storedNow())) {
      this.#step = step
      return this.#await()
    }
    const waiting = this.#close(this.#step + 1)
    this.#begin()
    if (step >= this.#columns.steps || waiting > CUT_SHORT_MAX) void this.#recorder.write()
  }

  /** Answers how many blocks wait to be written. */
  #close(steps: number): number {
    const parts = [...this.#table.all].flatMap((series) => {
      if (series.lastAtMs === null) return []
      const bytes = packCells(this.#columns.cellsOf(series.row))
      return bytes === null ? [] : [{ series, bytes }]
    })
    this.#columns.clear()
    return parts.length === 0 ? 0 : this.#recorder.push({ startedAtMs: this.#time.startedAtMs, steps, parts })
  }

  #wallNow(): number {
    const storedMs = this.#deps.storedNow()
    return this.#deps.wallOf(storedMs) ?? storedMs
  }
}

function stateOf({ id, unit, last, lastAtMs }: Series): SeriesState {
  const source = id.slice(0, id.indexOf('/')) as SeriesSource
  return { id, source, topic: source === 'topic' ? /^topic\/([^#]*)/.exec(id)![1]! : null, unit, last: lastAtMs === null ? null : { atMs: lastAtMs, value: last } }
}
