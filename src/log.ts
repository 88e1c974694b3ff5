// pino, set up once: JSON lines for journald and files, readable lines on a terminal.
import { pino, type Logger } from 'pino'

export type { Logger }

/** A logger that writes to standard output. `pretty`: for a person at a terminal. */
export async function makeLog(level: string, pretty: boolean): Promise<Logger> {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  if (!pretty) return pino(options)
  const { prettyFactory } = await import('pino-pretty') // 2 MB that a service never needs
  const format = prettyFactory({ colorize: process.stdout.hasColors?.() === true, translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname' })
  return pino(options, { write: (line: string) => void process.stdout.write(format(JSON.parse(line) as object) ?? line) })
}
