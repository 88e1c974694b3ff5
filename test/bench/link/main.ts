// npm run bench:link: what readings cost on an expensive link, Sandpiper beside a real Mosquitto bridge.
//
//   npm run bench:link -- [--quick] [--only NAME,…] [--list]
//
// Each case stands on a bed of its own (bed.ts): a Mosquitto as the cloud, TLS, and the link between. Best as root, where packets are counted
// (wire.ts); elsewhere bytes are estimated, and the tables say so. Progress goes to stderr, tables in Markdown to stdout. Being dear is no
// failure: the exit code is 1 only when a reading was lost, doubled or changed.
import { parseArgs } from 'node:util'
import { bytes } from './cases/bytes.ts'
import type { Case, Outcome } from './cases/case.ts'
import { drain } from './cases/drain.ts'
import { idle } from './cases/idle.ts'
import { live } from './cases/live.ts'
import { message } from './cases/message.ts'
import { reconnect } from './cases/reconnect.ts'
import { describeMachine } from '../machine.ts'
import { markdown } from './markdown.ts'
import { Wire } from './wire.ts'

const CASES: readonly Case[] = [bytes, message, reconnect, idle, drain, live]

const { values: options } = parseArgs({ options: { only: { type: 'string' }, quick: { type: 'boolean', default: false }, list: { type: 'boolean', default: false } } })

function fail(sentence: string): never {
  console.error(sentence)
  process.exit(2)
}

const names = CASES.map((one) => one.name).join(', ')
const todo = options.only?.split(',').map((name) => CASES.find((one) => one.name === name) ?? fail(`no case is called ${name}; there are: ${names}`)) ?? CASES
if (Number(process.versions.node.split('.')[0]) < 26) fail(`this is Node ${process.version}: start it with npm run bench:link, which takes the pinned one`)
if (options.list) {
  for (const one of CASES) console.log(`${one.name.padEnd(10)} ${one.title}`)
  process.exit(0)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

const missing = Wire.missing()
if (missing !== null) console.error(`packets cannot be counted, bytes are estimates: ${missing}`)
console.error(describeMachine())

const done: { one: Case; outcome: Outcome }[] = []
for (const one of todo) {
  console.error(`${one.name}: ${one.title}`)
  done.push({ one, outcome: await one.run({ quick: options.quick, say: (line) => console.error(line) }) })
}
for (const { one, outcome } of done) console.log(markdown(one, outcome))
const faults = done.flatMap(({ one, outcome }) => outcome.faults.map((fault) => `${one.name}: ${fault}`))
for (const fault of faults) console.error(`FAULT ${fault}`)
process.exitCode = faults.length > 0 ? 1 : 0
