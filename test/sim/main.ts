// The long run: node test/sim/main.ts [--seeds N] [--from SEED]. Prints each seed that breaks a promise, and ends with 1 then.
import { parseArgs } from 'node:util'
import { World } from './world.ts'

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '500' }, from: { type: 'string' }, verbose: { type: 'boolean', default: false } } })
const from = Number(values.from ?? Math.floor(Math.random() * 1e9))
const count = Number(values.seeds)
console.log(`seeds ${from} to ${from + count - 1}`)
const broken: number[] = []
for (let seed = from; seed < from + count; seed++) {
  const { violations, summary } = await new World(seed).run()
  if (values.verbose) console.log(`seed ${seed}: ${summary}`)
  if (violations.length === 0) continue
  broken.push(seed)
  console.log(`seed ${seed}: ${summary}\n  ${violations.join('\n  ')}`)
}
console.log(broken.length === 0 ? `${count} runs, every promise kept` : `${broken.length} of ${count} runs broke a promise: ${broken.join(' ')}`)
process.exitCode = broken.length === 0 ? 0 : 1
