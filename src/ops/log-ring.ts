// The last lines of the log, for whoever asks the gateway itself: where its journal is in memory, or out of reach.
//
// What is always true: as many lines as fit into CHARS_MAX are kept, LINES_MAX at most, the newest; they are the lines as they were written, and are read
// only when somebody asks.

const LINES_MAX = 1000
const CHARS_MAX = 256 * 1024

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

export interface LogLine {
  /** ISO 8601. */
  readonly at: string
  readonly level: LogLevel
  readonly text: string
  readonly fields: Readonly<Record<string, unknown>>
}

export class LogRing {
  #lines: string[] = []
  #chars = 0
  readonly #listeners = new Set<(line: LogLine) => void>()

  /** A line as pino has made it. */
  push(line: string): void {
    this.#lines.push(line)
    this.#chars += line.length
    while (this.#lines.length > LINES_MAX || (this.#chars > CHARS_MAX && this.#lines.length > 1)) this.#chars -= this.#lines.shift()!.length
    if (this.#listeners.size === 0) return
    const read = readLine(line)
    for (const tell of this.#listeners) tell(read)
  }

  /** The newest of this level or a graver one, oldest first. */
  last(count: number, level: LogLevel): LogLine[] {
    const found: LogLine[] = []
    for (let i = this.#lines.length - 1; i >= 0 && found.length < count; i--) {
      const line = readLine(this.#lines[i]!)
      if (isAtLeast(line.level, level)) found.unshift(line)
    }
    return found
  }

  /** `tell` gets each line from now on; it must not log. Answers what ends that. */
  listen(tell: (line: LogLine) => void): () => void {
    this.#listeners.add(tell)
    return () => void this.#listeners.delete(tell)
  }
}

export function isAtLeast(level: LogLevel, least: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least)
}

function readLine(text: string): LogLine {
  const { time, level, msg, ...fields } = JSON.parse(text) as { time: string; level: number; msg?: string }
  return { at: time, level: LOG_LEVELS[Math.min(LOG_LEVELS.length, Math.max(1, Math.round(level / 10))) - 1]!, text: msg ?? '', fields }
}
