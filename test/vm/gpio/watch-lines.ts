// Looks at lines from another process: node watch-lines.ts VALUE-FILE…. It goes before everybody else, wakes every LOOK_MS and so misses nothing longer,
// which a loop without a pause would: on one processor others run while it does not. Prints LINE=LEVEL for each level that it sees anew.
import { openSync, readSync } from 'node:fs'
import { constants, setPriority } from 'node:os'

const LOOK_MS = 0.2
const FLUSHED_EVERY = 250

setPriority(constants.priority.PRIORITY_HIGHEST)
const lines = process.argv.slice(2).map((file) => ({ fd: openSync(file, 'r'), before: -1 }))
const bytes = Buffer.alloc(1)
const nobody = new Int32Array(new SharedArrayBuffer(4))
let isOver = false
process.on('SIGTERM', () => (isOver = true))

function look(): void {
  for (let i = 0; i < FLUSHED_EVERY; i++) {
    lines.forEach((line, n) => {
      readSync(line.fd, bytes, 0, 1, 0)
      if (bytes[0] === line.before) return
      line.before = bytes[0]!
      process.stdout.write(`${n}=${String.fromCharCode(line.before)}\n`)
    })
    Atomics.wait(nobody, 0, 0, LOOK_MS)
  }
  if (!isOver) setImmediate(look)
}
look()
