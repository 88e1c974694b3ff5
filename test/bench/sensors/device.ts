// A device at a pseudo terminal that writes lines at a steady rate: device.ts PATH LINES_PER_SEC LINES_TOGETHER SEC
import { openSync, writeSync } from 'node:fs'

const [path, perSec, together, sec] = [process.argv[2]!, ...process.argv.slice(3).map(Number)] as [string, number, number, number]
const fd = openSync(path, 'w')
const began = performance.now()
let n = 0
// What is due is written; a late timer writes more at once.
const timer = setInterval(() => {
  const due = Math.floor(((performance.now() - began) / 1000) * perSec)
  while (n + together <= due) {
    let text = ''
    for (let i = 0; i < together; i++, n++) text += `${n},${40 + (n % 5)},${(21 + (n % 3) / 10).toFixed(1)}\n`
    writeSync(fd, text)
  }
  if (n >= sec * perSec) clearInterval(timer)
}, (1000 * together) / perSec)
