// The machine that a plan is carried out on: files below a root, and the programs that have to hear of a change. Programs are the system's own,
// started without a shell; one that fails or is not there is told, and stops nothing.
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'

const PROGRAM_MS_MAX = 60_000
const OUTPUT_BYTES_MAX = 100_000

export interface Ran {
  readonly ok: boolean
  readonly output: string
}

export interface Machine {
  /** null when it is not there or cannot be read. */
  read(path: string): string | null
  /** Whole or not at all; without syncing, for all of it is on tmpfs. Throws the file system's error. */
  write(path: string, content: string, mode: number): void
  /** A file of the kernel, which takes one write as an order. Throws the file system's error. */
  order(path: string, text: string): void
  remove(path: string): void
  /** Names in a folder; none where there is no such folder. */
  list(folder: string): readonly string[]
  /** Never rejects. */
  run(program: string, args: readonly string[]): Promise<Ran>
}

/** This machine; with a root, only its files are below it and no program is run. */
export function systemMachine(root: string): Machine {
  const at = (path: string): string => join(root, path)
  return {
    read(path) {
      try {
        return readFileSync(at(path), 'utf8')
      } catch {
        return null // what is not there is made
      }
    },
    write(path, content, mode) {
      const target = at(path)
      mkdirSync(dirname(target), { recursive: true })
      const aside = join(dirname(target), `.${process.pid}.tmp`)
      rmSync(aside, { force: true })
      writeFileSync(aside, content, { mode, flag: 'wx' })
      chmodSync(aside, mode) // whatever the umask
      renameSync(aside, target)
    },
    order(path, text) {
      if (root !== '') mkdirSync(dirname(at(path)), { recursive: true })
      writeFileSync(at(path), text)
    },
    remove: (path) => rmSync(at(path), { force: true }),
    list(folder) {
      try {
        return readdirSync(at(folder))
      } catch {
        return []
      }
    },
    run(program, args) {
      if (root !== '') return Promise.resolve({ ok: true, output: '' })
      return new Promise((resolve) => {
        execFile(program, args, { timeout: PROGRAM_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX, encoding: 'utf8' }, (error, stdout, stderr) => {
          resolve({ ok: error === null, output: `${stdout}${stderr}${error === null ? '' : ` ${error.message.split('\n')[0]}`}`.trim() })
        })
      })
    },
  }
}
