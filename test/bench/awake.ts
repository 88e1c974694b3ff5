// Keeps the processors awake while something is measured. A virtual one that sleeps is woken when its host comes to it, and that takes longer than what is
// measured: 13 % of the time of a run had gone that way, 1 % was left.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { endWithUs } from '../support/orphans.ts'
import type { Cores } from './machine.ts'

/** Gives way at once to whatever else wants to run: SCHED_IDLE. */
const SPIN = ['chrt', '--idle', '0', 'sh', '-c', 'while :; do :; done']

/** Until it is disposed of; `note` says when it cannot be. */
export class Awake implements Disposable {
  readonly note: string
  readonly #spinning: ChildProcess[] = []

  constructor({ broker, load, note }: Cores) {
    this.note = broker === null || load === null ? note : 'the processors are kept awake'
    if (broker === null || load === null) return
    if (spawnSync('chrt', ['--version']).error !== undefined) {
      this.note = 'no chrt: the processors may sleep'
      return
    }
    for (const core of [broker, ...load.split(',')]) this.#spinning.push(endWithUs(spawn('taskset', ['-c', core, ...SPIN], { stdio: 'ignore' })))
  }

  [Symbol.dispose](): void {
    for (const child of this.#spinning) child.kill('SIGKILL')
  }
}
