// The links of one uplink at work. link.ts decides, a Way (way.ts) for each link does it, and tells what came of it.
//
//   what waits, budgets, time ─► policies ─► link.ts ─► dial · hang up · connect · disconnect · probe ─► ways
//                                              ▲──────────── dialled, accepted, ended, lost … ◄───────────┘
//
// What lives here: the state, a policy and a verdict for each link, one timer. What is said on a connection is the carrier's.
// What is always true: after every event the policies are asked again, until nothing more is to be decided; stopping leaves no line, no
// connection and no timer behind.
import type { Timer } from '../../clock.ts'
import type { LinkConfig, UplinkConfig } from '../../config/config.ts'
import type { Carrier } from './carrier.ts'
import { ConnectPolicy, type PolicyFacts, type Verdict } from './connect-policy.ts'
import { dueAtMs, idle, isOver, type LinkAction, type LinkEvent, type LinkPhase, type LinkRules, type LinkState, step } from './link.ts'
import { isFulfilled, type Order, type OrderFacts, type OrderKind, under } from './order.ts'
import { PassFile, type PassLog } from './pass-file.ts'
import type { Pass } from './passes.ts'
import { Way, type WayPorts } from './way.ts'

export interface LinkPorts extends WayPorts {
  /** Gives a number in [0, 1). */
  readonly random: () => number
  readonly log: PassLog & { debug(fields: object, text: string): void }
  /** Messages that wait or are on their way, of each class. */
  waiting(): ReadonlyMap<string, { readonly count: number; readonly bytes: number }>
  /** Nothing waits that link and budget let go, nothing is on its way, and no answer is missing, in either direction. Asked while a link is up. */
  drained(): boolean
  /** Monotonic time of the last message that came over a connection; -Infinity for none. */
  receivedAtMs(): number
  /**
   * Whether the link's budget has room for one of these classes; for none of them: for a connection that only fetches what comes in.
   * `isInUse`: what it takes to connect is being spent, or has been.
   */
  mayConnect(link: LinkConfig, classes: readonly string[], isInUse: boolean): boolean
  /** The phase or the link in use is another one. */
  stateChanged(): void
}

export interface LinksState {
  readonly phase: LinkPhase
  /** The link in use; null for none. */
  readonly link: string | null
  /** Monotonic time of the last change of phase. */
  readonly sinceMs: number
  /** Monotonic time of the next attempt; null when none is planned, or one is under way. */
  readonly nextAttemptMs: number | null
  /** Why there is no connection, or was none; null once one was accepted. */
  readonly lastError: string | null
  /** Of the operator; null for none. */
  readonly order: Order | null
  readonly links: readonly OneLinkState[]
}

export interface OneLinkState {
  readonly name: string
  /** Its policy wants a connection, and its budget allows it. */
  readonly wanted: boolean
  /** Attempts and probes in a row that failed. */
  readonly failures: number
  /** Seconds until its next attempt or probe; null when none is planned. */
  readonly nextAttemptSec: number | null
  readonly lastError: string | null
}

type Waiting = ReturnType<LinkPorts['waiting']>

const NOTHING: Waiting = new Map()
const NO_PASSES: readonly Pass[] = []
/** A look-up, and SYN packets that nobody answers. */
const ATTEMPT_BYTES = 600
const ATTEMPTS_SHARE = 0.1
const SPARING_MS_MAX = 15 * 60_000
const DAY_MS = 24 * 3_600_000
/** A budget is asked again this often: a new day makes it whole. */
const BUDGET_LOOK_MS = 60_000
const COST_LOOK_MS = 1000
const STOP_MS_MAX = 60_000
const ALWAYS: Verdict = { wanted: true, againMs: Infinity, why: '' }

/** One link. */
interface Member {
  readonly config: LinkConfig
  readonly way: Way
  /** null: always. */
  readonly policy: ConnectPolicy | null
  readonly passes: PassFile | null
  verdict: Verdict
}

export class Links {
  readonly #uplink: string
  readonly #ports: LinkPorts
  readonly #members: readonly Member[]
  readonly #rules: LinkRules
  /** What waits makes no difference. */
  readonly #isFixed: boolean
  #state: LinkState
  readonly #events: LinkEvent[] = []
  #isRunning = false
  #isAsked = false
  /** The machine has decided by this time: what has become due since is not decided yet. */
  #steppedAtMs = 0
  #isStarted = false
  #timer: Timer | null = null
  #lastError: string | null = null
  #order: Order | null = null
  #whenOver: () => void = () => {}

  constructor(config: Pick<UplinkConfig, 'name' | 'links' | 'backoff'>, ports: LinkPorts) {
    this.#uplink = config.name
    this.#ports = ports
    this.#members = config.links.map((link, i) => this.#makeMember(link, i))
    this.#rules = {
      backoffMinMs: config.backoff.minMs,
      backoffMaxMs: config.links.map((link) => backoffMaxMs(link, config.backoff.maxMs)),
      stableMs: config.links.map((link) => link.stableMs),
      random: ports.random,
    }
    this.#isFixed = this.#members.every(({ policy, config: link }) => policy === null && link.budget === null)
    this.#state = idle(config.links.map((l) => l.dial !== null))
  }

  /** The connection that is up. */
  get carrier(): Carrier | null {
    return this.#upMember?.way.carrier ?? null
  }

  /** The link of the connection that is up. */
  get link(): LinkConfig | null {
    return this.#upMember?.config ?? null
  }

  get state(): LinksState {
    const { phase, inUse, sinceMs, links } = this.#state
    const nowMs = this.#ports.clock.now()
    const each = this.#members.map(({ config: { name }, way }, i): OneLinkState => {
      const { wanted, failures } = links[i]!
      const atMs = this.#nextAttemptMs(i)
      return { name, wanted, failures, nextAttemptSec: atMs === Infinity ? null : Math.ceil((atMs - nowMs) / 1000), lastError: way.lastError }
    })
    const nextMs = inUse === null ? Math.min(...links.map((_, i) => this.#nextAttemptMs(i))) : Infinity
    const nextAttemptMs = nextMs === Infinity ? null : nextMs
    return { phase, link: inUse === null ? null : each[inUse]!.name, sinceMs, nextAttemptMs, lastError: this.#lastError, order: this.#order, links: each }
  }

  start(): void {
    this.#isStarted = true
    for (const { passes } of this.#members) passes?.start()
    this.#run()
  }

  /** What waits has changed, or a budget. Cheap enough for every turn. */
  changed(): void {
    if (!this.#isFixed || this.#order !== null) this.#run()
  }

  /** What the operator wants until `untilMs` (monotonic); null: what the policies say. */
  order(kind: OrderKind | null, untilMs: number): void {
    if (this.#state.phase === 'stopped') return
    this.#order = kind === null ? null : { kind, untilMs }
    if (kind !== 'pause') this.#events.push({ type: 'hurry' })
    this.#run()
    this.#ports.stateChanged()
  }

  /** Ends the connection and hangs up. Resolves when nothing is left, or after a minute. */
  async stop(): Promise<void> {
    const { clock, log } = this.#ports
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#whenOver = resolve
    this.#isStarted = true
    for (const { passes, way } of this.#members) {
      passes?.stop()
      way.stopProbe()
    }
    this.#on({ type: 'stop' })
    if (!isOver(this.#state)) {
      const deadline = clock.after(STOP_MS_MAX, () => {
        log.warn({ uplink: this.#uplink }, 'a link did not end in time: it is left behind')
        resolve()
      })
      await promise
      deadline.cancel()
    }
    for (const { way } of this.#members) way.forget()
  }

  #makeMember(config: LinkConfig, index: number): Member {
    const { clock, log } = this.#ports
    const { connect } = config
    const way = new Way(this.#uplink, config, index, this.#ports, (event, why) => {
      if (why !== null) this.#lastError = why
      else if (event.type === 'accepted') this.#lastError = null
      this.#on(event)
    })
    if (connect.kind === 'always') return { config, way, policy: null, passes: null, verdict: ALWAYS }
    const { passesFile } = connect
    const passes = passesFile === null ? null : new PassFile(passesFile, { clock, log, changed: () => this.#run() })
    return { config, way, policy: new ConnectPolicy(connect, clock.now()), passes, verdict: ALWAYS }
  }

  get #upMember(): Member | null {
    const { phase, inUse } = this.#state
    return phase === 'up' ? this.#members[inUse!]! : null
  }

  /** Infinity for none that is planned. */
  #nextAttemptMs(index: number): number {
    const { phase, inUse, links } = this.#state
    const { wanted, retryAtMs } = links[index]!
    const isPlanned = wanted && phase !== 'stopped' && (inUse === null || index < inUse) && retryAtMs > this.#ports.clock.now()
    return isPlanned ? retryAtMs : Infinity
  }

  // ---- the machine decides, the ways do

  #on(event: LinkEvent): void {
    this.#events.push(event)
    this.#run()
  }

  /** Until there is nothing more to decide. What an action causes at once comes after all actions of its step. */
  #run(): void {
    this.#isAsked = true
    if (this.#isRunning || !this.#isStarted) return
    this.#isRunning = true
    while (this.#isAsked) {
      this.#isAsked = false
      for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) this.#step(event)
      if (this.#state.phase !== 'stopped') this.#ask()
    }
    this.#isRunning = false
    this.#wake()
  }

  #ask(): void {
    const counts = this.#isFixed ? NOTHING : this.#ports.waiting()
    const orderFacts = this.#order === null ? null : this.#orderFacts()
    if (orderFacts !== null && isFulfilled(this.#order!, orderFacts)) this.#order = null
    for (const member of this.#members) {
      member.way.checkCost()
      member.verdict = this.#judge(member, counts, orderFacts)
    }
    this.#step({ type: 'asked', wanted: this.#members.map((m) => m.verdict.wanted) })
  }

  #judge(member: Member, counts: Waiting, orderFacts: OrderFacts | null): Verdict {
    const { config, policy, passes } = member
    if (this.#order === null && policy === null && config.budget === null) return ALWAYS
    const isCarried = (name: string): boolean => config.classes === null || config.classes.includes(name)
    const classes = [...counts.keys()].filter((name) => isCarried(name) && counts.get(name)!.count > 0)
    const asked = policy === null ? ALWAYS : policy.ask(this.#factsOf(config, classes, counts, passes))
    const verdict = this.#order === null ? asked : under(this.#order, asked, orderFacts!)
    if (!verdict.wanted || config.budget === null || this.#ports.mayConnect(config, classes, this.#isInUse(config))) return verdict
    return { wanted: false, againMs: Math.min(verdict.againMs, BUDGET_LOOK_MS), why: 'its budget is spent' }
  }

  /** `classes`: those that wait and that the link may carry. */
  #factsOf(config: LinkConfig, classes: readonly string[], counts: Waiting, passes: PassFile | null): PolicyFacts {
    const { clock } = this.#ports
    const { phase } = this.#state
    const isInUse = this.#isInUse(config)
    const isUp = isInUse && phase === 'up'
    return {
      nowMs: clock.now(),
      wallMs: clock.wall(),
      classes,
      count: classes.reduce((sum, name) => sum + counts.get(name)!.count, 0),
      use: isUp ? 'up' : isInUse ? 'trying' : 'none',
      otherIsUp: phase === 'up' && !isInUse,
      isDrained: isUp && this.#ports.drained(),
      receivedAtMs: this.#ports.receivedAtMs(),
      passes: passes?.passes ?? NO_PASSES,
    }
  }

  #orderFacts(): OrderFacts {
    const { phase, sinceMs } = this.#state
    const isUp = phase === 'up'
    return { nowMs: this.#ports.clock.now(), upSinceMs: isUp ? sinceMs : null, isDrained: isUp && this.#ports.drained(), receivedAtMs: this.#ports.receivedAtMs() }
  }

  /** Dialled, connecting or up. */
  #isInUse(config: LinkConfig): boolean {
    const { phase, inUse } = this.#state
    return inUse !== null && phase !== 'hanging-up' && this.#members[inUse]!.config === config
  }

  #wake(): void {
    const { clock } = this.#ports
    this.#timer?.cancel()
    this.#timer = null
    if (this.#state.phase === 'stopped') return
    const nowMs = clock.now()
    const costMs = this.#members.some(({ way }) => way.hasCeiling) ? COST_LOOK_MS : Infinity
    const ms = Math.min(costMs, dueAtMs(this.#state, this.#steppedAtMs) - nowMs, ...this.#members.map((m) => m.verdict.againMs))
    if (ms !== Infinity) this.#timer = clock.after(ms, () => this.#run())
  }

  #step(event: LinkEvent): void {
    const before = this.#state
    this.#steppedAtMs = this.#ports.clock.now()
    const { state, actions } = step(before, event, this.#steppedAtMs, this.#rules)
    this.#state = state
    this.#log(before)
    for (const { kind, link } of actions) this.#do[kind](this.#members[link]!.way)
    if (state.phase !== before.phase || state.inUse !== before.inUse) this.#ports.stateChanged()
    if (isOver(state)) this.#whenOver()
  }

  readonly #do: Readonly<Record<LinkAction['kind'], (way: Way) => void>> = {
    dial: (way) => way.dial(),
    'hang-up': (way) => way.hangUp(),
    connect: (way) => way.connect(),
    disconnect: (way) => way.disconnect(),
    probe: (way) => way.probe(),
  }

  #log(before: LinkState): void {
    const { phase, inUse, links } = this.#state
    const { log, clock } = this.#ports
    const link = before.inUse
    if (link === null || before.phase === 'hanging-up' || phase === 'stopped' || (inUse === link && phase !== 'hanging-up')) return
    const { config, verdict } = this.#members[link]!
    const named = { uplink: this.#uplink, link: config.name, queued: this.#ports.waiting().values().reduce((sum, { count }) => sum + count, 0) }
    const waitMs = Math.round(links[link]!.retryAtMs - clock.now())
    if (waitMs > 0 && links[link]!.retryAtMs !== before.links[link]!.retryAtMs) log.info({ ...named, why: this.#lastError, waitMs }, 'uplink is down')
    else log.info({ ...named, why: verdict.wanted ? 'a cheaper link is back' : verdict.why }, 'uplink hangs up')
  }
}

/** Attempts in vain must not eat a budget: while a link is dead, a tenth of it at most, as long as that is not too seldom. */
function backoffMaxMs({ budget, sbd }: LinkConfig, configuredMs: number): number {
  if (budget === null || sbd !== null) return configuredMs
  const perDayBytes = Math.min(budget.dayBytes, budget.monthBytes / 31)
  const sparingMs = (ATTEMPT_BYTES * DAY_MS) / (perDayBytes * ATTEMPTS_SHARE)
  return Math.max(configuredMs, Math.min(sparingMs, SPARING_MS_MAX))
}
