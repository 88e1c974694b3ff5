// Independent Modbus slaves: pymodbus on a pseudo terminal or over TCP, in a process of its own (modbus-slave.py).
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { until } from './until.ts'

/** Debian's own: another python3 on PATH may lack the package. */
const PYTHON = '/usr/bin/python3'

type Table = 'coil' | 'discrete' | 'holding' | 'input'
export type SlaveValues = Readonly<Record<number, Partial<Record<Table, Readonly<Record<number, number | boolean>>>>>>

export interface SeenRequest {
  readonly slave: number
  readonly function: number
  readonly address: number
  readonly count: number
  /** Seconds on a monotonic clock. */
  readonly at: number
}

export interface SlaveMood {
  readonly silent?: boolean
  /** Seconds that it thinks. */
  readonly delay?: number
  readonly garble?: boolean
  /** Every request is refused with this code; 0 ends it. */
  readonly exception?: number
  readonly set?: Partial<Record<Table, Readonly<Record<number, number | boolean>>>>
}

export class ModbusSlaves implements AsyncDisposable {
  readonly requests: SeenRequest[] = []
  /** Of the gateway's end of the line. */
  readonly path: string
  readonly #folder: string
  readonly #args: readonly string[]
  #process: ChildProcess | null = null
  #told = 0
  port = 0

  private constructor(folder: string, args: readonly string[]) {
    this.#folder = folder
    this.path = join(folder, 'line')
    this.#args = args
  }

  /** On a line without hardware; `baud` 0: nothing takes time on it. */
  static async rtu(slaves: SlaveValues, baud = 0): Promise<ModbusSlaves> {
    const folder = await mkdtemp(join(tmpdir(), 'sandpiper-modbus-'))
    return new ModbusSlaves(folder, ['rtu', join(folder, 'line'), `${baud}`, JSON.stringify(slaves)]).plug()
  }

  static async tcp(slaves: SlaveValues): Promise<ModbusSlaves> {
    const folder = await mkdtemp(join(tmpdir(), 'sandpiper-modbus-'))
    return new ModbusSlaves(folder, ['tcp', '0', '0', JSON.stringify(slaves)]).plug()
  }

  async plug(): Promise<this> {
    const child = spawn(PYTHON, [join(import.meta.dirname, 'modbus-slave.py'), ...this.#args], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#process = child
    let ready = false
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as { ready?: number | string; told?: boolean } & SeenRequest
      if (said.ready !== undefined) {
        ready = true
        this.port = Number(said.ready)
      } else if (said.told === true) {
        this.#told++
      } else {
        this.requests.push(said)
      }
    })
    await until(() => ready || child.exitCode !== null, 'the slaves to be ready', 20_000)
    if (!ready) throw new Error('modbus-slave.py does not start: scripts/setup test installs python3-pymodbus')
    return this
  }

  /** Tells a slave what to be like; settles when it knows. */
  async tell(slave: number, mood: SlaveMood): Promise<void> {
    await this.#order({ slave, ...mood })
  }

  /** Bytes that nobody asked for. */
  async noise(hex: string): Promise<void> {
    await this.#order({ noise: hex })
  }

  /** The plug is pulled: the terminal, or the server and its connections, are gone. */
  async unplug(): Promise<void> {
    const child = this.#process
    this.#process = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    await rm(this.path, { force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unplug()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #order(order: object): Promise<void> {
    const before = this.#told
    this.#process!.stdin!.write(`${JSON.stringify(order)}\n`)
    await until(() => this.#told > before, 'the slave to know')
  }
}
