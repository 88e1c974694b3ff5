// gateway.yaml, `access.rules`: what clients may do. The descriptions are the reference documentation.
//
//   - { allow: publish, topic: "sensors/{clientId}/#", roles: [device] }     one RuleConfig for each topic
import { topicFilterProblem } from '../mqtt/topic.ts'
import { isPlaceholder, PLACEHOLDERS, withoutPlaceholders } from '../placeholder.ts'
import type { RuleConfig, Verb } from './config.ts'
import { clip, type Place } from './place.ts'
import { boolean, choice, identifier, text } from './scalar.ts'
import { list, object, oneOrMore, optional, type Schema } from './schema.ts'
import { nearest } from './spelling.ts'

const VERBS_OF = {
  publish: ['publish'],
  receive: ['receive'],
  subscribe: ['subscribe'],
  read: ['receive', 'subscribe'],
  all: ['publish', 'receive', 'subscribe'],
} as const satisfies Readonly<Record<string, readonly Verb[]>>

type Word = keyof typeof VERBS_OF
const WORDS = Object.keys(VERBS_OF) as Word[]

// ---- filters

const filter = text({ expected: 'a topic filter', hint: 'put quotes around it: "sensors/{clientId}/#"' }).into((written, place): string | undefined => {
  const whole = replaceSite(written, place)
  if (whole === undefined) return undefined
  const plain = withoutPlaceholders(whole)
  const shown = `${place.name} "${clip(whole)}"`
  if (/[{}]/.test(plain)) return place.problem(`${shown} has a { or } that belongs to no placeholder`, `the placeholders are {site}, ${PLACEHOLDERS.join(', ')}`)
  const problem = topicFilterProblem(plain)
  if (problem !== null) return place.problem(`${shown} is not a topic filter: ${problem}`, 'write levels separated by /, + for one level, # at the end for all below')
  if (plain.startsWith('$share/')) return place.problem(`${shown} is a shared subscription`, 'rules are about the topics: write the filter behind $share/NAME/')
  if (plain !== whole && plain.startsWith('$') && whole.indexOf('{') < (whole + '/').indexOf('/')) {
    return place.problem(`${shown} has a placeholder in a first level with $`, 'such a rule applies to no client: topics with $ belong to the broker')
  }
  return whole
})

/** With `{site}` filled in; the placeholders that stand for a client stay. */
function replaceSite(written: string, place: Place): string | undefined {
  const site = place.run.placeholders
  let valid = true
  const replaced = written.replaceAll(/\{([^{}]*)\}/g, (whole, name: string) => {
    const known = site.get(name)
    if (known !== undefined || isPlaceholder(whole)) return known ?? whole
    place.problem(`unknown placeholder ${clip(whole)} in ${place.name}`, placeholderHint(name))
    valid = false
    return whole
  })
  return valid ? replaced : undefined
}

function placeholderHint(name: string): string {
  const dot = name.indexOf('.')
  if (name.startsWith('claims.')) return 'the name of a claim has at least one character, and no + # / { or }'
  const near = dot < 0 ? nearest(name, ['site', 'clientId', 'username', 'tenant']) : nearest(name.slice(0, dot), ['claims'])
  const meant = near === 'claims' ? `claims${name.slice(dot)}` : near
  return `${meant === null ? '' : `did you mean {${meant}}? `}the placeholders are {site}, ${PLACEHOLDERS.join(', ')}`
}

// ---- rules

const verbs = oneOrMore(choice(WORDS)).into((words): readonly Verb[] => [...new Set(words.flatMap((word): readonly Verb[] => VERBS_OF[word]))])
const userName = text({ expected: 'a user name', placeholders: true })
const clientId = text({ expected: 'a client identifier', placeholders: true })
const someOf = <T>(item: Schema<T>): Schema<readonly T[]> => list(item, { min: 1 })

const rule = object({
  allow: optional('What is allowed: publish, receive (messages are delivered), subscribe, read (receive and subscribe) or all; one word or a list. What no rule allows is denied.', verbs),
  deny: optional('What is denied instead, in the same words. It goes before every `allow` of this list. Deny `read`, not `subscribe` alone: a wider subscription would bring the same messages.', verbs),
  topic: optional('Topic filter of what the rule is about. {site}, {clientId}, {username}, {tenant} and {claims.NAME} are replaced, also as a part of a level.', filter),
  topics: optional('Several topic filters instead of `topic`.', someOf(filter)),
  users: optional('Only these users. Of users, roles, clientIds, tenants and anonymous all that are given must apply; of a list, one.', someOf(userName)),
  roles: optional('Only clients with one of these roles.', someOf(identifier('the name of a role'))),
  clientIds: optional('Only these client identifiers. A client chooses its own: give `users` too where that matters.', someOf(clientId)),
  tenants: optional('Only clients of these tenants.', someOf(identifier('the name of a tenant'))),
  anonymous: optional('true: only clients without a user name; false: only those with one.', boolean()),
  qos: optional('Only at this QoS, one or a list; for publish and subscribe. A subscription gets the highest QoS that is allowed.', oneOrMore(choice([0, 1, 2]))),
  retain: optional('Only messages with RETAIN set (true) or without (false); for publish.', boolean()),
}).into((r, place): readonly RuleConfig[] | undefined => {
  if (!oneOf(place, 'allow', 'deny', r) || !oneOf(place, 'topic', 'topics', r)) return undefined
  const { users, roles, clientIds, tenants, anonymous, qos, retain } = r
  const effect = r.allow === null ? 'deny' : 'allow'
  const verbs = r.allow ?? r.deny!
  if (anonymous === true && users !== null) return place.keyProblem('anonymous', 'a client without a user is none of `users`: the rule applies to nobody', 'remove `anonymous` or `users`')
  if (!conditionsFit(place, effect, verbs, { qos, retain })) return undefined
  if (effect === 'deny' && verbs.includes('subscribe') && !verbs.includes('receive')) {
    place.key('deny').warning('this refuses such subscriptions, and nothing else: a wider one still brings the messages', 'write `deny: read` to keep the messages away')
  }
  const who = { users, roles, clientIds, tenants, anonymous }
  return (r.topics ?? [r.topic!]).map((topic) => ({ effect, verbs, filter: topic, who, qos, retain, where: place.where }))
})

function oneOf(place: Place, a: string, b: string, values: Readonly<Record<string, unknown>>): boolean {
  const given = Number(values[a] !== null) + Number(values[b] !== null)
  if (given === 1) return true
  if (given === 2) place.keyProblem(b, `${place.name} has both \`${a}\` and \`${b}\``, 'give one of them')
  else place.problem(`${place.name} has no \`${a}\` or \`${b}\``, a === 'allow' ? 'write for example `allow: publish`' : 'write for example `topic: "sensors/{clientId}/#"`')
  return false
}

/** A condition on a verb that has no such thing would be passed over there: the rule would allow or deny more than it says. */
function conditionsFit(place: Place, effect: 'allow' | 'deny', verbs: readonly Verb[], { qos, retain }: Pick<RuleConfig, 'qos' | 'retain'>): boolean {
  const misfit = (key: 'qos' | 'retain', may: readonly Verb[]): boolean => {
    const wrong = verbs.filter((verb) => !may.includes(verb))
    if (wrong.length === 0) return true
    const left = verbs.filter((verb) => may.includes(verb))
    const write = left.length === 0 ? `remove \`${key}\`` : `write \`${effect}: ${left.length === 1 ? left[0] : `[${left.join(', ')}]`}\` here, and a rule without \`${key}\` for ${wrong.join(' and ')}`
    place.key(key).problem(`\`${key}\` is no condition for ${wrong.join(' and ')}`, `${key === 'qos' ? 'it is one for publish and subscribe' : 'it is one for publish'}: ${write}`)
    return false
  }
  const qosFits = qos === null || misfit('qos', ['publish', 'subscribe'])
  return (retain === null || misfit('retain', ['publish'])) && qosFits
}

export const rules: Schema<readonly RuleConfig[]> = list(rule).into((each) => each.flat())
