// Sees that the configuration has changed: gateway.yaml, or a file that it names. Looks at times and sizes instead of asking the kernel to
// tell: editors, configuration management and FAT partitions replace files in too many ways.
//
//   look ─► stamp differs from the one in use ─► look again ─► the same once more: nobody is writing any more ─► changed()
import { statSync } from 'node:fs'
import type { Clock, Timer } from '../clock.ts'

const LOOK_MS = 2000

/** The files a configuration was read from, as they were then. */
export interface Sources {
  readonly files: readonly string[]
  readonly stamp: string
}

export class ConfigWatch {
  readonly #clock: Clock
  readonly #changed: () => void
  #sources: Sources = { files: [], stamp: '' }
  #seen = ''
  #timer: Timer | null = null

  constructor(clock: Clock, changed: () => void) {
    this.#clock = clock
    this.#changed = changed
  }

  /** From now on a change of these is a change; a broken configuration is told of once. */
  follow(sources: Sources): void {
    this.#sources = sources
    this.#seen = sources.stamp
    this.#timer ??= this.#clock.every(LOOK_MS, () => this.#look())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #look(): void {
    const { files, stamp: known } = this.#sources
    const stamp = files.map(stampOf).join(', ')
    const settled = stamp === this.#seen
    this.#seen = stamp
    if (settled && stamp !== known) this.#changed()
  }
}

/** To be called at once when `file` has been read: what changes before that is not seen. `named`: the files that it names. */
export function sourcesOf(file: string, named: readonly string[]): Sources {
  const files = [file, ...named]
  return { files, stamp: files.map(stampOf).join(', ') }
}

/** Changes when a file is written, replaced, made or removed, also behind a symbolic link. */
function stampOf(file: string): string {
  try {
    const { dev, ino, mtimeNs, ctimeNs, size } = statSync(file, { bigint: true })
    return `${dev} ${ino} ${mtimeNs} ${ctimeNs} ${size}`
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
