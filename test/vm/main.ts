// Runs a shell script of the project in the virtual machine, as root: node test/vm/main.ts test/vm/SCRIPT.sh
// Its output and its exit code are ours.
import { prepareVm, runInVm } from './run.ts'

const script = process.argv[2]
if (script === undefined) {
  process.stderr.write('usage: node test/vm/main.ts SCRIPT    a shell script, its path in the project\n')
  process.exit(2)
}
const why = await prepareVm()
if (why !== null) {
  process.stderr.write(`${why}\n`)
  process.exit(1)
}
const { status, ms } = await runInVm(script, { onOutput: (text) => void process.stdout.write(text) })
process.stderr.write(`vm: status ${status} after ${(ms / 1000).toFixed(1)} s\n`)
process.exitCode = status
