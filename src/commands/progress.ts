// How far long work is, for a person who waits: a bar on a terminal, a line now and then where the output is kept (a log, a pipe). On standard error:
// what a command answers goes to the other one.
import type { Clock } from '../clock.ts'
import { bytesText, durationText } from './table.ts'

/** Redrawn so often at most: a serial console has 11 kB a second. */
const REDRAW_MS = 200
const LINE_MS = 10_000
const COLUMNS = 80
const BAR_COLUMNS_MIN = 8
const BAR_COLUMNS_MAX = 40
/** Before, nobody can say when it ends. */
const GUESS_MS_MIN = 2000

export interface ProgressTerminal {
  write(text: string): void
  readonly isTty: boolean
  /** How wide it is now; 0 where nobody knows. */
  readonly columns: number
}

export interface Step {
  readonly done: number
  /** null: nobody knows. */
  readonly total: number | null
  readonly unit: 'bytes' | 'messages' | 'checks' | 'percent'
  /** What is going on. */
  readonly note?: string
}

export class Progress {
  readonly #terminal: ProgressTerminal
  readonly #clock: Clock
  readonly #what: string
  readonly #startedMs: number
  #toldMs = -Infinity
  #told = ''

  constructor(what: string, terminal: ProgressTerminal, clock: Clock) {
    this.#what = what
    this.#terminal = terminal
    this.#clock = clock
    this.#startedMs = clock.now()
  }

  at(step: Step): void {
    const { isTty, columns } = this.#terminal
    const nowMs = this.#clock.now()
    if (nowMs - this.#toldMs < (isTty ? REDRAW_MS : LINE_MS)) return
    this.#toldMs = nowMs
    const text = isTty ? barText(this.#what, step, nowMs - this.#startedMs, columns > 0 ? columns : COLUMNS) : lineText(this.#what, step, nowMs - this.#startedMs)
    if (text === this.#told) return
    this.#told = text
    this.#terminal.write(isTty ? `\r\u001b[K${text}` : `${text}\n`)
  }

  /** Takes the bar away: what came of it is told by who has done it. */
  end(): void {
    if (this.#terminal.isTty && this.#told !== '') this.#terminal.write('\r\u001b[K')
    this.#told = ''
  }
}

/** One line, a column narrower than the terminal: some go on to the next line when the last column is written. */
export function barText(what: string, step: Step, elapsedMs: number, columns: number): string {
  const words = [...figures(step, elapsedMs), ...(step.note === undefined ? [] : [step.note])]
  const share = shareOf(step)
  const room = columns - 1 - what.length - 2
  while (words.length > 1 && words.join('  ').length > room) words.pop()
  const text = words.join('  ')
  const bar = share === null ? 0 : Math.min(BAR_COLUMNS_MAX, room - text.length - 4)
  const drawn = bar < BAR_COLUMNS_MIN ? '' : `[${'#'.repeat(Math.floor(bar * share!)).padEnd(bar, '.')}]  `
  return `${what}  ${drawn}${text}`.slice(0, Math.max(1, columns - 1))
}

export function lineText(what: string, step: Step, elapsedMs: number): string {
  return [`${what}:`, [...figures(step, elapsedMs), ...(step.note === undefined ? [] : [step.note])].join(', ')].join(' ')
}

/** Most important first. */
function figures(step: Step, elapsedMs: number): string[] {
  const { done, total, unit } = step
  const share = shareOf(step)
  const amount = (count: number): string => (unit === 'bytes' ? bytesText(count) : `${count} ${unit}`)
  const percent = share === null ? [] : [`${Math.floor(share * 100)} %`]
  if (unit === 'percent') return percent
  const left = share === null || share === 0 || share === 1 || elapsedMs < GUESS_MS_MIN ? [] : [`${durationText((elapsedMs / 1000) * (1 / share - 1))} left`]
  return [...percent, total === null ? amount(done) : `${unit === 'bytes' ? bytesText(done) : done} of ${amount(total)}`, ...left]
}

function shareOf({ done, total }: Step): number | null {
  return total === null ? null : total <= 0 ? 1 : Math.min(1, Math.max(0, done / total))
}
