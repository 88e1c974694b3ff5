// What scripts inside the virtual machine tell to the test outside: a line `scene {…}` for each situation, judged there.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { systemClock } from '../../src/clock.ts'
import type { DialConfig } from '../../src/config/config.ts'
import { type Dialler, makeDialler } from '../../src/uplink/dial/dial.ts'

export type Facts = Readonly<Record<string, unknown>>

export function scene(name: string, facts: Facts): void {
  process.stdout.write(`scene ${JSON.stringify({ name, ...facts })}\n`)
}

/** The scenes that a script printed, by name. */
export class Scenes {
  readonly #output: string
  readonly #found = new Map<string, Facts>()

  constructor(output: string) {
    this.#output = output
    for (const line of output.split('\n')) {
      if (!line.startsWith('scene ')) continue
      const { name, ...facts } = JSON.parse(line.slice('scene '.length)) as Facts & { readonly name: string }
      this.#found.set(name, facts)
    }
  }

  get(name: string): Facts {
    const facts = this.#found.get(name)
    if (facts === undefined) throw new Error(`the virtual machine did not come to "${name}":\n${this.#output.slice(-4000)}`)
    return facts
  }
}

/** A real dialler on real time. Its warnings are printed. */
export function dialler(config: DialConfig): Dialler {
  const log = { debug: () => {}, warn: (fields: object, text: string) => void process.stdout.write(`warning ${text} ${JSON.stringify(fields)}\n`) }
  return makeDialler(config, { clock: systemClock, log })
}

/** What a dialling that fails says. */
export function sentence(dial: Promise<unknown>): Promise<string> {
  return dial.then(
    (up) => `up: ${JSON.stringify(up)}`,
    (error: unknown) => (error as Error).message,
  )
}

/** Our pppd and what it runs; the far end's stands in another network namespace (ppp/far.sh). */
export function pppdPids(): number[] {
  const pids = ['pppd', 'chat'].flatMap((name) => spawnSync('pidof', [name], { encoding: 'utf8' }).stdout.split(/\s+/))
  return pids.filter((pid) => pid !== '' && isOurs(pid)).map(Number)
}

export function pppdRunning(): number {
  return pppdPids().length
}

function isOurs(pid: string): boolean {
  try {
    return !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('/dev/line')
  } catch {
    return false // it has just ended
  }
}
