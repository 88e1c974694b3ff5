// npm run test:plug -- --rounds 200 --model pc --seed 1: prints as it goes, then the table; exit code 1 when anything was lost, doubled at QoS 2,
// or did not start. About a minute and a half a round under plain emulation, a quarter of it with --model user-mode
// (without the image's own kernel and boot loader). SIGTERM ends it after the round, with the count so far.
import { parseArgs } from 'node:util'
import { pullThePlug } from './plug.ts'
import { prepareImage } from './prepare.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '200' }, seed: { type: 'string' }, model: { type: 'string', default: 'pc' }, image: { type: 'string' } } })
const MODELS = ['pc', 'virt', 'user-mode'] as const
const model = MODELS.find((one) => one === values.model)
if (model === undefined) throw new Error(`--model is one of ${MODELS.join(', ')}`)
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed)
const rounds = Number(values.rounds)
const began = performance.now()
const image = values.image ?? (await prepareImage(model))
console.log(`the plug, ${rounds} rounds, ${model}, seed ${seed}`)
let isEnough = false
process.once('SIGTERM', () => {
  isEnough = true
  console.log('this round is the last one')
})
const report = await pullThePlug({ image, model, rounds, seed, print: (line) => console.log(line), isEnough: () => isEnough })
const bootMs = [...report.bootMs].sort((a, b) => a - b)
console.log(`\nreceiver          QoS  acknowledged  lost  twice`)
for (const row of report.rows) console.log(`${row.receiver.padEnd(17)} ${row.qos}   ${String(row.acknowledged).padStart(12)} ${String(row.lost).padStart(5)} ${String(row.duplicates).padStart(6)}`)
console.log(`\n${report.rounds} power cuts, ${report.early} of them during a start; ${report.sectors.cached} sectors were in the disk's cache, ${report.sectors.kept} of them were kept`)
console.log(`power-on to CONNACK: median ${Math.round(bootMs[Math.floor(bootMs.length / 2)]! / 1000)} s, longest ${Math.round(bootMs.at(-1)! / 1000)} s`)
console.log(`${Math.round((performance.now() - began) / 60_000)} min, seed ${seed}`)
for (const fault of report.faults) console.error(fault)
process.exitCode = report.faults.length === 0 ? 0 : 1
