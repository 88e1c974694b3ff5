// Scopes of OAuth 2 as RabbitMQ writes them → rules that allow. Pure.
//
//   sandpiper.read:%2F/amq.topic/sensors.*.temp       PREFIX VERB : VHOST / EXCHANGE / ROUTING KEY
//   sandpiper.read:site-a/sensors%2F*                 PREFIX VERB : VHOST / TOPIC
//
// - VERB: `read` lets a client receive and subscribe, `write` publish. `configure` is about queues, which there are none of here;
//   all else (`tag:…`, scopes for others) is passed over.
// - Each part is URL-decoded on its own (`+` is a blank, `%2F` a slash, `%2A` a star); a `*` in it stands for any text.
// - VHOST is a tenant by its name; `/` is the gateway's own space.
// - EXCHANGE must be amq.topic, which RabbitMQ's MQTT plugin publishes to. In ROUTING KEY dots separate levels, as that plugin
//   translates topics; in TOPIC slashes do.
// - A `*` that fills a level is `+`, and at the end of the pattern all levels from there on. RabbitMQ lets it stand for several levels
//   elsewhere too: a filter cannot say that, so it allows less here, never more. `a/*` allows publishing below `a`, not to `a` itself;
//   for reading it is `a/#`, so that the subscription everybody writes is granted.
// - What cannot be said as a filter (`temp*`, a decoded `+` or `#`) allows nothing, nor does one with { or }: they are placeholders in rules.
import type { RuleConfig, Verb, WhoConfig } from '../config/config.ts'
import { topicFilterProblem } from '../mqtt/topic.ts'

const EXCHANGE = 'amq.topic'
const OWN_SPACE = '/'
const SHOWN_LENGTH_MAX = 64
/** Stands for a `*` that was not decoded; no topic has it. */
const STAR = '\0'
const EVERYBODY: WhoConfig = Object.freeze({ users: null, roles: null, clientIds: null, tenants: null, anonymous: null })
const READ: readonly Verb[] = ['receive', 'subscribe']
const WRITE: readonly Verb[] = ['publish']

/** A rule of a token. null when `filter` is no topic filter, or would mean more than it says. */
export function allow(verbs: readonly Verb[], filter: string, where: string): RuleConfig | null {
  if (topicFilterProblem(filter) !== null || /[{}]/.test(filter) || filter.startsWith('$share/')) return null
  return { effect: 'allow', verbs, filter, who: EVERYBODY, qos: null, retain: null, where }
}

/** What `scope` allows a client of `tenant`; null for nothing. `prefix` is what scopes for this gateway begin with. */
export function ruleOfScope(scope: string, prefix: string, tenant: string): RuleConfig | null {
  if (!scope.startsWith(prefix) || /\p{Cc}/u.test(scope)) return null
  const match = /^(read|write):([^/]+)\/([^/]+)(?:\/([^/]+))?$/.exec(scope.slice(prefix.length))
  if (match === null) return null
  const [, verb, vhost = '', first = '', routingKey] = match
  if (!matches(vhost, tenant === '' ? OWN_SPACE : tenant)) return null
  if (routingKey !== undefined && !matches(first, EXCHANGE)) return null
  const levels = routingKey === undefined ? decode(first)?.split('/') : decode(routingKey)?.split('.') // a slash in a key is in no topic
  if (levels === undefined) return null
  const filter = filterOf(levels, verb === 'write')
  const shown = scope.length > SHOWN_LENGTH_MAX ? `${scope.slice(0, SHOWN_LENGTH_MAX - 1)}…` : scope
  return filter === null ? null : allow(verb === 'write' ? WRITE : READ, filter, `token, scope ${shown}`)
}

function filterOf(levels: readonly string[], exact: boolean): string | null {
  const last = levels.length - 1
  const parts: string[] = []
  for (const [i, level] of levels.entries()) {
    if (level === STAR) parts.push(i < last ? '+' : exact && i > 0 ? '+/#' : '#')
    else if (/[+#/\0]/.test(level)) return null
    else parts.push(level)
  }
  return parts.join('/')
}

/** A part with its stars as STAR, several of them as one; null when it is not well-formed. */
function decode(part: string): string | null {
  try {
    const pieces = part.replaceAll('+', ' ').split(/\*+/).map(decodeURIComponent)
    return pieces.some((piece) => piece.includes(STAR)) ? null : pieces.join(STAR)
  } catch {
    return null // % without two digits, or what is no UTF-8
  }
}

function matches(part: string, name: string): boolean {
  const pieces = decode(part)?.split(STAR)
  if (pieces === undefined) return false
  const first = pieces[0]!
  if (pieces.length === 1) return first === name
  const last = pieces.at(-1)!
  if (!name.startsWith(first) || !name.slice(first.length).endsWith(last)) return false
  let at = first.length
  for (const piece of pieces.slice(1, -1)) {
    const found = name.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return at <= name.length - last.length
}
