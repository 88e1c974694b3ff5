// A place where lines are dialled: real programs (shell scripts in a folder of PATH), time that the test moves, interfaces that the test makes up.
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DialConfig } from '../../src/config/config.ts'
import { type Dialler, makeDialler } from '../../src/uplink/dial/dial.ts'
import { Program } from '../../src/uplink/dial/program.ts'
import type { Network } from '../../src/uplink/dial/network.ts'
import { FakeClock } from './fake-clock.ts'
import { until } from './until.ts'

const STEP_MS = 50

type Kind<K> = Extract<DialConfig, { readonly kind: K }>

export class DialBed implements AsyncDisposable {
  readonly folder: string
  readonly clock = new FakeClock()
  readonly warnings: string[] = []
  readonly debugged: string[] = []
  /** Name to address. */
  readonly interfaces = new Map<string, string>()
  readonly env: NodeJS.ProcessEnv
  readonly #diallers: Dialler[] = []
  readonly #programs: Program[] = []

  private constructor(folder: string) {
    this.folder = folder
    this.env = { PATH: `${folder}:${process.env.PATH}`, HOME: folder }
  }

  static async make(): Promise<DialBed> {
    return new DialBed(await mkdtemp(join(tmpdir(), 'sandpiper-dial-')))
  }

  readonly log = {
    debug: (fields: object) => void this.debugged.push(JSON.stringify(fields)),
    warn: (fields: object, text: string) => void this.warnings.push(`${text} ${JSON.stringify(fields)}`),
  }

  readonly network: Network = {
    addressOf: (name) => this.interfaces.get(name) ?? null,
    problemOf: (name) => (this.interfaces.has(name) ? null : 'is not there'),
  }

  /** A shell script that is found by its name. `$FOLDER` is the bed's. */
  async script(name: string, text: string): Promise<void> {
    const path = join(this.folder, name)
    await writeFile(path, `#!/bin/sh\nFOLDER='${this.folder}'\n${text}\n`)
    await chmod(path, 0o755)
  }

  /** Lines of a file that scripts wrote into the folder. */
  lines(file: string): string[] {
    const path = join(this.folder, file)
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter((line) => line !== '') : []
  }

  /** Waits until a program has said something, and we have read it. */
  async hears(text: string): Promise<void> {
    await until(() => this.debugged.some((line) => line.includes(text)), `a program to say ${text}`)
  }

  /** The process id that a script wrote into a file. */
  async pid(file: string): Promise<number> {
    return Number(await until(() => this.lines(file)[0], `a process id in ${file}`))
  }

  run(argv: readonly string[], onLine?: (line: string) => void): Program {
    const program = new Program(argv, this, onLine)
    this.#programs.push(program)
    return program
  }

  dialler(config: DialConfig): Dialler {
    const dialler = makeDialler(config, this)
    this.#diallers.push(dialler)
    return dialler
  }

  command(up: readonly string[], more: Partial<Kind<'command'>> = {}): Dialler {
    return this.dialler({ kind: 'command', up, down: null, stays: false, interface: null, timeoutMs: 60_000, attemptBytesMax: Infinity, ...more })
  }

  /** Moves time on until something that real processes bring about has happened: ten times as fast as it is, so that they can keep up. */
  async untilMoved<T>(condition: () => T, what: string): Promise<NonNullable<T>> {
    return until(async () => {
      await this.clock.advanceAsync(STEP_MS)
      return condition()
    }, what)
  }

  /** The answer of something that needs real processes and the bed's time. */
  async moved<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    promise.then(() => (isSettled = true), () => (isSettled = true))
    await this.untilMoved(() => isSettled, 'an answer')
    return promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.moved(Promise.all([...this.#diallers.map((d) => d.hangUp()), ...this.#programs.map((p) => p.end())]))
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** What a dialling that must fail said. */
export async function failure(dialling: Promise<unknown>): Promise<string> {
  return dialling.then(
    (up) => {
      throw new Error(`the line came up: ${JSON.stringify(up)}`)
    },
    (error: unknown) => (error as Error).message,
  )
}

/** False for one that has ended and only waits to be collected by its parent. */
export function lives(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
