// What a case stands on: a Mosquitto as the cloud, a link to it, and a place where a gateway or a bridge runs.
//
// As root with network namespaces the link is packets.py and bytes are counted packets (wire.ts). Elsewhere it is the emulator of the tests
// and bytes are its estimate; `counts` says which, and so does the report. The emulator takes bytes from the kernel at once, so that what TCP
// would merge within a round trip (Nagle's algorithm, a full window) it counts by itself: bursts cost more than they would.
//
// TLS 1.3 with a chain of two certificates on P-256, as public brokers have it: the server's, and that of the authority which issued it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect, type MqttClient } from 'mqtt'
import { Authority } from '../../support/certificates.ts'
import { LinkEmulator } from '../../support/link-emulator.ts'
import { Mosquitto } from '../../support/mosquitto.ts'
import { endWithUs } from '../../support/orphans.ts'
import { freePort } from '../../support/ports.ts'
import { GatewayProcess } from '../../support/process.ts'
import { until } from '../../support/until.ts'
import type { PlayJob, PlayResult } from './player.ts'
import { Wire, type WireShape } from './wire.ts'

const PLAYER = fileURLToPath(new URL('player.ts', import.meta.url))

export interface LinkBytes {
  readonly up: number
  readonly down: number
  /** By connection, where packets are counted: the newest last. */
  readonly connections: readonly { readonly up: number; readonly down: number }[] | null
}

export class Bed implements AsyncDisposable {
  readonly folder: string
  /** The cloud; its `url` is not over the link. */
  readonly cloud: Mosquitto
  readonly #wire: Wire | null
  readonly #authority: Authority
  readonly #tlsPort: number
  readonly #uplinkPort: number
  #shape: WireShape
  #emulator: LinkEmulator | null = null
  readonly #open: (() => Promise<unknown>)[] = []

  /** `lines`: more of the cloud's configuration. */
  static async make(shape: WireShape, lines: readonly string[] = []): Promise<Bed> {
    const wire = Wire.missing() === null ? await Wire.lay(shape) : null
    const folder = await mkdtemp(join(tmpdir(), 'sandpiper-link-'))
    const authority = await Authority.make('Root of a bench')
    const names = `IP:127.0.0.1${wire === null ? '' : `,IP:${wire.cloud.address}`}`
    const below = await authority.intermediate('Issuing authority of a bench')
    const { keyFile, certFile } = await below.issue('cloud', names)
    const chainFile = join(folder, 'chain.pem')
    await writeFile(chainFile, `${await readFile(certFile, 'utf8')}${await readFile(below.certFile, 'utf8')}`)
    const [port, tlsPort, uplinkPort] = [await freePort(), await freePort(), await freePort()]
    const [plain, tls] = wire === null ? ['127.0.0.1', '127.0.0.1'] : [wire.cloud.lan, wire.cloud.address]
    const conf = [
      `listener ${port} ${plain}`, 'allow_anonymous true',
      `listener ${tlsPort} ${tls}`, 'allow_anonymous true', `certfile ${chainFile}`, `keyfile ${keyFile}`,
      'persistence false', 'max_queued_messages 0', 'max_inflight_messages 0', 'set_tcp_nodelay true', 'log_dest stderr', 'log_type error', 'log_type warning',
      ...lines,
    ]
    const cloud = await Mosquitto.run(conf.join('\n'), port, { within: wire?.cloud.within ?? [], host: plain })
    return new Bed({ folder, cloud, wire, authority, tlsPort, uplinkPort, shape })
  }

  private constructor(parts: { folder: string; cloud: Mosquitto; wire: Wire | null; authority: Authority; tlsPort: number; uplinkPort: number; shape: WireShape }) {
    this.folder = parts.folder
    this.cloud = parts.cloud
    this.#wire = parts.wire
    this.#authority = parts.authority
    this.#tlsPort = parts.tlsPort
    this.#uplinkPort = parts.wire === null ? parts.uplinkPort : parts.tlsPort
    this.#shape = parts.shape
  }

  get counts(): 'packets' | 'estimate' {
    return this.#wire === null ? 'estimate' : 'packets'
  }

  /** Address of the gateway for devices, which is not over the link. */
  get gatewayHost(): string {
    return this.#wire?.gateway.lan ?? '127.0.0.1'
  }

  /** An uplink's keys for gateway.yaml. */
  get uplink() {
    return { name: 'cloud', url: `mqtts://${this.#remote}:${this.#uplinkPort}`, clientId: 'g', tls: { ca: this.#authority.certFile } }
  }

  /** mosquitto.conf of a bridge whose own listener is at `local`; `lines` belong to its connection. */
  bridge(local: number, lines: readonly string[]): string {
    const host = this.#wire === null ? '127.0.0.1' : '0.0.0.0'
    const listener = [`listener ${local} ${host}`, 'allow_anonymous true', 'persistence false', 'set_tcp_nodelay true', 'log_dest stderr', 'log_type error']
    const address = `address ${this.#remote}:${this.#uplinkPort}`
    const connection = ['connection cloud', address, `bridge_cafile ${this.#authority.certFile}`, 'remote_clientid g', 'notifications false', 'cleansession false']
    return [...listener, ...connection, ...lines].join('\n')
  }

  // ---- the link

  async reshape(shape: WireShape): Promise<void> {
    this.#shape = shape
    await this.#wire?.reshape(shape)
    this.#emulator?.reshape(shape)
  }

  /** Packets vanish, or wait. */
  async down(): Promise<void> {
    if (this.#wire === null) (await this.#link()).pause()
    else await this.#wire.down()
  }

  async up(): Promise<void> {
    if (this.#wire === null) await (await this.#link()).mend()
    else await this.#wire.up()
  }

  async bytes(): Promise<LinkBytes> {
    if (this.#wire === null) {
      const { up, down } = (await this.#link()).counters.wire
      return { up, down, connections: null }
    }
    const { up, down } = await this.#wire.stats()
    const connections = up.flows.map(([port, bytes]) => ({ up: bytes, down: down.flows.find((flow) => flow[0] === port)?.[1] ?? 0 }))
    return { up: up.bytes, down: down.bytes, connections }
  }

  // ---- what runs in the gateway's place

  /** `more`: sections of gateway.yaml, `uplinks` among them. */
  async startGateway(more: object): Promise<{ readonly gateway: GatewayProcess; readonly port: number }> {
    if (this.#wire === null) await this.#link()
    const port = await freePort()
    const file = join(await mkdtemp(join(this.folder, 'site-')), 'gateway.yaml')
    const listener = { port, host: this.#wire === null ? '127.0.0.1' : '0.0.0.0', anonymous: true }
    await writeFile(file, JSON.stringify({ site: 's', broker: { listeners: [listener], sysInterval: '0s' }, store: { path: './data' }, discovery: { mdns: 'off' }, ...more })) // its bytes would be counted with the link's
    const gateway = new GatewayProcess(['run', '--config', file], { within: this.#wire?.gateway.within ?? [] })
    this.#open.push(() => gateway.kill())
    await gateway.ready()
    return { gateway, port }
  }

  /** A Mosquitto with a bridge to the cloud. */
  async startBridge(lines: readonly string[]): Promise<Mosquitto> {
    if (this.#wire === null) await this.#link()
    return await this.#runBridge(lines)
  }

  /** Plays a recording, in the gateway's place. `bridge`: to a Mosquitto with these lines instead of a gateway. */
  async play(job: Omit<PlayJob, 'port' | 'wire'>, bridge: readonly string[] | null = null): Promise<PlayResult> {
    const port = await freePort()
    const wire: PlayJob['wire'] = this.#wire === null ? { kind: 'emulator', listen: this.#uplinkPort, to: this.#tlsPort } : { kind: 'interface' }
    const gateway = job.gateway === null ? null : { ...job.gateway, store: { path: await mkdtemp(join(this.folder, 'store-')) } }
    const [command, ...args] = [...(this.#wire?.gateway.within ?? []), process.execPath, PLAYER, JSON.stringify({ ...job, gateway, port, wire })]
    const child = endWithUs(spawn(command!, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }))
    this.#open.push(() => ended(child))
    const over = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the player ended with ${String(code)}`)))
    over.catch(() => {}) // heard below, or nobody waits for it any more
    const said = async <T>(): Promise<T> => (await Promise.race([once(child, 'message'), over]))[0] as T
    await said() // it counts
    const local = bridge === null ? null : await this.#runBridge(bridge, port)
    const result = await said<PlayResult>()
    await local?.stop('SIGKILL')
    return result
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#open.splice(0).toReversed()) await close()
    await this.#emulator?.[Symbol.asyncDispose]()
    await this.cloud[Symbol.asyncDispose]()
    await this.#wire?.[Symbol.asyncDispose]()
    await this.#authority[Symbol.asyncDispose]()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** A client of the cloud that is not over the link. */
  async watch(filter: string, onMessage: (topic: string, payload: Buffer) => void): Promise<MqttClient> {
    const client = connect(this.cloud.url, { clientId: 'watcher', protocolVersion: 4, keepalive: 0 })
    this.#open.push(() => client.endAsync(true))
    client.on('message', onMessage)
    await until(() => client.connected, 'the watcher')
    await client.subscribeAsync(filter, { qos: 0 })
    return client
  }

  /** IP bytes so far, when none have come for `quietMs`. */
  async silence(quietMs: number): Promise<LinkBytes> {
    let last = await this.bytes()
    for (let sinceMs = performance.now(); performance.now() - sinceMs < quietMs; ) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      const now = await this.bytes()
      if (now.up !== last.up || now.down !== last.down) sinceMs = performance.now()
      last = now
    }
    return last
  }

  async #runBridge(lines: readonly string[], port?: number): Promise<Mosquitto> {
    const own = port ?? (await freePort())
    const bridge = await Mosquitto.run(this.bridge(own, lines), own, { within: this.#wire?.gateway.within ?? [], host: this.gatewayHost })
    this.#open.push(() => bridge[Symbol.asyncDispose]())
    return bridge
  }

  get #remote(): string {
    return this.#wire?.cloud.address ?? '127.0.0.1'
  }

  /** Only where there is no wire. */
  async #link(): Promise<LinkEmulator> {
    if (this.#wire !== null) throw new Error('there is a wire')
    return (this.#emulator ??= await LinkEmulator.start({ to: { port: this.#tlsPort }, listen: { port: this.#uplinkPort }, ...this.#shape }))
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}
