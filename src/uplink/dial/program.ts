// A program that we start to bring the line up or down. It gets a session of its own, so that all it starts can be ended with it and nothing
// else is: pppd, for one, signals its whole process group while it dials.
//
// What is always true: no shell; an environment without our secrets; what it prints is read slowly enough to leave this process its time; once
// `end()` has resolved nothing of its group runs, or a warning says what could not be ended.
import type { ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../clock.ts'
import { AgentRequest, agentOf, type OnLine } from './agent.ts'
import { Output, POLL_MS, readLines } from './output.ts'

export interface DialLog {
  debug(fields: object, text: string): void
  warn(fields: object, text: string): void
}

export interface ProgramDeps {
  readonly clock: Clock
  readonly log: DialLog
  /** Where PATH and the like are taken from. */
  readonly env: NodeJS.ProcessEnv
  /** Socket of the dial agent. Default: that of the package, where it is there and we are not root. */
  readonly agent?: string
}

export type Ending =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: string }
  /** `code` is that of the system call: ENOENT, EACCES. */
  | { readonly kind: 'not-started'; readonly code: string }

/** To end by itself after SIGTERM: pppd takes its leave from the peer and the modem. */
const TERM_MS_MAX = 15_000
const KILL_MS_MAX = 2000
const LOGGED_LINES_MAX = 100

/** NOTIFY_SOCKET would let it speak for us to systemd; passwords may stand in ours. */
const ENVIRONMENT = ['HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'TZ', 'DBUS_SYSTEM_BUS_ADDRESS'] as const
const PATH_DEFAULT = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export class Program {
  /** Last path element of the command: its name in sentences. Arguments may be secret. */
  readonly name: string
  /** Never rejects. What it has started may still run. */
  readonly ended: Promise<Ending>
  /** Resolves when `end()` has: nothing of it is left. */
  readonly gone: Promise<void>
  readonly #deps: ProgramDeps
  readonly #output: Output
  readonly #onLine: OnLine
  readonly #onGone: () => void
  readonly #request: AgentRequest | null
  #child: ChildProcess | null = null
  #hasExited = false
  #ending: Promise<void> | null = null
  #logged = 0

  /** `onLine`: complete lines, as they may be shown. */
  constructor(argv: readonly string[], deps: ProgramDeps, onLine: OnLine = () => {}, language = '') {
    this.name = argv[0]!.slice(argv[0]!.lastIndexOf('/') + 1)
    this.#deps = deps
    this.#output = new Output(argv)
    this.#onLine = onLine
    const { promise: gone, resolve: onGone } = Promise.withResolvers<void>()
    this.gone = gone
    this.#onGone = onGone
    const agent = agentOf(argv, deps)
    this.#request = agent === null ? null : new AgentRequest(agent, argv, deps, (line, from) => this.#take(line, from))
    this.ended = this.#request?.ended ?? this.#start(argv, language)
  }

  #start(argv: readonly string[], language: string): Promise<Ending> {
    const { clock, env } = this.#deps
    const { promise, resolve } = Promise.withResolvers<Ending>()
    const { spawn } = process.getBuiltinModule('node:child_process')
    try {
      const child = spawn(argv[0]!, argv.slice(1), { cwd: '/', env: environment(env, language), detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
      this.#child = child
      child.once('error', (error: NodeJS.ErrnoException) => this.#notStarted(error, resolve))
      if (child.pid === undefined) return promise
      const outputEnded = [readLines(child.stdout, clock, (line) => this.#take(line, 'stdout')), readLines(child.stderr, clock, (line) => this.#take(line, 'stderr'))]
      child.once('exit', (code, signal) => {
        this.#hasExited = true
        for (const stream of [child.stdout, child.stderr]) (stream as Socket).unref()
        // Its last words are still in the pipes; what it left behind may hold them open for ever.
        const answer = (): void => resolve(code === null ? { kind: 'killed', signal: signal! } : { kind: 'exited', code })
        const timer = clock.after(POLL_MS, answer)
        void Promise.all(outputEnded).then(() => {
          timer.cancel()
          answer()
        })
      })
    } catch (error) {
      this.#notStarted(error as NodeJS.ErrnoException, resolve)
    }
    return promise
  }

  /** null when it was not started, or by the agent. */
  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  /** What it printed last, without secrets, to follow a sentence: ` (it said: …)`, or nothing. */
  get lastWords(): string {
    return this.#output.last === '' ? '' : ` (it said: ${this.#output.last})`
  }

  /** Ends it and all it has started: asks with SIGTERM, and after a while uses SIGKILL. Never rejects. */
  end(): Promise<void> {
    this.#ending ??= (this.#request?.end() ?? this.#end()).then(this.#onGone)
    return this.#ending
  }

  /** Asks it to end, and does not wait. */
  tell(): void {
    if (this.#request !== null) this.#request.tell()
    else this.#signal('SIGTERM')
  }

  async #end(): Promise<void> {
    // Timers do not keep this process alive, and one that leaves before its programs leaves them to nobody.
    const { port1: alive } = new MessageChannel()
    alive.ref()
    const isGone =
      !this.#signal('SIGTERM') || (await this.#isGoneWithin(TERM_MS_MAX)) || !this.#signal('SIGKILL') || (await this.#isGoneWithin(KILL_MS_MAX))
    if (!isGone) this.#deps.log.warn({ program: this.name, pid: this.pid }, 'a program that dialled could not be ended')
    // A process that has left the group may still hold the other ends.
    this.#child?.stdout?.destroy()
    this.#child?.stderr?.destroy()
    alive.close()
  }

  #notStarted(error: NodeJS.ErrnoException, resolve: (ending: Ending) => void): void {
    this.#hasExited = true
    resolve({ kind: 'not-started', code: error.code ?? 'UNKNOWN' })
  }

  /** To all that are left of the group; 0 only asks. False when nobody is left. */
  #signal(signal: NodeJS.Signals | 0): boolean {
    const { pid } = this
    // A process with the number of one that has exited is somebody else's: numbers are used again only when the whole group is gone.
    if (pid === null || (this.#hasExited && reaches(pid, 0))) return false
    return reaches(-pid, signal)
  }

  #isGoneWithin(ms: number): Promise<boolean> {
    const { clock } = this.#deps
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timers: Timer[] = []
    const answer = (gone: boolean): void => {
      for (const timer of timers) timer.cancel()
      resolve(gone)
    }
    const check = (): void => {
      if (!this.#signal(0) || (this.#hasExited && !groupLives(this.pid!))) answer(true)
    }
    timers.push(clock.every(POLL_MS, check), clock.after(ms, () => answer(false)))
    this.#child?.once('exit', check)
    check()
    return promise
  }

  #take(line: string, from: 'stdout' | 'stderr'): void {
    const shown = this.#output.add(line)
    if (shown === '') return
    if (this.#logged++ < LOGGED_LINES_MAX) this.#deps.log.debug({ program: this.name, line: shown }, 'the dialling program said')
    this.#onLine(shown, from)
  }
}

/** Programs that a line consists of. */
const lines = new Set<Program>()

/** Told to end when this process does, however that comes about: a line that nobody hangs up costs money. Only a SIGKILL of ours leaves it up. */
export function hangUpWithUs(program: Program): void {
  if (lines.size === 0) process.on('exit', tellAll)
  lines.add(program)
  void program.gone.then(() => {
    lines.delete(program)
    if (lines.size === 0) process.off('exit', tellAll)
  })
}

function tellAll(): void {
  for (const program of lines) program.tell()
}

function environment(ours: NodeJS.ProcessEnv, language: string): NodeJS.ProcessEnv {
  const kept = ENVIRONMENT.filter((name) => ours[name] !== undefined).map((name) => [name, ours[name]])
  // A login shell of an ordinary user has no sbin, where pppd and ip are.
  const path = ours.PATH === undefined ? PATH_DEFAULT : `${ours.PATH}:${PATH_DEFAULT}`
  return { ...Object.fromEntries(kept), PATH: path, ...(language === '' ? {} : { LC_ALL: language }) }
}

/** False when all that is left of a group are the dead that nobody has collected: in a container that may be for ever. */
function groupLives(group: number): boolean {
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      // proc_pid_stat(5): state, parent and process group follow the name, which may hold blanks and parentheses.
      const [state, , its] = readFileSync(`/proc/${name}/stat`, 'latin1').split(') ').at(-1)!.split(' ')
      return its === `${group}` && state !== 'Z' && state !== 'X'
    } catch {
      return false // it has gone while we looked
    }
  })
}

/** True when there is somebody to reach, even one that we may not signal. */
function reaches(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
