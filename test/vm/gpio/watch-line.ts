// Looks at a line without a pause, from another process: node watch-line.ts VALUE-FILE. Prints each level that it sees anew, until it is ended.
import { openSync, readSync } from 'node:fs'

const fd = openSync(process.argv[2]!, 'r')
const bytes = Buffer.alloc(1)
let before = -1
let isOver = false
process.on('SIGTERM', () => (isOver = true))

function look(): void {
  for (let i = 0; i < 200; i++) {
    readSync(fd, bytes, 0, 1, 0)
    if (bytes[0] === before) continue
    before = bytes[0]!
    process.stdout.write(String.fromCharCode(before))
  }
  if (!isOver) setImmediate(look)
}
look()
