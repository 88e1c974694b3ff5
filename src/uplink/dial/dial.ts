// What brings a line up and takes it down: a command, pppd, NetworkManager, or an interface. Each kind is a DialMethod, in a file of its own; here is
// what they have in common, so that links.ts sees a line that is dialled, hung up, or lost.
//
//   down ──dial()──► dialling ──up()──► up ──hangUp()──► down() ──► down
//                        └──fails, or in vain──►┴──lost──────────►┘
//
// What is always true: one call at a time, and the next begins when the last has been taken down; a call that failed leaves nothing running;
// taking down always ends, with SIGKILL if it must.
import type { Clock } from '../../clock.ts'
import type { DialConfig } from '../../config/config.ts'
import { Call, type DialDeps } from './call.ts'
import { dialByCommand } from './command.ts'
import { dialByInterface } from './interface.ts'
import { dialByModem } from './modem.ts'
import { makeNetwork, type Network } from './network.ts'
import { dialByPppd } from './pppd.ts'
import type { DialLog } from './program.ts'

export interface Dialler {
  /**
   * Brings the line up. Resolves with the interface that it is, null where the dialler cannot know; rejects with an Error whose message is
   * a sentence for the operator, and then nothing is left running.
   */
  dial(): Promise<{ readonly interface: string | null }>
  /** Takes the line down, also one that is being dialled. Never rejects; resolves when nothing of ours runs any more, within two minutes. */
  hangUp(): Promise<void>
  /** `fn` is told when a line that was up has gone away by itself, and why. What is left of it is taken down without being asked. */
  onLost(fn: (why: string) => void): void
}

/** What one kind of dialling does. */
export interface DialMethod {
  /** Brings the line up, and sees to it that `call.end()` is told when it is lost. Answers with the interface; throws a sentence. */
  up(call: Call): Promise<string | null>
  /** Undoes what `up` has begun, however far it came. The call's programs are ended afterwards. */
  down(call: Call): Promise<void>
}

export interface DiallerDeps {
  readonly clock: Clock
  readonly log: DialLog
  /** Left out: the system's. */
  readonly network?: Network
  readonly env?: NodeJS.ProcessEnv
}

export function makeDialler(config: DialConfig, deps: DiallerDeps): Dialler {
  const { clock, log, network = makeNetwork(), env = process.env } = deps
  return new Line(methodOf(config), config.timeoutMs, { clock, log, network, env })
}

function methodOf(config: DialConfig): DialMethod {
  switch (config.kind) {
    case 'command':
      return dialByCommand(config)
    case 'pppd':
      return dialByPppd(config.peer)
    case 'modem':
      return dialByModem(config.connection)
    case 'interface':
      return dialByInterface(config.interface, config.waits)
  }
}

class Line implements Dialler {
  readonly #method: DialMethod
  readonly #timeoutMs: number
  readonly #deps: DialDeps
  #call: Call | null = null
  /** Resolves when the last call has been taken down. */
  #isDown: Promise<void> = Promise.resolve()
  #lost: (why: string) => void = () => {}

  constructor(method: DialMethod, timeoutMs: number, deps: DialDeps) {
    this.#method = method
    this.#timeoutMs = timeoutMs
    this.#deps = deps
  }

  onLost(fn: (why: string) => void): void {
    this.#lost = fn
  }

  async dial(): Promise<{ readonly interface: string | null }> {
    if (this.#call !== null) throw new Error('the line has been dialled already')
    const call = new Call(this.#deps)
    this.#call = call
    try {
      await this.#isDown
      const name = await Promise.race([this.#bringUp(call), call.over.then(refuse)])
      // Over in the same turn as up: it is not up.
      if (call.isOver) refuse(await call.over)
      call.up()
      void call.over.then((why) => this.#onOver(call, why))
      return { interface: name }
    } catch (error) {
      call.end('')
      await this.#takeDown(call)
      throw error
    }
  }

  async hangUp(): Promise<void> {
    const call = this.#call
    if (call === null) return this.#isDown
    const isDown = this.#takeDown(call)
    call.end('it was hung up while it was being dialled')
    return isDown
  }

  async #bringUp(call: Call): Promise<string | null> {
    if (call.isOver) return null
    call.begin(this.#timeoutMs)
    return this.#method.up(call)
  }

  #onOver(call: Call, why: string): void {
    if (this.#call !== call) return
    void this.#takeDown(call)
    this.#lost(why)
  }

  /** Once a call. */
  #takeDown(call: Call): Promise<void> {
    if (this.#call === call) {
      this.#call = null
      this.#isDown = this.#isDown.then(() => this.#undo(call))
    }
    return this.#isDown
  }

  async #undo(call: Call): Promise<void> {
    try {
      if (call.hasBegun) await this.#method.down(call)
    } catch (error) {
      this.#deps.log.warn({ error: String(error) }, 'the line could not be taken down as it should')
    }
    await call.endPrograms()
  }
}

function refuse(why: string): never {
  throw new Error(why)
}
