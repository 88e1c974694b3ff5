// Commands from the cloud: each goes to the local clients that are subscribed to it, and the cloud hears what became of it.
//
//   PUBLISH ─► who gets it? ─► queue of each on flash, and this record ─► PUBREC ─► each acknowledges ─► reply: delivered
//                 │ nobody ─► reply: no-receiver                           └──────► nobody in time ────► reply: expired
//
// A reply is JSON under the topic that the route names, or the Response Topic of the command, with its Correlation Data:
//   { "status": "delivered" | "no-receiver" | "expired" | "dropped" | "accepted", "topic": …, "by": [client identifiers] }
// accepted: on its way, and nothing further is told of this one: more commands than COMMANDS_MAX wait for somebody, or a kill came before its
// record was kept.
//
// What is always true
//   1. A command is taken once: the route is subscribed at QoS 2. Published at less by the cloud it may come again, as MQTT says.
//   2. What a reply is still owed for is on flash before the command is acknowledged, and survives a restart. A kill may repeat a reply.
//   3. Only receivers with a session that outlives them are waited for. Others have it when it is published, or never.
import type { Clock, Timer } from '../clock.ts'
import { wallIsSet } from '../clock.ts'
import type { CommandConfig } from '../config/config.ts'
import { AllOf, answerTo } from '../journal/all-of.ts'
import type { Waiter } from '../journal/append.ts'
import type { Journal } from '../journal/journal.ts'
import type { Fate } from '../journal/watches.ts'
import { makeMessage, type Message } from '../message.ts'
import { correlationProperty, responseOf } from '../mqtt/response.ts'
import type { Router } from '../router/router.ts'
import type { Shelf } from '../shelf.ts'

/** Commands that are waited for at once. */
const COMMANDS_MAX = 1000
/** A reply that the store had no room for. */
const TELL_AGAIN_MS = 10_000
const FILE = /^command-(\d+)\.json$/

export interface CommandsDeps {
  readonly clock: Clock
  readonly journal: Journal
  readonly shelf: Shelf
  readonly log: { warn(fields: object, text: string): void }
  /** Sends a message to the remote as it is, through a queue on flash; `waiter` hears when it is there. */
  readonly send: (message: Message, waiter: Waiter | null) => void
  /** Whether a destination is done with a message of an earlier run; null when there is no such destination any more. */
  readonly isSettled: (destination: number, sequence: number) => boolean | null
}

/** What a reply says, and where it goes. */
interface About {
  readonly topic: string
  readonly reply: string
  /** Base 64; null for none. */
  readonly correlation: string | null
  /** Client identifiers of those that have it. */
  readonly by: string[]
}

/** A command whose receivers have not all answered, as it is kept. */
interface Pending extends About {
  readonly sequence: number
  /** That it came under; null where there are none. */
  readonly packetIdentifier: number | null
  /** Wall time; null for never. */
  readonly expiresAtMs: number | null
  /** Client identifiers by destination, of those that have not answered. */
  readonly waiting: Record<string, string>
}

export class Commands {
  readonly #deps: CommandsDeps
  readonly #pending = new Map<number, Pending>()
  /** Files being written. */
  readonly #writing = new Map<number, Promise<void>>()
  /** Packet identifiers of commands that came in this run, or are on record. */
  readonly #known = new Set<number>()
  /** Of the run before: what is beyond was never on flash. */
  readonly #lastSequence: number
  #timer: Timer | null = null
  #isStopped = false

  constructor(deps: CommandsDeps) {
    this.#deps = deps
    this.#lastSequence = deps.journal.lastSequence
  }

  /** Takes up what an earlier run has left. */
  async prepare(): Promise<void> {
    for (const name of await this.#deps.shelf.names()) {
      const bytes = FILE.test(name) ? await this.#deps.shelf.read(name) : null
      if (bytes === null) continue
      try {
        const pending = JSON.parse(bytes.toString('utf8')) as Pending
        if (pending.sequence <= this.#lastSequence) this.#takeUp(pending)
        else await this.#deps.shelf.remove(name) // its message was lost before it was acknowledged: the remote sends it again
      } catch (error) {
        this.#deps.log.warn({ name, why: (error as Error).message }, 'the file of a command is damaged: it is left out')
        await this.#deps.shelf.remove(name)
      }
    }
    this.#wake()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /**
   * `message` as it is for the local clients, `remoteTopic` and `packetIdentifier` as it came. `ack` hears when all that is owed is on flash.
   * `held` as in Router.publish.
   */
  onCommand(message: Message, remoteTopic: string, packetIdentifier: number | null, config: CommandConfig, router: Router, ack: Waiter | null, held: boolean): void {
    const { clock, journal } = this.#deps
    const { reply, correlation } = addressOf(message, config)
    if (packetIdentifier !== null) this.#known.add(packetIdentifier)
    const command = message.expiresAtMs === Infinity && config.expiryMs !== Infinity ? message.expiringAt(clock.now() + config.expiryMs) : message
    const { durable, passing } = router.receiversOf(command)
    let pending: Pending | null = null
    const all = new AllOf((refusal) => {
      if (refusal !== null && pending !== null) this.#refused(pending)
      answerTo(ack)(refusal)
    })
    if (!router.publish(command, all.expect(), held)) all.durable()
    const about = { topic: remoteTopic, reply, correlation, by: [...passing] }
    if (reply !== null) {
      if (durable.size > 0 && this.#pending.size < COMMANDS_MAX) {
        pending = { ...about, reply, sequence: journal.lastSequence, packetIdentifier, expiresAtMs: this.#wallOf(command), waiting: Object.fromEntries(durable) }
        this.#keep(pending, all.expect())
      } else this.#reply({ ...about, reply }, durable.size > 0 ? 'accepted' : passing.length > 0 ? 'delivered' : 'no-receiver', all.expect())
    }
    all.complete()
  }

  /** A command that was taken came again: in an earlier run a kill may have come between that and its record. */
  onRepeated(message: Message, remoteTopic: string, packetIdentifier: number, config: CommandConfig): void {
    const { reply, correlation } = addressOf(message, config)
    if (reply === null || this.#known.has(packetIdentifier)) return
    this.#known.add(packetIdentifier)
    this.#reply({ topic: remoteTopic, reply, correlation, by: [] }, 'accepted', null)
  }

  /** When nobody will take it any more, in wall time; null for never. */
  #wallOf({ expiresAtMs }: Message): number | null {
    const { clock } = this.#deps
    return expiresAtMs === Infinity ? null : clock.wall() + expiresAtMs - clock.now()
  }

  #takeUp(pending: Pending): void {
    if (pending.packetIdentifier !== null) this.#known.add(pending.packetIdentifier)
    for (const [destination, clientId] of Object.entries(pending.waiting)) {
      const isSettled = this.#deps.isSettled(Number(destination), pending.sequence)
      if (isSettled === false) continue
      delete pending.waiting[destination]
      if (isSettled === true) pending.by.push(clientId)
    }
    if (Object.keys(pending.waiting).length === 0) this.#end(pending, pending.by.length > 0 ? 'delivered' : 'dropped')
    else this.#watch(pending)
  }

  #keep(pending: Pending, durable: Waiter): void {
    this.#watch(pending)
    this.#wake()
    const written = this.#deps.shelf.write(fileOf(pending), Buffer.from(JSON.stringify(pending))).then(
      () => durable.durable(),
      (error: Error) => {
        this.#deps.log.warn({ topic: pending.topic, why: error.message }, 'a command could not be kept on disk: what becomes of it is not told')
        if (this.#forget(pending)) this.#tell(pending, 'accepted')
        durable.durable() // it is on its way: once more would be twice
      },
    )
    this.#writing.set(pending.sequence, written)
    void written.then(() => this.#writing.delete(pending.sequence))
  }

  #watch(pending: Pending): void {
    this.#pending.set(pending.sequence, pending)
    this.#deps.journal.watches.add(pending.sequence, (destination, fate) => this.#onFate(pending, destination, fate))
  }

  #onFate(pending: Pending, destination: number, fate: Fate): void {
    const clientId = pending.waiting[destination]
    if (clientId === undefined) return
    delete pending.waiting[destination]
    if (fate === 'delivered') pending.by.push(clientId)
    if (Object.keys(pending.waiting).length === 0) this.#end(pending, pending.by.length > 0 ? 'delivered' : fate)
  }

  #end(pending: Pending, status: string): void {
    this.#forget(pending)
    this.#tell(pending, status)
  }

  /** There was no room for the message: it comes again. */
  #refused(pending: Pending): void {
    if (this.#forget(pending)) void this.#remove(pending)
  }

  /** Until there is room for the reply. */
  #tell(pending: Pending, status: string): void {
    if (this.#isStopped) return // the file is there for the next run
    this.#reply(pending, status, { durable: () => void this.#remove(pending), refused: () => void this.#deps.clock.after(TELL_AGAIN_MS, () => this.#tell(pending, status)) })
  }

  /** False when nobody waited for it any more. */
  #forget({ sequence }: Pending): boolean {
    this.#deps.journal.watches.remove(sequence)
    return this.#pending.delete(sequence)
  }

  /** Not before it is written, or it would be there for ever. */
  async #remove(pending: Pending): Promise<void> {
    await this.#writing.get(pending.sequence)
    await this.#deps.shelf.remove(fileOf(pending)).catch(() => {}) // it is told once more after the next start
  }

  #reply({ topic, reply, correlation, by }: About, status: string, waiter: Waiter | null): void {
    const properties = correlation === null ? null : correlationProperty(Buffer.from(correlation, 'base64'))
    this.#deps.send(makeMessage(reply, JSON.stringify({ status, topic, by }), { qos: 1, properties }), waiter)
  }

  /** At the time of the next one that nobody will take any more. */
  #wake(): void {
    this.#timer?.cancel()
    this.#timer = null
    const nowMs = this.#deps.clock.wall()
    let nextMs = Infinity
    for (const pending of this.#pending.values()) {
      if (pending.expiresAtMs === null || wallIsSet(pending.expiresAtMs) !== wallIsSet(nowMs)) continue
      if (pending.expiresAtMs <= nowMs) this.#end(pending, pending.by.length > 0 ? 'delivered' : 'expired')
      else nextMs = Math.min(nextMs, pending.expiresAtMs)
    }
    if (nextMs < Infinity) this.#timer = this.#deps.clock.after(Math.min(nextMs - nowMs, 60_000), () => this.#wake())
  }
}

/** Where the reply goes, and what it is recognised by. */
function addressOf({ properties }: Message, config: CommandConfig): { reply: string | null; correlation: string | null } {
  const asked = responseOf(properties)
  return { reply: config.reply ?? asked.topic, correlation: asked.correlation?.toString('base64') ?? null }
}

function fileOf({ sequence }: Pending): string {
  return `command-${sequence}.json`
}
