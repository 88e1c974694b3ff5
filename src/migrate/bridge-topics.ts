// `topic` lines of a bridge → routes.
//
//   topic PATTERN [out|in|both [QOS [LOCAL-PREFIX [REMOTE-PREFIX]]]]        "" is an empty prefix, or an empty pattern
//
// Both sides are prefix + pattern, with the pattern's wildcards in the same places: just what a route can say. `both` is two routes.
// Where several lines match a topic, Mosquitto renames it by the first that has a prefix; a route is chosen by its place, so those come first.
import type { Section } from './conf.ts'
import type { Line } from './conf-file.ts'
import type { Item } from './draft.ts'
import type { Findings } from './findings.ts'
import { flag } from './values.ts'

/** Every one is compared with every other. */
const TOPICS_MAX = 1000

export interface Mapping {
  readonly line: Line
  readonly directions: readonly ('out' | 'in')[]
  readonly qos: 0 | 1 | 2
  readonly local: string
  readonly remote: string
  readonly renames: boolean
}

/** What the topic lines of a bridge say; those that say nothing are found fault with. */
export function mappingsOf(bridge: Section, findings: Findings): Mapping[] {
  const lines = bridge.settings.takeAll('topic')
  for (const line of lines.slice(TOPICS_MAX)) findings.leftOut(line, `a bridge has ${TOPICS_MAX} topics at most: join some by a wildcard`)
  const mappings = lines.slice(0, TOPICS_MAX).flatMap((line) => mappingOf(line, findings) ?? [])
  return [...mappings.filter((m) => m.renames), ...mappings.filter((m) => !m.renames)]
}

function mappingOf(line: Line, findings: Findings): Mapping | null {
  const comment = line.words.findIndex((word, i) => i > 0 && word.startsWith('#'))
  const [pattern = '', direction = 'out', qos = '0', local = '', remote = ''] = comment < 0 ? line.words : line.words.slice(0, comment)
  const [bare, localPrefix, remotePrefix] = [pattern, local, remote].map((word) => (word === '""' ? '' : word)) as [string, string, string]
  const refuse = (why: string): null => {
    findings.leftOut(line, why)
    return null
  }
  const way = direction.toLowerCase()
  if (way !== 'out' && way !== 'in' && way !== 'both') return refuse('the direction must be out, in or both')
  if (!/^[012]$/.test(qos)) return refuse('the QoS must be 0, 1 or 2')
  if (bare === '' && (localPrefix === '' || remotePrefix === '')) return refuse('without a pattern it needs both a local and a remote prefix')
  if (/[+#]/.test(localPrefix + remotePrefix)) return refuse('a prefix cannot hold a wildcard')
  const [here, there] = [localPrefix + bare, remotePrefix + bare]
  if (/\{[^{}/]*\}/.test(here + there)) return refuse('names in { } stand for something else in gateway.yaml, and cannot be written there')
  const directions = way === 'both' ? (['out', 'in'] as const) : ([way] as const)
  return { line, directions, qos: Number(qos) as 0 | 1 | 2, local: here, remote: there, renames: localPrefix !== '' || remotePrefix !== '' }
}

export function routesOf(bridge: Section, mappings: readonly Mapping[], findings: Findings): Item[] {
  const outgoing = flag(bridge.settings.take('bridge_outgoing_retain'), findings) ?? true
  return mappings.flatMap(({ line, directions, qos, local, remote }) =>
    directions.map((direction) => {
      const [from, to] = direction === 'out' ? [local, remote] : [remote, local]
      const value = { [direction]: from, ...(to === from ? {} : { as: to }), qos, ...(direction === 'in' || outgoing ? { retain: true } : {}) }
      return { line, value, reasons: [] }
    }),
  )
}
