// All rules in one tree of topic levels, the same for every client: what is a client's own (its names, its roles) is looked at on the way.
//
//   Level ─ literal ─► Level        names[i] itself           a rule ends `here`, or in `below` (its filter goes on with #)
//         ─ plus ────► Level        any one level
//         ─ template ► Level        the level that `dev-{clientId}` is for this client
//
// A topic filter is looked up like a topic, with + and # as levels that only the tree's own wildcards take: so the rules that are found
// are those that cover the whole of it.
import type { RuleConfig } from '../config/config.ts'
import { compileRule, Who, type Rule } from './rule.ts'
import { Template, UNSAFE, type Subject } from './template.ts'

/** More rules at one place are kept by name: maps of a few take more memory than time. */
const LISTED_MAX = 8

/** What asks: gets every rule that speaks of the topic to this client. */
export interface Asking {
  readonly subject: Subject
  /** Levels of a topic name or topic filter. */
  readonly names: readonly string[]
  found(rule: Rule): void
}

/** The rules that end at one place. Thousands may share a filter, each for a user of its own: where there are many, those are found by name. */
class RuleSet {
  #list: Rule[] = []
  #byUser: Map<string, Rule[]> | null = null
  #byClientId: Map<string, Rule[]> | null = null

  add(rule: Rule): void {
    if (this.#byUser !== null) this.#addByName(rule)
    else if (this.#list.push(rule) > LISTED_MAX) {
      const all = this.#list
      this.#list = []
      for (const known of all) this.#addByName(known)
    }
  }

  tell(asking: Asking): void {
    const { username, clientId } = asking.subject
    tellAll(this.#list, asking)
    if (this.#byUser !== null && username !== null) tellAll(this.#byUser.get(username), asking)
    if (this.#byClientId !== null) tellAll(this.#byClientId.get(clientId), asking)
  }

  #addByName(rule: Rule): void {
    const { users, clientIds } = rule.config.who
    this.#byUser ??= new Map()
    this.#byClientId ??= new Map()
    if (users !== null) addTo(this.#byUser, users, rule)
    else if (clientIds !== null) addTo(this.#byClientId, clientIds, rule)
    else this.#list.push(rule)
  }
}

function addTo(map: Map<string, Rule[]>, names: readonly string[], rule: Rule): void {
  for (const name of new Set(names)) {
    const list = map.get(name)
    if (list === undefined) map.set(name, [rule])
    else list.push(rule)
  }
}

function tellAll(rules: readonly Rule[] | undefined, asking: Asking): void {
  if (rules === undefined) return
  for (const rule of rules) if (rule.who.includes(asking.subject)) asking.found(rule)
}

/** Most levels of a large tree have one of these only. */
class Level {
  literals: Map<string, Level> | null = null
  plus: Level | null = null
  templates: Map<string, { readonly template: Template; readonly level: Level }> | null = null
  here: RuleSet | null = null
  below: RuleSet | null = null

  child(name: string): Level {
    if (name === '+') return (this.plus ??= new Level())
    const template = Template.of(name)
    if (template === null) {
      this.literals ??= new Map()
      const known = this.literals.get(name) ?? new Level()
      this.literals.set(name, known)
      return known
    }
    this.templates ??= new Map()
    const known = this.templates.get(name) ?? { template, level: new Level() }
    this.templates.set(name, known)
    return known.level
  }
}

export class RuleTree {
  readonly #root = new Level()

  /** `layers` as in AccessConfig; a filter that is none matches no topic. */
  constructor(layers: readonly (readonly RuleConfig[])[]) {
    const whos = new Map<object, Who>()
    let order = 0
    layers.forEach((rules, layer) => {
      for (const config of rules) {
        const who = whos.get(config.who) ?? new Who(config.who)
        whos.set(config.who, who)
        this.#add(compileRule(config, layer, order++, who))
      }
    })
  }

  #add(rule: Rule): void {
    const names = rule.config.filter.split('/')
    const isBelow = names.at(-1) === '#'
    if (isBelow) names.pop()
    if (isBelow && names.length === 1 && names[0] === '+') names.pop() // `+/#` is # by another name: both match all but $…
    let level = this.#root
    for (const name of names) level = level.child(name)
    if (isBelow) (level.below ??= new RuleSet()).add(rule)
    else (level.here ??= new RuleSet()).add(rule)
  }

  ask(asking: Asking): void {
    walk(this.#root, 0, asking)
  }
}

function walk(level: Level, depth: number, asking: Asking): void {
  const { names } = asking
  const name = names[depth]
  // A topic starting with $ is reached by no filter starting with a wildcard [MQTT-4.7.2-1].
  const isOpen = depth > 0 || !name!.startsWith('$')
  if (isOpen && level.below !== null) level.below.tell(asking) // the parent level too: "a/#" matches "a"
  if (name === undefined) {
    level.here?.tell(asking)
    return
  }
  const isRest = name === '#' // only in a filter: nothing but `below` covers it, and at the top what is about everything
  if (level.templates !== null) walkTemplates(level.templates, depth, isRest, asking)
  if (isRest) return
  const literal = level.literals?.get(name)
  if (literal !== undefined) walk(literal, depth + 1, asking)
  if (isOpen && level.plus !== null) walk(level.plus, depth + 1, asking)
}

function walkTemplates(templates: NonNullable<Level['templates']>, depth: number, isRest: boolean, asking: Asking): void {
  for (const { template, level } of templates.values()) {
    const value = template.valueFor(asking.subject, depth === 0)
    if (value === UNSAFE) {
      if (!isRest || depth === 0) tellDenials(level, asking)
    } else if (value === asking.names[depth]) walk(level, depth + 1, asking)
  }
}

/** What a name that cannot stand in a topic was to be denied is not known, so it is denied all from there down, and allowed nothing of it. */
function tellDenials(level: Level, asking: Asking): void {
  const denials: Asking = { subject: asking.subject, names: asking.names, found: (rule) => void (rule.denies && asking.found(rule)) }
  level.here?.tell(denials)
  level.below?.tell(denials)
  if (level.plus !== null) tellDenials(level.plus, asking)
  for (const child of level.literals?.values() ?? []) tellDenials(child, asking)
  for (const { template, level: child } of level.templates?.values() ?? []) {
    if (template.valueFor(asking.subject, false) !== null) tellDenials(child, asking) // without a value the rule is not about this client
  }
}
