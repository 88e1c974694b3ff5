// Pulses on a wire, from another process: node pulses.ts PULL-FILE COUNT HERTZ. Each goes up, and down half a period later; what comes too late is
// made up for. Prints how long it took.
import { openSync, writeSync } from 'node:fs'
import { systemClock } from '../../../src/clock.ts'

const [file, count, hertz] = process.argv.slice(2)
const fd = openSync(file!, 'w')
const halfMs = 500 / Number(hertz)
const nobody = new Int32Array(new SharedArrayBuffer(4))
const began = systemClock.now()
for (let i = 0; i < 2 * Number(count); i++) {
  writeSync(fd, i % 2 === 0 ? 'pull-up' : 'pull-down', 0)
  const leftMs = began + (i + 1) * halfMs - systemClock.now()
  if (leftMs > 0) Atomics.wait(nobody, 0, 0, leftMs)
}
process.stdout.write(JSON.stringify({ ms: systemClock.now() - began }))
