// What an update leaves on the data partition, as files of one line of JSON each.
//   job.json     what was asked for and is not done: survives a restart of the machine
//   trial.json   what was installed and has not been seen to work (undo-update, a shell script, reads its texts too)
//   slots.json   versions of the roots that have run in the slots
//   last.json    what became of the last one. People see it: `sandpiper update status`, STATUS.txt on the card
import { join } from 'node:path'
import type { Slot } from './boot-block.ts'
import type { Disk } from './disk.ts'
import type { Places } from './places.ts'

export type Kind = 'root' | 'application'

/** Where somebody waits for an answer: the cloud, through the gateway. */
export interface Asker {
  readonly topic: string
  /** Base 64; null for none. */
  readonly correlation: string | null
}

export interface Job {
  readonly id: string
  /** http:, https: or an absolute path. */
  readonly source: string
  /** Of the file, as the asker knows it; null where nobody said. */
  readonly sha256: string | null
  readonly allowDowngrade: boolean
  readonly asker: Asker | null
  /** Starts of the service that ended with the machine, not with the job. */
  readonly attempts: number
}

export interface Trial {
  readonly kind: Kind
  readonly version: string
  /** Of what ran before. */
  readonly from: string
  /** A root's slot, or an application's name. */
  readonly slot: string
  /** False until everything was written: a power cut comes back to the old one without anything having been tried. */
  readonly isInstalled: boolean
  /** Uplinks that had been connected before: one of them has to be again. */
  readonly uplinks: readonly string[]
  /** The gateway ran on the safe default before. */
  readonly wasDefault: boolean
  /** Time spent waiting for that, over restarts of the machine. */
  readonly waitedMs: number
  readonly job: string
  readonly asker: Asker | null
}

/** The reason of a going back that was wanted. */
export const ASKED = 'somebody asked for it'

export interface Outcome {
  /** installed: it works, and stays · rolled-back: what ran before runs again · refused: nothing was changed · failed: it could not be got or written */
  readonly outcome: 'installed' | 'rolled-back' | 'refused' | 'failed'
  /** null when it was not found out. */
  readonly kind: Kind | null
  readonly version: string | null
  /** A sentence; empty for what went well. */
  readonly reason: string
  /** Wall time. */
  readonly atMs: number
  readonly job: string | null
  /** Where it was taken from, without what may be secret in an address. */
  readonly source: string | null
  readonly asker: Asker | null
}

export class Records {
  readonly #folder: string
  readonly #disk: Disk

  constructor({ data }: Pick<Places, 'data'>, disk: Disk) {
    this.#folder = data
    this.#disk = disk
  }

  get job(): Job | null {
    return this.#read<Job>('job.json', (job) => typeof job.id === 'string' && typeof job.source === 'string')
  }

  set job(job: Job | null) {
    this.#write('job.json', job, 0o600) // an address may hold a password
  }

  /** Versions by slot. */
  get slots(): Readonly<Partial<Record<Slot, string>>> {
    return this.#read<Readonly<Partial<Record<Slot, string>>>>('slots.json', () => true) ?? {}
  }

  set slots(slots: Readonly<Partial<Record<Slot, string>>>) {
    this.#write('slots.json', slots)
  }

  get trial(): Trial | null {
    return this.#read<Trial>('trial.json', ({ kind, slot, version }) => (kind === 'root' || kind === 'application') && typeof slot === 'string' && typeof version === 'string')
  }

  set trial(trial: Trial | null) {
    this.#write('trial.json', trial)
  }

  get last(): Outcome | null {
    return this.#read<Outcome>('last.json', ({ outcome }) => typeof outcome === 'string')
  }

  set last(last: Outcome | null) {
    this.#write('last.json', last)
  }

  #read<T>(name: string, isOne: (value: T) => boolean): T | null {
    const bytes = this.#disk.read(join(this.#folder, name))
    if (bytes === null) return null
    try {
      const value = JSON.parse(bytes.toString('utf8')) as T
      return value !== null && typeof value === 'object' && isOne(value) ? value : null
    } catch {
      return null
    }
  }

  #write(name: string, value: object | null, mode = 0o644): void {
    if (value === null) {
      this.#disk.remove(join(this.#folder, name))
      return
    }
    this.#disk.makeFolder(this.#folder)
    this.#disk.replace(join(this.#folder, name), `${JSON.stringify(value)}\n`, mode)
  }
}

/** For people and files that they read: an address without user, password and query. */
export function sourceForPeople(source: string): string {
  if (!/^https?:/i.test(source)) return source
  try {
    const { origin, pathname } = new URL(source)
    return `${origin}${pathname}`
  } catch {
    return 'an address that is none'
  }
}
