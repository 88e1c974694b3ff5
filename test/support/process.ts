// The gateway as a site runs it: a process of its own, a configuration file, a folder for its store. What a test does to it is
// what happens to a gateway: SIGTERM, SIGKILL, a start after that.
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endWithUs } from './orphans.ts'
import { freePort } from './ports.ts'
import { until } from './until.ts'

/** SANDPIPER_TEST_PROGRAM: another one than the source, such as out/bundle/sandpiper.mjs. */
const MAIN = process.env.SANDPIPER_TEST_PROGRAM ?? fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const READY_MS_MAX = 15_000
const STOP_MS_MAX = 10_000
/** Of each stream so much is remembered, the newest. */
const OUTPUT_CHARS_MAX = 1_000_000

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface LogLine {
  readonly level: number
  readonly msg: string
  readonly [field: string]: unknown
}

/** One life of the process. */
export class GatewayProcess {
  readonly pid: number
  readonly exited: Promise<Exit>
  stdout = ''
  stderr = ''
  exit: Exit | null = null
  readonly #child: ChildProcess

  /** `args`: what follows `sandpiper` on the command line. `within`: a command that becomes it, such as `ip netns exec NAME`. `program`: default: the source. */
  constructor(args: readonly string[], options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string; readonly within?: readonly string[]; readonly program?: string } = {}) {
    const { NOTIFY_SOCKET: _socket, WATCHDOG_USEC: _usec, JOURNAL_STREAM: _journal, ...inherited } = process.env
    const [command, ...rest] = [...(options.within ?? []), process.execPath, options.program ?? MAIN, ...args]
    const child = spawn(command!, rest, {
      env: { ...inherited, NODE_ENV: 'production', ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = endWithUs(child)
    this.pid = child.pid ?? 0
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout = (this.stdout + text).slice(-OUTPUT_CHARS_MAX)))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr = (this.stderr + text).slice(-OUTPUT_CHARS_MAX)))
    this.exited = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => resolve((this.exit = { code, signal }))) // after both streams have ended
    })
    this.exited.catch(() => {})
  }

  /** Resolves when it takes clients; rejects with what it printed when it ends before that. */
  async ready(timeoutMs = READY_MS_MAX): Promise<void> {
    await until(() => this.exit !== null || this.stdout.includes('"sandpiper is ready"'), 'the gateway to be ready', timeoutMs)
    if (this.exit !== null) throw new Error(`the gateway ended (${this.exit.code ?? this.exit.signal}) before it was ready:\n${this.stdout}\n${this.stderr}`)
  }

  /** The lines of its log so far. */
  get log(): LogLine[] {
    return this.stdout
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as LogLine)
  }

  /** The ports it listens on, as its log names them. */
  get ports(): number[] {
    return (this.log.find((line) => line.msg === 'sandpiper is ready')?.ports as number[] | undefined) ?? []
  }

  /** Resident memory, as the kernel counts it. */
  get residentKb(): number {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1])
  }

  /** Ends it as systemd does. Returns how, and how long it took. */
  async stop(): Promise<Exit & { readonly ms: number }> {
    const began = performance.now()
    if (this.exit === null) this.#child.kill('SIGTERM')
    await until(() => this.exit !== null, 'the gateway to end after SIGTERM', STOP_MS_MAX)
    return { ...(await this.exited), ms: performance.now() - began }
  }

  /** Ends it as a power cut does, as far as a process can feel one. */
  async kill(): Promise<void> {
    if (this.exit === null) this.#child.kill('SIGKILL')
    await this.exited
  }
}

/** A place with a gateway: its folder, its configuration, and the process that runs there now. `await using` takes it away. */
export class Site implements AsyncDisposable {
  readonly folder: string
  readonly port: number
  gateway!: GatewayProcess

  private constructor(folder: string, port: number) {
    this.folder = folder
    this.port = port
  }

  static async make(): Promise<Site> {
    return new Site(await mkdtemp(join(tmpdir(), 'sandpiper-site-')), await freePort())
  }

  get configFile(): string {
    return join(this.folder, 'gateway.yaml')
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`
  }

  /** Writes gateway.yaml: site, one listener and a store, and what the test adds or replaces. JSON is YAML. */
  async configure(more: { readonly [section: string]: unknown } = {}): Promise<void> {
    const { broker, store, ...rest } = more
    const config = {
      site: 'test',
      broker: { listeners: [{ port: this.port }], ...(broker as object | undefined) },
      store: { path: './data', ...(store as object | undefined) },
      discovery: { mdns: 'off' }, // no test says anything to the networks of this machine
      ...rest,
    }
    await writeFile(this.configFile, JSON.stringify(config, null, 2))
  }

  /** Starts the gateway on gateway.yaml, without waiting for it. */
  launch(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): GatewayProcess {
    return (this.gateway = new GatewayProcess(['run', '--config', this.configFile, ...args], { env }))
  }

  async start(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<GatewayProcess> {
    const gateway = this.launch(args, env)
    await gateway.ready()
    return gateway
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (this.gateway as GatewayProcess | undefined)?.kill()
    await rm(this.folder, { recursive: true, force: true })
  }
}
