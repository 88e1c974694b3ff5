// The bench's handle on a load generator: a process of its own, so that making and checking messages costs the broker no
// time. See load/jobs.ts for what it can do.

import { fork, type ChildProcess } from 'node:child_process'
import type { Job, Reply, ResultOf } from './load/jobs.ts'

export class Load {
  readonly #child: ChildProcess
  #waiting: { resolve(reply: Reply): void; reject(error: Error): void } | null = null

  constructor() {
    this.#child = fork(new URL('load/main.ts', import.meta.url), { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child.on('message', (reply: Reply) => this.#waiting?.resolve(reply))
    this.#child.on('exit', (code, signal) => this.#waiting?.reject(new Error(`the load generator ended: ${signal ?? code}`)))
  }

  /** Rejects with what went wrong in the generator, in words. */
  async run<J extends Job>(job: J): Promise<ResultOf<J>> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    this.#waiting = { resolve, reject }
    this.#child.send(job)
    const reply = await promise
    this.#waiting = null
    if ('error' in reply) throw new Error(reply.error)
    return reply.result as ResultOf<J>
  }

  stop(): void {
    this.#waiting = null
    this.#child.kill('SIGKILL')
  }
}
