// The gateway under test, as a site runs it: `src/main.ts run --config gateway.yaml`, a process of its own that can be killed.
// What it says about itself is read from where an operator would read it: its $SYS topics.
import { connect, type MqttClient } from 'mqtt'
import { Site } from '../../test/support/process.ts'
import { SITE, STREAMS } from './topics.ts'

const UPLINK = 'cloud'
/** Older figures are not shown: the gateway may be dead, or has nothing to say. */
const FRESH_MS = 2500

/** What `$SYS/broker/uplinks/<name>` says. */
export interface UplinkFigures {
  readonly phase: string
  /** Messages that the gateway holds until the cloud has them. */
  readonly queued: number
  /** Handshakes with the cloud that have begun and not ended. */
  readonly inFlight?: number
  readonly lastError: string | null
}

export interface Patience {
  /** The uplink gives up a link that is silent for about this long. */
  readonly keepAlive: string
  readonly backoff: { readonly min: string; readonly max: string }
}

export class DemoGateway implements AsyncDisposable {
  readonly #site: Site
  #watcher: MqttClient | null = null
  #figures: UplinkFigures | null = null
  #figuresAtMs = 0
  readonly #broken = Promise.withResolvers<never>()
  /** How often it was started. */
  lives = 0

  private constructor(site: Site) {
    this.#site = site
    this.broken.catch(() => {}) // whoever waits for it hears of it
  }

  /** Rejects, with what it said, when it ends and nobody killed it. */
  get broken(): Promise<never> {
    return this.#broken.promise
  }

  /** Runs when the promise resolves; it carries both streams to the broker at `cloudUrl`. */
  static async open(cloudUrl: string, patience: Patience): Promise<DemoGateway> {
    const gateway = new DemoGateway(await Site.make())
    await gateway.#site.configure({
      site: SITE,
      broker: { sysInterval: '250ms' },
      uplinks: [
        {
          name: UPLINK,
          url: cloudUrl,
          clientId: '{site}',
          connectTimeout: '2s',
          maxInflight: 300, // a slow link needs many under way
          ...patience,
          routes: STREAMS.map((s) => ({ out: s.local, as: s.remote, qos: s.qos })),
        },
      ],
    })
    await gateway.start()
    gateway.#watch()
    return gateway
  }

  get url(): string {
    return this.#site.url
  }

  get running(): boolean {
    return this.#site.gateway.exit === null
  }

  get pid(): number {
    return this.#site.gateway.pid
  }

  get residentMb(): number | null {
    try {
      const kb = this.running ? this.#site.gateway.residentKb : NaN
      return Number.isNaN(kb) ? null : Math.round(kb / 1024)
    } catch {
      return null // no /proc here
    }
  }

  /** Null when it has not said anything lately. */
  get figures(): UplinkFigures | null {
    return performance.now() - this.#figuresAtMs < FRESH_MS ? this.#figures : null
  }

  /** Starts it on what an earlier life left on flash. */
  async start(): Promise<void> {
    const life = await this.#site.start()
    this.lives++
    void life.exited.then(({ code, signal }) => {
      if (signal !== 'SIGKILL') this.#broken.reject(new Error(`the gateway ended by itself (${signal ?? code}):\n${life.stderr}`))
    })
  }

  async kill(): Promise<void> {
    await this.#site.gateway.kill()
    this.#figures = null
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watcher?.endAsync(true)
    await this.#site[Symbol.asyncDispose]()
  }

  #watch(): void {
    const topic = `$SYS/broker/uplinks/${UPLINK}`
    const watcher = connect(this.url, { clientId: 'watcher', reconnectPeriod: 100, connectTimeout: 2000 })
    this.#watcher = watcher
    watcher.on('error', () => {}) // it tries again
    watcher.on('connect', () => void watcher.subscribeAsync(topic).catch(() => {}))
    watcher.on('message', (_, payload) => {
      this.#figures = JSON.parse(payload.toString()) as UplinkFigures
      this.#figuresAtMs = performance.now()
    })
  }
}
