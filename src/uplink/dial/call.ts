// One call: from the moment somebody dials until the line is down again. It knows its deadline and its programs, and is over once, for one
// reason: while dialling that is why it failed, afterwards why the line is lost.
import type { Timer } from '../../clock.ts'
import type { Network } from './network.ts'
import { POLL_MS } from './output.ts'
import { type Ending, hangUpWithUs, Program, type ProgramDeps } from './program.ts'

export interface DialDeps extends ProgramDeps {
  readonly network: Network
}

/** How often it is looked whether an interface is still there. */
const WATCH_MS = 2000
/** For each program that takes a line down. */
const DOWN_MS_MAX = 30_000

export interface Finished {
  readonly ending: Ending
  readonly program: Program
  /** Complete lines of its standard output, the first few. */
  readonly lines: readonly string[]
}

const LINES_MAX = 100

export class Call {
  readonly deps: DialDeps
  /** Resolves with the reason, a sentence. */
  readonly over: Promise<string>
  /** The line was brought up. */
  wasUp = false
  /** What is being waited for, for the sentence when time is over: `the interface ppp0`. */
  waitsFor = 'the line'
  readonly #programs = new Set<Program>()
  readonly #questions = new WeakSet<Program>()
  readonly #timers: Timer[] = []
  readonly #end: (why: string) => void
  #deadline: Timer | null = null
  #isOver = false

  constructor(deps: DialDeps) {
    this.deps = deps
    const { promise, resolve } = Promise.withResolvers<string>()
    this.over = promise
    this.#end = resolve
  }

  get isOver(): boolean {
    return this.#isOver
  }

  get hasBegun(): boolean {
    return this.#deadline !== null
  }

  /** Only the first reason counts. */
  end(why: string): void {
    this.#isOver = true
    this.#deadline?.cancel()
    for (const timer of this.#timers.splice(0)) timer.cancel()
    this.#end(why)
  }

  /** Time runs from here until `up()`. */
  begin(timeoutMs: number): void {
    this.#deadline = this.deps.clock.after(timeoutMs, () => {
      const words = [...this.#programs].findLast((program) => !this.#questions.has(program))?.lastWords ?? ''
      this.end(`the line was not up within ${timeoutMs / 1000} s: waited for ${this.waitsFor}${words}; see whether the other end answers, or set a longer dial.timeout`)
    })
  }

  /** The line is up: the deadline is met, and from here on `end()` says why it is lost. */
  up(): void {
    this.wasUp = true
    this.#deadline?.cancel()
  }

  /** A program that belongs to the call and ends with it. */
  start(argv: readonly string[], onLine?: ConstructorParameters<typeof Program>[2]): Program {
    this.#goesOn()
    const program = new Program(argv, this.deps, onLine)
    this.#programs.add(program)
    hangUpWithUs(program)
    return program
  }

  /** Asks how the dialling goes: what this program says is not why it fails. */
  ask(argv: readonly string[]): Promise<Finished> {
    return this.run(argv, (program) => this.#questions.add(program))
  }

  /** A program that answers and ends, in the language that we can read; it is broken off when the call is over. */
  async run(argv: readonly string[], started: (program: Program) => void = () => {}): Promise<Finished> {
    this.#goesOn()
    const { finished, program } = listen(argv, this.deps)
    this.#programs.add(program)
    started(program)
    const answer = await finished
    this.#programs.delete(program)
    this.#goesOn()
    return answer
  }

  /** The same where the line is taken down: when the call is over, and with a deadline of its own. */
  async runDown(argv: readonly string[]): Promise<Finished> {
    const { finished, program } = listen(argv, this.deps)
    const timer = this.deps.clock.after(DOWN_MS_MAX, () => void program.end())
    const answer = await finished
    timer.cancel()
    return answer
  }

  /** Resolves when `condition` holds; never when the call is over before. */
  until(condition: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (condition()) return Promise.resolve()
    const timer = this.every(POLL_MS, () => {
      if (!condition()) return
      timer?.cancel()
      resolve()
    })
    return promise
  }

  /** Waits until an interface can be used. */
  async usable(name: string): Promise<void> {
    const { network } = this.deps
    await this.until(() => {
      const problem = network.problemOf(name)
      this.waitsFor = `the interface ${name}, which ${problem ?? 'is up'}`
      return problem === null
    })
  }

  /** Tells the line lost when the interface could not be used in so many looks in a row: a program that is about to end says better why. */
  watch(name: string, looks = 2): void {
    let bad = 0
    this.every(WATCH_MS, () => {
      const problem = this.deps.network.problemOf(name)
      bad = problem === null ? 0 : bad + 1
      if (bad === looks) this.end(`the line is lost: the interface ${name} ${problem}`)
    })
  }

  /** As long as the call lasts; null when it is over. */
  every(ms: number, fn: () => void): Timer | null {
    if (this.#isOver) return null
    const timer = this.deps.clock.every(ms, fn)
    this.#timers.push(timer)
    return timer
  }

  /** Resolves when none of its programs runs. */
  async endPrograms(): Promise<void> {
    await Promise.all([...this.#programs].map((program) => program.end()))
  }

  /** What was on its way when the call was over goes no further; nobody waits for its answer. */
  #goesOn(): void {
    if (this.#isOver) throw new Error('the call is over')
  }
}

function listen(argv: readonly string[], deps: ProgramDeps): { readonly finished: Promise<Finished>; readonly program: Program } {
  const lines: string[] = []
  const program = new Program(argv, deps, (line, from) => void (from === 'stdout' && lines.length < LINES_MAX && lines.push(line)), 'C')
  return { program, finished: program.ended.then((ending) => ({ ending, program, lines })) }
}

/** `ended with code 3 (it said: …)`, to follow the program's name. */
export function howItEnded(ending: Ending, program: Program): string {
  switch (ending.kind) {
    case 'exited':
      return `ended with code ${ending.code}${program.lastWords}`
    case 'killed':
      return `was ended by ${ending.signal}${program.lastWords}`
    case 'not-started':
      return notStarted(ending.code)
  }
}

function notStarted(code: string): string {
  if (code === 'ENOENT') return 'is not there: install it, or correct its name'
  if (code === 'EACCES') return 'may not be started by this user: it must be executable for it'
  return `does not start (${code}): try it by hand`
}
