// A machine that an image is started on: QEMU with the firmware that such a board has, so what boots is what a user flashes (or less: models.ts). It is looked at from
// outside, as a user's devices do: MQTT and SSH on ports of this machine, the serial line, and the card in a laptop when it is off.
//
// What is always true: the image is never changed, each machine has a copy of its own; nothing is installed; it ends with the process that started it.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connect } from 'mqtt'
import { endWithUs, killGroup } from '../support/orphans.ts'
import { freePort, freeUdpPort } from '../support/ports.ts'
import { until } from '../support/until.ts'
import { Card } from './card.ts'
import { commandLine, devicesFor, type Model, type Wiring } from './models.ts'

const run = promisify(execFile)

/** Of the serial line so much is remembered, the newest. */
const SERIAL_CHARS_MAX = 2_000_000
/** Emulated, on busy processors: several times what it takes alone. */
export const BOOT_MS_MAX = 400_000
const SSH_MS_MAX = 120_000
const CONNECT_MS_MAX = 20_000
const DEVICES_MS_MAX = 30_000
/** The smallest card that is asked for, and a power of two, because emulated SD cards are. */
const CARD_BYTES = 2 ** 31

export interface MachineOptions {
  readonly model: Model
  /** Size of the card. raspi3b takes powers of two only. */
  readonly diskBytes?: number
  readonly memoryMib?: number
  readonly processors?: number
  /** QEMU's words for the disk in place of the file: `driver=nbd,server.type=unix,server.path=…`. */
  readonly drive?: string
  /** More words for the program. */
  readonly args?: readonly string[]
}

export interface Login {
  readonly username: string
  readonly password: string
}

export interface Answer {
  readonly status: number
  readonly output: string
}

/** A pair of SSH keys: `publicKey` is the line for gateway.yaml. */
export interface Key {
  readonly file: string
  readonly publicKey: string
}

/** A board with its card: a copy of an image that may be edited, started, cut off, and started again. `await using` takes it away. */
export class Machine implements AsyncDisposable {
  /** The whole card, as a raw file. */
  readonly disk: string
  /** Its first partition. */
  readonly card: Card
  readonly key: Key
  readonly mqttPort: number
  readonly sshPort: number
  /** What came over the serial line since the last start, without the sequences that colour it. */
  serial = ''
  readonly #folder: string
  readonly #options: MachineOptions
  readonly #devices = new Set<ChildProcess>()
  #process: ChildProcess | null = null

  /** A card with the image on it, in a machine that is off. */
  static async flash(image: string, options: MachineOptions): Promise<Machine> {
    const folder = await mkdtemp(join(tmpdir(), 'sandpiper-machine-'))
    const machine = new Machine(folder, makeKey(folder), [await freePort(), await freePort()], options)
    // Holes stay holes: most of an image is none of the disk's.
    await run('cp', ['--sparse=always', image, machine.disk])
    await truncate(machine.disk, Math.max(options.diskBytes ?? CARD_BYTES, (await stat(image)).size))
    return machine
  }

  private constructor(folder: string, key: Key, ports: readonly [number, number], options: MachineOptions) {
    this.#folder = folder
    this.#options = options
    this.disk = join(folder, 'disk.img')
    this.card = Card.of(this.disk)
    this.key = key
    ;[this.mqttPort, this.sshPort] = ports
  }

  /** Where its port 1883 is, for clients here. */
  get url(): string {
    return `mqtt://127.0.0.1:${this.mqttPort}`
  }

  get isRunning(): boolean {
    return this.#process !== null
  }

  /** Power on. Waits for nothing. */
  async start(): Promise<void> {
    if (this.#process !== null) throw new Error('the machine runs already')
    const { model, memoryMib = 1024, processors = 1, args = [], drive = `driver=file,filename=${this.disk}` } = this.#options
    const forward = [`hostfwd=tcp:127.0.0.1:${this.mqttPort}-:1883`, `hostfwd=tcp:127.0.0.1:${this.sshPort}-:22`]
    const line = [await freeUdpPort(), await freeUdpPort()] as const
    const wiring: Wiring = { model, disk: this.disk, drive, card: this.card, folder: this.#folder, forward, line, memoryMib, processors }
    const [program, ...words] = await commandLine(wiring)
    this.serial = ''
    await this.#startDevices(wiring)
    const child = this.#spawn([program, ...words, ...args])
    this.#process = child
    const end = (): void => {
      if (this.#process === child) this.#process = null
      for (const device of this.#devices) killGroup(device)
    }
    child.once('exit', end)
    child.once('error', (error) => {
      this.serial += `\n${error.message}\n`
      end()
    })
  }

  async #startDevices(wiring: Wiring): Promise<void> {
    const { programs, sockets } = devicesFor(wiring)
    await Promise.all(sockets.map((socket) => rm(socket, { force: true })))
    for (const command of programs) {
      const device = this.#spawn(command)
      this.#devices.add(device)
      device.once('close', () => this.#devices.delete(device))
      device.once('error', (error) => (this.serial += `\n${error.message}\n`))
    }
    await until(() => sockets.every((socket) => existsSync(socket)) || this.#devices.size < programs.length, 'the devices to be there', DEVICES_MS_MAX)
    if (this.#devices.size < programs.length) throw new Error(`a device does not run: ${this.serial}`)
  }

  /** What it writes is on the serial line. */
  #spawn([program, ...words]: readonly [string, ...string[]]): ChildProcess {
    const child = endWithUs(spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], detached: true }))
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.serial = (this.serial + plain(text)).slice(-SERIAL_CHARS_MAX)))
    }
    return child
  }

  /** The plug is pulled: the processor stops between two instructions. What its disk had not written yet is the disk's affair. */
  async cut(): Promise<void> {
    if (this.#process !== null) killGroup(this.#process)
    for (const device of this.#devices) killGroup(device)
    await until(() => this.#process === null && this.#devices.size === 0, 'the machine to be off')
  }

  /** Whether its broker takes a client within this time. */
  async answers(timeoutMs = BOOT_MS_MAX, login?: Login): Promise<boolean> {
    const client = connect(this.url, { ...login, protocolVersion: 5, reconnectPeriod: 250, connectTimeout: CONNECT_MS_MAX })
    client.on('error', () => {}) // it tries again
    try {
      await until(() => client.connected || !this.isRunning, 'CONNACK', timeoutMs)
      return client.connected
    } catch {
      return false
    } finally {
      await client.endAsync(true)
    }
  }

  /** Resolves when the serial line has shown it. Rejects with the last lines when it does not, or the machine ends before. */
  async untilSerial(pattern: RegExp, timeoutMs = BOOT_MS_MAX): Promise<void> {
    await until(() => pattern.test(this.serial) || !this.isRunning, `${pattern} on the serial line`, timeoutMs).catch(() => {})
    if (!pattern.test(this.serial)) throw new Error(`${pattern} did not come over the serial line${this.isRunning ? '' : ' before the machine ended'}:\n${this.serial.slice(-3000)}`)
  }

  /** Runs a shell script as root inside: needs `key.publicKey` in gateway.yaml. Rejects when nobody answers within the time. */
  async ssh(script: string, timeoutMs = SSH_MS_MAX): Promise<Answer> {
    const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'IdentitiesOnly=yes', 'BatchMode=yes', 'ConnectTimeout=60']
    const words = ['-F', 'none', '-i', this.key.file, '-p', `${this.sshPort}`, ...options.flatMap((option) => ['-o', option]), 'root@127.0.0.1', script]
    try {
      const { stdout, stderr } = await run('ssh', words, { timeout: timeoutMs, maxBuffer: 64_000_000 })
      return { status: 0, output: stdout + stderr }
    } catch (error) {
      const { code, stdout = '', stderr = '' } = error as { readonly code?: number | string; readonly stdout?: string; readonly stderr?: string }
      if (typeof code !== 'number' || code === 255) throw new Error(`no answer by SSH: ${stderr || String(error)}`, { cause: error })
      return { status: code, output: stdout + stderr }
    }
  }

  /** The same, for scripts that have to succeed: resolves with what they print. */
  async sh(script: string, timeoutMs = SSH_MS_MAX): Promise<string> {
    const { status, output } = await this.ssh(script, timeoutMs)
    if (status !== 0) throw new Error(`\`${script}\` ended with ${status}: ${output}`)
    return output.trim()
  }

  async untilSsh(timeoutMs = BOOT_MS_MAX): Promise<void> {
    await until(async () => (await this.ssh('true', 30_000)).status === 0, 'SSH', timeoutMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

function makeKey(folder: string): Key {
  const file = join(folder, 'key')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file])
  return { file, publicKey: readFileSync(`${file}.pub`, 'utf8').trim() }
}

function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/\u001b\[[0-9;?]*[A-Za-z]|\u001b[78cM]|\r/g, '')
}
