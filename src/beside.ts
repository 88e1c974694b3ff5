// What runs beside the gateway and asks its parts: its configuration as it changes, its status as a file, its API, what the cloud is told, and that the network
// knows of it. Nothing of it is on a message's way, and what fails here ends nothing.
import { existsSync, readFileSync } from 'node:fs'
import { Api } from './api/api.ts'
import type { OpenPorts } from './banner.ts'
import { systemClock } from './clock.ts'
import type { Config } from './config/config.ts'
import { rememberLastGood } from './config/last-good.ts'
import type { Accepted } from './config/load.ts'
import { Configuration } from './configuration/configuration.ts'
import { writerOf } from './configuration/writer.ts'
import { detectedBoard } from './detected-board.ts'
import { Announced } from './discovery/announced.ts'
import type { Gateway } from './gateway.ts'
import { VERSION } from './layout.ts'
import type { Logger } from './log.ts'
import { withLights } from './ops/lights.ts'
import type { LogRing } from './ops/log-ring.ts'
import type { StatusConfig } from './ops/status.ts'
import { StatusFile } from './ops/status-file.ts'
import type { Remote } from './remote/remote.ts'
import { thisMoment } from './this-start.ts'

/** Of the API's socket: systemd starts the gateway as a user of its own, whose group is those who may run it. Anybody else's group is nobody's business. */
const OWNER_AND_GROUP = 0o660
const OWNER_ONLY = 0o600
/** Made by the appliance, which applies what a configuration says of the machine itself, and has Avahi announce it. */
const APPLIANCE = '/run/sandpiper-apply'
/** What starts the gateway. */
const PROGRAM = [process.execPath, ...process.execArgv, process.argv[1]!]

export const isAppliance = existsSync(APPLIANCE)

/** A gateway that runs, and its log. */
export interface Served {
  readonly gateway: Gateway
  readonly log: Logger
  /** The last lines of it. */
  readonly said: LogRing
  readonly lastError: () => string | null
  /** Stops it in order, and starts it anew. */
  readonly restart: (why: string) => void
}

/** Where its configuration is from. */
export interface Origin {
  /** null: it is built in. */
  readonly file: string | null
  /** The gateway's state folder, or null for none. */
  readonly state: string | null
  /** Where the last good configuration lies, and what is on trial. */
  readonly folder: string
}

export class Beside {
  readonly configuration: Configuration
  readonly #gateway: Gateway
  readonly #statusFile: StatusFile | null
  readonly #api: Api
  readonly #announced: Announced | null
  #remote: Remote | null = null

  /** `inForce`, `started`: what the gateway was started with. */
  static async start(config: Config, served: Served, origin: Origin, inForce: StatusConfig, started: Accepted): Promise<Beside> {
    const beside = new Beside(config, served, origin, inForce, started)
    await beside.#start(config, served)
    return beside
  }

  private constructor(config: Config, served: Served, { file, state, folder }: Origin, inForce: StatusConfig, started: Accepted) {
    const { gateway, log, said, restart } = served
    const runtime = process.env.RUNTIME_DIRECTORY ?? null
    this.#gateway = gateway
    this.configuration = new Configuration(
      {
        clock: systemClock,
        log,
        gateway,
        file,
        state,
        folder,
        detectedBoard: detectedBoard(),
        writer: writerOf({ file: file ?? '', runtime }, systemClock),
        moment: thisMoment,
        accepted: ({ http, discovery, hostname }) => {
          this.#api.configure(http)
          void this.#announced?.configure({ ...config, discovery, hostname }) // listeners are those of the start
        },
        keep: (text) => keepLastGood(folder, text, log),
        restart,
      },
      inForce,
      started,
    )
    const { configuration } = this
    const status = () => this.#status(served)
    this.#statusFile = runtime === null ? null : new StatusFile(runtime, { clock: systemClock, log, status })
    this.#api = new Api(config.http, { clock: systemClock, log, gateway, said, configuration, restart, folder: runtime ?? config.store.path, mode: runtime === null ? OWNER_ONLY : OWNER_AND_GROUP, status, program: PROGRAM })
    this.#announced = isAppliance ? null : new Announced({ clock: systemClock, log, version: VERSION, ports: () => this.ports, refused: () => gateway.counters.refusedDiscovery++ })
  }

  /** What is listened on, in the order of the configuration. */
  get ports(): OpenPorts {
    return { broker: this.#gateway.ports, http: this.#api.ports }
  }

  async stop(): Promise<void> {
    this.configuration.stop()
    await this.#announced?.stop()
    await this.#remote?.stop()
    this.#statusFile?.stop()
    await this.#api.stop()
  }

  async #start(config: Config, served: Served): Promise<void> {
    this.#statusFile?.start()
    await this.#api.start()
    if (config.remote.report !== null || config.remote.commands !== null) await this.#startRemote(config, served)
    await this.#announced?.configure(config)
  }

  async #startRemote({ remote }: Config, served: Served): Promise<void> {
    const { gateway, log } = served
    try {
      const { Remote } = await import('./remote/remote.ts')
      const deps = { clock: systemClock, log, gateway, version: VERSION, status: () => this.#status(served), configuration: this.configuration, makeBundle: () => this.#api.supportBundle() }
      this.#remote = await Remote.of(remote, deps)
      this.#remote.start()
    } catch (error) {
      log.error({ why: (error as Error).stack ?? String(error) }, 'what the cloud may ask of the gateway cannot be loaded: everything else goes on')
    }
  }

  #status({ gateway, lastError }: Served) {
    return withLights({ version: VERSION, boot: BOOT, config: this.configuration.inForce, ...gateway.status, lastError: lastError() }, gateway, systemClock.wall())
  }
}

export function keepLastGood(folder: string, text: string, log: Logger): void {
  try {
    rememberLastGood(folder, text)
  } catch (error) {
    log.error({ why: (error as Error).message }, 'the configuration is in force, but could not be kept as the last good one: check the card and free space (df -h)')
  }
}

const BOOT = bootId()

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return '' // a sandbox that does not tell
  }
}
