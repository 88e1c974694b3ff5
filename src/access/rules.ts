// What clients may do, by the rules of the configuration and of their tokens. Pure: no clock, no session.
//
//   layers of rules ─ once ─► RuleTree ─┬─► a topic, a client and a verb ─► its verdict, a bit for each case (rule.ts)
//   grants of a token ─ at first use ───┘
//
// What is always true
//   1. Layers are asked in their order: the first with a rule for a case decides it. In a layer, deny goes before allow.
//   2. What no rule allows is denied. Where there are no rules at all, a client may do everything, or what its token grants.
//   3. A grant counts as a rule of the first layer, for its own client only.
//   4. A subscription needs a rule that covers all topics it could get. A denial refuses it when it covers all of them; of what is denied
//      in part, delivery leaves that part out (receive).
import type { RuleConfig, Verb } from '../config/config.ts'
import type { QoS } from '../message.ts'
import { ClientRights } from './rights.ts'
import { publishCase, RECEIVE_CASE, subscribeCase, type Rule } from './rule.ts'
import { RuleTree, type Asking } from './rule-tree.ts'
import type { Subject } from './template.ts'

export type { Subject } from './template.ts'

/** Why something is allowed or denied. */
export interface Explanation {
  readonly allowed: boolean
  /** Of a subscription that is allowed: at which QoS; the asked one otherwise. */
  readonly qos: QoS
  /** null: no rule speaks of it. */
  readonly rule: RuleConfig | null
  /** Other rules that speak of the case, in the order in which they would have been asked. */
  readonly others: readonly RuleConfig[]
  /** There are no rules for this client: everybody may do everything. */
  readonly unruled: boolean
}

export class Rules {
  readonly #tree: RuleTree
  /** One for all: nothing here waits. */
  readonly #tally: Tally
  readonly #isEmpty: boolean

  constructor(layers: readonly (readonly RuleConfig[])[]) {
    this.#tree = new RuleTree(layers)
    this.#tally = new Tally(Math.max(1, layers.length))
    this.#isEmpty = layers.length === 0
  }

  /** What a client may do; null for everything. Costs nothing before it is asked something. */
  rightsOf(subject: Subject): ClientRights | null {
    return this.#isEmpty && subject.grants === null ? null : new ClientRights(this, subject)
  }

  /** The grants of a client as `decide` takes them; null for none. */
  grantsOf({ grants }: Subject): RuleTree | null {
    return grants === null || grants.length === 0 ? null : new RuleTree([grants])
  }

  /** The cases of `verb` that are allowed. `topic`: a topic name; for subscribe a topic filter, without `$share/NAME/`. */
  decide(verb: Verb, topic: string, subject: Subject, grants: RuleTree | null): number {
    const tally = this.#tally
    tally.begin(verb, topic, subject)
    this.#tree.ask(tally)
    grants?.ask(tally)
    return tally.verdict()
  }

  /** What is decided, and by which rule. `qos` is for publish and subscribe, `retain` for publish. */
  explain(subject: Subject, verb: Verb, topic: string, { qos, retain }: { readonly qos: QoS; readonly retain: boolean }): Explanation {
    const matched = new Matched(verb, topic, subject)
    if (this.rightsOf(subject) === null) return { allowed: true, qos, rule: null, others: [], unruled: true }
    this.#tree.ask(matched)
    this.grantsOf(subject)?.ask(matched)
    if (verb !== 'subscribe') return matched.explanation(verb === 'publish' ? publishCase(qos, retain) : RECEIVE_CASE, qos)
    // At the highest QoS that it may have; what is told of a refusal is about the asked one.
    for (let granted: number = qos; granted >= 0; granted--) {
      const explanation = matched.explanation(subscribeCase(granted as QoS), granted as QoS)
      if (explanation.allowed) return explanation
    }
    return matched.explanation(subscribeCase(qos), qos)
  }
}

/** Counts the rules that are found into cases, layer by layer. */
class Tally implements Asking {
  subject!: Subject
  names: readonly string[] = []
  #topic: string | null = null
  #verb: Verb = 'publish'
  readonly #allowed: number[]
  readonly #denied: number[]

  constructor(layerCount: number) {
    this.#allowed = Array.from<number>({ length: layerCount }).fill(0)
    this.#denied = Array.from<number>({ length: layerCount }).fill(0)
  }

  begin(verb: Verb, topic: string, subject: Subject): void {
    this.subject = subject
    // A new topic is asked for twice in a row: may it be published, and may its receiver have it.
    if (topic !== this.#topic) this.names = (this.#topic = topic).split('/')
    this.#verb = verb
    this.#allowed.fill(0)
    this.#denied.fill(0)
  }

  found({ denies, layer, cases }: Rule): void {
    const counted = denies ? this.#denied : this.#allowed
    counted[layer]! |= cases[this.#verb]
  }

  verdict(): number {
    let decided = 0
    let allowed = 0
    for (let layer = 0; layer < this.#allowed.length; layer++) {
      allowed |= this.#allowed[layer]! & ~this.#denied[layer]! & ~decided
      decided |= this.#allowed[layer]! | this.#denied[layer]!
    }
    return allowed
  }
}

/** Keeps the rules that are found, to tell of them. */
class Matched implements Asking {
  readonly subject: Subject
  readonly names: readonly string[]
  readonly #verb: Verb
  readonly #rules: Rule[] = []

  constructor(verb: Verb, topic: string, subject: Subject) {
    this.subject = subject
    this.names = topic.split('/')
    this.#verb = verb
  }

  found(rule: Rule): void {
    this.#rules.push(rule)
  }

  explanation(oneCase: number, qos: QoS): Explanation {
    const about = this.#rules.filter((rule) => (rule.cases[this.#verb] & oneCase) !== 0)
    const [first, ...others] = about.toSorted((a, b) => a.layer - b.layer || Number(b.denies) - Number(a.denies) || a.order - b.order)
    return { allowed: first?.denies === false, qos, rule: first?.config ?? null, others: others.map((rule) => rule.config), unruled: false }
  }
}
