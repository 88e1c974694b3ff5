// Lines by /sys/class/gpio, and the only importer of onoff, which writes and polls the files there.
// Rules:
// - A line that is exported is never unexported: that would make an output an input, and a relay chatter. So a line is let go of by closing its
//   descriptor only, which onoff has no call for.
// - An output is opened in one step with the level that it has ('high' and 'low' are words for direction, of the wire and not of the meaning).
// - onoff tries a file that it may not open ten thousand times without a pause, and throws in a callback of native code when a line is gone:
//   so a line is exported and its files are waited for before onoff sees it, and its reads are caught.
// - The kernel says that there were edges, not how many: pulses shorter than the way to us are lost, and counters say so. What debounces here is
//   the same clock as everywhere: a level counts when it has held.
import { closeSync, existsSync, writeFileSync } from 'node:fs'
import { access, constants } from 'node:fs/promises'
import type { Gpio } from 'onoff'
import type { Clock, Timer } from '../clock.ts'
import { codeOf, GIVE_GROUP, holderOf, readText, SYSFS, sysfsBaseOf } from './chips.ts'
import { type Edge, type GpioLines, type InputEvents, type InputLine, type InputSpec, type Line, LineError, nameOf, noLineSentence, type OutputLine, type OutputSpec, takenSentence } from './lines.ts'
import { sayWhatIsMissing } from './readiness.ts'

/** udev gives the files of a line that was just exported to the group gpio: that takes a moment. */
const FILES_MS_MAX = 2000
const FILES_LOOK_MS = 20
/** So many edges in so long, 5 kHz; then it is not listened to for as long. */
const WAKES_MAX = 50
const REST_MS = 10
const COUNTS_MAY_MISS = 'pulses may be missed: /sys/class/gpio does not number edges'

type Make = new (number: number, direction: 'in' | 'high' | 'low', edge: 'none' | 'both' | 'rising' | 'falling', options: { activeLow: boolean }) => Gpio

export class SysfsLines implements GpioLines {
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async openInput(line: Line, spec: InputSpec, events: InputEvents): Promise<InputLine> {
    const number = await this.#exported(line, spec.edges !== 'none')
    const make = await loadOnoff()
    return making(line, () => {
      // onoff is told `both`, for it passes over an edge whose level has gone again; the kernel is told which ones. What holds is found from both.
      const edge = spec.edges === 'none' ? 'none' : 'both'
      return orLetGo(new make(number, 'in', edge, { activeLow: spec.activeLow }), (gpio) => {
        const folder = folderOf(number)
        expectFile(`${folder}/direction`, 'in')
        if (edge !== 'none') expectFile(`${folder}/edge`, edge)
        if (isOneEdge(spec)) writeFileSync(`${folder}/edge`, spec.edges)
        return new SysfsInput(gpio, this.#clock, spec, events)
      })
    })
  }

  async openOutput(line: Line, spec: OutputSpec): Promise<OutputLine> {
    const number = await this.#exported(line, false)
    const make = await loadOnoff()
    return making(line, () => {
      const folder = folderOf(number)
      const isOutput = readText(`${folder}/direction`) === 'out'
      // Whoever exported it may have called the same level by the other name.
      const isHigh = isOutput && !spec.force ? (readText(`${folder}/value`) === '1') !== (readText(`${folder}/active_low`) === '1') : spec.initially !== spec.activeLow
      // A line that tells of edges cannot be made an output, and onoff would say nothing of it.
      if (existsSync(`${folder}/edge`)) writeFileSync(`${folder}/edge`, 'none')
      const gpio = new make(number, isHigh ? 'high' : 'low', 'none', { activeLow: spec.activeLow })
      orLetGo(gpio, () => expectFile(`${folder}/direction`, 'out'))
      const shortcomings = spec.drive === 'push-pull' ? [] : [`it is driven both ways: /sys/class/gpio knows no ${spec.drive}`]
      return { shortcomings, read: () => gpio.readSync() === 1, write: (on) => gpio.writeSync(on ? 1 : 0), close: () => letGo(gpio) }
    })
  }

  /** The line's number in this start of the kernel, with its files there and ours to write. */
  async #exported(line: Line, withEdges: boolean): Promise<number> {
    const chip = sysfsBaseOf(line.chip)
    if (chip === null) throw new LineError(`there is no GPIO chip "${line.chip}" in ${SYSFS}: \`sandpiper board\` lists those that are there`)
    if (line.offset >= chip.lines) throw new LineError(noLineSentence(line, chip.lines))
    const number = chip.base + line.offset
    const folder = folderOf(number)
    if (!existsSync(folder)) exportLine(line, number)
    const files = ['value', 'direction', 'active_low', ...(withEdges ? ['edge'] : [])].map((file) => `${folder}/${file}`)
    const began = this.#clock.now()
    for (;;) {
      const refused = await firstRefused(files)
      if (refused === null) return number
      if (refused.code === 'ENOENT' && refused.path.endsWith('/edge')) throw new LineError(`${nameOf(line)} cannot tell of edges: its chip has no interrupt`)
      if (this.#clock.now() - began >= FILES_MS_MAX) {
        throw new LineError(`${refused.path} may not be written (${refused.code}): ${GIVE_GROUP}, by a udev rule where there is none`)
      }
      await new Promise<void>((resolve) => void this.#clock.after(FILES_LOOK_MS, resolve))
    }
  }
}

async function loadOnoff(): Promise<Make> {
  return (await import('onoff').catch(sayWhatIsMissing)).default.Gpio as unknown as Make
}

function folderOf(number: number): string {
  return `${SYSFS}/gpio${number}`
}

function exportLine(line: Line, number: number): void {
  try {
    writeFileSync(`${SYSFS}/export`, `${number}`)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EBUSY') throw new LineError(takenSentence(nameOf(line), holderOf(line)?.consumer ?? ''), { cause: error })
    if (code === 'EACCES') throw new LineError(`${SYSFS}/export may not be written: ${GIVE_GROUP}`, { cause: error })
    throw new LineError(`${nameOf(line)} cannot be exported in ${SYSFS}: ${(error as Error).message}`, { cause: error })
  }
}

async function firstRefused(files: readonly string[]): Promise<{ readonly path: string; readonly code: string } | null> {
  for (const path of files) {
    try {
      await access(path, constants.R_OK | constants.W_OK)
    } catch (error) {
      return { path, code: codeOf(error) }
    }
  }
  return null
}

function making<T>(line: Line, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new LineError(`${nameOf(line)} cannot be opened: ${(error as Error).message}`, { cause: error })
  }
}

/** Of a line that was exported before, onoff takes everything as it comes. */
function expectFile(path: string, text: string): void {
  const found = readText(path)
  if (found !== text) throw new Error(`${path} stays "${found}", and "${text}" is needed: the chip or its driver does not allow it`)
}

function orLetGo<T>(gpio: Gpio, act: (gpio: Gpio) => T): T {
  try {
    return act(gpio)
  } catch (error) {
    letGo(gpio)
    throw error
  }
}

function letGo(gpio: Gpio): void {
  gpio.unwatchAll()
  closeSync((gpio as unknown as { readonly _valueFd: number })._valueFd)
}

/** The kernel wakes us for the edges that are wanted, and for no others. */
function isOneEdge({ edges, debounceMs }: InputSpec): boolean {
  return debounceMs === 0 && (edges === 'rising' || edges === 'falling')
}

class SysfsInput implements InputLine {
  readonly shortcomings: readonly string[]
  readonly #gpio: Gpio
  readonly #clock: Clock
  readonly #spec: InputSpec
  readonly #events: InputEvents
  readonly #readNow: () => 0 | 1
  /** What was told last. */
  #level: boolean
  #count = 0
  #holding: Timer | null = null
  #resting: Timer | null = null
  #wakes = 0
  #wakesSinceMs = 0
  #isOpen = true

  constructor(gpio: Gpio, clock: Clock, spec: InputSpec, events: InputEvents) {
    this.#gpio = gpio
    this.#clock = clock
    this.#spec = spec
    this.#events = events
    this.shortcomings = [
      ...(spec.pull === null ? [] : [`its pull resistor is as the boot files have it: /sys/class/gpio cannot switch it ${spec.pull === 'none' ? 'off' : spec.pull}`]),
      ...(events.edges === null && spec.edges !== 'none' ? [COUNTS_MAY_MISS] : []),
    ]
    this.#readNow = gpio.readSync.bind(gpio)
    this.#level = this.read()
    if (spec.edges === 'none') return
    gpio.readSync = () => this.#readCaught()
    gpio.watch(this.#onWake)
  }

  read(): boolean {
    return this.#readNow() === 1
  }

  count(): number {
    this.read() // says whether the line is there
    return this.#count
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#holding?.cancel()
    this.#resting?.cancel()
    letGo(this.#gpio)
  }

  /** What onoff reads between the kernel's word and ours. */
  #readCaught(): 0 | 1 {
    try {
      return this.#readNow()
    } catch (error) {
      if (this.#isOpen) {
        this.#gpio.unwatchAll()
        this.#events.lost(new LineError((error as Error).message, { cause: error }))
      }
      return 0
    }
  }

  readonly #onWake = (): void => {
    if (!this.#isOpen) return
    this.#rest()
    const { debounceMs, edges } = this.#spec
    if (isOneEdge(this.#spec)) {
      this.#emit([edges === 'rising'])
      return
    }
    if (debounceMs === 0) {
      this.#tell(this.#readCaught() === 1, true)
      return
    }
    this.#holding?.cancel()
    this.#holding = this.#clock.after(debounceMs, () => {
      const level = this.#readCaught() === 1
      if (level !== this.#level) this.#tell(level, false)
    })
  }

  /** A line that flutters as fast as it can would leave no time for anything else. */
  #rest(): void {
    const nowMs = this.#clock.now()
    if (nowMs - this.#wakesSinceMs >= REST_MS) {
      this.#wakes = 0
      this.#wakesSinceMs = nowMs
    }
    if (++this.#wakes < WAKES_MAX) return
    this.#gpio.unwatch(this.#onWake)
    this.#resting = this.#clock.after(REST_MS, () => this.#gpio.watch(this.#onWake))
  }

  /** `woken`: there was an edge, so that the same level as before means two of them. */
  #tell(level: boolean, woken: boolean): void {
    if (!this.#isOpen) return
    const { edges } = this.#spec
    const passed = level === this.#level && woken ? [!level, level] : [level]
    this.#level = level
    this.#emit(passed.filter((rising) => edges === 'both' || (edges === 'rising') === rising))
  }

  #emit(rising: readonly boolean[]): void {
    const atMs = this.#clock.now()
    this.#count += rising.length
    if (rising.length > 0) this.#events.edges?.(rising.map((up): Edge => ({ rising: up, atMs })), 0)
  }
}
