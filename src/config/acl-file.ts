// Mosquitto's ACL file, as it stands: a text in, layers of rules or what is wrong out.
//
//   topic [read|write|readwrite|deny] FILTER      for clients without a user; below `user NAME`, for that user      the first layer
//   pattern [read|write|readwrite|deny] FILTER    for everybody, with %c and %u for client identifier and user      the second
//
// What is always true
//   1. As in Mosquitto 2.0: a client's own lines go before patterns, `deny` goes before the others of its kind and denies publishing and
//      receiving, and what no line allows is denied. Every subscription is accepted; what may not be read is not delivered.
//   2. Where it differs it allows less: a name with / in it gets nothing by %c and %u, as one with + or #. (Patterns without either are
//      for everybody here; Mosquitto keeps them from names with + or #, which anybody can avoid.)
//   3. More is read than Mosquitto reads (tabs, comments behind blanks), never something else.
import { isUtf8 } from 'node:buffer'
import { basename } from 'node:path'
import { topicFilterProblem } from '../mqtt/topic.ts'
import { withoutPlaceholders } from '../placeholder.ts'
import { readAccessFile } from './access-file.ts'
import type { RuleConfig, Verb, WhoConfig } from './config.ts'
import { clip, type Place } from './place.ts'
import { text } from './scalar.ts'
import type { Schema } from './schema.ts'
import { nearest } from './spelling.ts'

const LINES_MAX = 100_000
/** More of them tell nothing new. */
const FLAWS_MAX = 20
const FILTER_BYTES_MAX = 65_535 // MQTT 5.0 section 1.5.4

export interface AclFlaw {
  /** From 1. */
  readonly line: number
  readonly message: string
  readonly hint: string
}

export interface AclFile {
  /** The lines of users and of clients without one, and the patterns. */
  readonly layers: readonly [readonly RuleConfig[], readonly RuleConfig[]]
  /** Everything that is wrong, in the order of the file; the last one counts those beyond the first twenty. */
  readonly flaws: readonly AclFlaw[]
  /** What Mosquitto reads as it is read here, and most likely is not meant. */
  readonly doubts: readonly AclFlaw[]
}

const VERBS_OF: Readonly<Record<string, readonly Verb[]>> = { read: ['receive'], write: ['publish'], readwrite: ['publish', 'receive'], deny: ['publish', 'receive'] }
const SUBSCRIBE: readonly Verb[] = ['subscribe']
const ACCESS_WORDS = Object.keys(VERBS_OF)
const LINE_WORDS = ['user', 'topic', 'pattern']
const EVERYBODY: WhoConfig = { users: null, roles: null, clientIds: null, tenants: null, anonymous: null }
const NOBODY_IN_PARTICULAR: WhoConfig = { ...EVERYBODY, anonymous: true }

/** `access.aclFile`: its layers. Empty ones where it may be missing and is, or may be broken: then nothing is allowed by it. */
export const aclFile: Schema<AclFile['layers']> = text({ expected: 'a file' }).into((written, place): AclFile['layers'] | undefined => {
  const file = readAccessFile(place, written)
  if (file === undefined) return undefined
  if (file.bytes === null) return [[], []]
  const { layers, flaws, doubts } = parseAclFile(file.bytes, basename(file.path))
  const sentence = ({ line, message }: AclFlaw): string => `${file.path} line ${line}: ${message}`
  for (const doubt of doubts) place.warning(sentence(doubt), doubt.hint)
  if (flaws.length === 0) return layers
  // Half of the lines could allow what the other half denies.
  const mustComeUp = place.run.secrets.mode !== 'require'
  for (const flaw of flaws) report(place, mustComeUp, sentence(flaw), flaw.hint)
  return mustComeUp ? [[], []] : undefined
})

function report(place: Place, mustComeUp: boolean, message: string, hint: string): void {
  if (mustComeUp) place.warning(`${message} (nothing is allowed by this file)`, hint)
  else place.problem(message, hint)
}

/** `name`: the file's, as people know it. */
export function parseAclFile(bytes: Buffer, name: string): AclFile {
  return new AclReader(name).read(bytes)
}

class AclReader {
  readonly #name: string
  readonly #own: RuleConfig[] = []
  readonly #patterns: RuleConfig[] = []
  readonly #flaws: AclFlaw[] = []
  readonly #doubts: AclFlaw[] = []
  readonly #whos = new Map<string, WhoConfig>()
  /** First levels that begin with $: `#` does not cover their subscriptions. */
  readonly #dollars = new Set(['$SYS'])
  #who = NOBODY_IN_PARTICULAR
  #line = 0
  #more = 0

  constructor(name: string) {
    this.#name = name
  }

  read(bytes: Buffer): AclFile {
    const lines = bytes.toString('utf8').replace(/^\uFEFF/, '').split('\n')
    if (lines.at(-1) === '') lines.pop()
    if (!isUtf8(bytes)) this.#notText(lines.findIndex((line) => line.includes('\uFFFD')), 'this is not UTF-8 text')
    else if (lines.length > LINES_MAX) this.#notText(LINES_MAX, `there are more than ${LINES_MAX} lines`)
    else lines.forEach((line, i) => this.#readLine(line.trim(), i + 1))
    if (this.#more > 0) this.#flaws.push({ line: this.#line, message: `${this.#more} more lines are wrong`, hint: 'correct the first ones, and look again' })
    return { layers: [[...this.#subscriptions(), ...this.#own], this.#patterns], flaws: this.#flaws, doubts: this.#doubts.slice(0, FLAWS_MAX) }
  }

  #notText(index: number, message: string): void {
    this.#line = index + 1
    this.#wrong(message, 'give the right file, or write it anew')
  }

  #wrong(message: string, hint: string): undefined {
    if (this.#flaws.length < FLAWS_MAX) this.#flaws.push({ line: this.#line, message, hint })
    else this.#more++
  }

  #readLine(line: string, number: number): void {
    this.#line = number
    if (line === '' || line.startsWith('#')) return
    const [, word = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(line)!
    switch (word) {
      case 'user':
        return this.#user(rest)
      case 'topic':
        return this.#topic(rest)
      case 'pattern':
        return this.#pattern(rest)
      default: {
        const near = nearest(word, LINE_WORDS)
        this.#wrong(`"${clip(word)}" begins no line of an ACL file`, `${near === null ? '' : `did you mean ${near}? `}a line is \`user NAME\`, \`topic read FILTER\` or \`pattern read FILTER\`; a comment starts with #`)
      }
    }
  }

  #user(name: string): void {
    if (name === '') {
      this.#wrong('`user` has no name', 'write `user NAME`; the lines below it are that user’s')
      return
    }
    const known = this.#whos.get(name) ?? { ...EVERYBODY, users: [name] }
    this.#whos.set(name, known)
    this.#who = known
  }

  #topic(rest: string): void {
    const rule = this.#rule('topic', rest, this.#who)
    if (rule === undefined) return
    if (/%[cu]/.test(rest)) this.#doubt('%c and %u are plain text in a `topic` line', 'write `pattern` where they stand for the client')
    this.#own.push(rule)
  }

  #pattern(rest: string): void {
    const rule = this.#rule('pattern', rest, EVERYBODY)
    if (rule !== undefined) this.#patterns.push({ ...rule, filter: rule.filter.replaceAll('%c', '{clientId}').replaceAll('%u', '{username}') })
  }

  #rule(what: string, rest: string, who: WhoConfig): RuleConfig | undefined {
    if (rest === '') return this.#wrong(`\`${what}\` has no topic filter`, `write \`${what} read FILTER\``)
    const [, first = '', filterBehind = ''] = /^(\S+)\s*(.*)$/s.exec(rest)!
    const access = filterBehind === '' ? 'readwrite' : first
    const filter = filterBehind === '' ? first : filterBehind
    if (!Object.hasOwn(VERBS_OF, access)) {
      const near = nearest(access, ACCESS_WORDS)
      return this.#wrong(`"${clip(access)}" is no access`, `${near === null ? '' : `did you mean ${near}? `}write read, write, readwrite or deny before the filter; a filter with blanks needs one of them`)
    }
    if (filterBehind === '' && Object.hasOwn(VERBS_OF, first)) this.#doubt(`this allows all of the topic "${first}"`, `write the filter behind it: \`${what} ${first} FILTER\``)
    if (!this.#isFilter(filter)) return undefined
    return { effect: access === 'deny' ? 'deny' : 'allow', verbs: VERBS_OF[access]!, filter, who, qos: null, retain: null, where: `${this.#name} line ${this.#line}` }
  }

  #isFilter(filter: string): boolean {
    const problem = Buffer.byteLength(filter) > FILTER_BYTES_MAX ? `it is longer than ${FILTER_BYTES_MAX} bytes` : topicFilterProblem(filter)
    const shown = `"${clip(filter)}"`
    if (problem !== null) this.#wrong(`${shown} is not a topic filter: ${problem}`, 'write levels separated by /, + for one level, # at the end for all below')
    else if (withoutPlaceholders(filter) !== filter) this.#wrong(`${shown} has a placeholder that Mosquitto takes for text`, 'write %c or %u in a pattern, or the rule in gateway.yaml under access.rules')
    else {
      if (filter.startsWith('$share/')) this.#doubt(`no topic begins with $share: ${shown} is about nothing`, 'write the filter behind $share/NAME/')
      if (filter.startsWith('$')) this.#dollars.add(filter.split('/', 1)[0]!)
      return true
    }
    return false
  }

  #doubt(message: string, hint: string): void {
    this.#doubts.push({ line: this.#line, message, hint })
  }

  /** Mosquitto accepts every subscription. */
  #subscriptions(): RuleConfig[] {
    return ['#', ...[...this.#dollars].map((level) => `${level}/#`)].map((filter) => ({
      effect: 'allow', verbs: SUBSCRIBE, filter, who: EVERYBODY, qos: null, retain: null, where: `${this.#name}, which leaves all subscriptions to delivery`,
    }))
  }
}
