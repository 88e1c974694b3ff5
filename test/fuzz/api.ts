// npm run fuzz:api -- --count 100000 [--seed S]         requests made from the API's own description, right and wrong
// npm run fuzz:api -- --seed S --case K                 one case alone
//
// Exit code 1 when anything went wrong: what, and how to run the case again, is printed.
import { parseArgs } from 'node:util'
import { apiCampaign } from './api-campaign.ts'

const { values } = parseArgs({ options: { count: { type: 'string', default: '20000' }, seed: { type: 'string' }, case: { type: 'string' } } })
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e6) : Number(values.seed)
const first = Number(values.case ?? 0)
const count = values.case === undefined ? Number(values.count) : 1
for (const [name, value] of Object.entries({ seed, first, count })) {
  if (Number.isInteger(value) && value >= 0) continue
  console.error(`--${name}: write a whole number`)
  process.exit(2)
}
const began = performance.now()
const { faults, statuses, slowestMs } = await apiCampaign({ seed, first, count, print: (line) => console.error(line) })
const answers = Object.entries(statuses).map(([status, times]) => `${times} × ${status === '0' ? 'none' : status}`)
console.log(`${count} cases in ${Math.round((performance.now() - began) / 1000)} s: ${answers.join(', ')}; slowest ${Math.round(slowestMs)} ms; seed ${seed}; ${faults.length === 0 ? 'no faults' : `${faults.length} FAULTS`}`)
process.exit(faults.length === 0 ? 0 : 1)
