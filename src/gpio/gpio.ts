// The lines of this machine, as sensors and outputs ask for them: by their name in the configuration. The one door of this folder.
//
// Which back end serves a line: the character device is right for inputs, whose edges it numbers and debounces; the old interface is right for
// outputs, whose level it keeps when our process ends. Where a kernel has one of them only, that one serves both.
import { lineOf, type LineReference, type PinMap, wordOf } from '../board/pin-map.ts'
import type { Clock } from '../clock.ts'
import { CdevLines, type DescriptorStore } from './cdev.ts'
import { deviceAnswers, lineNamed, sysfsAnswers } from './chips.ts'
import { type GpioLines, type InputEvents, type InputLine, type InputSpec, type Line, LineError, type OutputLine, type OutputSpec } from './lines.ts'

export interface LineChoice {
  readonly line: LineReference
  readonly interface: 'auto' | 'device' | 'sysfs'
}

/** What sensors and outputs need. */
export interface GpioPort {
  /** Rejects with a LineError. */
  openInput(choice: LineChoice, spec: InputSpec, events: InputEvents): Promise<InputLine>
  openOutput(choice: LineChoice, spec: OutputSpec): Promise<OutputLine>
}

export class Gpio implements GpioPort {
  readonly #clock: Clock
  readonly #pins: PinMap | null
  readonly #store: DescriptorStore | null
  #cdev: Promise<GpioLines> | null = null
  #sysfs: Promise<GpioLines> | null = null

  /** `pins` null: nothing is known of the board. `store` null: nobody keeps outputs for us. */
  constructor(clock: Clock, pins: PinMap | null, store: DescriptorStore | null) {
    this.#clock = clock
    this.#pins = pins
    this.#store = store
  }

  async openInput(choice: LineChoice, spec: InputSpec, events: InputEvents): Promise<InputLine> {
    const line = this.#find(choice.line)
    const isOld = choice.interface === 'sysfs' || (choice.interface === 'auto' && !deviceAnswers(line) && sysfsAnswers(line))
    return (await (isOld ? this.#bySysfs() : this.#byDevice())).openInput(line, spec, events)
  }

  async openOutput(choice: LineChoice, spec: OutputSpec): Promise<OutputLine> {
    const line = this.#find(choice.line)
    const isOld = choice.interface === 'sysfs' || (choice.interface === 'auto' && sysfsAnswers(line))
    return (await (isOld ? this.#bySysfs() : this.#byDevice())).openOutput(line, spec)
  }

  /** Each time anew: a chip on a plug may come back as another one. */
  #find(reference: LineReference): Line {
    if (reference.kind === 'chip') return { chip: reference.label, offset: reference.offset }
    if (this.#pins !== null) {
      const answer = lineOf(this.#pins, reference)
      if ('problem' in answer) throw new LineError(`${answer.problem}: ${answer.hint}`)
      if (answer.line !== null) return answer.line
    }
    if (reference.kind === 'name') return lineNamed(reference.name)
    throw new LineError(`${wordOf(reference)} is of a header, and which board this is is not known: set \`board\`, or name the line by its chip ("LABEL:OFFSET")`)
  }

  #byDevice(): Promise<GpioLines> {
    this.#cdev ??= import('./readiness.ts').then(async ({ loadReadiness }) => new CdevLines(this.#clock, await loadReadiness(), this.#store))
    return this.#cdev
  }

  #bySysfs(): Promise<GpioLines> {
    this.#sysfs ??= import('./sysfs.ts').then(({ SysfsLines }) => new SysfsLines(this.#clock))
    return this.#sysfs
  }
}
