// A machine that a configuration can be applied to: files in memory, and programs that are only noted.
import type { Machine, Ran } from '../../src/appliance/machine.ts'

export class FakeMachine implements Machine {
  readonly files = new Map<string, { readonly content: string; readonly mode: number }>()
  /** Command lines, in order. */
  readonly ran: string[] = []
  /** Answers by the beginning of a command line; the rest succeeds without a word. */
  readonly answers = new Map<string, Ran>()
  /** Paths that cannot be written. */
  readonly broken = new Set<string>()
  writes = 0

  read(path: string): string | null {
    return this.files.get(path)?.content ?? null
  }

  write(path: string, content: string, mode: number): void {
    if (this.broken.has(path)) throw new Error('ENOSPC: no space left on device')
    this.writes++
    this.files.set(path, { content, mode })
  }

  order(path: string, text: string): void {
    this.write(path, text, 0o644)
  }

  remove(path: string): void {
    this.files.delete(path)
  }

  list(folder: string): readonly string[] {
    return [...this.files.keys()].filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1))
  }

  run(program: string, args: readonly string[]): Promise<Ran> {
    const line = [program, ...args].join(' ')
    this.ran.push(line)
    const answer = [...this.answers].find(([begin]) => line.startsWith(begin))
    return Promise.resolve(answer?.[1] ?? { ok: true, output: '' })
  }
}
