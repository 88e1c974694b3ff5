// A real Mosquitto as the cloud: a port of its own that it comes back on, sessions and queues kept over its own restarts, and
// no limit on what it queues for a client that is away: what is missing at the end was lost by somebody else.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endWithUs } from './orphans.ts'
import { freePort } from './ports.ts'
import { until } from './until.ts'

const PATH = `${process.env.PATH}:/usr/sbin` // where Debian puts it, and not every user looks

export interface MosquittoOptions {
  /** Clients must give this name and password; default: anybody may connect. */
  readonly user?: { readonly name: string; readonly password: string }
  /** Further lines of its configuration. */
  readonly lines?: readonly string[]
}

/** Where it runs: a command that becomes it, such as `ip netns exec NAME`, and its address for us. */
export interface Where {
  readonly within: readonly string[]
  readonly host: string
}

const HERE: Where = { within: [], host: '127.0.0.1' }

export class Mosquitto implements AsyncDisposable {
  readonly folder: string
  readonly port: number
  log = ''
  readonly #where: Where
  #ports: readonly number[] = []
  #process: ChildProcess | null = null

  private constructor(folder: string, port: number, where: Where = HERE) {
    this.folder = folder
    this.port = port
    this.#where = where
  }

  /** Runs when the promise resolves. */
  static async start(options: MosquittoOptions = {}): Promise<Mosquitto> {
    const cloud = new Mosquitto(await mkdtemp(join(tmpdir(), 'sandpiper-cloud-')), await freePort())
    await cloud.#configure(options)
    await cloud.start()
    return cloud
  }

  /** On a configuration as it stands, which listens on `port`. */
  static async run(conf: string, port: number, where: Where = HERE): Promise<Mosquitto> {
    const broker = new Mosquitto(await mkdtemp(join(tmpdir(), 'sandpiper-broker-')), port, where)
    await broker.#write(conf.split('\n'))
    await broker.start()
    return broker
  }

  get url(): string {
    return `mqtt://${this.#where.host}:${this.port}`
  }

  async start(): Promise<void> {
    const [command, ...args] = [...this.#where.within, 'mosquitto', '-c', join(this.folder, 'mosquitto.conf')]
    const child = spawn(command!, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, PATH } })
    let failed: Error | null = null
    child.once('error', (error) => (failed = new Error('mosquitto does not start: scripts/setup test installs it', { cause: error })))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.log = (this.log + text).slice(-200_000)))
    this.#process = endWithUs(child)
    await until(async () => failed !== null || child.exitCode !== null || (await this.#listens()), 'mosquitto to listen')
    if (failed !== null) throw failed
    if (child.exitCode !== null) throw new Error(`mosquitto ended at once:\n${this.log}`)
  }

  /** SIGTERM: it writes what it holds and ends. SIGKILL: it does not. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process
    this.#process = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL')
    await rm(this.folder, { recursive: true, force: true })
  }

  async #configure(options: MosquittoOptions): Promise<void> {
    const lines = [
      `listener ${this.port} 127.0.0.1`,
      `allow_anonymous ${options.user === undefined}`,
      'persistence true',
      `persistence_location ${this.folder}/`,
      'autosave_interval 60',
      'max_queued_messages 0',
      'max_inflight_messages 0',
      'set_tcp_nodelay true',
      'log_dest stderr',
      'log_type all',
    ]
    if (options.user !== undefined) {
      const file = join(this.folder, 'passwords')
      await writeFile(file, '', { mode: 0o600 })
      execFileSync('mosquitto_passwd', ['-b', file, options.user.name, options.user.password], { env: { ...process.env, PATH } })
      lines.push(`password_file ${file}`)
    }
    await this.#write([...lines, ...(options.lines ?? [])])
  }

  /** At all of its ports that can be reached from here. */
  async #listens(): Promise<boolean> {
    for (const port of this.#ports) if (!(await answers(port, this.#where.host))) return false
    return true
  }

  async #write(lines: readonly string[]): Promise<void> {
    const listeners = lines.map((line) => /^listener ([1-9]\d*) (\S+)$/.exec(line))
    this.#ports = [this.port, ...listeners.filter((match) => match?.[2] === this.#where.host).map((match) => Number(match![1]))]
    const own = process.getuid?.() === 0 ? ['user root'] : [] // or it becomes somebody who may not write here
    await writeFile(join(this.folder, 'mosquitto.conf'), `${[...own, ...lines].join('\n')}\n`)
  }
}

function answers(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
