// pino, set up once: JSON lines for journald and files, readable lines on a terminal.
import { pino, type Logger } from 'pino'
import { prettyFactory } from 'pino-pretty'

export type { Logger }

/** A logger that writes to standard output. `pretty`: for a person at a terminal. */
export function makeLog(level: string, pretty: boolean): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  if (!pretty) return pino(options)
  const format = prettyFactory({ colorize: process.stdout.hasColors?.() === true, translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname' })
  return pino(options, { write: (line: string) => void process.stdout.write(format(JSON.parse(line) as object) ?? line) })
}
