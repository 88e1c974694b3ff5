// What a work is: something measured with one broker at a time, from its start to its end.

import { Broker, makeFolder, removeFolder, type Kind, type Setup } from '../brokers.ts'
import { Load } from '../load.ts'
import { type Cores, openFilesMax } from '../machine.ts'
import type { Outcome } from '../report.ts'

export interface Work {
  readonly name: string
  readonly title: string
  /** Slow ones are not repeated as often as the others. */
  readonly repeatsMax?: number
  /** Which brokers can do it; left out: all. */
  readonly can?: (kind: Kind) => boolean
  run(bench: Bench): Promise<Outcome>
}

/** One run of one work with one broker: starts what the work asks for, and leaves nothing behind. */
export class Bench {
  readonly kind: Kind
  /** Shorter, for a look; the figures are worth less. */
  readonly quick: boolean
  readonly #cores: Cores
  readonly #under: string
  readonly #brokers: Broker[] = []
  readonly #loads: Load[] = []
  #folder: string | null = null

  constructor(kind: Kind, cores: Cores, under: string, quick: boolean) {
    this.kind = kind
    this.quick = quick
    this.#cores = cores
    this.#under = under
  }

  /** A second start in the same run finds the folder of the first one. */
  async start(options: Partial<Omit<Setup, 'port' | 'folder'>> = {}): Promise<Broker> {
    this.#folder ??= makeFolder(this.#under)
    const broker = await Broker.start(this.kind, this.#cores, { folder: this.#folder, persistence: false, tls: null, uplink: null, access: null, ...options })
    this.#brokers.push(broker)
    return broker
  }

  /** The next start finds an empty folder. */
  forget(): void {
    if (this.#folder !== null) removeFolder(this.#folder)
    this.#folder = null
  }

  load(): Load {
    const load = new Load()
    this.#loads.push(load)
    return load
  }

  async end(): Promise<void> {
    for (const load of this.#loads) load.stop()
    for (const broker of this.#brokers) await broker.stop()
    this.forget()
  }
}

/** What a work says that cannot have its connections. */
export function notEnoughFiles(count: number): Outcome {
  return { rows: [], notes: [`${openFilesMax()} open files are not enough for ${count.toLocaleString('en-US')} connections`] }
}

export async function pause(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, ms)
  await promise
}
