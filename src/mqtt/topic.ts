// Topic names and topic filters (MQTT 5.0 section 4.7).
// A Topic is a name seen before: its text, its bytes, and what the router last found for it. TopicTable gives the same
// Topic for the same bytes, so that a message of a known topic costs no string, no UTF-8 check and no matching.
//
// Limits of length and levels are a table's own and checked when it learns a name: a known topic costs nothing. So listeners whose limits
// differ have different tables (TopicTables), and what comes from flash, from uplinks and sensors goes through one without limits: a
// limit that was lowered must not damage what was accepted before.
import { LimitExceeded, malformed, ProtocolError, Reason } from './reason.ts'
import { checkUtf8 } from './utf8.ts'

/** What the router remembers on a Topic; valid while its generation is the index's. */
export interface CachedRoute {
  readonly generation: number
}

let topicsMade = 0

export class Topic {
  readonly name: string
  readonly bytes: Buffer
  /** Ascending in the order they are made: where to look for it in a cache of topics. */
  readonly number = topicsMade++
  /** The broker's own: asked for every message. */
  readonly isSys: boolean
  route: CachedRoute | null = null

  constructor(name: string, bytes: Buffer) {
    this.name = name
    this.bytes = bytes
    this.isSys = isSysTopic(name)
  }

  /** `name` must be a valid topic name: see `checkTopicName`. */
  static of(name: string): Topic {
    return new Topic(name, Buffer.from(name, 'utf8'))
  }
}

/** Bytes in UTF-8, and levels. */
export interface TopicLimits {
  readonly topicBytesMax: number
  readonly topicLevelsMax: number
}

const UNLIMITED: TopicLimits = { topicBytesMax: Infinity, topicLevelsMax: Infinity }

const WAYS = 4
const SETS = 2048 // room for some thousand topics; more of them cost a string and a UTF-8 check each time, never memory

/**
 * The topics seen last. A set-associative cache: the hash picks a set of four; a new topic pushes the oldest out of its set. Topics that
 * fall into one set would otherwise push each other out at every message, and with them the route that the router has found.
 */
export class TopicTable {
  readonly #limits: TopicLimits
  readonly #topics: (Topic | null)[] = Array.from<Topic | null>({ length: SETS * WAYS }).fill(null)
  readonly #hashes = new Int32Array(SETS * WAYS)

  constructor(limits: TopicLimits = UNLIMITED) {
    this.#limits = limits
  }

  /** The Topic of `bytes[start, end)`. Throws ProtocolError when the bytes are not a topic name [MQTT-3.3.2-1] [MQTT-3.3.2-2], LimitExceeded when it is too long. */
  resolve(bytes: Buffer, start: number, end: number): Topic {
    const hash = hashOf(bytes, start, end)
    const first = ((hash ^ (hash >>> 16)) & (SETS - 1)) * WAYS
    const hashes = this.#hashes
    for (let i = first; i < first + WAYS; i++) {
      if (hashes[i] !== hash) continue
      const known = this.#topics[i]!
      if (known !== null && sameBytes(known.bytes, bytes, start, end)) return known
    }
    return this.#learn(first, hash, bytes, start, end)
  }

  #learn(first: number, hash: number, bytes: Buffer, start: number, end: number): Topic {
    checkUtf8(bytes, start, end)
    const name = bytes.toString('utf8', start, end)
    checkTopicName(name)
    const problem = topicLimitProblem(name, end - start, this.#limits)
    if (problem !== null) throw new LimitExceeded('refusedTopics', Reason.topicNameInvalid, `topic name ${problem}`)
    // Not from the shared pool, which every topic would keep alive.
    const own = Buffer.allocUnsafeSlow(end - start)
    bytes.copy(own, 0, start, end)
    const topic = new Topic(name, own)
    const topics = this.#topics
    const hashes = this.#hashes
    for (let i = first + WAYS - 1; i > first; i--) {
      topics[i] = topics[i - 1]!
      hashes[i] = hashes[i - 1]!
    }
    topics[first] = topic
    hashes[first] = hash
    return topic
  }
}

/** One table for each pair of limits: listeners that agree share theirs. */
export class TopicTables {
  readonly #tables = new Map<string, TopicTable>()

  of({ topicBytesMax, topicLevelsMax }: TopicLimits): TopicTable {
    const key = `${topicBytesMax} ${topicLevelsMax}`
    let table = this.#tables.get(key)
    if (table === undefined) this.#tables.set(key, (table = new TopicTable({ topicBytesMax, topicLevelsMax })))
    return table
  }
}

/** Why a name or filter of `bytes` bytes is beyond `limits`, or null when it is not. */
export function topicLimitProblem(text: string, bytes: number, limits: TopicLimits): string | null {
  if (bytes > limits.topicBytesMax) return `has ${bytes} bytes; the limit is ${limits.topicBytesMax}`
  let levels = 1
  for (let i = text.indexOf('/'); i >= 0; i = text.indexOf('/', i + 1)) levels++
  return levels > limits.topicLevelsMax ? `has ${levels} levels; the limit is ${limits.topicLevelsMax}` : null
}

/** Four bytes a step: byte by byte, the hash would take longer than all the rest of a PUBLISH. */
function hashOf(bytes: Buffer, start: number, end: number): number {
  let hash = end - start
  let i = start
  for (; i + 4 <= end; i += 4) {
    hash ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    hash = Math.imul(hash, 0x9e3779b1)
    hash ^= hash >>> 15
  }
  for (; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash ^ (hash >>> 13)
}

function sameBytes(known: Buffer, bytes: Buffer, start: number, end: number): boolean {
  const length = end - start
  if (known.length !== length) return false
  // From the end: the topics of one site differ in their last level.
  for (let i = length - 1; i >= 0; i--) if (known[i] !== bytes[start + i]) return false
  return true
}

/** Throws when `name` cannot be a topic name: empty [MQTT-4.7.3-1] or with wildcards [MQTT-3.3.2-2]. */
export function checkTopicName(name: string): void {
  if (name.length === 0) throw new ProtocolError(Reason.topicNameInvalid, 'topic name is empty')
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i)
    if (c === 0x2b || c === 0x23) throw new ProtocolError(Reason.topicNameInvalid, `topic name "${name}" has a wildcard`) // [MQTT-4.7.0-1]
    if (c === 0) throw malformed('topic name has U+0000') // [MQTT-4.7.3-2]
  }
}

/** Whether the topic is one of the broker's own, which clients may read and nothing more. */
export function isSysTopic(name: string): boolean {
  return name.startsWith('$SYS/')
}

/** Why `filter` is not a valid topic filter, or null when it is [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1]. */
export function topicFilterProblem(filter: string): string | null {
  if (filter.length === 0) return 'it is empty'
  if (filter.includes('\0')) return 'it has U+0000' // [MQTT-4.7.3-2]
  const levels = filter.split('/')
  for (let i = 0; i < levels.length; i++) {
    const level = levels[i]!
    if (level === '#' && i < levels.length - 1) return '# must be the last level'
    if (level.length > 1 && level.includes('#')) return '# must fill a whole level'
    if (level.length > 1 && level.includes('+')) return '+ must fill a whole level'
  }
  return null
}

/** `$share/{name}/{filter}` taken apart (section 4.8.2); null for an ordinary filter. Throws when it is not well-formed [MQTT-4.8.2-1] [MQTT-4.8.2-2]. */
export function parseShare(filter: string): { name: string; filter: string } | null {
  if (!filter.startsWith('$share/')) return null
  const slash = filter.indexOf('/', 7)
  const name = slash < 0 ? '' : filter.slice(7, slash)
  const inner = slash < 0 ? '' : filter.slice(slash + 1)
  if (name === '' || /[+#]/.test(name)) throw malformed(`shared subscription "${filter}" needs a share name without wildcards`)
  if (inner === '') throw malformed(`shared subscription "${filter}" needs a topic filter`)
  return { name, filter: inner }
}

/** Whether a topic name matches a valid filter; names starting with $ match no leading wildcard [MQTT-4.7.2-1]. For the rare single check; the router has an index. */
export function matches(filter: string, name: string): boolean {
  if (name.startsWith('$') && (filter.startsWith('+') || filter.startsWith('#'))) return false
  const f = filter.split('/')
  const t = name.split('/')
  for (let i = 0; i < f.length; i++) {
    if (f[i] === '#') return true
    if (i >= t.length || (f[i] !== '+' && f[i] !== t[i])) return false
  }
  return f.length === t.length
}
