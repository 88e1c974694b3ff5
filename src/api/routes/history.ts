// The last hours of sensors, topics and the gateway's own figures, for charts.
import type { Gateway } from '../../gateway.ts'
import type { History, SeriesState } from '../../history/history.ts'
import { Topic } from '../../mqtt/topic.ts'
import type { Caller } from '../caller.ts'
import type { ApiParts } from '../parts.ts'
import { invalid, notFound, Problem } from '../problem.ts'
import { rightsOf } from '../rights.ts'
import { count, list, orNull, record, type Route, text, time } from '../route.ts'

const SERIES_MAX = 8
const POINTS_MAX = 1000

const SERIES = record({
  id: text('sensor/NAME/VALUE, topic/TOPIC, topic/TOPIC#FIELD, or gateway/FIGURE.'),
  source: { enum: ['sensor', 'topic', 'gateway'], description: 'Who has told it.' },
  unit: orNull(text('Its unit, where one is known.')),
  last: orNull(record({ at: time('When it came.'), value: { type: 'number' } }, 'The last value since the gateway was started; null when there was none.')),
})

const VALUES = list({ type: ['number', 'null'] })

const POINTS = record({
  id: text('As it was asked for.'),
  at: list({ type: 'number' }, 'When each point begins, in seconds since 1970.'),
  mean: { ...VALUES, description: 'Of all values in the time of the point; null where there was none.' },
  min: { ...VALUES, description: 'The least of them.' },
  max: { ...VALUES, description: 'The largest of them.' },
})

export function historyRoutes({ gateway, clock }: ApiParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/history',
      role: 'viewer',
      tag: 'devices',
      summary: 'Which values are kept for charts, and for how long',
      description: 'Those of topics that the caller may not read are left out.',
      problems: ['unavailable'],
      answer: record({ keptSec: count('How far back it goes.'), stepSec: { type: 'number', description: 'Time of one step.' }, series: list(SERIES) }),
      handle: async ({ caller }) => {
        const history = historyOf(gateway)
        const mayRead = readerOf(gateway, caller!)
        const { keepMs, stepMs } = history.config
        return { keptSec: Math.floor(keepMs / 1000), stepSec: stepMs / 1000, series: (await history.list()).filter(mayRead).map(shown) }
      },
    },
    {
      method: 'GET',
      path: '/history/series',
      role: 'viewer',
      tag: 'devices',
      summary: 'Values over time, in as many points as are wanted',
      description: 'What was recorded before the clock was set is at its right place once that is known. Points are the same for all series, and stay the same from one question to the next.',
      query: {
        id: { ...list(text('As GET /history has it.')), minItems: 1, maxItems: SERIES_MAX, description: 'Which series; may be given several times.' },
        forSec: { type: 'integer', minimum: 60, default: 21_600, description: 'How far back; no further than what is kept.' },
        points: { type: 'integer', minimum: 1, maximum: POINTS_MAX, default: 300, description: 'So many at most: each is one step or several.' },
      },
      problems: ['not-found', 'unavailable'],
      answer: record({ stepSec: { type: 'number', description: 'Time of one point.' }, endsAt: time('When the last one ends.'), series: list(POINTS) }),
      handle: async ({ query, caller }) => {
        const history = historyOf(gateway)
        const ids = query['id'] as readonly string[] | undefined
        if (ids === undefined) throw invalid('id', 'is missing: GET /api/v1/history has those that there are')
        const mayRead = readerOf(gateway, caller!)
        for (const id of ids) {
          const series = await history.find(id)
          if (series === null || !mayRead(series)) throw notFound('id', `there is no series ${id.slice(0, 200)}: GET /api/v1/history has those that there are`)
        }
        const charts = await history.charts(ids, Math.min((query['forSec'] as number) * 1000, history.config.keepMs), query['points'] as number).catch(() => {
          throw new Problem('unavailable', 'what is on the card could not be read: the log has why; ask again')
        })
        if (charts === null) throw new Problem('unavailable', 'too many ask for charts at once: ask again', { headers: { 'retry-after': '1' } })
        return { stepSec: charts.stepSec, endsAt: new Date(charts.endsAtMs).toISOString(), series: charts.series }
      },
    },
  ]

  function shown({ id, source, unit, last }: SeriesState) {
    return { id, source, unit, last: last === null ? null : { at: new Date(clock.wall() - (clock.now() - last.atMs)).toISOString(), value: last.value } }
  }
}

function historyOf({ history }: Gateway): History {
  if (history === null) throw new Problem('unavailable', 'no history is kept: set history.enabled to true')
  return history
}

/** Sensors and figures are for whoever may look at them at all; of topics the rules say who may have their messages. */
function readerOf(gateway: Gateway, caller: Caller): (series: SeriesState) => boolean {
  const rights = rightsOf(gateway, caller, '')
  return ({ topic }) => topic === null || rights === null || rights.mayReceive(Topic.of(topic))
}
