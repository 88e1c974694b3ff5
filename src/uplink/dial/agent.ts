// pppd and nmcli through the dial agent (sandpiper-dial@.service, scripts/deb/dial.sh): the gateway's own user may start neither with the rights that
// they need. One connection is one program: while it is open the program runs, and when it closes systemd ends all that was started.
//
// Asked: an argument a line, then an empty one. Answered: `1 LINE` (standard output), `2 LINE` (standard error), at last `exit CODE` or `refused WHY`.
import { existsSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { constants } from 'node:os'
import { readLines } from './output.ts'
import type { Ending, ProgramDeps } from './program.ts'

const SOCKET = '/run/sandpiper-dial.sock'
const PROGRAMS: readonly string[] = ['pppd', 'nmcli']
/** The agent's unit asks for 15 s, and kills. */
const GONE_MS_MAX = 17_000
/** As shells count. */
const NOT_EXECUTABLE = 126
const NOT_FOUND = 127
const SIGNALLED = 128

export type OnLine = (line: string, from: 'stdout' | 'stderr') => void

/** Where the agent is to be asked; null when the program is started by us: another one, no agent, or we are root ourselves. */
export function agentOf(argv: readonly string[], deps: ProgramDeps): string | null {
  if (!PROGRAMS.includes(argv[0]!) || (deps.agent === undefined && process.getuid?.() === 0)) return null
  const path = deps.agent ?? SOCKET
  return existsSync(path) ? path : null
}

export class AgentRequest {
  /** Never rejects. */
  readonly ended: Promise<Ending>
  readonly #deps: ProgramDeps
  readonly #onLine: OnLine
  readonly #socket: Socket
  readonly #closed: Promise<void>
  #last: 'stdout' | 'stderr' = 'stdout'
  #resolve: (ending: Ending) => void = () => {}

  constructor(path: string, argv: readonly string[], deps: ProgramDeps, onLine: OnLine) {
    this.#deps = deps
    this.#onLine = onLine
    this.ended = new Promise((resolve) => (this.#resolve = resolve))
    const socket = connect({ path, allowHalfOpen: true })
    this.#socket = socket
    socket.once('error', (error: NodeJS.ErrnoException) => this.#resolve({ kind: 'not-started', code: error.code ?? 'UNKNOWN' }))
    this.#closed = new Promise((resolve) => void socket.once('close', () => resolve()))
    socket.once('end', () => socket.end())
    void readLines(socket, deps.clock, (line) => this.#take(line)).then(() => this.#resolve({ kind: 'killed', signal: 'SIGTERM' }))
    // A line break in an argument would make two of it.
    if (argv.some((argument) => argument === '' || argument.includes('\n'))) {
      this.#resolve({ kind: 'not-started', code: 'EINVAL' })
      socket.destroy()
    } else socket.write(`${argv.join('\n')}\n\n`)
  }

  /** Asks for the end, and does not wait. */
  tell(): void {
    this.#socket.end()
  }

  /** Resolves when systemd has ended all of it, which is when nobody holds the other end any more. Never rejects. */
  async end(): Promise<void> {
    this.#socket.end()
    const timer = this.#deps.clock.after(GONE_MS_MAX, () => {
      this.#deps.log.warn({}, 'the dial agent does not end what it has started: see `systemctl status "sandpiper-dial@*"`')
      this.#socket.destroy()
    })
    await this.#closed
    timer.cancel()
  }

  #take(line: string): void {
    const [, word, rest = ''] = /^(1|2|exit|refused)(?: (.*))?$/s.exec(line) ?? [null, '', line]
    switch (word) {
      case 'exit':
        return this.#exited(Number(rest))
      case 'refused':
        this.#onLine(`the dial agent has refused this: ${rest}`, 'stderr')
        return this.#resolve({ kind: 'not-started', code: 'EPERM' })
      case '1':
      case '2':
        this.#last = word === '1' ? 'stdout' : 'stderr'
        return this.#onLine(rest, this.#last)
      default: // what follows a carriage return
        return this.#onLine(line, this.#last)
    }
  }

  #exited(code: number): void {
    const signal = Object.entries(constants.signals).find(([, number]) => number === code - SIGNALLED)?.[0]
    if (code === NOT_FOUND) this.#resolve({ kind: 'not-started', code: 'ENOENT' })
    else if (code === NOT_EXECUTABLE) this.#resolve({ kind: 'not-started', code: 'EACCES' })
    else if (signal !== undefined) this.#resolve({ kind: 'killed', signal })
    else this.#resolve({ kind: 'exited', code })
  }
}
