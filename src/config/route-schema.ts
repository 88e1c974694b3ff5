// gateway.yaml, `routes:` of an uplink: what is carried to the cloud and from it, and how.
import { batch } from './batch-schema.ts'
import type { BatchConfig, CommandConfig, PayloadFilterConfig, RouteConfig } from './config.ts'
import { DEFAULT_CLASS } from './class-schema.ts'
import { command } from './command-schema.ts'
import { payloadFilter } from './payload-filter-schema.ts'
import { clip, type Place } from './place.ts'
import { remapProblem } from './routes.ts'
import { boolean, choice, identifier, tenantName, topicFilter } from './scalar.ts'
import { byKey, defaulted, list, object, optional, required, type Schema } from './schema.ts'

const common = {
  as: optional('Topic filter on the other side, with the same wildcards in the same order. Left out: the topics keep their names.', topicFilter()),
  qos: defaulted('QoS on the link: every message of the route is carried at it, messages published at QoS 0 too.', 1, choice([0, 1, 2])),
  tenant: defaulted('Whose local topics these are. The remote ones are this uplink’s user’s: give each tenant its own place there with `as`.', '', tenantName()),
  retain: defaulted('Carry the RETAIN flag of a message over the link; otherwise it arrives as an ordinary message.', false, boolean()),
} as const

const outRoute = object({
  out: required('Local topics that are sent to the cloud.', topicFilter()),
  ...common,
  class: defaulted('What the messages are worth: the name of one of `classes`, or alarm, live or bulk.', DEFAULT_CLASS, identifier('a class')),
  batch: optional('Many messages in one packet: a hundredth of the bytes. `sandpiper unpack` makes them messages again beside the remote broker.', batch),
  only: optional('Which messages are worth carrying: all, when left out.', payloadFilter),
}).into((r, place) => {
  if (r.batch !== null && r.qos === 0) return place.key(place.has('qos') ? 'qos' : 'batch').problem('frames cannot be sent at QoS 0: a lost one is hundreds of messages', 'write `qos: 1` or `qos: 2`')
  return route('out', r.out, r.as, { ...r, command: null, unpack: false }, place)
})

const inRoute = object({
  in: required('Remote topics that are fetched from the cloud.', topicFilter()),
  ...common,
  command: optional('The messages are commands: each arrives once, and the cloud hears what became of it.', command),
  unpack: defaulted('The messages are frames of gateways that batch: what is in them is published, under the topics it has there.', false, boolean()),
}).into((r, place) => {
  if (r.unpack && r.as !== null) return place.key('as').problem('what is in a frame has topics of its own', 'remove `as`')
  if (r.unpack && r.command !== null) return place.key('command').problem('frames are no commands', 'give the commands a route of their own')
  if (r.command !== null && r.qos !== 2 && place.has('qos')) return place.key('qos').problem('a command must arrive once', 'write `qos: 2`, or leave it out')
  const local = r.as ?? r.in
  if (!r.unpack && local.startsWith('$')) return place.key(r.as === null ? 'in' : 'as').problem(`the local side "${clip(local)}" starts with $`, 'topics with $ belong to the broker: give `as:` another first level')
  return route('in', r.in, r.as, { ...r, qos: r.command === null ? r.qos : 2, class: DEFAULT_CLASS, batch: null, only: null }, place)
})

interface RouteOptions {
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly tenant: string
  readonly class: string
  readonly batch: BatchConfig | null
  readonly only: PayloadFilterConfig | null
  readonly command: CommandConfig | null
  readonly unpack: boolean
}

function route(direction: 'out' | 'in', from: string, as: string | null, options: RouteOptions, place: Place): RouteConfig | undefined {
  const to = as ?? from
  const problem = remapProblem(from, to)
  if (problem !== null) {
    return place.key('as').problem(`"${clip(from)}" cannot become "${clip(to)}": ${problem}`, `write the wildcards of \`${direction}\` in \`as\` too, in the same order`)
  }
  const { tenant, qos, retain, batch: frames, only, command: commands, unpack } = options
  return { direction, tenant, from, to, qos, retain, class: options.class, batch: frames, only, command: commands, unpack }
}

export const routes: Schema<readonly RouteConfig[]> = list<RouteConfig>(byKey('a route', { out: outRoute, in: inRoute }), { min: 1 })
