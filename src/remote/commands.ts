// Commands by message: who may, once, in time, within what a day's answers may cost; and then what becomes of it is answered.
//
//   TOPIC/<command> ─► who? ─► signed? ─► twice? ─► too often? ─► too old? ─► bytes left? ─► carried out, one after the other ─► answer
//                       │ nobody who may: counted, not answered      │ busy       │ expired      │ spent
//
// What is always true
//   1. Whoever may not, or has no right signature, gets no answer: it would cost bytes that strangers decide about.
//   2. Nothing is carried out that could not be answered. An answer is no larger than `answerBytesMax`, all of them no more than `dayBytesMax` in any 24 hours.
//   3. A command with an identifier or Correlation Data is carried out and answered once while it is remembered: for a day, and as long as the gateway
//      runs. After a restart a repeated one does no harm: an order is the same order, and `config` names what it changes.
//   4. What ends the connection (pause) happens when the answer has left, or half a minute later.
import { type Clock, wallIsSet } from '../clock.ts'
import { REMOTE_COMMANDS, type RemoteCommand, type RemoteCommandsConfig } from '../config/remote-config.ts'
import type { Counters } from '../counters.ts'
import { makeMessage, type Message } from '../message.ts'
import { SlidingWindow } from '../rate.ts'
import { Allowance, type AllowanceDeps } from './allowance.ts'
import { answerWithin, reasonOf, responseAsked, roomOf, type Said, type Way } from './answer.ts'
import type { Asker, Askers } from './asker.ts'
import type { Outlet } from './outlet.ts'
import { latenessOf } from './lateness.ts'
import { Remembered } from './remembered.ts'
import { Refusal, type Request, requestOf, unsigned } from './request.ts'
import { wayOf, type WaysDeps, whenLeft } from './way.ts'

/** What a command answers, and what it does when the answer has left. */
export interface Done {
  readonly words: Readonly<Record<string, unknown>>
  readonly body?: Buffer
  readonly after?: () => void
}

/** Carries a command out. `roomBytes`: of its words and body in the answer. Throws Refusal; anything else is a failure. */
export type Handler = (request: Request, roomBytes: number) => Done | Promise<Done>

export interface CommandsDeps extends AllowanceDeps {
  readonly clock: Clock
  readonly counters: Counters
  readonly log: { info(fields: object, text: string): void; warn(fields: object, text: string): void }
  readonly site: string
  readonly isTimeSynced: () => boolean
  readonly askers: Pick<Askers, 'of'>
  readonly outlet: Outlet
  readonly direct: WaysDeps['direct']
  readonly handlers: Readonly<Partial<Record<RemoteCommand, Handler>>>
  /** Gets commands about updates, which has ways of its own (update/commands.ts); null where it is not asked for. */
  readonly updates: ((message: Message) => void) | null
}

/** In any minute. Parts are asked for one after the other. */
export const PER_MINUTE: Readonly<Record<RemoteCommand, number>> = { status: 6, queue: 6, pause: 6, config: 20, update: 60, support: 60 }
const MINUTE_MS = 60_000
const WAITING_MAX = 20
/** Of `dayBytesMax` this may go at once … */
const BURST = 0.5
/** … and this part of that only to commands that change something. */
const KEPT_FOR_CHANGES = 0.25
const READING: readonly RemoteCommand[] = ['status', 'queue', 'support']
const ROOM_BYTES_MIN = 60
/** What takes longer has failed for whoever asked. */
const CARRY_OUT_MS_MAX = 120_000
/** What has been begun ends, or is left alone. */
const STOP_MS_MAX = 1000

export class RemoteCommands {
  readonly #config: RemoteCommandsConfig
  readonly #deps: CommandsDeps
  readonly #allowance: Allowance
  /** Of what we publish: no answer is a command. */
  readonly #origin = {}
  readonly #rates = new Map<RemoteCommand, SlidingWindow>()
  /** Those that were told that they come too often, until one is taken again. */
  readonly #toldBusy = new Set<RemoteCommand>()
  #toldSpent = false
  readonly #known: Remembered
  readonly #ways: WaysDeps
  readonly #complaints = new SlidingWindow(1, MINUTE_MS)
  #queue: Promise<void> = Promise.resolve()
  #waiting = 0
  #isStopped = false

  constructor(config: RemoteCommandsConfig, deps: CommandsDeps) {
    this.#config = config
    this.#deps = deps
    this.#known = new Remembered(deps.clock)
    this.#ways = { topic: config.topic, outlet: deps.outlet, direct: deps.direct, publish: (answer) => this.#publish(answer) }
    this.#allowance = new Allowance('remote/answers', config.dayBytesMax, BURST, deps)
    for (const command of REMOTE_COMMANDS) this.#rates.set(command, new SlidingWindow(PER_MINUTE[command], MINUTE_MS))
  }

  /** Resolves when what was begun has ended, or a moment later. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#within(this.#queue, STOP_MS_MAX)
  }

  /** A message below TOPIC, of one level more or, with parts of packages, two. */
  take(message: Message): void {
    if (message.origin === this.#origin || this.#isStopped) return
    const name = message.topic.name.slice(this.#config.topic.length + 1).split('/')[0]!
    const command = REMOTE_COMMANDS.find((one) => one === name)
    // Which commands there are is not told to those who may give none.
    const asker = this.#deps.askers.of(message, command ?? 'status')
    if (asker === null) return this.#refuse(message, 'nobody who may')
    const { signature } = this.#config
    const content = signature === null ? message.payload : signature.key === null ? null : unsigned(message.payload, signature.key, this.#deps.site, name)
    if (content === null) return this.#refuse(message, signature?.key === null ? 'the key could not be read' : 'the signature is missing or wrong')
    if (command === 'update' && this.#isAllowed('update')) return this.#passOn(message, content)
    this.#consider(command ?? null, name, message, Buffer.from(content), asker)
  }

  /** Publishes an answer of updates: within the same bounds. */
  publishOfUpdates(answer: Message): void {
    const { total, largest } = this.#deps.outlet.cost(answer)
    if (largest > this.#config.answerBytesMax || !this.#allowance.take(total)) {
      this.#deps.counters.refusedRemoteBytes++
      return
    }
    this.#publish(answer)
  }

  #isAllowed(command: RemoteCommand): boolean {
    return this.#config.allow.includes(command)
  }

  /** Its answers go to TOPIC/update/reply: a Response Topic of the cloud means nothing here. */
  #passOn(message: Message, content: Buffer): void {
    const { counters, clock, updates } = this.#deps
    const isPart = message.topic.name.endsWith('/package')
    if (!isPart && !this.#rates.get('update')!.take(clock.now())) return void counters.refusedRemoteRate++
    const { correlation } = responseAsked(message)
    const properties = correlation === null ? null : Buffer.concat([Buffer.from([9, 0, correlation.length]), correlation])
    updates?.(makeMessage(message.topic, Buffer.from(content), { qos: message.qos, properties, origin: message.origin }))
  }

  #consider(command: RemoteCommand | null, name: string, message: Message, content: Buffer, asker: Asker): void {
    const { counters, clock } = this.#deps
    const { signature } = this.#config
    let request: Request | Refusal
    try {
      request = requestOf(content)
    } catch (error) {
      request = error as Refusal
    }
    const asked = responseAsked(message)
    const id = request instanceof Refusal ? null : request.id
    const known = id ?? asked.correlation?.toString('latin1') ?? null
    const identity = known === null ? null : `${name} ${known}`
    if (identity !== null && this.#known.has(identity)) return void counters.refusedRemoteTwice++
    const way = wayOf(name, message, asker, id, this.#ways)
    const answer = (said: Said): void => void this.#answer(way, said, this.#kept)
    const nowMs = clock.now()
    const rate = this.#rates.get(command ?? 'status')!
    if (!rate.take(nowMs) || this.#waiting >= WAITING_MAX) {
      counters.refusedRemoteRate++
      if (this.#toldBusy.has(command ?? 'status')) return
      this.#toldBusy.add(command ?? 'status')
      return answer({ status: 'busy', words: { againSec: Math.max(1, Math.ceil(rate.waitMs(nowMs) / 1000)) } })
    }
    this.#toldBusy.delete(command ?? 'status')
    if (identity !== null) this.#known.add(identity)
    const handler = command === null || !this.#isAllowed(command) ? undefined : this.#deps.handlers[command]
    if (handler === undefined) return answer({ status: 'refused', words: { reason: `may be asked here: ${this.#config.allow.join(', ')}` } })
    if (request instanceof Refusal) return answer({ status: 'refused', words: { reason: reasonOf(request) } })
    const late = latenessOf(request, message, { nowMs, wallMs: this.#wallMs, ageMsMax: this.#config.ageMsMax, needsTime: signature !== null && !READING.includes(command!) })
    if (late !== null) return answer(late)
    const roomBytes = roomOf(way, this.#config.answerBytesMax)
    if (roomBytes < ROOM_BYTES_MIN) return this.#refuse(message, `an answer to ${way.topic.slice(0, 60)} has no room in maxAnswer`)
    const keep = READING.includes(command!) ? this.#kept : 0
    if (this.#allowance.left < this.#mostOf(way) * (this.#waiting + 1) + keep) {
      if (identity !== null) this.#known.delete(identity)
      return this.#spent(way, keep)
    }
    this.#toldSpent = false
    this.#later(() => this.#carryOut(command!, handler, request, roomBytes, way, asker))
  }

  async #carryOut(command: RemoteCommand, handler: Handler, request: Request, roomBytes: number, way: Way, asker: Asker): Promise<void> {
    const { log } = this.#deps
    let said: Said
    let after: (() => void) | undefined
    try {
      const done = await this.#within(handler(request, roomBytes), CARRY_OUT_MS_MAX)
      if (done === null) throw new Error(`it has not ended in ${CARRY_OUT_MS_MAX / 1000} s`)
      after = done.after
      said = { status: 'ok', words: done.words, ...(done.body === undefined ? {} : { body: done.body }) }
    } catch (error) {
      said = { status: error instanceof Refusal ? 'refused' : 'failed', words: { reason: reasonOf(error) } }
    }
    if (!READING.includes(command)) log.info({ command, by: asker.name, words: request.words, status: said.status }, 'a command from afar')
    if (this.#isStopped) return
    const sequence = this.#answer(way, said, 0)
    if (after !== undefined) whenLeft(way, sequence, this.#deps.clock, () => this.#isStopped, after)
  }

  /** Of what may go at once, for commands that change something. */
  get #kept(): number {
    return this.#allowance.most * KEPT_FOR_CHANGES
  }

  /** null when it takes longer. */
  async #within<T>(work: T | Promise<T>, ms: number): Promise<T | null> {
    const late = Promise.withResolvers<null>()
    const timer = this.#deps.clock.after(ms, () => late.resolve(null))
    try {
      return await Promise.race([work, late.promise])
    } finally {
      timer.cancel()
    }
  }

  /** null while it is not known. */
  get #wallMs(): number | null {
    const wallMs = this.#deps.clock.wall()
    return wallIsSet(wallMs) && this.#deps.isTimeSynced() ? wallMs : null
  }

  /** Told once, until there is something left again. */
  #spent(way: Way, keep: number): void {
    this.#deps.counters.refusedRemoteBytes++
    if (this.#toldSpent) return
    this.#toldSpent = true
    const waitMs = this.#allowance.waitMs(this.#mostOf(way) + keep)
    this.#answer(way, { status: 'spent', words: { againSec: Math.ceil(waitMs / 1000) } }, 0)
  }

  /** What an answer may cost: over each uplink that carries it. */
  #mostOf(way: Way): number {
    const { largest, total } = way.cost(makeMessage(way.topic, '', { qos: 1 }))
    return this.#config.answerBytesMax * Math.ceil(total / largest)
  }

  #answer(way: Way, said: Said, keep: number): number | null {
    const { counters } = this.#deps
    const answer = answerWithin(way, said, this.#config.answerBytesMax)
    if (answer !== null && this.#allowance.take(way.cost(answer).total, keep)) return way.send(answer)
    counters.refusedRemoteBytes++
    return null
  }

  #publish({ topic, payload, properties }: Message): number | null {
    return this.#deps.outlet.publish(makeMessage(topic, payload, { qos: 1, properties, origin: this.#origin }))
  }

  #refuse({ topic }: Message, why: string): void {
    this.#deps.counters.refusedRemoteCommands++
    if (this.#complaints.take(this.#deps.clock.now())) this.#deps.log.warn({ topic: topic.name, why }, 'a command from afar is not taken')
  }

  #later(work: () => Promise<void>): void {
    this.#waiting++
    this.#queue = this.#queue
      .then(work)
      .catch((error: Error) => this.#deps.log.warn({ why: error.message }, 'a command from afar could not be answered'))
      .finally(() => void this.#waiting--)
  }
}
