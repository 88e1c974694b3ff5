// A client in another language, by other people: paho for Python, in a process of its own.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { endWithUs } from './orphans.ts'
import { until } from './until.ts'

const SCRIPT = fileURLToPath(new URL('paho-client.py', import.meta.url))
/** Debian's own: another python3 on PATH may lack the package. */
const PYTHON = '/usr/bin/python3'

export interface PahoMessage {
  readonly topic: string
  readonly payload: string
  readonly qos: number
  readonly retain: boolean
  readonly user: readonly (readonly [string, string])[]
}

export interface PahoTransport {
  /** Default tcp. */
  readonly transport?: 'tcp' | 'websockets'
  /** TLS, with this authority's file. */
  readonly ca?: string
}

export class Paho implements AsyncDisposable {
  readonly messages: PahoMessage[] = []
  published = 0
  granted: number[] | null = null
  /** What the last CONNACK said. */
  present: boolean | null = null
  connects = 0
  readonly #process: ChildProcessWithoutNullStreams

  /** `version`: 3, 4 or 5. Resolves when it is connected. */
  static async connect(port: number, clientId: string, version: 3 | 4 | 5, clean = true, way: PahoTransport = {}): Promise<Paho> {
    const paho = new Paho(port, clientId, version, clean, way)
    await until(() => paho.connects > 0, `paho ${clientId} to connect`, 10_000)
    return paho
  }

  private constructor(port: number, clientId: string, version: number, clean: boolean, { transport = 'tcp', ca = '' }: PahoTransport) {
    const child = endWithUs(spawn(PYTHON, [SCRIPT, String(port), clientId, String(version), clean ? 'clean' : 'resume', transport, ca]))
    this.#process = child
    child.stderr.pipe(process.stderr)
    child.stdin.on('error', () => {}) // it has ended
    createInterface(child.stdout).on('line', (line) => this.#hear(JSON.parse(line) as { event: string }))
  }

  async subscribe(filter: string, qos: 0 | 1 | 2): Promise<number[]> {
    this.granted = null
    this.#do({ do: 'subscribe', filter, qos })
    return until(() => this.granted, `SUBACK for ${filter}`)
  }

  /** Returns at once; `published` counts what was acknowledged. */
  publish(topic: string, payloads: readonly string[], qos: 0 | 1 | 2, retain = false): void {
    this.#do({ do: 'publish', topic, payloads, qos, retain })
  }

  async disconnect(): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#do({ do: 'disconnect' })
    await ended
  }

  /** Ends the process: no DISCONNECT is sent. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  #do(command: object): void {
    this.#process.stdin.write(`${JSON.stringify(command)}\n`)
  }

  #hear(event: { readonly event: string; readonly [field: string]: unknown }): void {
    switch (event.event) {
      case 'connect':
        this.present = event.present as boolean
        this.connects++
        break
      case 'message':
        this.messages.push(event as unknown as PahoMessage)
        break
      case 'subscribe':
        this.granted = event.granted as number[]
        break
      case 'publish':
        this.published++
        break
    }
  }
}
