// Whether the gateway announces itself, and what does it: nothing of it is loaded where a configuration asks for none.
import type { Config } from '../config/config.ts'
import type { Discovery, DiscoveryDeps } from './discovery.ts'
import { isAnnounced } from './services.ts'

export class Announced {
  readonly #deps: DiscoveryDeps
  /** One after the other: the last configuration counts. */
  #turn: Promise<Discovery | null> = Promise.resolve(null)

  constructor(deps: DiscoveryDeps) {
    this.#deps = deps
  }

  /** Never rejects: a gateway that nobody finds is one all the same. */
  async configure(config: Config): Promise<void> {
    this.#turn = this.#turn.then((running) => this.#change(running, config))
    await this.#turn
  }

  /** Says goodbye. */
  async stop(): Promise<void> {
    await (await this.#turn)?.stop()
  }

  async #change(running: Discovery | null, config: Config): Promise<Discovery | null> {
    if (running !== null) {
      running.configure(config)
      return running
    }
    if (!isAnnounced(config)) return null
    try {
      const { Discovery } = await import('./discovery.ts')
      const discovery = new Discovery(config, this.#deps)
      discovery.start()
      return discovery
    } catch (error) {
      this.#deps.log.warn({ why: (error as Error).message }, 'the gateway cannot be announced by mDNS: everything else goes on')
      return null
    }
  }
}
