// The gateway as the cloud sees it over a thin link: a report that comes by itself, and commands that are answered. Beside the gateway, as its API is: it
// asks the gateway's parts, and what it says are messages as any other. Loaded when the configuration asks for it.
import type { Clock } from '../clock.ts'
import type { RemoteCommand, RemoteConfig } from '../config/config.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { Gateway, GatewayLog } from '../gateway.ts'
import type { Message } from '../message.ts'
import type { Status } from '../ops/status.ts'
import { type Asker, Askers } from './asker.ts'
import { type Handler, RemoteCommands } from './commands.ts'
import { orderHandler } from './order.ts'
import { costAsItIs, GatewayOutlet } from './outlet.ts'
import { Pace } from './pace.ts'
import { queueHandler } from './queues.ts'
import { fitted, reportOf, type ReportSources } from './report.ts'
import { Reporter } from './reporter.ts'
import { Refusal, wanted } from './request.ts'
import { type MakeBundle, SupportCommand } from './support.ts'
import type { updatesAt } from './updates.ts'

export interface RemoteDeps {
  readonly clock: Clock
  readonly log: GatewayLog
  readonly gateway: Gateway
  readonly version: string
  readonly status: () => Omit<Status, 'at' | 'uptimeMs'>
  readonly configuration: Pick<Configuration, 'view' | 'check' | 'try' | 'confirm' | 'revert'>
  readonly makeBundle: MakeBundle | null
}

export class Remote {
  readonly #deps: RemoteDeps
  readonly #outlet: GatewayOutlet
  readonly #startedAtMs: number
  readonly #reporter: Reporter | null
  readonly #pace: Pace
  readonly #support: SupportCommand | null
  readonly #updates: ReturnType<typeof updatesAt> | null
  readonly #commands: RemoteCommands | null
  readonly #topic: string | null
  /** Where messages about updates go that may. */
  readonly #takesUpdates = new Map<string, (message: Message) => void>()
  readonly #unsubscribe: (() => void)[] = []

  /** Loads what the configuration asks for, and no more: memory that others keep. */
  static async of(config: RemoteConfig, deps: RemoteDeps): Promise<Remote> {
    return new Remote(config, deps, config.commands?.allow.includes('update') === true ? await import('./updates.ts') : null)
  }

  private constructor({ report, commands }: RemoteConfig, deps: RemoteDeps, updates: { readonly updatesAt: typeof updatesAt } | null) {
    const { clock, gateway } = deps
    this.#deps = deps
    this.#startedAtMs = clock.now()
    this.#outlet = new GatewayOutlet(gateway)
    const kept = { clock, numbers: gateway.numbers, storedWallMs: () => gateway.storedWallMs, counters: gateway.counters, outlet: this.#outlet }
    this.#reporter = report === null ? null : new Reporter(report, { ...kept, sources: () => this.#sources })
    this.#pace = new Pace(clock, () => gateway.uplinks.map(({ state }) => state))
    this.#support = deps.makeBundle === null ? null : new SupportCommand(clock, deps.makeBundle)
    this.#topic = commands?.topic ?? null
    const forUpdates = { subscribe: (filter: string, take: (message: Message) => void) => void this.#takesUpdates.set(filter, take), publish: (message: Message) => this.#commands!.publishOfUpdates(message) }
    this.#updates = updates === null ? null : updates.updatesAt(`${commands!.topic}/update`, { ...deps, ...forUpdates })
    this.#commands = commands === null ? null : new RemoteCommands(commands, {
      ...kept,
      log: deps.log,
      site: gateway.config.site,
      isTimeSynced: () => gateway.isTimeSynced,
      askers: new Askers(gateway.access, commands.from),
      direct: (asker) => this.#directTo(asker),
      handlers: this.#handlers(),
      updates: this.#updates === null ? null : (message) => this.#takesUpdates.get(message.topic.name)?.(message),
    })
  }

  start(): void {
    this.#reporter?.start()
    if (this.#commands === null) return
    this.#pace.start()
    const commands = this.#commands
    this.#unsubscribe.push(this.#deps.gateway.subscribe('', [`${this.#topic}/+`, `${this.#topic}/update/package`], (message) => commands.take(message), null))
    this.#updates?.start()
  }

  async stop(): Promise<void> {
    this.#reporter?.stop()
    this.#pace.stop()
    this.#support?.stop()
    for (const end of this.#unsubscribe.splice(0)) end()
    await this.#updates?.stop()
    await this.#commands?.stop()
  }

  get #sources(): ReportSources {
    const { clock, gateway, status } = this.#deps
    return { status: status(), wallMs: clock.wall(), uplinks: gateway.uplinks.map(({ state }) => state), committedAgoMs: gateway.committedAgoMs, upMs: clock.now() - this.#startedAtMs }
  }

  #handlers(): Partial<Record<RemoteCommand, Handler>> {
    const { clock, gateway, configuration } = this.#deps
    return {
      status: ({ words }, roomBytes) => {
        wanted(words, {})
        const sources = this.#sources
        return { words: fitted((namesMax) => reportOf(sources, namesMax), roomBytes) }
      },
      queue: queueHandler(gateway, clock, this.#pace),
      pause: orderHandler(gateway),
      config: async (request, roomBytes) => {
        const [{ configurationHandler }, { trialOf }] = await Promise.all([import('./configuration.ts'), import('./trial.ts')])
        return configurationHandler(trialOf(configuration))(request, roomBytes)
      },
      support: this.#support?.handle ?? noBundles,
    }
  }

  #directTo({ uplink }: Asker) {
    const lane = uplink?.directLane ?? null
    if (uplink === null || lane === null) return null
    return {
      cost: (answer: Message) => costAsItIs(answer, this.#deps.gateway, uplink),
      send: (answer: Message) => uplink.sendDirect(answer),
      waits: (sequence: number) => lane.queue.size.count > 0 && !lane.queue.isSettled(sequence),
    }
  }
}

const noBundles: Handler = () => {
  throw new Refusal('this gateway makes no support bundles')
}
