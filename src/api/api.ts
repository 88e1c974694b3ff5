// The gateway's API for people and programs: what of it is there before anybody has asked. The rest (app.ts, the routes and their packages) is loaded then.
import { join } from 'node:path'
import { setImmediate as othersTurn } from 'node:timers/promises'
import type { Duplex } from 'node:stream'
import type { Clock } from '../clock.ts'
import type { HttpConfig, HttpListenerConfig } from '../config/config.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { Gateway } from '../gateway.ts'
import type { LogRing } from '../ops/log-ring.ts'
import type { Status } from '../ops/status.ts'
import type { TlsLog } from '../net/tls.ts'
import type { Page } from '../dashboard/serve.ts'
import { type Places, placesBelow } from '../update/places.ts'
import type { App } from './app.ts'
import { type Entrance, EntranceSocket, type Place } from './entrance.ts'
import type { Caller, Callers } from './caller.ts'
import { ownPaths } from './own-paths.ts'
import type { ReadRoute, Route } from './route.ts'

export const API_SOCKET = 'api.sock'

export interface ApiDeps {
  readonly clock: Clock
  readonly log: TlsLog
  readonly gateway: Gateway
  /** What has been said of late. */
  readonly said: LogRing
  /** Where the unix socket is, and its permission: who may open it is admin. */
  readonly folder: string
  readonly mode: number
  readonly status: () => Omit<Status, 'at' | 'uptimeMs'>
  readonly configuration: Configuration
  /** Stops the gateway in order and starts it anew, when what has asked for it has its answer. */
  readonly restart: (why: string) => void
  /** Of the appliance; default: those of this machine. */
  readonly places?: Places
  /** What starts this program: for work that a process of its own does. */
  readonly program: readonly string[]
}

export class Api {
  readonly #deps: ApiDeps
  readonly #entrances: readonly EntranceSocket[]
  readonly #startedMs: number
  #config: HttpConfig
  #loading: Promise<App> | null = null
  #callers: Callers | null = null

  constructor(config: HttpConfig, deps: ApiDeps) {
    this.#deps = deps
    this.#config = config
    this.#startedMs = deps.clock.now()
    const take = (stream: Duplex, entrance: Entrance, address: string): void => void this.#take(stream, entrance, address)
    const places: Place[] = [{ kind: 'socket', path: join(deps.folder, API_SOCKET), mode: deps.mode }, ...config.listeners.map((listener) => placeOf(listener, deps.gateway.config.store.path))]
    this.#entrances = places.map((place) => new EntranceSocket(place, { ...deps, counters: deps.gateway.counters, take }))
  }

  /** Of `http.listeners`, in that order; 0 where nothing could be had yet. */
  get ports(): number[] {
    return this.#entrances.slice(1).map(({ port }) => port)
  }

  /** Never rejects: a gateway without its API is one all the same. */
  async start(): Promise<void> {
    if (this.#config.listeners.some(({ tls }) => tls === 'own')) await this.#makeCertificate()
    await Promise.all(this.#entrances.map((entrance) => entrance.start()))
  }

  /** From now on this says who may come in, and `gateway.access` has rules that may be others. Where the API listens only a restart changes. */
  configure(config: HttpConfig): void {
    this.#config = config
    this.#callers?.configure(config)
    this.#loading?.then((app) => app.endStreams(), () => {}) // why it could not be loaded has been told
  }

  /** One file for whoever helps, as GET /support has it: for those who ask by other ways. */
  async supportBundle(): Promise<Buffer> {
    const { Callers, LOCAL } = await import('./caller.ts')
    const { gateway, clock } = this.#deps
    const routes = await this.#routesWith(new Callers(gateway.access, clock, this.#config))
    return bundleBy(routes, LOCAL)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#entrances.map((entrance) => entrance.stop()))
    await (await this.#loading?.catch(() => null))?.stop()
  }

  /** Without it the listeners are there all the same, and every handshake fails until there is one. */
  async #makeCertificate(): Promise<void> {
    const { gateway: { config }, log } = this.#deps
    const { ownFiles } = await import('./own-certificate.ts')
    try {
      const { fingerprint, isNew } = ownFiles(config.store.path, config)
      log.info({ fingerprint }, isNew ? 'a certificate for the HTTP API was made: browsers ask whether to trust it, and show this fingerprint' : 'the HTTP API has the certificate with this fingerprint')
    } catch (error) {
      log.error({ why: (error as Error).message }, 'there is no certificate for the HTTP API')
    }
  }

  async #take(stream: Duplex, entrance: Entrance, address: string): Promise<void> {
    stream.pause()
    try {
      const app = await (this.#loading ??= this.#load())
      if (!stream.destroyed) app.take(stream, entrance, address)
    } catch (error) {
      this.#loading = null
      this.#deps.log.error({ why: (error as Error).stack ?? String(error) }, 'the HTTP API cannot be loaded: everything else goes on')
      stream.destroy()
    }
  }

  /** In pieces: between them messages pass. */
  async #load(): Promise<App> {
    const { App } = await import('./app.ts')
    await othersTurn()
    const { Callers } = await import('./caller.ts')
    const { gateway, clock, log } = this.#deps
    const callers = (this.#callers = new Callers(gateway.access, clock, this.#config))
    const page = async (): Promise<Page> => (await import('../dashboard/serve.ts')).Page.load()
    const routes = await this.#routesWith(callers)
    await othersTurn()
    return App.make({ clock, callers, routes, log, requestsPerMinuteMax: this.#config.requestsPerMinuteMax, page })
  }

  async #routesWith(callers: Callers): Promise<readonly Route[]> {
    const { routesOf } = await import('./routes.ts')
    const { gateway, clock, said, status, configuration, restart, program, log, places = placesBelow() } = this.#deps
    return routesOf({ gateway, clock, callers, log: said, status, configuration, restart, program, places, warn: (fields, text) => log.warn(fields, text), startedMs: this.#startedMs })
  }
}

function bundleBy(routes: readonly Route[], caller: Caller): Promise<Buffer> {
  const route = routes.find(({ path }) => path === '/support') as ReadRoute
  const entrance: Entrance = { kind: 'socket' }
  return route.handle({ caller, params: {}, query: {}, body: undefined, authorization: undefined, entrance, address: '', gone: new AbortController().signal }) as Promise<Buffer>
}

function placeOf(config: HttpListenerConfig, folder: string): Place {
  const { tls, isLoopback } = config
  const files = tls === 'own' ? { ...ownPaths(folder), minVersion: 'TLSv1.2' as const } : tls
  return { kind: 'port', config, tls: files === null ? null : { ...files, clients: null }, isLoopback }
}
