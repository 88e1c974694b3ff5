// What sensors and outputs need of GPIO lines: a port with two back ends, and one suite of tests that both pass (test/vm/gpio/contract.ts).
//
//   cdev.ts    the kernel's character device: debounce, pull resistors and numbered edges. A line belongs to the process that holds it.
//   sysfs.ts   /sys/class/gpio: an output keeps its level when the process ends, an input may lose short pulses, and says so.
//
// Always true of both: a level is true when the line is active, so an active-low line that is pulled to ground is true; opening an output
// changes nothing unless it is told to; nothing waits in the kernel or turns in a loop.
import type { Line } from '../board/pin-map.ts'
import type { Drive, Edges, Pull } from '../gpio-device.ts'

export type { Drive, Edges, Line, Pull }

export interface InputSpec {
  readonly activeLow: boolean
  readonly edges: Edges
  /** null: as the line is. */
  readonly pull: Pull | null
  /** A level counts when it has held so long. 0: at once. */
  readonly debounceMs: number
}

export interface Edge {
  /** Became active. */
  readonly rising: boolean
  /** Clock.now. */
  readonly atMs: number
}

export interface InputEvents {
  /**
   * Edges in their order, `missed` of them having been dropped before the first. Null for a line whose edges are only counted: it costs the same
   * at any rate.
   */
  readonly edges: ((edges: readonly Edge[], missed: number) => void) | null
  /** The line is there no more, where the kernel tells so: read() finds out everywhere. Told once; close() remains to be called. */
  readonly lost: (error: Error) => void
}

export interface InputLine {
  /** What it cannot do of what was asked for, in words for the operator. */
  readonly shortcomings: readonly string[]
  /** Its level now. Throws when the line is gone. */
  read(): boolean
  /** Edges since it was opened, of those asked for. Throws when the line is gone. */
  count(): number
  close(): void
}

export interface OutputSpec {
  readonly activeLow: boolean
  readonly drive: Drive
  /** What it is made when it is no output yet. */
  readonly initially: boolean
  /** Make it `initially` even where it is an output. */
  readonly force: boolean
}

export interface OutputLine {
  readonly shortcomings: readonly string[]
  /** What it is, as the kernel tells. Throws when the line is gone. */
  read(): boolean
  write(on: boolean): void
  close(): void
}

export interface GpioLines {
  /** Rejects with a LineError. */
  openInput(line: Line, spec: InputSpec, events: InputEvents): Promise<InputLine>
  openOutput(line: Line, spec: OutputSpec): Promise<OutputLine>
}

/** Why a line is not to be had, in one sentence for the operator. */
export class LineError extends Error {
  override readonly name = 'LineError'
}

/** `pinctrl-rp1:17`, for sentences. */
export function nameOf({ chip, offset }: Line): string {
  return `${chip}:${offset}`
}

/** Somebody else holds the line. `consumer` as the kernel tells; may be empty. */
export function takenSentence(name: string, consumer: string): string {
  if (consumer === 'sysfs') {
    return `${name} is exported in /sys/class/gpio, by another program or an earlier one: end it, and write the line's number to unexport there`
  }
  return `${name} is held by ${consumer === '' ? 'another program or driver' : `"${consumer}"`}: end it, or switch it off in the boot files`
}

export function noLineSentence({ chip, offset }: Line, lines: number): string {
  return `${chip} has no line ${offset}: its lines are 0 to ${lines - 1}`
}
