// A folder of small named files that are written whole or not at all, for what is too large for a number and too rare for the store:
// dictionaries of frames, frames that wait for one. Nothing here blocks; a name is letters, digits, - _ and .
import { mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'

export interface Shelf {
  /** In no order. */
  names(): Promise<readonly string[]>
  /** null when there is none. */
  read(name: string): Promise<Buffer | null>
  /** Resolves when the bytes survive a power cut. */
  write(name: string, bytes: Uint8Array): Promise<void>
  /** One that is not there is removed already. */
  remove(name: string): Promise<void>
}

const PARTIAL = '.new'

export class FolderShelf implements Shelf {
  readonly #folder: string
  #made = false

  /** Made with the first file. */
  constructor(folder: string) {
    this.#folder = folder
  }

  async names(): Promise<readonly string[]> {
    try {
      return (await readdir(this.#folder)).filter((name) => !name.endsWith(PARTIAL))
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  }

  async read(name: string): Promise<Buffer | null> {
    try {
      return await readFile(join(this.#folder, name))
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    if (!this.#made) await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    this.#made = true
    const path = join(this.#folder, name)
    const file = await open(path + PARTIAL, 'w', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(path + PARTIAL, path)
    const folder = await open(this.#folder) // the name must last too
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }

  async remove(name: string): Promise<void> {
    try {
      await unlink(join(this.#folder, name))
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
