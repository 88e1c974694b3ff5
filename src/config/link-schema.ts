// gateway.yaml, `links:` of an uplink: the ways to the remote broker, cheapest first. Where there is one only, its keys stand with the uplink.
import { budget, budgetFits } from './budget-schema.ts'
import type { KeepAliveConfig, LinkConfig } from './config.ts'
import { connect, connectFits, connectOf } from './connect-schema.ts'
import { dial, interfaceName } from './dial-schema.ts'
import type { Place } from './place.ts'
import { duration, identifier } from './scalar.ts'
import { sbd } from './sbd-schema.ts'
import { defaulted, type Field, list, object, optional, required, type Schema, wordOr } from './schema.ts'

/** Keep Alive has two bytes (MQTT 5.0 section 3.1.2.10). */
const KEEP_ALIVE_MS_MAX = 65_535_000
const SECONDS = 'MQTT counts it in seconds: write for example 60s'

const fixedKeepAlive = duration(0, KEEP_ALIVE_MS_MAX).into((ms, place): KeepAliveConfig | undefined =>
  ms % 1000 === 0 ? { minSec: ms / 1000, maxSec: ms / 1000 } : place.problem('`keepAlive` must be whole seconds', SECONDS),
)

const adaptiveKeepAlive = object({
  min: defaulted('What the network surely keeps open.', '60s', duration(5000, KEEP_ALIVE_MS_MAX)),
  max: defaulted('Never longer than this.', '30m', duration(5000, KEEP_ALIVE_MS_MAX)),
}).into((k, place): KeepAliveConfig | undefined => {
  if (k.min > k.max) return place.key(place.has('min') ? 'min' : 'max').problem('`min` is longer than `max`', 'swap them, or give both')
  const odd = (['min', 'max'] as const).find((key) => k[key] % 1000 !== 0)
  return odd === undefined ? { minSec: k.min / 1000, maxSec: k.max / 1000 } : place.key(odd).problem(`\`${odd}\` must be whole seconds`, SECONDS)
})

/** What belongs to one link: with the uplink when it has one only, else with each of `links`. */
export const linkFields = {
  interface: optional('Network interface to leave by: eth0, wwan0. Left out: the system decides.', interfaceName()),
  connect: optional('When there is to be a connection: always, or `{ when: … }`. Left out: always; for a link with `classes`, when something of them waits.', connect),
  dial: optional('What brings the line up, and takes it down.', dial),
  budget: optional('Bytes that may go over it.', budget),
  keepAlive: defaulted(
    'A silent link is asked for a sign of life this often. Costs bytes. 0s: never. `{ min: 60s, max: 30m }` finds the longest time the network allows.',
    '60s',
    wordOr(fixedKeepAlive, adaptiveKeepAlive),
  ),
  sbd: optional('An Iridium modem at a serial port instead of a connection: short messages.', sbd),
} as const

export type LinkValues = { readonly [K in keyof typeof linkFields]: (typeof linkFields)[K] extends Field<infer T> ? T : never }

/** The keys that say something of a link. */
export const LINK_KEYS = Object.keys(linkFields) as readonly (keyof LinkValues)[]

export const links: Schema<readonly LinkConfig[]> = list<LinkConfig>(
  object({
    name: required('Name of the link in logs and counters: ethernet, lte, satellite.', identifier('a link name')),
    ...linkFields,
    classes: optional('Only messages of these classes go over it. Left out: all.', list(identifier('a class'), { min: 1 })),
    stableFor: defaulted('A dearer link is left for this one when it could have been used for so long.', '60s', duration(1000, 86_400_000)),
  }).into((l, place) => linkOf(l.name, l, l.classes, l.stableFor, place)),
  {
    min: 1,
    unique: [
      { key: 'name', of: (l) => l.name, message: (name) => `the link \`${name}\` is there twice`, hint: 'give each link a name of its own' },
      { key: 'sbd', of: (l) => l.sbd?.path ?? null, message: (path) => `the modem at ${path} belongs to two links`, hint: 'one link uses a modem: give each its own' },
    ],
  },
).into((all, place) => (cheaperCarryAll(all, place) ? all : undefined))

// One link is in use at a time: what only a dearer one carries would wait as long as the cheaper one is well.
function cheaperCarryAll(all: readonly LinkConfig[], place: Place): boolean {
  for (const [i, { name, classes }] of all.entries()) {
    const dearer = classes === null ? undefined : all.slice(i + 1).find((l) => l.classes === null || l.classes.some((c) => !classes.includes(c)))
    if (dearer === undefined) continue
    const missing = dearer.classes?.find((c) => !classes!.includes(c))
    place.item(i).key('classes').problem(
      `the dearer link \`${dearer.name}\` carries ${missing === undefined ? 'all classes' : `\`${missing}\``}, \`${name}\` does not: it would wait as long as \`${name}\` is in use`,
      `let a cheaper link carry what a dearer one does, or put \`${dearer.name}\` in front of it`,
    )
    return false
  }
  return true
}

export function linkOf(name: string, values: LinkValues, classes: readonly string[] | null, stableMs: number, place: Place): LinkConfig | undefined {
  if (values.sbd !== null) {
    const useless = (['dial', 'interface'] as const).find((key) => values[key] !== null)
    if (useless !== undefined) return place.key(useless).problem(`a modem for short messages has no \`${useless}\``, `remove \`${useless}\`, or \`sbd\``)
  }
  const when = connectOf(values.connect, classes)
  if (!connectFits(when, classes, place)) return undefined
  const { interface: device, dial: dialled, budget: bytes, keepAlive, sbd: modem } = values
  if (bytes !== null && !budgetFits(bytes, device, dialled, modem !== null, place)) return undefined
  return { name, interface: device, classes, connect: when, dial: dialled, budget: bytes, stableMs, keepAlive, sbd: modem }
}
