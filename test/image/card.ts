// The card in a laptop: the first partition of an image file, read and changed with mtools, as a user does it with a file manager. The machine is off
// meanwhile: it would not notice, and neither would a card that is in a board.
import { execFileSync } from 'node:child_process'

/** Where image/steps/disk puts it. */
const OFFSET = '@@1M'
const ENV = { ...process.env, MTOOLS_SKIP_CHECK: '1' }
const FILE_BYTES_MAX = 256_000_000

export class Card {
  readonly #drive: string

  private constructor(disk: string) {
    this.#drive = `${disk}${OFFSET}`
  }

  /** `disk`: an image file (raw). */
  static of(disk: string): Card {
    return new Card(disk)
  }

  /** Throws when there is no such file. `path`: from the partition's root, with `/`. */
  readBytes(path: string): Buffer {
    return this.#run('mtype', [`::/${path}`])
  }

  read(path: string): string {
    return this.readBytes(path).toString('utf8')
  }

  /** Makes the file, or one in place of it. */
  write(path: string, content: string | Buffer): void {
    this.#run('mcopy', ['-o', '-', `::/${path}`], content)
  }

  /** Copies a file of this machine, however large. */
  put(file: string, path: string): void {
    this.#run('mcopy', ['-o', file, `::/${path}`])
  }

  remove(path: string): void {
    this.#run('mdel', [`::/${path}`])
  }

  /** Names in the partition's root; a folder's ends with `/`. */
  list(): string[] {
    const names = this.#run('mdir', ['-b', '::/']).toString('utf8')
    return names.split('\n').filter((line) => line !== '').map((line) => line.replace(/^::\//, ''))
  }

  #run(program: string, args: readonly string[], input: string | Buffer = ''): Buffer {
    return execFileSync(program, ['-i', this.#drive, ...args], { env: ENV, input, stdio: ['pipe', 'pipe', 'pipe'], maxBuffer: FILE_BYTES_MAX })
  }
}
