// gateway.yaml, `history:`: what is kept of readings and figures for charts. The descriptions are the reference documentation.
import type { HistoryConfig, HistoryTopicConfig } from './history-config.ts'
import type { Place } from './place.ts'
import { boolean, duration, integer, size, text, topicFilter } from './scalar.ts'
import { defaulted, list, object, oneOrMore, required, type Schema, wordOr } from './schema.ts'
import { formatDuration } from './units.ts'

const MB = 1e6
const SECOND_MS = 1000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const TOPICS_MAX = 100
const FIELDS_MAX = 32
/** A chart of fewer is none. */
const STEPS_MIN = 30
/** A month of minutes, and a tenth more: each block of them has a line in memory. */
const STEPS_MAX = 50_000

const field = text({ expected: 'the name of a field' })

const topic: Schema<HistoryTopicConfig> = wordOr(
  topicFilter().into((filter) => ({ filter, fields: [] })),
  object({
    topic: required('Topic filter.', topicFilter()),
    fields: required('Names of fields of a JSON payload; of groups inside as `outer.inner`.', oneOrMore(field).into(limited(FIELDS_MAX, 'fields'))),
  }).into(({ topic: filter, fields }) => ({ filter, fields })),
)

export const history: Schema<HistoryConfig | null> = object({
  enabled: defaulted('Whether anything is kept for charts.', true, boolean()),
  keep: defaulted('How far back it goes.', '48h', duration(HOUR_MS, 366 * DAY_MS)),
  step: defaulted('Of each such time the least, the largest and the mean value are kept. What a sensor told more often is in them.', '1m', duration(10 * SECOND_MS, HOUR_MS)),
  topics: defaulted('Topics whose numbers are kept besides those of the gateway’s own sensors: filters where payloads are plain numbers, `{ topic: FILTER, fields: [NAME] }` where they are JSON. Topics of tenants are not among them.', [], list(topic, {
    unique: [{ key: 'topic', of: (t) => t.filter, message: (filter) => `${filter} is there twice`, hint: 'name all fields in one place' }],
  }).into(limited(TOPICS_MAX, 'topics'))),
  maxSeries: defaulted('Values that are told apart: each of a sensor, a topic, and each figure of the gateway. What is beyond that is left out and counted; there is room again when one has been silent for longer than `keep`.', 200, integer(1, 1000)),
  maxSize: defaulted('Bytes of its file on the card, beside the store’s. When it is full the oldest goes, whatever `keep` says. 100 values that change all the time take about 2MB in 48h.', '16MB', size(MB, 1000 * MB)),
}).into((h, place) => {
  const fits = checkSteps(h.keep, h.step, place)
  if (!fits) return undefined
  return h.enabled ? { keepMs: h.keep, stepMs: h.step, topics: h.topics, seriesMax: h.maxSeries, bytesMax: h.maxSize } : null
})

function checkSteps(keepMs: number, stepMs: number, place: Place): boolean {
  const steps = keepMs / stepMs
  if (steps >= STEPS_MIN && steps <= STEPS_MAX) return true
  const at = place.key(place.has('keep') ? 'keep' : 'step')
  const sum = `${formatDuration(keepMs)} in steps of ${formatDuration(stepMs)} are ${Math.floor(steps)}`
  const hint = steps < STEPS_MIN ? `${STEPS_MIN} at least: with that step keep ${formatDuration(stepMs * STEPS_MIN)} or more` : `${STEPS_MAX} at most: for that long make a step ${formatDuration(Math.ceil(keepMs / STEPS_MAX / SECOND_MS) * SECOND_MS)} or more`
  at.problem(sum, hint)
  return false
}

function limited<T>(most: number, what: string): (items: readonly T[], place: Place) => readonly T[] | undefined {
  return (items, place) => (items.length <= most ? items : place.problem(`${place.name} has ${items.length} ${what}`, `${most} at most`))
}
