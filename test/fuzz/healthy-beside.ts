// The handle on the healthy client's process (healthy.ts).
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { endWithUs } from '../support/orphans.ts'
import type { Health } from './healthy.ts'

export class HealthyBeside {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Connected and subscribed, and not publishing yet. */
  static async start(port: number): Promise<HealthyBeside> {
    const child = endWithUs(fork(fileURLToPath(new URL('healthy.ts', import.meta.url)), { execArgv: [] }))
    child.send({ port })
    await once(child, 'message')
    return new HealthyBeside(child)
  }

  pause(): void {
    this.#child.send('pause')
  }

  resume(): void {
    this.#child.send('resume')
  }

  /** Waits for what is on its way, ends the process and tells how it went. */
  async stop(): Promise<Health> {
    this.#child.send('stop')
    const [health] = (await once(this.#child, 'message')) as [Health]
    this.#child.disconnect()
    return health
  }
}
