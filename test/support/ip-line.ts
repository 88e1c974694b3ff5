// Two network namespaces with a line between them (ip-line.py): a gateway's end and a cloud's end, each with the kernel's own TCP, and the
// truth about every byte of IP that went over it. Needs root and /dev/net/tun; `whyNoIpLine` says what is missing.
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { endWithUs } from './orphans.ts'
import { until } from './until.ts'

const SCRIPT = fileURLToPath(new URL('ip-line.py', import.meta.url))
const PYTHON = '/usr/bin/python3'

export interface LineCounts {
  readonly upBytes: number
  readonly upPackets: number
  readonly downBytes: number
  readonly downPackets: number
  readonly lostPackets: number
  /** Whole packets that an end sent a second time, by its TCP's doubt or because the first was lost. */
  readonly againBytes: number
}

/** null when there can be one here. */
export function whyNoIpLine(): string | null {
  if (process.getuid?.() !== 0) return 'needs root'
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK)
    accessSync(PYTHON, constants.X_OK)
    const probe = `sandpiper-probe-${process.pid}`
    execFileSync('ip', ['netns', 'add', probe], { stdio: 'ignore' })
    execFileSync('ip', ['netns', 'del', probe], { stdio: 'ignore' })
    return null
  } catch (error) {
    return `needs network namespaces, /dev/net/tun and python3: ${(error as Error).message}`
  }
}

export class IpLine implements AsyncDisposable {
  /** Addresses of the two ends. */
  readonly near = '10.99.0.1'
  readonly far = '10.99.0.2'
  /** Interface of the near end. */
  readonly interface = 'line0'
  readonly #names: readonly [string, string]
  readonly #process: ChildProcessWithoutNullStreams
  #answers: LineCounts[] = []

  private constructor(names: readonly [string, string]) {
    this.#names = names
    this.#process = endWithUs(spawn(PYTHON, [SCRIPT, ...names]))
    this.#process.stderr.pipe(process.stderr)
    this.#process.stdin.on('error', () => {}) // it has ended
    createInterface(this.#process.stdout).on('line', (line) => this.#answers.push(JSON.parse(line) as LineCounts))
  }

  static async make(): Promise<IpLine> {
    const line = new IpLine([`sandpiper-near-${process.pid}`, `sandpiper-far-${process.pid}`])
    await line.#answer()
    return line
  }

  /** The words before a command that runs it at one end. */
  at(end: 'near' | 'far'): readonly string[] {
    return ['ip', 'netns', 'exec', this.#names[end === 'near' ? 0 : 1]]
  }

  /** One way. */
  async delay(delayMs: number): Promise<void> {
    await this.#ask({ delayMs })
  }

  /** Share of packets that do not arrive; the same ones for the same seed. */
  async lose(loss: number, seed = 1): Promise<void> {
    await this.#ask({ loss, seed })
  }

  /** What has entered the line so far. */
  counts(): Promise<LineCounts> {
    return this.#ask({})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin.end()
    await until(() => this.#process.exitCode !== null || this.#process.signalCode !== null, 'the line to be taken down')
  }

  async #ask(command: object): Promise<LineCounts> {
    this.#process.stdin.write(`${JSON.stringify(command)}\n`)
    return this.#answer()
  }

  #answer(): Promise<LineCounts> {
    return until(() => this.#answers.shift(), 'an answer of the line', 10_000)
  }
}
