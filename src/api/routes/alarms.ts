// What is wrong, and that somebody has seen it.
import { SEVERITIES } from '../../alarms/kinds.ts'
import { notFound } from '../problem.ts'
import type { ApiParts } from '../parts.ts'
import { input, list, orNull, record, type Route, text } from '../route.ts'

const ALARM = record({
  name: text('`KIND/OF`, or the kind alone where there is one only: uplink-down/cloud. The last level of its topic, $SYS/broker/alarm/….'),
  kind: text('What kind of thing is wrong.'),
  of: orNull(text('Which uplink, link (`UPLINK/LINK`), sensor or output; null where there is one only.')),
  severity: { enum: SEVERITIES },
  state: { enum: ['active', 'acknowledged'], description: 'acknowledged: cleared, and its cause is still there.' },
  since: { type: 'string', format: 'date-time', description: 'When it began, as well as that is known.' },
  message: text('What is wrong.'),
  hint: text('What to do.'),
  value: { type: ['number', 'null'], description: 'The figure as it was seen last; 1 or 0 where there is no unit.' },
  unit: orNull(text('Of the figure.')),
})

export function alarmRoutes({ gateway }: ApiParts): Route[] {
  const { alarms } = gateway
  return [
    {
      method: 'GET',
      path: '/alarms',
      role: 'viewer',
      tag: 'alarms',
      summary: 'Alarms that last, the most severe first',
      query: { acknowledged: { type: 'boolean', default: false, description: 'Behind them also those that were cleared, and whose cause is still there.' } },
      answer: record({ alarms: list(ALARM) }),
      handle: ({ query }) => ({ alarms: query['acknowledged'] === true ? [...alarms.list(), ...alarms.acknowledged()] : alarms.list() }),
    },
    {
      method: 'POST',
      path: '/alarms/clear',
      role: 'operator',
      tag: 'alarms',
      summary: 'Takes an alarm away until its cause was away and comes again',
      description: 'Its topics are emptied. That it was cleared outlives a restart. The name of a kind of which there are more than are shown by themselves: all of those.',
      body: input({ name: text('As it is in the list.') }, ['name']),
      problems: ['not-found'],
      answer: ALARM,
      handle: async ({ body, caller }) => {
        const { name } = body as { readonly name: string }
        const alarm = alarms.clear(name, caller!.name)
        if (alarm === null) throw notFound('#/name', `there is no such alarm: ${alarms.list().map((one) => one.name).join(', ') || 'there is none at all'}`)
        await gateway.durable()
        return alarm
      },
    },
  ]
}
