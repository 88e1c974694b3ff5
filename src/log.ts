// pino, set up once: JSON lines for journald and files, readable lines on a terminal.
import { fstatSync } from 'node:fs'
import { pino, type Logger, type LoggerOptions } from 'pino'

export type { Logger }

const ERROR_LEVEL = 50

export interface LogEars {
  /** Gets the text of each error. */
  readonly onError: (text: string) => void
  /** Gets each line as it is written, but for how a person sees it. */
  readonly onLine: (line: string) => void
}

/** A logger that writes to standard output. `pretty`: for a person at a terminal. */
export async function makeLog(level: string, pretty: boolean, { onError, onLine }: LogEars): Promise<Logger> {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    hooks: {
      logMethod(args, method, of) {
        if (of >= ERROR_LEVEL) onError(String(args[1] ?? args[0]))
        method.apply(this, args)
      },
    },
  }
  const heard = (out: { write(line: string): void }): { write(line: string): void } => ({
    write(line) {
      onLine(line)
      out.write(line)
    },
  })
  if (!pretty) return pino(options, heard(isJournal() ? journal() : pino.destination(1)))
  const { prettyFactory } = await import('pino-pretty') // 2 MB that a service never needs
  const format = prettyFactory({ colorize: process.stdout.hasColors?.() === true, translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname' })
  return pino(options, heard({ write: (line) => void process.stdout.write(format(JSON.parse(line) as object) ?? line) }))
}

/** Whether what we print goes to the journal itself (systemd.exec(5), JOURNAL_STREAM), not to a file or a pipe that one of its services has opened. */
function isJournal(): boolean {
  const { dev, ino } = fstatSync(1)
  return process.env.JOURNAL_STREAM === `${dev}:${ino}`
}

/** By pino's levels: what `journalctl --priority` sorts by. */
const PRIORITIES: Readonly<Record<string, number>> = { 10: 7, 20: 7, 30: 6, 40: 4, 50: 3, 60: 2 }

/** The journal takes a line's priority from its beginning (sd-daemon(3)), and keeps the rest. */
function journal(): { write(line: string): void } {
  const out = pino.destination(1)
  return { write: (line) => void out.write(`<${PRIORITIES[/^\{"level":(\d+)/.exec(line)?.[1] ?? ''] ?? 6}>${line}`) }
}
