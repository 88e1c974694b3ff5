// GPIO lines that obey a test: what the port of src/gpio promises, without a kernel. The real ones are in test/vm/gpio.
import type { GpioPort, LineChoice } from '../../src/gpio/gpio.ts'
import { type Edge, type InputEvents, type InputLine, type InputSpec, LineError, type OutputLine, type OutputSpec } from '../../src/gpio/lines.ts'

/** One line: a wire with a level. */
export class FakeLine {
  /** What the wire has: true is high. */
  high = false
  isOutput = false
  /** Why it cannot be opened, or fails when it is used; null when all is well. */
  trouble: string | null = null
  shortcomings: readonly string[] = []
  opened = 0
  closed = 0
  inputSpec: InputSpec | null = null
  outputSpec: OutputSpec | null = null
  events: InputEvents | null = null
  count = 0
  /** Every level that it was written as an output, as it was meant. */
  readonly writes: boolean[] = []

  get isOpen(): boolean {
    return this.opened > this.closed
  }

  /** Edges that the kernel tells of. */
  tell(edges: readonly Edge[], missed = 0): void {
    const last = edges.at(-1)
    if (last !== undefined) this.high = last.rising !== this.inputSpec!.activeLow
    this.events!.edges!(edges, missed)
  }
}

export class FakeGpio implements GpioPort {
  readonly lines = new Map<string, FakeLine>()

  /** By its name in the configuration. */
  line(name: string): FakeLine {
    const known = this.lines.get(name) ?? new FakeLine()
    this.lines.set(name, known)
    return known
  }

  async openInput(choice: LineChoice, spec: InputSpec, events: InputEvents): Promise<InputLine> {
    const line = this.#open(choice)
    Object.assign(line, { inputSpec: spec, events, count: 0 })
    return {
      shortcomings: line.shortcomings,
      read: () => well(line).high !== spec.activeLow,
      count: () => well(line).count,
      close: () => void line.closed++,
    }
  }

  async openOutput(choice: LineChoice, spec: OutputSpec): Promise<OutputLine> {
    const line = this.#open(choice)
    line.outputSpec = spec
    if (!line.isOutput || spec.force) line.high = spec.initially !== spec.activeLow
    line.isOutput = true
    return {
      shortcomings: line.shortcomings,
      read: () => well(line).high !== spec.activeLow,
      write: (on) => {
        well(line).high = on !== spec.activeLow
        line.writes.push(on)
      },
      close: () => void line.closed++,
    }
  }

  #open({ line: reference }: LineChoice): FakeLine {
    const line = well(this.line(reference.kind === 'name' ? reference.name : JSON.stringify(reference)))
    line.opened++
    return line
  }
}

function well(line: FakeLine): FakeLine {
  if (line.trouble !== null) throw new LineError(line.trouble)
  return line
}
