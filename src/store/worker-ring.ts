// The main thread's end of the ring in SQLite: passes commands on and answers back, between those of the store.
import { type Ring, type RingBatch, RingError, type RingParts, type RingSnapshot } from './ring.ts'
import type { Answer, RingCommand } from './worker.ts'

export class WorkerRing implements Ring {
  readonly #ask: (command: RingCommand) => Promise<Answer>

  /** `ask` rejects when the store has ended. */
  constructor(ask: (command: RingCommand) => Promise<Answer>) {
    this.#ask = ask
  }

  async open(bytesMax: number): Promise<RingSnapshot> {
    return (await this.#answer('ring-opened', { kind: 'ring-open', bytesMax })).snapshot
  }

  async write(batch: RingBatch): Promise<number> {
    return (await this.#answer('ring-written', { kind: 'ring-write', batch })).oldest
  }

  async read(series: readonly number[], first: number, last: number): Promise<readonly RingParts[]> {
    return (await this.#answer('ring-read', { kind: 'ring-read', series, first, last })).blocks
  }

  async #answer<K extends Answer['kind']>(kind: K, command: RingCommand): Promise<Extract<Answer, { kind: K }>> {
    const answer = await this.#ask(command)
    if (answer.kind === 'ring-failed') throw new RingError(answer.fault, answer.message)
    if (answer.kind !== kind) throw new Error(`the store's thread answers ${answer.kind} to ${command.kind}`)
    return answer as Extract<Answer, { kind: K }>
  }
}
