// Who answers for our names on one link (a network interface and a family of addresses), after RFC 6762: pure, time and chance are handed in.
//
//   set ─► probing (three questions: has somebody this name?) ─► announcing (twice) ─► answering ─► leave (goodbye)
//             ▲        │ somebody has: `taken`, the caller gives us another name
//             └────────┴── somebody says otherwise about a name that is ours: asked again whether it is
//
// What is always true: nothing is said that needs a name before that name is ours; nobody is told goodbye of a name that somebody else has taken; a
// record goes to everybody once a second at most, and to one that asks for itself so many a second; what is beyond that is counted.
import { type Datagram, EMPTY, messagesOf, MDNS_PORT, type Sender } from './datagram.ts'
import { type DnsMessage, type DnsRecord, keyOf, type Question, Type } from './dns.ts'
import { announce, compareSets, type Entry, entryOf, idOf, isSameSet } from './entry.ts'
import type { Published } from './records.ts'

/** RFC 6762 section 8.1. */
const PROBES = 3
const PROBE_MS = 250
/** Who loses against somebody that wants the name in the same moment waits so long (section 8.2). */
const LOST_MS = 1000
/** Section 8.3. */
const ANNOUNCE_MS = 1000
/** Several may know the answer (section 6), or have told it and will be heard (section 7.2): milliseconds from, and how many more by chance. */
const SHARED_DELAY = [20, 100] as const
const TRUNCATED_DELAY = [400, 100] as const
/** A record is sent to everybody after so long again; sooner when its name has to be defended (section 6). */
const REPEAT_MS = 1000
const DEFEND_MS = 250
/** Of answers to who does not speak multicast DNS (section 6.7). */
const LEGACY_TTL_SEC_MAX = 10
/** Answers to one that asks for itself. */
const UNICAST_PER_SECOND_MAX = 20

export type News =
  /** Somebody else has this name. */
  | { readonly kind: 'taken'; readonly name: string; readonly by: string }
  /** Another program of this machine tells its addresses by this name. */
  | { readonly kind: 'told-elsewhere'; readonly name: string }
  /** … and does not any more. */
  | { readonly kind: 'told-no-more'; readonly name: string }

export interface Outcome {
  readonly send: readonly Datagram[]
  readonly news: readonly News[]
  /** It was not answered: too many have asked. */
  readonly refused: boolean
}

interface Probe {
  sent: number
  dueMs: number
}

const NOTHING: Outcome = { send: [], news: [], refused: false }

export class Responder {
  readonly #random: () => number
  /** Whether this data of a record is an address of this machine. */
  readonly #isOwnAddress: (data: Buffer) => boolean
  #entries: readonly Entry[] = []
  /** Names that are ours: keys. */
  readonly #held = new Set<string>()
  #probe: Probe | null = null
  /** Told by somebody else on this machine. */
  #watched: string | null = null
  #unicasts = { sinceMs: -Infinity, count: 0 }

  constructor(random: () => number, isOwnAddress: (data: Buffer) => boolean) {
    this.#random = random
    this.#isOwnAddress = isOwnAddress
  }

  /** All that is wanted is ours. */
  get isSettled(): boolean {
    return this.#probe === null
  }

  /** When `check` has something to do; Infinity for never. */
  get nextMs(): number {
    let next = this.#probe?.dueMs ?? Infinity
    for (const entry of this.#entries) if (this.#isOurs(entry)) next = Math.min(next, entry.dueMs, entry.announcements > 0 ? entry.announceMs : Infinity)
    return next
  }

  /** From now on this is published, and nothing else. `watched`: key of a name that another program of this machine tells the addresses of. */
  set(published: readonly Published[], watched: string | null, nowMs: number): Outcome {
    const before = new Map(this.#entries.map((entry) => [entry.id, entry]))
    this.#watched = watched
    this.#entries = published.map((one) => before.get(idOf(one.record)) ?? entryOf(one))
    const now = new Set(this.#entries.map(({ id }) => id))
    const gone = [...before.values()].filter((entry) => !now.has(entry.id) && this.#isOurs(entry))
    const isReplaced = (entry: Entry): boolean => entry.published.isUnique && this.#entries.some((other) => isSameSet(other, entry))
    const send = messagesOf(gone.filter((entry) => !isReplaced(entry)).map(({ published: { record } }) => ({ ...record, ttlSec: 0 })))
    const needed = new Set(this.#entries.map((entry) => entry.published.needs))
    for (const name of this.#held) if (!needed.has(name)) this.#held.delete(name)
    for (const entry of this.#entries) {
      if (this.#held.has(entry.published.needs) && (!before.has(entry.id) || (entry.published.isUnique && gone.some((other) => isSameSet(other, entry))))) announce(entry, nowMs)
    }
    const toProbe = [...needed].some((name) => !this.#held.has(name))
    this.#probe = toProbe ? { sent: 0, dueMs: nowMs + this.#random() * PROBE_MS } : null
    return { ...NOTHING, send }
  }

  /** Goodbye, of all that was ours. */
  leave(): readonly Datagram[] {
    const ours = this.#entries.filter((entry) => this.#isOurs(entry))
    this.#entries = []
    this.#held.clear()
    this.#probe = null
    return messagesOf(ours.map(({ published: { record } }) => ({ ...record, ttlSec: 0 })))
  }

  check(nowMs: number): readonly Datagram[] {
    const probe = this.#probe !== null && nowMs >= this.#probe.dueMs ? this.#ask(this.#probe, nowMs) : []
    const due = this.#entries.filter((entry) => this.#isOurs(entry) && (entry.dueMs <= nowMs || (entry.announcements > 0 && entry.announceMs <= nowMs)))
    for (const entry of due) {
      if (entry.announcements > 0 && entry.announceMs <= nowMs) {
        entry.announcements--
        entry.announceMs = nowMs + ANNOUNCE_MS
      }
      entry.dueMs = Infinity
      entry.asker = null
      entry.sentMs = nowMs
    }
    return [...probe, ...messagesOf(due.map(({ published }) => published.record), this.#nextOf(due))]
  }

  /** What came by the link, whoever sent it. */
  receive(message: DnsMessage, from: Sender, nowMs: number): Outcome {
    if (!message.isResponse) return this.#onQuery(message, from, nowMs)
    if (from.port !== MDNS_PORT) return NOTHING // RFC 6762 section 11
    const news: News[] = []
    for (const record of [...message.answers, ...message.additionals]) {
      const one = this.#onRecord(record, from, nowMs)
      if (one !== null && !news.some(({ kind, name }) => kind === one.kind && name === one.name)) news.push(one)
    }
    return { ...NOTHING, news }
  }

  // ---- making names ours

  #ask(probe: Probe, nowMs: number): readonly Datagram[] {
    if (probe.sent === PROBES) {
      this.#probe = null
      for (const entry of this.#entries) {
        if (!this.#held.has(entry.published.needs)) announce(entry, nowMs)
      }
      for (const { published } of this.#entries) this.#held.add(published.needs)
      return []
    }
    probe.sent++
    probe.dueMs = nowMs + PROBE_MS
    const wanted = this.#entries.filter(({ published }) => published.isUnique && !this.#held.has(published.needs) && published.record.type !== Type.NSEC)
    const names = new Map(wanted.map(({ key, published }) => [key, published.record.name]))
    // The answer has to come to everybody: what comes by unicast may reach another responder of this machine instead (link.ts).
    const questions = [...names.values()].map((name): Question => ({ name, type: Type.ANY, byUnicast: false }))
    return [{ message: { ...EMPTY, isResponse: false, questions, authorities: wanted.map(({ published: { record } }) => ({ ...record, flush: false })) }, to: null }]
  }

  #onRecord(record: DnsRecord, from: Sender, nowMs: number): News | null {
    const name = keyOf(record.name)
    const isAddress = record.type === Type.A || record.type === Type.AAAA
    if (name === this.#watched && isAddress && record.ttlSec === 0) return { kind: 'told-no-more', name }
    const own = this.#entries.filter((entry) => entry.published.isUnique && entry.key === name)
    if (own.length === 0 || record.type === Type.NSEC) return null
    const isHeld = this.#held.has(name)
    if (isAddress && this.#isOwnAddress(record.data)) return isHeld || record.ttlSec === 0 ? null : { kind: 'told-elsewhere', name }
    const ofType = own.filter((entry) => entry.published.record.type === record.type)
    const same = ofType.find((entry) => entry.published.record.data.equals(record.data))
    if (same !== undefined) {
      // Whoever heard that would forget it too soon (section 6.6).
      if (isHeld && record.ttlSec < same.published.record.ttlSec / 2) for (const entry of ofType) this.#schedule(entry, nowMs, REPEAT_MS, null)
      return null
    }
    if (record.ttlSec === 0) return null
    if (!isHeld) return { kind: 'taken', name, by: from.address }
    if (ofType.length === 0) return null
    this.#held.delete(name)
    this.#probe = { sent: 0, dueMs: nowMs + this.#random() * PROBE_MS }
    return null
  }

  /** Somebody wants the same name in the same moment: the later in order has it (section 8.2). */
  #yieldTo(authorities: readonly DnsRecord[], nowMs: number): void {
    if (this.#probe === null) return
    for (const name of new Set(authorities.map((record) => keyOf(record.name)))) {
      if (this.#held.has(name)) continue
      const own = this.#entries.filter((entry) => entry.published.isUnique && entry.key === name && entry.published.record.type !== Type.NSEC)
      const theirs = authorities.filter((record) => keyOf(record.name) === name)
      if (own.length > 0 && compareSets(own.map(({ published }) => published.record), theirs) < 0) this.#probe = { sent: 0, dueMs: nowMs + LOST_MS }
    }
  }

  // ---- answering

  #onQuery(message: DnsMessage, from: Sender, nowMs: number): Outcome {
    this.#yieldTo(message.authorities, nowMs)
    const known = new Map(message.answers.map((record) => [idOf(record), record.ttlSec]))
    const isKnown = ({ id, published }: Entry): boolean => (known.get(id) ?? -1) >= published.record.ttlSec / 2
    if (message.questions.length === 0) {
      // The rest of what somebody knows.
      for (const entry of this.#entries) if (entry.asker === from.address && isKnown(entry)) entry.dueMs = Infinity
      return NOTHING
    }
    const answers = new Map<Entry, Question>()
    for (const question of message.questions) for (const entry of this.#answersTo(question)) if (!isKnown(entry)) answers.set(entry, question)
    if (answers.size === 0) return NOTHING
    const isLegacy = from.port !== MDNS_PORT
    const isDefence = message.authorities.length > 0
    const alone: Entry[] = []
    for (const [entry, { byUnicast }] of answers) {
      const isFresh = nowMs - entry.sentMs < entry.published.record.ttlSec * 1000 / 4
      if (isLegacy || (byUnicast && isFresh)) alone.push(entry)
      else this.#schedule(entry, nowMs + this.#delayMs(message, [...answers.keys()]), isDefence ? DEFEND_MS : REPEAT_MS, from.address)
    }
    return alone.length === 0 ? NOTHING : this.#alone(alone, message, from, isLegacy, nowMs)
  }

  /** Of records with their key, their type and our name. */
  #answersTo({ name, type }: Question): readonly Entry[] {
    const key = keyOf(name)
    const ofName = this.#entries.filter((entry) => entry.key === key && this.#isOurs(entry))
    const found = ofName.filter(({ published: { record } }) => (type === Type.ANY ? record.type !== Type.NSEC : record.type === type))
    return found.length > 0 ? found : ofName.filter(({ published }) => published.record.type === Type.NSEC)
  }

  #delayMs(message: DnsMessage, answers: readonly Entry[]): number {
    const [from, more] = message.isTruncated ? TRUNCATED_DELAY : answers.some(({ published }) => !published.isUnique) ? SHARED_DELAY : [0, 0]
    return from + more * this.#random()
  }

  #schedule(entry: Entry, dueMs: number, repeatMs: number, asker: string | null): void {
    if (dueMs - entry.sentMs < repeatMs) return // everybody has just heard it
    entry.asker = entry.dueMs === Infinity ? asker : null
    entry.dueMs = Math.min(entry.dueMs, dueMs)
  }

  #alone(entries: readonly Entry[], { id, questions }: DnsMessage, to: Sender, isLegacy: boolean, nowMs: number): Outcome {
    if (nowMs - this.#unicasts.sinceMs >= 1000) this.#unicasts = { sinceMs: nowMs, count: 0 }
    if (this.#unicasts.count >= UNICAST_PER_SECOND_MAX) return { ...NOTHING, refused: true }
    this.#unicasts.count++
    const plain = (record: DnsRecord): DnsRecord => (isLegacy ? { ...record, flush: false, ttlSec: Math.min(record.ttlSec, LEGACY_TTL_SEC_MAX) } : record)
    const [first] = messagesOf(entries.map(({ published }) => plain(published.record)), this.#nextOf(entries).map(plain))
    return first === undefined ? NOTHING : { ...NOTHING, send: [{ message: isLegacy ? { ...first.message, id, questions } : first.message, to }] }
  }

  /** What whoever gets these will ask for. */
  #nextOf(entries: readonly Entry[]): DnsRecord[] {
    const names = new Set(entries.flatMap(({ published }) => published.leadsTo))
    return this.#entries.filter((entry) => names.has(entry.key) && entry.published.record.type !== Type.NSEC && !entries.includes(entry) && this.#isOurs(entry)).map(({ published }) => published.record)
  }

  #isOurs({ published }: Entry): boolean {
    return this.#held.has(published.needs)
  }
}
