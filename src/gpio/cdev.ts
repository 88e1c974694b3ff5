// Lines by the kernel's character device. Debounce, pull resistors and numbers of edges are the kernel's.
// Rules:
// - Reading a line's buffer tells of edges that it dropped too, by their numbers; for a line that is only counted one read of the newest is all
//   there is to do, at any rate.
// - After edges were told the descriptor is quiet for PAUSE_MS: a line that flutters wakes us a hundred times a second at most.
// - When our descriptor closes, the chip does with an output as its driver likes: most make it an input. So a descriptor store may keep it
//   over a restart of the process, and who opens the line again gets it from there.
import { closeSync } from 'node:fs'
import { bootOffsetMs, type Clock, type Timer } from '../clock.ts'
import { chipInfo, eventBuffer, lineInfo, readEvents, readLine, requestLine, setOutput, writeLine } from '../gpio-device.ts'
import { codeOf, deviceOf, onChip } from './chips.ts'
import { type Edge, type GpioLines, type InputEvents, type InputLine, type InputSpec, type Line, LineError, nameOf, noLineSentence, type OutputLine, type OutputSpec, takenSentence } from './lines.ts'
import type { Watch, WatchDescriptor } from './readiness.ts'

export const PAUSE_MS = 10
/** Of the kernel, for one line: a second at 1 kHz, in case we are busy for so long. */
const EVENTS_KEPT_MAX = 1024
/** What is only counted needs the newest only. */
const EVENTS_COUNTED_MAX = 16
const EVENTS_READ_MAX = 256
const NUMBERS = 2 ** 32
const CONSUMER = 'sandpiper'
const LEVEL_MAY_FALL = 'its level is for the chip to say while Sandpiper does not run: run it under systemd with FileDescriptorStoreMax'

/** Keeps descriptors of outputs while the process is away: systemd's store. */
export interface DescriptorStore {
  /** The descriptor that was kept under this name; its caller owns it then. */
  take(name: string): number | null
  keep(name: string, fd: number): void
}

export class CdevLines implements GpioLines {
  readonly #clock: Clock
  readonly #watch: WatchDescriptor
  readonly #store: DescriptorStore | null

  constructor(clock: Clock, watch: WatchDescriptor, store: DescriptorStore | null) {
    this.#clock = clock
    this.#watch = watch
    this.#store = store
  }

  async openInput(line: Line, spec: InputSpec, events: InputEvents): Promise<InputLine> {
    const { activeLow, edges, pull, debounceMs } = spec
    const eventsKept = events.edges === null ? EVENTS_COUNTED_MAX : EVENTS_KEPT_MAX
    return onChipOf(line, (chip) => {
      const fd = requestLine(chip, line.offset, { consumer: CONSUMER, activeLow, input: { edges, pull, debounceMs, eventsKept } })
      return new CdevInput(fd, this.#clock, edges === 'none' ? null : this.#watch, events)
    })
  }

  async openOutput(line: Line, spec: OutputSpec): Promise<OutputLine> {
    const name = nameOf(line).replaceAll(/[^\w.-]/g, '-')
    return onChipOf(line, (chip) => {
      const kept = this.#keptLine(name)
      const fd = kept ?? requestLine(chip, line.offset, { consumer: CONSUMER, activeLow: spec.activeLow, input: null })
      try {
        const { output, activeLow } = lineInfo(chip, line.offset)
        // Whoever opened it may have called the same level by the other name.
        const isOn = (readLine(fd) !== activeLow) !== spec.activeLow
        setOutput(fd, { ...spec, on: output && !spec.force ? isOn : spec.initially })
        if (kept === null) this.#store?.keep(name, fd)
      } catch (error) {
        closeSync(fd)
        throw error
      }
      const shortcomings = this.#store === null ? [LEVEL_MAY_FALL] : []
      return { shortcomings, read: () => readLine(fd), write: (on) => writeLine(fd, on), close: () => closeSync(fd) }
    })
  }

  /** null when none was kept, or its chip has gone since. */
  #keptLine(name: string): number | null {
    const fd = this.#store?.take(name) ?? null
    if (fd === null) return null
    try {
      readLine(fd)
      return fd
    } catch {
      closeSync(fd)
      return null
    }
  }
}

/** Does it with the line's chip, and says what went wrong in a sentence. */
function onChipOf<T>(line: Line, act: (chip: number) => T): T {
  return onChip(deviceOf(line.chip), (chip) => {
    try {
      return act(chip)
    } catch (error) {
      throw new LineError(sentenceOf(line, chip, error), { cause: error })
    }
  })
}

function sentenceOf(line: Line, chip: number, error: unknown): string {
  const name = nameOf(line)
  switch (codeOf(error)) {
    case 'EBUSY':
      return takenSentence(name, lineInfo(chip, line.offset).consumer)
    case 'EINVAL': {
      const { lines } = chipInfo(chip)
      if (line.offset >= lines) return noLineSentence(line, lines)
      return `${name} cannot do what is asked of it: leave \`pull\` and \`drive\` out`
    }
    case 'ENXIO':
    case 'errno 524': // ENOTSUPP, which the kernel keeps to itself otherwise
      return `${name} cannot tell of edges: its chip has no interrupt`
    default:
      return `${name} cannot be opened: ${(error as Error).message}`
  }
}

class CdevInput implements InputLine {
  readonly shortcomings = []
  readonly #fd: number
  readonly #clock: Clock
  readonly #events: InputEvents
  readonly #buffer: Buffer
  readonly #watch: Watch | null = null
  /** Number of the newest edge, as the kernel counts: round at 2³². */
  #newest = 0
  #count = 0
  #pause: Timer | null = null
  #isOpen = true

  /** `watch` null: no edges were asked for. */
  constructor(fd: number, clock: Clock, watch: WatchDescriptor | null, events: InputEvents) {
    this.#fd = fd
    this.#clock = clock
    this.#events = events
    this.#buffer = eventBuffer(events.edges === null ? EVENTS_COUNTED_MAX : EVENTS_READ_MAX)
    if (watch !== null && events.edges !== null) this.#watch = watch(fd, () => this.#onReady())
  }

  read(): boolean {
    return readLine(this.#fd)
  }

  count(): number {
    if (this.#watch === null) this.#take()
    return this.#count
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#pause?.cancel()
    this.#watch?.close()
    closeSync(this.#fd)
  }

  #onReady(): void {
    let edges: readonly Edge[]
    const before = this.#count
    try {
      edges = this.#take()
    } catch (error) {
      this.#events.lost(new LineError((error as Error).message, { cause: error }))
      return
    }
    // Armed before edges are told, so that nothing that is done with them can end the series.
    this.#pause = this.#clock.after(PAUSE_MS, () => this.#watch?.arm())
    if (edges.length > 0) this.#events.edges!(edges, this.#count - before - edges.length)
  }

  /** Reads what waits, and counts by the newest. */
  #take(): Edge[] {
    const events = readEvents(this.#fd, this.#buffer)
    const newest = events.at(-1)
    if (newest !== undefined) {
      this.#count += (newest.number - this.#newest + NUMBERS) % NUMBERS
      this.#newest = newest.number
    }
    return events.map(({ rising, atMs }) => ({ rising, atMs: atMs - bootOffsetMs }))
  }
}
