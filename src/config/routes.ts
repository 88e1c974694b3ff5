// Routes rename topics on their way over the link: `out: sensors/#, as: sites/well-07/sensors/#`.
//
// Both filters hold the same wildcards in the same order; what a wildcard matched is put in its place on the other side.
// So a route is one-to-one: compileRemap(to, from) undoes compileRemap(from, to), and no two local topics become one remote topic.
// Pure: no configuration, no I/O; the uplink calls the compiled function for every message.
import { matches } from '../mqtt/topic.ts'

const TOPIC_BYTES_MAX = 65_535 // MQTT 5.0 section 1.5.4
const UTF16_BYTES_MAX = 3 // UTF-8 bytes per UTF-16 unit

/** The new name of a topic, or null when the route does not carry it. */
export type Remap = (topicName: string) => string | null

/** Why `to` cannot be the other side of `from`, or null when it can. Both must be valid topic filters. */
export function remapProblem(from: string, to: string): string | null {
  const a = wildcards(from)
  const b = wildcards(to)
  return a === b ? null : `one has ${a === '' ? 'no wildcards' : a}, the other ${b === '' ? 'none' : b}`
}

function wildcards(filter: string): string {
  return filter.split('/').filter((level) => level === '+' || level === '#').join(' ')
}

/**
 * A function that renames a topic matching `from` to the same place under `to`. It answers null when the topic does not
 * match, and when the new name would not be a topic that matches `to`: empty, longer than MQTT carries, or a `$` topic where
 * `to` starts with a wildcard (`sites/x/#` → `#` must not reach `$SYS` [MQTT-4.7.2-1]).
 * Throws RangeError when the filters do not fit together; configuration has been checked with `remapProblem`.
 */
export function compileRemap(from: string, to: string): Remap {
  const problem = remapProblem(from, to)
  if (problem !== null) throw new RangeError(`"${from}" cannot become "${to}": ${problem}`)
  if (wildcards(from) === '') return (name) => (name === from ? to : null)
  if (wildcards(from) === '#') return prefixSwap(from.slice(0, -1), to.slice(0, -1))
  return levelSwap(from.split('/'), to.split('/'))
}

// `sensors/#`: most routes. One comparison and one concatenation.
function prefixSwap(fromPrefix: string, toPrefix: string): Remap {
  const fromLength = fromPrefix.length
  // "sensors/#" matches "sensors" too: the parent level (section 4.7.1.2).
  const fromParent = fromPrefix === '' ? null : fromPrefix.slice(0, -1)
  const toParent = toPrefix === '' ? null : toPrefix.slice(0, -1)
  return (name) => {
    if (fromLength === 0 ? !name.startsWith('$') : name.startsWith(fromPrefix)) {
      const rest = fromLength === 0 ? name : name.slice(fromLength)
      // With no prefix on the other side the rest is the whole name.
      if (toParent === null) return rest === '' || rest.startsWith('$') ? null : rest
      return bounded(toPrefix + rest)
    }
    return name === fromParent && toParent !== '' ? toParent : null
  }
}

function levelSwap(from: readonly string[], to: readonly string[]): Remap {
  const hasRest = from.at(-1) === '#'
  const fromFixed = hasRest ? from.slice(0, -1) : from
  const toFixed = hasRest ? to.slice(0, -1) : to
  const fromFilter = from.join('/')
  const startsWild = to[0] === '+' || to[0] === '#'
  return (name) => {
    if (!matches(fromFilter, name)) return null
    const levels = name.split('/')
    let next = 0 // the next level that a + matched
    const renamed = toFixed.map((level) => {
      if (level !== '+') return level
      while (fromFixed[next] !== '+') next++
      return levels[next++]!
    })
    if (hasRest) renamed.push(...levels.slice(fromFixed.length))
    const result = renamed.join('/')
    return result === '' || (startsWild && result.startsWith('$')) ? null : bounded(result)
  }
}

function bounded(name: string): string | null {
  return name.length * UTF16_BYTES_MAX <= TOPIC_BYTES_MAX || Buffer.byteLength(name) <= TOPIC_BYTES_MAX ? name : null
}

/** Whether some topic name matches both filters. */
export function filtersOverlap(a: string, b: string): boolean {
  const hidden = (filter: string, other: string): boolean => filter.startsWith('$') && /^[+#]/.test(other)
  if (hidden(a, b) || hidden(b, a)) return false // [MQTT-4.7.2-1]
  const x = a.split('/')
  const y = b.split('/')
  for (let i = 0; ; i++) {
    if (x[i] === '#' || y[i] === '#') return true
    if (i === x.length || i === y.length) return x.length === y.length
    if (x[i] !== '+' && y[i] !== '+' && x[i] !== y[i]) return false
  }
}

/** Subscription identifiers have 28 bits. */
const TAG_MAX = 0xfff_ffff

/**
 * The tenant of a queued message, as the subscription identifier of the uplink's route: an uplink has one queue for all tenants, and their
 * topics may have the same names. 0 for the gateway's own. From the name, so that it means the same after a restart with other tenants.
 */
export function tenantTag(tenant: string): number {
  let hash = 0
  for (let i = 0; i < tenant.length; i++) hash = (Math.imul(hash, 31) + tenant.charCodeAt(i)) >>> 0
  return tenant === '' ? 0 : 1 + (hash % TAG_MAX)
}
