// gateway.yaml, `connect:` of a link: when there is to be a connection.
import { resolve } from 'node:path'
import type { ConnectConfig, WindowConfig } from './config.ts'
import { cron, DAYS } from './cron-schema.ts'
import { clip, type Place } from './place.ts'
import { choice, duration, identifier, integer, text } from './scalar.ts'
import { defaulted, object, oneOrMore, optional, required, type Schema, wordOr } from './schema.ts'

const QUEUED_MAX = 1_000_000_000
const WINDOW = /^(?:(\S+) +)?([01]?\d|2[0-4]):([0-5]\d) ?- ?([01]?\d|2[0-4]):([0-5]\d)$/
const WINDOW_HINT = 'write for example "02:00-04:00", or "mon-fri 22:00-06:00" for the nights that begin on these days'
const NEEDS_ONE = ['queued', 'class', 'schedule', 'window', 'passes'] as const

const window: Schema<WindowConfig> = text({ expected: 'a time of day from-to, with days in front if not all', pattern: WINDOW, hint: WINDOW_HINT }).into((written, place): WindowConfig | undefined => {
  const [, days, fromHour, from, toHour, to] = WINDOW.exec(written)!
  const fromMinute = Number(fromHour) * 60 + Number(from)
  const toMinute = Number(toHour) * 60 + Number(to)
  if (fromMinute >= 1440 || toMinute > 1440) return place.problem(`"${clip(written)}" goes beyond 24:00`, WINDOW_HINT)
  if (fromMinute === toMinute) return place.problem(`"${clip(written)}" begins and ends at the same time`, 'write "00:00-24:00" for the whole day')
  const onDays = days === undefined ? DAYS.map((_, day) => day) : daysOf(days)
  return onDays === null ? place.problem(`"${clip(days!)}" is no list of days`, `days are ${DAYS.join(' ')}: mon-fri, or sat,sun`) : { fromMinute, toMinute, days: onDays }
})

/** 0 is Sunday; a range may reach over the end of the week. null when there is another word. */
function daysOf(written: string): readonly number[] | null {
  const days = new Set<number>()
  for (const part of written.toLowerCase().split(',')) {
    const ends = part.split('-').map((name) => DAYS.indexOf(name))
    if (ends.length > 2 || ends.includes(-1)) return null
    const [from, to = from] = ends as [number, number?]
    for (let day = from; ; day = (day + 1) % 7) {
      days.add(day)
      if (day === to) break
    }
  }
  return [...days].sort((a, b) => a - b)
}

const when: Schema<ConnectConfig> = object({
  queued: optional('So many messages wait that may go over this link.', integer(1, QUEUED_MAX)),
  class: optional('A message of this class waits: one or a list.', oneOrMore(identifier('a class'))),
  schedule: optional('At these times, also when nothing waits: five fields of crontab, local time.', cron),
  window: optional('Something waits, and it is this time of day: one or a list. Local time. The connection ends with it.', oneOrMore(window)),
  passes: optional('Something waits, and a satellite can be reached: a file with its passes, which is read again when it changes. The connection ends with the pass. A relative path starts at the folder of this file.', text({ expected: 'a file' })),
  idle: defaulted('The connection ends when nothing has been left to send for so long.', '30s', duration(1000, 86_400_000)),
}).into((w, place): ConnectConfig | undefined => {
  if (!NEEDS_ONE.some((key) => place.has(key))) return place.problem('`when` has no condition', `give one or more of ${NEEDS_ONE.join(', ')}: any of them is enough`)
  const passesFile = w.passes === null ? null : resolve(place.run.folder, w.passes)
  return { kind: 'when', queued: w.queued, classes: w.class ?? [], schedule: w.schedule, windows: w.window ?? [], passesFile, idleMs: w.idle }
})

export const connect: Schema<ConnectConfig> = wordOr(
  choice(['always'], 'always, or `{ when: … }`').into((): ConnectConfig => ({ kind: 'always' })),
  object({ when: required('What asks for a connection: any of these conditions is enough.', when) }).into((c) => c.when),
)

/** What `connect` of a link is when it is not given: always, but a link for some classes only when something of them waits. */
export function connectOf(given: ConnectConfig | null, classes: readonly string[] | null): ConnectConfig {
  if (given !== null) return given
  if (classes === null) return { kind: 'always' }
  return { kind: 'when', queued: null, classes, schedule: null, windows: [], passesFile: null, idleMs: 30_000 }
}

/** Whether the link may carry what it is to connect for. `place`: the link. */
export function connectFits(connect: ConnectConfig, classes: readonly string[] | null, place: Place): boolean {
  if (connect.kind === 'always' || classes === null) return true
  const stray = connect.classes.findIndex((name) => !classes.includes(name))
  if (stray < 0) return true
  const at = place.key('connect').key('when').key('class')
  at.item(stray).problem(`the link does not carry \`${connect.classes[stray]!}\`, and would connect for nothing`, `it carries ${classes.join(', ')}: add it to \`classes\`, or name one of these`)
  return false
}
