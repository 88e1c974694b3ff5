// Which of its links an uplink uses, and when: a pure machine. It decides; links.ts does. Links stand cheapest first and are named by index.
//
//           wanted               dialled                accepted
//   idle ───────────► dialling ───────────► connecting ──────────► up ──not wanted, or a cheaper link is back──► hanging-up
//    ▲ nothing           │ failed                │ ended           │ ended                                            │
//    │ wanted            ▼                       ▼                 ▼                                                  │
//    └────────────── waiting ◄───────────────────┴─────────────────┴───────────────◄── nothing else to use ───────────┘
//                        └─► the cheapest wanted link whose back-off is over: dialling, connecting …          any ──stop──► stopped
//
// What is always true
//   1. One link is in use at a time: no connection is opened before the last one has ended.
//   2. Each link has its own back-off: a dead one does not delay the next dearer one. But a link that was well is tried once more before that.
//   3. While a dearer link is in use, cheaper ones are probed. One that has answered every probe for its stable time takes over; each time it
//      then fails all the same, it has to be there for twice as long before it may again.
//   4. A line that is neither in use nor probed is hung up.
//   5. An event that does not belong to the state changes nothing, and the same state object comes back.
//
// A wait grows with decorrelated jitter (next = random between min and three times the last), so that a hundred sites whose broker comes
// back do not come back at once. It starts over only after the link was up for STABLE_MS: a broker that accepts and cuts off at once is
// a broker that is down.

export type LinkPhase = 'idle' | 'dialling' | 'connecting' | 'up' | 'hanging-up' | 'waiting' | 'stopped'

/** `always`: there is nothing to dial. */
export type Line = 'always' | 'down' | 'dialling' | 'up' | 'hanging-up'

export interface OneLink {
  /** Its policy wants a connection, and its budget allows one. */
  readonly wanted: boolean
  readonly line: Line
  /** Attempts and probes in a row that failed; 0 for a link that was well when it was last used. */
  readonly failures: number
  /** The last wait, the seed of the next one; 0 when it starts over. */
  readonly lastWaitMs: number
  /** Monotonic time before which it is neither tried nor probed. */
  readonly retryAtMs: number
  readonly probing: boolean
  /** Since then it has answered every probe; null when it is not probed, or did not answer. */
  readonly goodSinceMs: number | null
  /** Times in a row that it answered its probes, took over and did not last. */
  readonly relapses: number
}

export interface LinkState {
  readonly phase: LinkPhase
  /** Monotonic time of the last change of phase. */
  readonly sinceMs: number
  /** Dialling, connecting, up, or being hung up. */
  readonly inUse: number | null
  /** The link whose connection has not ended yet. */
  readonly carrier: number | null
  readonly links: readonly OneLink[]
}

export type LinkEvent =
  /** Policies and budgets have been asked, or a time of `dueAtMs` has come. The first starts the machine. */
  | { readonly type: 'asked'; readonly wanted: readonly boolean[] }
  /** `lost`: a line that was up is gone. `hung-up`: nothing is left of it. */
  | { readonly type: 'dialled' | 'dial-failed' | 'lost' | 'hung-up'; readonly link: number }
  /** `ended`: the connection, of itself or because it was to. */
  | { readonly type: 'accepted' | 'ended'; readonly link: number }
  | { readonly type: 'probed'; readonly link: number; readonly isGood: boolean }
  /** The attempt or probe under way has cost too much, or takes too long. */
  | { readonly type: 'break-off'; readonly link: number }
  /** Somebody does not want to wait: every back-off is over. */
  | { readonly type: 'hurry' }
  | { readonly type: 'stop' }

export interface LinkAction {
  readonly kind: 'dial' | 'hang-up' | 'connect' | 'disconnect' | 'probe'
  readonly link: number
}

export interface LinkRules {
  readonly backoffMinMs: number
  /** Of each link. */
  readonly backoffMaxMs: readonly number[]
  /** Of each link. */
  readonly stableMs: readonly number[]
  /** Gives a number in [0, 1). */
  readonly random: () => number
}

/** Up for so long, a link is well: its back-off starts over. */
export const STABLE_MS = 30_000
/** A link that keeps failing when it takes over has to answer probes for this long at most, or its stable time where that is longer. */
export const RETURN_MS_MAX = 3_600_000
/** Between two probes that are answered. */
export const PROBE_MS_MIN = 1000
export const PROBE_MS_MAX = 60_000

/** `dials`: whether a link has to be dialled. */
export function idle(dials: readonly boolean[]): LinkState {
  const link = { wanted: false, failures: 0, lastWaitMs: 0, retryAtMs: 0, probing: false, goodSinceMs: null, relapses: 0 } as const
  return { phase: 'idle', sinceMs: 0, inUse: null, carrier: null, links: dials.map((isDialled) => ({ ...link, line: isDialled ? 'down' : 'always' })) }
}

export function step(state: LinkState, event: LinkEvent, nowMs: number, rules: LinkRules): { readonly state: LinkState; readonly actions: readonly LinkAction[] } {
  const next = new Step(state, nowMs, rules)
  if (next.take(event)) next.decide()
  return { state: next.state, actions: next.actions }
}

/** Monotonic time when the machine has to be asked again, even if nothing happens; Infinity for never. `askedAtMs`: when it was asked last. */
export function dueAtMs(state: LinkState, askedAtMs: number): number {
  const times = state.links.filter((l, i) => l.wanted && l.retryAtMs > askedAtMs && (isResting(state) || isProbed(state, i))).map((l) => l.retryAtMs)
  return Math.min(Infinity, ...times)
}

/** Stopped, and nothing is left of any link. */
export function isOver(state: LinkState): boolean {
  return state.phase === 'stopped' && state.carrier === null && state.links.every((l) => (l.line === 'always' || l.line === 'down') && !l.probing)
}

/** No link is in use. */
function isResting(state: LinkState): boolean {
  return state.inUse === null && state.phase !== 'stopped'
}

/** A dearer link is in use. */
function isProbed(state: LinkState, link: number): boolean {
  return state.inUse !== null && link < state.inUse && state.phase !== 'stopped'
}

class Step {
  state: LinkState
  readonly actions: LinkAction[] = []
  readonly #nowMs: number
  readonly #rules: LinkRules

  constructor(state: LinkState, nowMs: number, rules: LinkRules) {
    this.state = state
    this.#nowMs = nowMs
    this.#rules = rules
  }

  /** false when the event does not belong to the state. */
  take(event: LinkEvent): boolean {
    const { phase, inUse, carrier, links } = this.state
    if (event.type === 'stop') return this.#stop()
    if (event.type === 'asked') {
      if (phase === 'stopped') return false
      links.forEach((_, i) => this.#set(i, { wanted: event.wanted[i] === true }))
      return true
    }
    if (event.type === 'hurry') {
      if (phase === 'stopped') return false
      links.forEach((_, i) => this.#set(i, { retryAtMs: 0, lastWaitMs: 0 }))
      return true
    }
    const { link } = event
    const one = links[link]
    if (one === undefined) return false
    switch (event.type) {
      case 'dialled':
        if (one.line !== 'dialling') return false
        this.#set(link, { line: 'up' })
        if (phase === 'dialling' && inUse === link) this.#connect(link)
        return true
      case 'dial-failed':
        if (one.line !== 'dialling') return false
        this.#set(link, { line: 'down' })
        this.#fail(link)
        return true
      case 'lost':
        if (one.line !== 'up') return false
        this.#hangUp(link)
        if (carrier !== link || phase === 'connecting' || phase === 'up') this.#fail(link)
        return true
      case 'hung-up':
        if (one.line !== 'hanging-up') return false
        this.#set(link, { line: 'down' })
        return true
      case 'accepted':
        if (phase !== 'connecting' || carrier !== link) return false
        this.#enter('up', link)
        return true
      case 'ended':
        if (carrier !== link) return false
        this.state = { ...this.state, carrier: null }
        if (phase === 'connecting' || phase === 'up') this.#fail(link)
        else if (phase === 'hanging-up') this.#enter('waiting', null)
        return true
      case 'probed':
        if (!one.probing) return false
        this.#set(link, { probing: false })
        if (isProbed(this.state, link) && one.wanted) this.#probed(link, event.isGood)
        return true
      case 'break-off':
        return this.#breakOff(link, one)
    }
  }

  decide(): void {
    const { phase, inUse, links } = this.state
    if (phase !== 'stopped') {
      if (inUse !== null && phase !== 'hanging-up' && !links[inUse]!.wanted) this.#leave(inUse)
      if (this.state.carrier === null && this.state.phase !== 'dialling') this.#choose()
      links.forEach((_, i) => this.#probe(i))
    }
    links.forEach((_, i) => this.#tidy(i))
    this.#rest()
  }

  // ---- events

  #stop(): boolean {
    const { phase, carrier } = this.state
    if (phase === 'stopped') return false
    if (carrier !== null && phase !== 'hanging-up') this.#do('disconnect', carrier)
    this.state.links.forEach((_, i) => this.#set(i, { probing: false }))
    this.#enter('stopped', null)
    return true
  }

  #breakOff(link: number, { line, probing }: OneLink): boolean {
    const { phase, inUse } = this.state
    const isTried = inUse === link ? phase === 'dialling' || phase === 'connecting' : probing || line === 'dialling'
    if (!isTried) return false
    if (line === 'dialling' || line === 'up') this.#hangUp(link)
    this.#fail(link)
    return true
  }

  #probed(link: number, isGood: boolean): void {
    if (!isGood) {
      this.#fail(link)
      return
    }
    const nowMs = this.#nowMs
    const goodSinceMs = this.state.links[link]!.goodSinceMs ?? nowMs
    const stableAtMs = goodSinceMs + this.#stableMs(link)
    const everyMs = Math.min(Math.max(this.#stableMs(link) / 4, PROBE_MS_MIN), PROBE_MS_MAX)
    this.#set(link, { goodSinceMs, retryAtMs: stableAtMs > nowMs ? Math.min(stableAtMs, nowMs + everyMs) : nowMs + everyMs })
    if (stableAtMs <= nowMs && this.state.phase !== 'hanging-up') this.#leave(this.state.inUse!)
  }

  /** How long a cheaper link must have answered before it takes over. */
  #stableMs(link: number): number {
    const stableMs = Math.max(this.#rules.stableMs[link]!, PROBE_MS_MIN)
    return Math.min(stableMs * 2 ** this.state.links[link]!.relapses, Math.max(stableMs, RETURN_MS_MAX))
  }

  // ---- one link

  #connect(link: number): void {
    this.state = { ...this.state, carrier: link }
    this.#enter('connecting', link)
    this.#do('connect', link)
  }

  /** An attempt, a connection or a probe has failed: the link waits, and a connection that has not ended yet is to end. */
  #fail(link: number): void {
    const { backoffMinMs: minMs, random } = this.#rules
    const { lastWaitMs, failures, relapses, goodSinceMs } = this.state.links[link]!
    const isUsed = this.state.inUse === link
    const upMs = isUsed && this.state.phase === 'up' ? this.#nowMs - this.state.sinceMs : 0
    const isStable = upMs >= STABLE_MS
    const from = isStable || lastWaitMs === 0 ? minMs : lastWaitMs
    const waitMs = Math.min(this.#rules.backoffMaxMs[link]!, minMs + random() * (from * 3 - minMs))
    this.#set(link, {
      failures: isStable ? 0 : failures + 1,
      lastWaitMs: waitMs,
      retryAtMs: this.#nowMs + waitMs,
      goodSinceMs: null,
      relapses: this.#lasted(link, upMs) ? 0 : isUsed && goodSinceMs !== null ? relapses + 1 : relapses,
    })
    if (isUsed) this.#quit(link)
  }

  #lasted(link: number, upMs: number): boolean {
    return upMs >= Math.max(STABLE_MS, this.#rules.stableMs[link]!)
  }

  /** The link in use is not wanted any more, or not the best any more: no failure. */
  #leave(link: number): void {
    const { phase, sinceMs, links } = this.state
    if (phase === 'up') {
      const relapses = this.#lasted(link, this.#nowMs - sinceMs) ? 0 : links[link]!.relapses
      this.#set(link, { failures: 0, lastWaitMs: 0, retryAtMs: 0, relapses })
    }
    this.#set(link, { goodSinceMs: null })
    this.#quit(link)
  }

  #quit(link: number): void {
    if (this.state.carrier === null) {
      this.#enter('waiting', null)
      return
    }
    this.#enter('hanging-up', link)
    this.#do('disconnect', link)
  }

  // ---- all links

  /** The cheapest that is wanted and may be tried. */
  #choose(): void {
    const link = this.#best()
    if (link === null) return
    const { line } = this.state.links[link]!
    if (line === 'up' || line === 'always') {
      this.#connect(link)
      return
    }
    if (line === 'down') this.#dial(link)
    this.#enter('dialling', link)
  }

  #best(): number | null {
    for (const [i, l] of this.state.links.entries()) {
      if (!l.wanted) continue
      if (l.retryAtMs > this.#nowMs && l.goodSinceMs === null) {
        if (l.failures === 0) return null // it was well a moment ago: a dearer one can wait for one attempt
        continue
      }
      return l.line === 'hanging-up' ? null : i
    }
    return null
  }

  #probe(link: number): void {
    const { wanted, line, probing, retryAtMs } = this.state.links[link]!
    if (!isProbed(this.state, link) || this.state.phase === 'hanging-up' || !wanted || probing || retryAtMs > this.#nowMs) return
    if (line === 'down') this.#dial(link)
    if (line !== 'up' && line !== 'always') return
    this.#set(link, { probing: true })
    this.#do('probe', link)
  }

  #tidy(link: number): void {
    const { state } = this
    const { line, wanted, probing, goodSinceMs, failures, retryAtMs } = state.links[link]!
    if (state.carrier === link || state.inUse === link) return
    const probed = wanted && isProbed(state, link)
    if (probed && (line === 'dialling' || probing || goodSinceMs !== null || state.phase === 'hanging-up')) return
    // A link that was good and is not probed any more may be tried at once.
    if (goodSinceMs !== null) this.#set(link, { goodSinceMs: null, retryAtMs: 0 })
    const isTriedAgain = wanted && isResting(state) && failures === 0 && retryAtMs > this.#nowMs
    if (line === 'dialling' || (line === 'up' && !isTriedAgain)) this.#hangUp(link)
  }

  /** Without a link in use the phase says why. */
  #rest(): void {
    const { phase, inUse, links } = this.state
    if (phase === 'stopped' || inUse !== null) return
    const calm = links.some((l) => l.line === 'hanging-up') ? 'hanging-up' : links.some((l) => l.wanted) ? 'waiting' : 'idle'
    if (phase !== calm) this.#enter(calm, null)
  }

  #dial(link: number): void {
    this.#set(link, { line: 'dialling' })
    this.#do('dial', link)
  }

  #hangUp(link: number): void {
    this.#set(link, { line: 'hanging-up', probing: false })
    this.#do('hang-up', link)
  }

  #enter(phase: LinkPhase, inUse: number | null): void {
    this.state = { ...this.state, phase, inUse, sinceMs: this.#nowMs }
  }

  #set(link: number, change: Partial<OneLink>): void {
    const before = this.state.links[link]!
    if ((Object.keys(change) as (keyof OneLink)[]).every((key) => before[key] === change[key])) return
    this.state = { ...this.state, links: this.state.links.with(link, { ...before, ...change }) }
  }

  #do(kind: LinkAction['kind'], link: number): void {
    this.actions.push({ kind, link })
  }
}
