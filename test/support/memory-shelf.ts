// A shelf without a disk. Everything is there at once; what a test wants to survive a restart it hands to the next one.
import type { Shelf } from '../../src/shelf.ts'

export class MemoryShelf implements Shelf {
  readonly files = new Map<string, Buffer>()

  names(): Promise<readonly string[]> {
    return Promise.resolve([...this.files.keys()])
  }

  read(name: string): Promise<Buffer | null> {
    return Promise.resolve(this.files.get(name) ?? null)
  }

  write(name: string, bytes: Uint8Array): Promise<void> {
    this.files.set(name, Buffer.from(bytes))
    return Promise.resolve()
  }

  remove(name: string): Promise<void> {
    this.files.delete(name)
    return Promise.resolve()
  }
}
