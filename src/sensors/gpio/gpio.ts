// A sensor at a GPIO line: its level, its edges, how long it was pressed, or how many pulses there were.
// Rules:
// - The line is kept open by gpio/held.ts; while it is not to be had the sensor is gone, and says why: who holds it, or which chip is missing.
// - What the line cannot do of what was asked for makes the sensor degraded: it reads, but a pulse may be missed.
// - A level is given once when the line is opened, and with every change. One that was missed is found within two looks.
// - A counter is read every pollMs and costs the same at any rate: the kernel counts.
import type { GpioInputConfig, GpioSensorConfig } from '../../config/config.ts'
import type { Timer } from '../../clock.ts'
import type { GpioPort } from '../../gpio/gpio.ts'
import { HeldLine } from '../../gpio/held.ts'
import type { Edge, Edges, InputLine } from '../../gpio/lines.ts'
import type { Message } from '../../message.ts'
import type { Source, SourceDeps } from '../sensor.ts'
import { PulseCounter, totalOf } from './counter.ts'
import { Presses } from './press.ts'

/** What an input makes of its line. */
interface Input {
  /** Edges that it wants to hear of. */
  readonly edges: Edges
  readonly countsOnly: boolean
  opened(line: InputLine): void
  onEdges(edges: readonly Edge[], missed: number): void
  /** About once a second, with the level of now. */
  looked(level: boolean): void
  /** The line is closed. */
  closed(): void
  /** No line will be opened any more; `line` is the one that is open. */
  stop(line: InputLine | null): void
}

export class GpioSource implements Source {
  readonly #deps: SourceDeps
  readonly #held: HeldLine<InputLine>
  readonly #input: Input
  #why: string | null = null

  constructor({ gpio: config }: GpioSensorConfig, deps: SourceDeps, gpio: GpioPort) {
    this.#deps = deps
    this.#input = makeInput(config.input, deps, (error) => this.#held.lost(error), () => this.#held.line)
    const { edges, countsOnly } = this.#input
    const spec = { activeLow: config.activeLow, edges, pull: config.pull, debounceMs: config.debounceMs }
    const events = {
      edges: countsOnly ? null : (list: readonly Edge[], missed: number) => this.#onEdges(list, missed),
      lost: (error: Error) => this.#held.lost(error),
    }
    this.#held = new HeldLine(deps, () => gpio.openInput(config, spec, events), {
      opened: (line) => this.#onOpened(line),
      looked: (level) => this.#input.looked(level),
      failed: (why) => this.#onFailed(why),
    })
  }

  start(): void {
    this.#held.start()
  }

  async stop(): Promise<void> {
    this.#input.stop(this.#held.line)
    await this.#held.stop()
  }

  #onOpened(line: InputLine): void {
    const { record, clock, log, name } = this.#deps
    this.#why = null
    const shortcomings = line.shortcomings.join('; ')
    record.set(shortcomings === '' ? 'ok' : 'degraded', clock.now(), shortcomings === '' ? undefined : shortcomings)
    log.info({ sensor: name }, `sensor "${name}" reads its line${shortcomings === '' ? '' : `: ${shortcomings}`}`)
    this.#input.opened(line)
  }

  #onFailed(why: string): void {
    const { record, clock, log, name } = this.#deps
    this.#input.closed()
    record.set('gone', clock.now(), why)
    const tell = why === this.#why ? log.debug.bind(log) : log.warn.bind(log)
    this.#why = why
    tell({ sensor: name }, `sensor "${name}" cannot read its line: ${why}`)
  }

  #onEdges(edges: readonly Edge[], missed: number): void {
    if (missed > 0) this.#deps.record.countSkipped('missed', missed)
    this.#input.onEdges(edges, missed)
  }
}

function makeInput(input: GpioInputConfig, deps: SourceDeps, lost: (error: unknown) => void, line: () => InputLine | null): Input {
  switch (input.kind) {
    case 'level':
      return new LevelInput(deps)
    case 'edges':
      return new EdgesInput(deps, input.edge)
    case 'press':
      return new PressInput(deps, input.longMs)
    case 'counter':
      return new CounterInput(deps, input, lost, line)
  }
}

class LevelInput implements Input {
  readonly edges = 'both'
  readonly countsOnly = false
  readonly #deps: SourceDeps
  /** What was given last. */
  #level: boolean | null = null
  /** The last look saw another level than was given. */
  #doubted = false

  constructor(deps: SourceDeps) {
    this.#deps = deps
  }

  opened(line: InputLine): void {
    this.#give(line.read(), this.#deps.clock.now())
  }

  onEdges(edges: readonly Edge[]): void {
    for (const { rising, atMs } of edges) this.#give(rising, atMs)
  }

  looked(level: boolean): void {
    if (level === this.#level) this.#doubted = false
    else if (this.#doubted) {
      this.#deps.record.countSkipped('missed')
      this.#give(level, this.#deps.clock.now())
    } else this.#doubted = true
  }

  closed(): void {
    this.#level = null
  }

  stop(): void {}

  #give(level: boolean, atMs: number): void {
    this.#level = level
    this.#doubted = false
    this.#deps.take({ level }, atMs)
  }
}

class EdgesInput implements Input {
  readonly edges: Edges
  readonly countsOnly = false
  readonly #deps: SourceDeps

  constructor(deps: SourceDeps, edges: Edges) {
    this.#deps = deps
    this.edges = edges
  }

  opened(): void {}

  onEdges(edges: readonly Edge[]): void {
    for (const { rising, atMs } of edges) this.#deps.take({ edge: rising ? 'rising' : 'falling' }, atMs)
  }

  looked(): void {}

  closed(): void {}

  stop(): void {}
}

class PressInput implements Input {
  readonly edges = 'both'
  readonly countsOnly = false
  readonly #deps: SourceDeps
  readonly #presses: Presses

  constructor(deps: SourceDeps, longMs: number) {
    this.#deps = deps
    this.#presses = new Presses(longMs)
  }

  opened(): void {}

  onEdges(edges: readonly Edge[], missed: number): void {
    if (missed > 0) this.#presses.forget()
    for (const edge of edges) {
      const press = this.#presses.on(edge)
      if (press !== null) this.#deps.take({ ...press }, edge.atMs)
    }
  }

  looked(): void {}

  closed(): void {
    this.#presses.forget()
  }

  stop(): void {}
}

class CounterInput implements Input {
  readonly edges: Edges
  readonly countsOnly = true
  readonly #deps: SourceDeps
  readonly #key: string
  readonly #counter: PulseCounter
  readonly #pollMs: number
  readonly #lost: (error: unknown) => void
  #timer: Timer | null = null

  constructor(deps: SourceDeps, config: Extract<GpioInputConfig, { kind: 'counter' }>, lost: (error: unknown) => void, line: () => InputLine | null) {
    this.#deps = deps
    this.edges = config.edge
    this.#pollMs = config.pollMs
    this.#lost = lost
    this.#key = `pulses/${deps.name}`
    this.#counter = new PulseCounter(deps.numbers.get(this.#key), config.saveMs)
    if (config.reset !== null) deps.subscribe(config.reset, (message) => this.#reset(message, line()))
  }

  opened(line: InputLine): void {
    const { clock, take } = this.#deps
    this.#counter.opened(clock.now())
    take({ total: this.#counter.total, rate: null }, clock.now())
    this.#timer = clock.every(this.#pollMs, () => this.#poll(line))
  }

  onEdges(): void {}

  looked(): void {}

  closed(): void {
    this.#timer?.cancel()
    this.#counter.closed()
    this.#save(true)
  }

  stop(line: InputLine | null): void {
    this.#timer?.cancel()
    if (line !== null) this.#count(line)
    this.#save(true)
  }

  #poll(line: InputLine): void {
    const nowMs = this.#deps.clock.now()
    const count = this.#count(line)
    if (count === null) return
    this.#save(false)
    this.#deps.take({ ...count }, nowMs)
  }

  /** null when the line is gone. */
  #count(line: InputLine): { readonly total: number; readonly rate: number | null } | null {
    try {
      return this.#counter.look(line.count(), this.#deps.clock.now())
    } catch (error) {
      this.#lost(error)
      return null
    }
  }

  #save(now: boolean): void {
    const total = this.#counter.due(this.#deps.clock.now(), now)
    if (total !== null) this.#deps.numbers.set(this.#key, total)
  }

  /** Pulses until now belong to the old total. */
  #reset(message: Message, line: InputLine | null): void {
    const { clock, log, name, take } = this.#deps
    const total = totalOf(message.payload)
    if (total === null) {
      log.warn({ sensor: name, topic: message.topic.name }, `sensor "${name}" was told a total that is no whole number: nothing was changed`)
      return
    }
    if (line !== null && this.#count(line) === null) return
    this.#counter.set(total, clock.now())
    this.#save(true)
    take({ total, rate: null }, clock.now())
  }
}
