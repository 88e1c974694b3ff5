// npm run test:mutated -- --count 500 --seed 1: damaged configurations on the image; exit code 1 when the broker did not answer after one of them.
// --model user-mode (default): half a minute each on a busy machine; --model pc: with the image's own kernel, in the emulator, a minute and more.
// SIGTERM ends it after the file that it is at, with the count so far.
import { parseArgs } from 'node:util'
import { startMutated } from './mutated.ts'
import { prepareImage } from './prepare.ts'

const { values } = parseArgs({ options: { count: { type: 'string', default: '500' }, seed: { type: 'string' }, model: { type: 'string', default: 'user-mode' }, image: { type: 'string' } } })
const model = values.model === 'pc' ? 'pc' : 'user-mode'
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed)
const image = values.image ?? (await prepareImage(model))
let isEnough = false
process.once('SIGTERM', () => {
  isEnough = true
  console.log('this file is the last one')
})
const { count, silent, verdicts, ms } = await startMutated({ image, model, count: Number(values.count), seed, print: (line) => console.log(line), isEnough: () => isEnough })
for (const [verdict, n] of verdicts) console.log(`${String(n).padStart(5)}  ${verdict}`)
console.log(`${count} damaged files, the broker answered after ${count - silent.length}; ${Math.round(ms / 60_000)} min, seed ${seed}`)
for (const line of silent) console.error(line)
process.exitCode = silent.length === 0 ? 0 : 1
