// What the gateway reads and drives itself.
import { SENSOR_STATUSES } from '../../sensors/state.ts'
import type { ApiParts } from '../parts.ts'
import { count, list, orNull, record, type Route, text, time } from '../route.ts'

const SENSOR_VALUE = record({ name: text('Name of the value.'), value: { description: 'A number, a text, true or false; null while there is none.' }, unit: orNull(text('Its unit.')) })

const SENSOR = record({
  name: text('Name in the configuration.'),
  status: { enum: SENSOR_STATUSES, description: 'gone: it cannot be read, and is tried again by itself.' },
  since: time('When that began.'),
  readings: count('Messages since the start.'),
  skipped: { type: 'object', additionalProperties: { type: 'integer' }, description: 'What was not published, by reason.' },
  troubles: count('How often it has become degraded or gone.'),
  lastError: orNull(text('What went wrong last; it stays when the sensor is well again.')),
  last: orNull(record({
    at: time('When it came.'),
    topic: text('Its topic.'),
    payload: text('Its payload, as text.'),
    values: { type: ['array', 'null'], items: SENSOR_VALUE, description: 'null where the source makes the payload itself.' },
    quality: orNull(text('good, out-of-range, stale or gone.')),
  }, 'The last message; null when there was none.')),
})

const OUTPUT = record({
  name: text('Name in the configuration.'),
  status: { enum: ['starting', 'ok', 'degraded', 'gone', 'stopped'], description: 'Whether the line can be driven.' },
  on: { type: ['boolean', 'null'], description: 'What the line is; null while that is not known.' },
  waiting: { type: ['boolean', 'null'], description: 'What it will be when its least time is over.' },
  commands: count('Commands since the start.'),
  refused: count('Commands that were not carried out.'),
  madeSafe: count('Times that it was made safe.'),
  lastError: orNull(text('What went wrong last.')),
})

export function deviceRoutes({ gateway, clock }: ApiParts): Route[] {
  const at = (ms: number): string => new Date(clock.wall() - (clock.now() - ms)).toISOString()
  return [
    {
      method: 'GET',
      path: '/sensors',
      role: 'viewer',
      tag: 'devices',
      summary: 'Sensors, how they are, and what they have told last',
      answer: record({ sensors: list(SENSOR) }),
      handle: () => ({
        sensors: (gateway.devices?.sensors ?? []).map(({ state }) => {
          const last = gateway.devices!.lastReading(state.name)
          return {
            name: state.name,
            status: state.status,
            since: at(state.since),
            readings: state.readings,
            skipped: Object.fromEntries(Object.entries(state.skipped).filter(([, skipped]) => skipped > 0)),
            troubles: state.troubles,
            lastError: state.lastError,
            last: last === null ? null : { at: at(last.atMs), topic: last.topic, payload: last.payload, values: last.values, quality: last.quality },
          }
        }),
      }),
    },
    {
      method: 'GET',
      path: '/outputs',
      role: 'viewer',
      tag: 'devices',
      summary: 'Lines that commands drive',
      answer: record({ outputs: list(OUTPUT) }),
      handle: () => ({ outputs: (gateway.devices?.outputs ?? []).map(({ state }) => state) }),
    },
  ]
}
