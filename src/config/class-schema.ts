// gateway.yaml, `classes:` of an uplink: what messages are worth, in ranks.
import { queueFields, queueOf } from './broker-schema.ts'
import type { ClassConfig, QueueConfig, RouteConfig } from './config.ts'
import type { Place } from './place.ts'
import { identifier, integer, percentage } from './scalar.ts'
import { defaulted, list, object, optional, optionalOf, required, type Schema } from './schema.ts'

/** Of a route that does not say. */
export const DEFAULT_CLASS = 'live'

/** Classes that are there without being written down. */
const PRIORITIES: Readonly<Record<string, number>> = { alarm: 1, live: 2, bulk: 3 }
/** Of a class that says none: behind those that are there anyway. */
const PRIORITY_ELSE = 4

/** As it is written: what is left out is taken from the uplink's `queue`. */
export interface AskedClass {
  readonly name: string
  readonly priority: number | null
  readonly share: number
  readonly queue: Partial<QueueConfig>
}

export const classes: Schema<readonly AskedClass[]> = list(
  object({
    name: required('Name that routes, links and budgets give: alarm, live, bulk, or one of your own.', identifier('a class')),
    priority: optional('1 goes first. Left out: alarm 1, live 2, bulk 3, any other 4.', integer(1, 100)),
    share: defaulted('Part of the link’s bytes that it gets even while others with a better priority have something to send.', '0%', percentage()),
    ...optionalOf(queueFields('this class', '1GB'), 'Left out: as `queue` of the uplink says.'),
  }).into(({ name, priority, share, ...queue }) => ({ name, priority, share, queue: queueOf(queue) })),
  { unique: [{ key: 'name', of: (c) => c.name, message: (name) => `the class \`${name}\` is there twice`, hint: 'put the two together' }] },
)

/** All classes that the uplink's routes use, by priority. undefined when one is neither written down nor known. */
export function resolveClasses(asked: readonly AskedClass[], routes: readonly RouteConfig[], queue: QueueConfig, place: Place): readonly ClassConfig[] | undefined {
  let valid = true
  const total = asked.reduce((sum, c) => sum + c.share, 0)
  if (total > 1) {
    place.key('classes').problem(`the shares add up to ${Math.round(total * 100)}%`, 'let them be 100% together at most')
    valid = false
  }
  for (const [i, { direction, class: name }] of routes.entries()) {
    if (direction === 'in' || asked.some((c) => c.name === name) || Object.hasOwn(PRIORITIES, name)) continue
    place.key('routes').item(i).key('class').problem(`there is no class \`${name}\``, `add it to \`classes\`, or write ${Object.keys(PRIORITIES).join(', ')}`)
    valid = false
  }
  if (!valid) return undefined
  const names = new Set([DEFAULT_CLASS, ...asked.map((c) => c.name), ...routes.filter((r) => r.direction === 'out').map((r) => r.class)])
  const all = [...names].map((name) => {
    const own = asked.find((c) => c.name === name)
    return { name, priority: own?.priority ?? PRIORITIES[name] ?? PRIORITY_ELSE, share: own?.share ?? 0, queue: { ...queue, ...own?.queue } }
  })
  return all.sort((a, b) => a.priority - b.priority)
}
