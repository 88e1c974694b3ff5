// A serial cable without hardware: two pseudo terminals joined by socat in a folder of their own. `path` is the gateway's
// end, write() and onData() the device's. unplug() ends socat, and with it both ends; plug() brings them back under the same names.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { type FileHandle, constants, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ReadStream } from 'node:tty'
import { until } from './until.ts'

export class Pty {
  readonly folder: string
  #socat: ChildProcess | null = null
  #device: FileHandle | null = null
  #reader: ReadStream | null = null
  #read: ((bytes: Buffer) => void) | null = null

  private constructor(folder: string) {
    this.folder = folder
  }

  /** A folder for the cable, nothing plugged in yet. */
  static async make(): Promise<Pty> {
    return new Pty(await mkdtemp(join(tmpdir(), 'sandpiper-pty-')))
  }

  get path(): string {
    return join(this.folder, 'gateway')
  }

  /** socat's process id while it runs. */
  get pid(): number | null {
    return this.#socat?.pid ?? null
  }

  async plug(): Promise<void> {
    const ends = [this.path, join(this.folder, 'device')]
    const socat = spawn('socat', ['-d', '-d', ...ends.map((link) => `pty,raw,echo=0,link=${link}`)], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#socat = socat
    let said = ''
    let failed: Error | null = null
    socat.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)))
    socat.on('error', (error) => (failed = new Error('socat does not start: scripts/setup test installs it', { cause: error })))
    await until(() => failed !== null || said.includes('starting data transfer loop'), 'socat to join its terminals')
    if (failed !== null) throw failed
    this.#device = await open(ends[1]!, constants.O_RDWR | constants.O_NOCTTY)
    this.#listen()
  }

  /** `fn` gets what the gateway sends, over this plugging and those that follow. */
  onData(fn: (bytes: Buffer) => void): void {
    this.#read = fn
    this.#listen()
  }

  #listen(): void {
    if (this.#read === null || this.#device === null) return
    this.#reader = new ReadStream(openSync(join(this.folder, 'device'), constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK))
    this.#reader.on('error', () => {}) // the other end is gone: that is what unplugging is
    this.#reader.on('data', this.#read)
  }

  /** `signal` SIGKILL leaves the names behind, pointing nowhere. */
  async unplug(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.#reader?.destroy()
    this.#reader = null
    await this.#device?.close()
    this.#device = null
    const socat = this.#socat
    this.#socat = null
    if (socat === null || socat.exitCode !== null || socat.signalCode !== null) return
    const ended = once(socat, 'exit')
    socat.kill(signal)
    await ended
  }

  /** What the device sends. Bytes sent before the gateway's end is open are thrown away by its opening. */
  async write(bytes: Buffer | string): Promise<void> {
    if (this.#device === null) throw new Error('the cable is unplugged')
    await this.#device.write(typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
  }

  async remove(): Promise<void> {
    await this.unplug()
    await rm(this.folder, { recursive: true, force: true })
  }
}
