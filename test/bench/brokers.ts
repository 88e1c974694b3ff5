// How each broker is started, on which core, with which settings, and how it ends.
//
// Each start has a folder and a port of its own; every process is ended by its own pid, also when the bench is interrupted.
// What each is told beyond its port, and why:
//   Sandpiper   its defaults (acknowledges when safe, on flash), and room for 20,000 connections.
//   Mosquitto   no persistence unless a work asks for it, no Nagle; queues and windows without limit, its fastest setting:
//               its default of 20 messages in flight to a subscriber would measure the setting.
//   Aedes       its defaults, all in memory; no Nagle.

import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import type { KeyPair } from '../support/certificates.ts'
import type { Cores } from './machine.ts'
import { connectPacket } from './wire.ts'

/** What main.ts starts Node with. */
const FLAGS = ['--max-semi-space-size=4', '--v8-pool-size=1', '--expose-gc']
const START_MS_MAX = 120_000
const STOP_MS_MAX = 20_000

export interface Setup {
  readonly port: number
  readonly folder: string
  /** Mosquitto: write a database on exit and now and then. The others do what they always do. */
  readonly persistence: boolean
  /** A second listener, with TLS. */
  readonly tls: (KeyPair & { readonly port: number }) | null
  /** Sandpiper: url of an uplink that everything published here goes to. */
  readonly uplink: string | null
  /** Who may do what; clients without a user are let in all the same. */
  readonly access: AccessSetup | null
}

export interface AccessSetup {
  /** A password file for both. */
  readonly passwords: string
  /** More of `access` in gateway.yaml. */
  readonly sandpiper: object
  /** Mosquitto's ACL file; null: everybody may do everything. */
  readonly acl: string | null
}

export interface Kind {
  readonly name: string
  /** Keeps acknowledged messages over a restart. */
  readonly durable: boolean
  /** Can keep them when asked to. */
  readonly persistent: boolean
  readonly hasUplink: boolean
  readonly hasTls: boolean
  readonly hasAccess: boolean
  command(setup: Setup): { argv: string[]; env?: Record<string, string> }
}

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export function sandpiper(profileTo: string | null): Kind {
  return {
    name: 'sandpiper',
    durable: true,
    persistent: true,
    hasUplink: true,
    hasTls: true,
    hasAccess: true,
    command({ port, folder, tls, uplink, access }) {
      const uplinks = uplink === null ? [] : [{ name: 'cloud', url: uplink, clientId: 'bench', version: 5, routes: [{ out: 'bench/#', as: 'up/#', qos: 1 }] }]
      const listeners = [{ port, anonymous: true }, ...(tls === null ? [] : [{ port: tls.port, tls: { key: tls.keyFile, cert: tls.certFile } }])]
      const config = { site: 'bench', broker: { listeners, maxConnections: 20_000 }, access: access === null ? {} : { passwordFile: passwordFile(folder, access), ...access.sandpiper }, store: { path: join(folder, 'store') }, uplinks }
      writeFileSync(join(folder, 'gateway.yaml'), `${JSON.stringify(config, null, 2)}\n`) // JSON is YAML
      const main = [file('../../src/main.ts'), 'run', '--config', join(folder, 'gateway.yaml')]
      if (profileTo === null) return { argv: [process.execPath, ...main] }
      // With a compile cache already named, main.ts stays in this process image: a profiler's timer would kill the next one.
      return { argv: [process.execPath, '--cpu-prof', '--cpu-prof-dir', profileTo, ...FLAGS, ...main], env: { NODE_COMPILE_CACHE: file('../../node_modules/.cache/sandpiper') } }
    },
  }
}

export const mosquitto: Kind = {
  name: 'mosquitto',
  durable: false,
  persistent: true,
  hasUplink: false,
  hasTls: true,
  hasAccess: true,
  command({ port, folder, persistence, tls, access }) {
    const lines = [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'set_tcp_nodelay true', 'max_queued_messages 0', 'max_inflight_messages 0', 'log_type error']
    lines.push(...(persistence ? ['persistence true', `persistence_location ${folder}/`] : ['persistence false']))
    if (tls !== null) lines.push(`listener ${tls.port} 127.0.0.1`, `keyfile ${tls.keyFile}`, `certfile ${tls.certFile}`)
    if (access !== null) lines.push(`password_file ${passwordFile(folder, access)}`)
    if (access !== null && access.acl !== null) lines.push(`acl_file ${privateFile(join(folder, 'acl'), access.acl)}`)
    // Started by root it would become its own user, who may not write here.
    if (process.getuid?.() === 0) lines.push('user root')
    writeFileSync(join(folder, 'mosquitto.conf'), `${lines.join('\n')}\n`)
    return { argv: ['mosquitto', '-c', join(folder, 'mosquitto.conf')] }
  },
}

export const aedes: Kind = {
  name: 'aedes',
  durable: false,
  persistent: false,
  hasUplink: false,
  hasTls: false,
  hasAccess: false,
  command: ({ port }) => ({ argv: [process.execPath, file('aedes.ts')], env: { PORT: String(port) } }),
}

/** Any other broker, to compare with: a shell command that finds PORT and DIR in its environment. */
export function other(name: string, command: string): Kind {
  return {
    name,
    durable: true,
    persistent: true,
    hasUplink: false,
    hasTls: false,
    hasAccess: false,
    command: ({ port, folder }) => ({ argv: ['sh', '-c', `exec ${command}`], env: { PORT: String(port), DIR: folder } }),
  }
}

function passwordFile(folder: string, { passwords }: AccessSetup): string {
  return privateFile(join(folder, 'passwords'), passwords)
}

function privateFile(path: string, text: string): string {
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

const running = new Set<Broker>()

export class Broker {
  readonly kind: Kind
  readonly port: number
  readonly folder: string
  /** From spawn to the first CONNACK. */
  readonly startMs: number
  readonly #setup: Setup
  readonly #child: ChildProcess

  private constructor(kind: Kind, setup: Setup, startMs: number, child: ChildProcess) {
    this.kind = kind
    this.port = setup.port
    this.folder = setup.folder
    this.#setup = setup
    this.startMs = startMs
    this.#child = child
  }

  /** Starts and waits for the first CONNACK. Throws with the broker's last words when it does not come. */
  static async start(kind: Kind, cores: Cores, settings: Omit<Setup, 'port'>): Promise<Broker> {
    const port = await freePort()
    const setup = { ...settings, port }
    mkdirSync(setup.folder, { recursive: true })
    const { argv, env } = kind.command(setup)
    const pinned = cores.broker === null ? argv : ['taskset', '-c', cores.broker, ...argv]
    const logFile = join(setup.folder, 'output.txt')
    const log = openSync(logFile, 'w')
    const from = performance.now()
    // Each of these replaces itself by the next, so that the pid is the broker's.
    const child = spawn('sh', ['-c', 'ulimit -n "$(ulimit -Hn)"; exec "$@"', 'sh', ...pinned], { stdio: ['ignore', log, log], env: { ...process.env, ...env } })
    closeSync(log)
    const pending = new Broker(kind, setup, 0, child)
    running.add(pending)
    child.once('exit', () => running.delete(pending))
    while (!(await answers(port))) {
      if (child.exitCode !== null || child.signalCode !== null || performance.now() - from > START_MS_MAX) {
        await pending.kill()
        const words = readFileSync(logFile, 'utf8').replaceAll(/^ {4}at .*\n/gm, '').trim().slice(-600)
        throw new Error(`${kind.name} does not start: ${child.exitCode ?? child.signalCode}\n${words}`)
      }
    }
    running.delete(pending)
    const broker = new Broker(kind, setup, performance.now() - from, child)
    running.add(broker)
    child.once('exit', () => running.delete(broker))
    return broker
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** Writes its configuration anew and tells it. When that holds is not known yet. */
  reload(access: AccessSetup): void {
    this.kind.command({ ...this.#setup, access })
    this.#child.kill('SIGHUP')
  }

  /** The way a service manager stops it; killed when that takes too long. True when it ended by itself. */
  async stop(): Promise<boolean> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS_MAX)
    await this.#end('SIGTERM')
    clearTimeout(timer)
    return this.#child.signalCode !== 'SIGKILL'
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#child.once('exit', () => resolve())
    this.#child.kill(signal)
    await promise
  }

  killNow(): void {
    this.#child.kill('SIGKILL')
  }
}

const folders = new Set<string>()

export function makeFolder(under: string): string {
  const folder = mkdtempSync(join(under, 'broker-bench-'))
  folders.add(folder)
  return folder
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  folders.delete(folder)
}

/** For an interrupted bench: nothing of it stays. */
export function endAll(): void {
  for (const broker of running) broker.killNow()
  for (const folder of folders) removeFolder(folder)
}

export async function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const server = createServer().once('error', reject)
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resolve(port))
  })
  return await promise
}

/** One try at a CONNACK; a refused connection counts as no after a millisecond. */
async function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('connect', () => socket.write(connectPacket('first', true)))
  socket.on('data', (bytes) => {
    resolve(bytes[0] === 0x20 && bytes[3] === 0)
    socket.end(Buffer.from([0xe0, 0]))
  })
  socket.on('error', () => setTimeout(resolve, 1, false))
  socket.on('close', () => resolve(false))
  return await promise
}
