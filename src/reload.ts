// A configuration that changes while the gateway runs: read again on SIGHUP and when one of its files has changed. What is wrong with it is
// said, and the one before stays in force; what only a start can change is named.
import type { Clock } from './clock.ts'
import type { Config } from './config/config.ts'
import { loadConfig } from './config/load.ts'
import { ConfigWatch, type Sources, sourcesOf } from './config/watch.ts'
import { detectedBoard } from './detected-board.ts'
import type { Gateway, GatewayLog } from './gateway.ts'

/** Problems that one line of the log names. */
const TOLD_MAX = 5

export interface ReloadPorts {
  /** The gateway's state folder, or null for none. */
  readonly state: string | null
  /** A configuration has taken effect, as far as it can without a restart. */
  readonly accepted: (config: Config) => void
  /** A text of the file is in force as a whole now. */
  readonly inForce: (text: string) => void
  /** A text was accepted, and some of it counts from the next start on. */
  readonly inPart: () => void
}

export class Reload {
  readonly #file: string
  readonly #gateway: Gateway
  readonly #log: GatewayLog
  readonly #ports: ReloadPorts
  readonly #watch: ConfigWatch
  #reloading: Promise<void> = Promise.resolve()
  /** One after the other: the last one counts. */
  readonly #onSignal = (): void => {
    this.#reloading = this.#reloading.then(() => this.#reload())
  }

  constructor(file: string, gateway: Gateway, clock: Clock, log: GatewayLog, ports: ReloadPorts) {
    this.#file = file
    this.#gateway = gateway
    this.#log = log
    this.#ports = ports
    this.#watch = new ConfigWatch(clock, this.#onSignal)
  }

  /** `sources`: of the configuration in force. */
  start(sources: Sources): void {
    this.#watch.follow(sources)
    process.on('SIGHUP', this.#onSignal)
  }

  stop(): void {
    process.removeListener('SIGHUP', this.#onSignal)
    this.#watch.stop()
  }

  async #reload(): Promise<void> {
    const result = loadConfig(this.#file, { detectedBoard: detectedBoard(), state: this.#ports.state })
    this.#watch.follow(sourcesOf(this.#file, result.files))
    if ('problems' in result) {
      const { problems } = result
      this.#gateway.counters.refusedConfigurations++
      const told = problems.slice(0, TOLD_MAX).map((p) => `line ${p.line}, column ${p.column}: ${p.message}: ${p.hint}`)
      this.#log.error({ file: this.#file, problems: problems.length, told }, 'the changed configuration is refused, the one before stays: `sandpiper check` shows all that is wrong with it')
      return
    }
    for (const { line, message, hint } of result.warnings.slice(0, TOLD_MAX)) this.#log.warn({ file: this.#file, line }, `${message}: ${hint}`)
    const needsRestart = await this.#gateway.reload(result.config)
    this.#ports.accepted(result.config)
    if (needsRestart.length === 0) this.#ports.inForce(result.text)
    else this.#ports.inPart()
    this.#log.info({ file: this.#file, ...(needsRestart.length > 0 ? { needsRestart } : {}) }, 'the configuration was read again: who may connect and what they may do is as it says now')
  }
}
