// A file tree of a board, recorded as a small text, and made again in a temporary folder: what /sys, /proc and /dev would show.
//
//   # a comment
//   /proc/device-tree/model: Raspberry Pi 4 Model B Rev 1.4\0
//   /sys/class/hwmon/hwmon0/temp1_input: 48312
//   /sys/class/hwmon/hwmon0 -> ../../devices/virtual/hwmon/hwmon0
//   /sys/bus/w1/devices/                      an empty folder
//   /dev/ttyAMA0:                             an empty file stands for a device
//
// A value gets the line feed that the kernel ends its values with, unless it ends with \0 as those of a device tree do, or is empty.
// Escapes: \n \t \0 \\ \xNN. A blank before the value, and blanks after it, are not part of it. Links may come before what they name.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export class FileTree implements Disposable {
  /** Give it to what takes a root for /sys, /proc and /dev. */
  readonly root: string

  constructor(text = '') {
    this.root = mkdtempSync(join(tmpdir(), 'sandpiper-tree-'))
    this.add(text)
  }

  /** `file`: of a recorded tree, for example `join(import.meta.dirname, 'trees/rpi-4.txt')`. */
  static recorded(file: string): FileTree {
    return new FileTree(readFileSync(file, 'utf8'))
  }

  /** More lines of the same form; a file that is there gets the new value. */
  add(text: string): void {
    text.split('\n').forEach((line, i) => {
      if (line.trim() === '' || line.startsWith('#')) return
      if (!this.#addLine(line)) throw new Error(`line ${i + 1} of the tree is not \`/path: value\`, \`/path -> target\` or \`/path/\`: ${line}`)
    })
  }

  #addLine(line: string): boolean {
    const file = /^(\/(?:[^:]|:(?! |$))*):(?: (.*))?$/.exec(line)
    const link = /^(\/\S+) -> (\S+)\s*$/.exec(line)
    const folder = /^(\/\S+)\/(?:\s.*)?$/.exec(line)
    if (link !== null) this.link(link[1]!, link[2]!)
    else if (file !== null) this.write(file[1]!, kernelText(file[2] ?? ''))
    else if (folder !== null) mkdirSync(this.path(folder[1]!), { recursive: true })
    else return false
    return true
  }

  path(path: string): string {
    return join(this.root, path)
  }

  /** Exactly these bytes. */
  write(path: string, bytes: string | Buffer): void {
    mkdirSync(dirname(this.path(path)), { recursive: true })
    writeFileSync(this.path(path), bytes)
  }

  link(path: string, target: string): void {
    mkdirSync(dirname(this.path(path)), { recursive: true })
    rmSync(this.path(path), { force: true })
    symlinkSync(target, this.path(path))
  }

  remove(path: string): void {
    rmSync(this.path(path), { recursive: true, force: true })
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', 0: '\0', '\\': '\\' }

function kernelText(written: string): Buffer {
  const text = written.trimEnd().replaceAll(/\\(x[0-9a-fA-F]{2}|.)/g, (whole, escape: string) => {
    return escape.startsWith('x') ? String.fromCharCode(Number.parseInt(escape.slice(1), 16)) : (ESCAPES[escape] ?? whole)
  })
  // latin1 so that \xNN is one byte.
  return Buffer.from(text === '' || text.endsWith('\0') ? text : `${text}\n`, 'latin1')
}
