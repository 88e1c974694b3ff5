// npm run fuzz -- --count 1000000 [--seed S] [--connections N]     mistakes of all kinds against a real gateway
// npm run fuzz -- --seed S --case K                                one case alone, with its bytes and the answer
// npm run fuzz -- --seed S --first K --count N                     those from K on
//
// Exit code 1 when anything went wrong: what, and how to run the case again, is printed.
import { parseArgs } from 'node:util'
import { campaign } from './campaign.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    seed: { type: 'string' },
    first: { type: 'string', default: '0' },
    case: { type: 'string' },
    connections: { type: 'string', default: '250' },
  },
})
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e6) : Number(values.seed)
const only = values.case === undefined ? null : Number(values.case)
const first = only ?? Number(values.first)
const count = only === null ? Number(values.count) : 1
const connections = Number(values.connections)
for (const [name, value] of Object.entries({ seed, first, count, connections })) {
  if (Number.isInteger(value) && value >= 0) continue
  console.error(`--${name}: write a whole number`)
  process.exit(2)
}

/** The gateway gives memory back when a second was quiet. */
const REST_MS = 4000

const began = performance.now()
console.log(`${count} cases from ${first} on, seed ${seed}, ${connections} connections at once`)
const report = await campaign({ seed, first, count, connections, restMs: REST_MS, verbose: only !== null, print: (line) => console.log(line) })
const { ended, health, restMb, faults } = report
const ms = (value: number): string => `${value.toFixed(1)} ms`
console.log(`
${report.cases} cases in ${Math.round((performance.now() - began) / 1000)} s (${Math.round(report.perSec)}/s), ${report.probes} of them probes; ${report.protocolErrors} protocol errors; seed ${seed}
expected: ended   ${Object.entries(ended).sort().map(([how, n]) => `${how} ${n}`).join(', ')}
healthy client    ${health.sent} QoS 1 round trips, p50 ${ms(health.p50Ms)}, p99 ${ms(health.p99Ms)}, worst ${ms(health.worstMs)}
resident memory   at rest after each round ${restMb.map((mb) => mb.toFixed(0)).join(', ')} MB; at work ${report.mostMb.toFixed(0)} MB at most
${faults.length === 0 ? 'no faults' : `${faults.length} FAULTS`}`)
for (const fault of faults) console.error(fault)
process.exit(faults.length === 0 ? 0 : 1)
