// npm run test:mutated -- --count 500 --seed 1: damaged configurations on the image; exit code 1 when the broker did not answer after one of them.
import { parseArgs } from 'node:util'
import { startMutated } from './mutated.ts'
import { prepareImage } from './prepare.ts'

const { values } = parseArgs({ options: { count: { type: 'string', default: '500' }, seed: { type: 'string' }, image: { type: 'string' } } })
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed)
const image = values.image ?? (await prepareImage('amd64'))
const { count, silent, verdicts, ms } = await startMutated({ image, count: Number(values.count), seed, print: (line) => console.log(line) })
for (const [verdict, n] of verdicts) console.log(`${String(n).padStart(5)}  ${verdict}`)
console.log(`${count} damaged files, the broker answered after ${count - silent.length}; ${Math.round(ms / 60_000)} min, seed ${seed}`)
for (const line of silent) console.error(line)
process.exitCode = silent.length === 0 ? 0 : 1
