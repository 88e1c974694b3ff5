// What one client may do, with what was found out before: a topic seen again costs a look into an array.
//
// Verdicts are found by Topic.number, two ways in a set, and hold for ever: rules do not change, other rules come with another ClientRights.
// They hold numbers, not topics: a client that goes through thousands of topics keeps none of them alive. An idle client has no arrays.
import type { Verb } from '../config/config.ts'
import type { QoS } from '../message.ts'
import type { Topic } from '../mqtt/topic.ts'
import type { Rights } from '../session/rights.ts'
import { publishCase, RECEIVE_CASE, subscribeCase } from './rule.ts'
import type { RuleTree } from './rule-tree.ts'
import type { Rules } from './rules.ts'
import type { Subject } from './template.ts'

const SLOTS_MIN = 8
/** 10 bytes each: a client with thousands of topics takes 40 kB for that. */
const SLOTS_MAX = 4096
const WAYS = 2

// A verdict: the six cases of publish in the lowest bits, then
const PUBLISH_ALL = (1 << 6) - 1
const PUBLISH_KNOWN = 1 << 6
const RECEIVE_SHIFT = 7
const RECEIVE_KNOWN = 1 << 8

/** No topic has this number. */
const FREE = -1
// Stand for the arrays of a client that has not been asked yet.
const NO_NUMBERS: number[] = Array.from<number>({ length: WAYS }).fill(FREE)
const NO_VERDICTS = new Uint16Array(WAYS)

export class ClientRights implements Rights {
  readonly #rules: Rules
  readonly #subject: Subject
  #grants: RuleTree | null | undefined = undefined
  /** A plain array: topics are counted beyond 32 bits, and comparing small integers costs least. */
  #numbers = NO_NUMBERS
  #verdicts = NO_VERDICTS
  /** From a topic's number to the first slot of its set. */
  #mask = 0

  constructor(rules: Rules, subject: Subject) {
    this.#rules = rules
    this.#subject = subject
  }

  mayPublish(topic: Topic, qos: QoS, retain: boolean): boolean {
    return (this.#publishable(topic) & publishCase(qos, retain)) !== 0
  }

  mayPublishFreely(topic: Topic): boolean {
    return (this.#publishable(topic) & PUBLISH_ALL) === PUBLISH_ALL
  }

  mayReceive(topic: Topic): boolean {
    let verdict = this.#find(topic.number)
    if ((verdict & RECEIVE_KNOWN) === 0) verdict = this.#learn(topic, verdict | RECEIVE_KNOWN | (this.#decide('receive', topic.name) << RECEIVE_SHIFT))
    return (verdict & (RECEIVE_CASE << RECEIVE_SHIFT)) !== 0
  }

  grantedQos(filter: string, qos: QoS): QoS | null {
    const cases = this.#decide('subscribe', filter)
    for (let granted: number = qos; granted >= 0; granted--) if ((cases & subscribeCase(granted as QoS)) !== 0) return granted as QoS
    return null
  }

  #publishable(topic: Topic): number {
    const verdict = this.#find(topic.number)
    return (verdict & PUBLISH_KNOWN) === 0 ? this.#learn(topic, verdict | PUBLISH_KNOWN | this.#decide('publish', topic.name)) : verdict
  }

  #decide(verb: Verb, topic: string): number {
    if (this.#grants === undefined) this.#grants = this.#rules.grantsOf(this.#subject)
    return this.#rules.decide(verb, topic, this.#subject, this.#grants)
  }

  // ---- what was found out before

  /** 0 when nothing is known. */
  #find(number: number): number {
    const slot = number & this.#mask
    if (this.#numbers[slot] === number) return this.#verdicts[slot]!
    return this.#numbers[slot + 1] === number ? this.#verdicts[slot + 1]! : 0
  }

  /** A new topic takes the first place of its set, and the one before goes to the second. Answers the verdict. */
  #learn({ number }: Topic, verdict: number): number {
    if (this.#numbers === NO_NUMBERS) this.#resize(SLOTS_MIN)
    const first = number & this.#mask
    for (let slot = first; slot < first + WAYS; slot++) if (this.#numbers[slot] === number) return (this.#verdicts[slot] = verdict)
    while (this.#numbers[(number & this.#mask) + 1] !== FREE && this.#numbers.length < SLOTS_MAX) this.#resize(this.#numbers.length * 2)
    this.#put(number, verdict)
    return verdict
  }

  #put(number: number, verdict: number): void {
    const slot = number & this.#mask
    this.#numbers[slot + 1] = this.#numbers[slot]!
    this.#verdicts[slot + 1] = this.#verdicts[slot]!
    this.#numbers[slot] = number
    this.#verdicts[slot] = verdict
  }

  #resize(slots: number): void {
    const numbers = this.#numbers
    const verdicts = this.#verdicts
    this.#numbers = Array.from<number>({ length: slots }).fill(FREE)
    this.#verdicts = new Uint16Array(slots)
    this.#mask = (slots - 1) & ~(WAYS - 1)
    for (let slot = numbers.length - 1; slot >= 0; slot--) if (numbers[slot] !== FREE) this.#put(numbers[slot]!, verdicts[slot]!)
  }
}
