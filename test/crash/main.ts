// npm run test:crash -- --rounds 200 --seed 1: prints as it goes, then the table; exit code 1 when anything was lost, doubled at
// QoS 2 or out of order.
import { parseArgs } from 'node:util'
import { crash, faults, table } from './crash.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '200' }, seed: { type: 'string' } } })
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed)
const rounds = Number(values.rounds)
const began = performance.now()
console.log(`kill -9, ${rounds} rounds, seed ${seed}`)
const report = await crash({ rounds, seed, print: (line) => console.log(line) })
const wrong = faults(report)
console.log(`\n${table(report)}\n\n${rounds} rounds in ${Math.round((performance.now() - began) / 1000)} s, seed ${seed}`)
for (const fault of wrong) console.error(fault)
process.exitCode = wrong.length === 0 ? 0 : 1
