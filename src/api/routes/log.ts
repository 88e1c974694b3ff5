// What the gateway has said of late, and says now.
import { isAtLeast, LOG_LEVELS, type LogLevel } from '../../ops/log-ring.ts'
import type { ApiParts } from '../parts.ts'
import { count, list, record, type Route, text, time } from '../route.ts'

const LINE = record({ at: time('When.'), level: { enum: LOG_LEVELS }, text: text('What, in words.'), fields: { type: 'object', description: 'About what.' } })
const LEVEL = { level: { enum: LOG_LEVELS, default: 'info', description: 'This one and graver ones. What `log.level` leaves out was never there.' } }

export function logRoutes({ log }: ApiParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/log',
      role: 'viewer',
      tag: 'log',
      summary: 'The last lines of the log, oldest first',
      query: { limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100, description: 'Lines.' }, ...LEVEL },
      answer: record({ lines: list(LINE) }),
      handle: ({ query }) => ({ lines: log.last(query['limit'] as number, query['level'] as LogLevel) }),
    },
    {
      method: 'GET',
      path: '/log/follow',
      role: 'viewer',
      tag: 'log',
      summary: 'Lines of the log as they are written, as server-sent events',
      query: LEVEL,
      events: { line: LINE, 'left-out': record({ count: count('Lines that were not read in time.') }) },
      listen: ({ query }, stream) => log.listen((line) => void (isAtLeast(line.level, query['level'] as LogLevel) && stream.send('line', line))),
    },
  ]
}
