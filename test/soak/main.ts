// npm run soak:link -- [--minutes 60] [--messages 1000000] [--loss 0.2] [--far-end plain|unpack] [--seed N]
//
// Prints as it goes, then a table in Markdown; the exit code is 1 when anything was lost, doubled or out of order.
import { parseArgs } from 'node:util'
import { FAR_ENDS, type FarEndName } from './far-end.ts'
import { soak } from './soak.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    messages: { type: 'string', default: '1000000' },
    loss: { type: 'string', default: '0.2' },
    'far-end': { type: 'string', default: 'unpack' },
    seed: { type: 'string' },
  },
})

function fail(sentence: string): never {
  console.error(sentence)
  process.exit(2)
}

function number(name: 'minutes' | 'messages' | 'loss', from: number, to: number): number {
  const value = Number(values[name])
  return value >= from && value <= to ? value : fail(`--${name} ${values[name]}: write a number from ${from} to ${to}`)
}

const farEnd = Object.hasOwn(FAR_ENDS, values['far-end']) ? (values['far-end'] as FarEndName) : fail(`--far-end ${values['far-end']}: there are ${Object.keys(FAR_ENDS).join(', ')}`)
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed)
const options = { minutes: number('minutes', 0.1, 10_000), messages: number('messages', 100, 1e9), loss: number('loss', 0, 0.5), farEnd, seed, print: (line: string) => console.error(line) }
console.error(`soak: ${options.messages} messages in ${options.minutes} minutes, seed ${seed}`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

const report = await soak(options)
const { sent, acknowledged, arrived, lost, duplicates, disordered, kills, connections, cuts, bytesLost, wireBytes, tookSec, faults } = report
const whole = (n: number): string => n.toLocaleString('en-US')
const rows = [
  ['messages sent / acknowledged / arrived', `${whole(sent)} / ${whole(acknowledged)} / ${whole(arrived)}`],
  ['lost / duplicates / out of order', `${whole(lost)} / ${whole(duplicates)} / ${whole(disordered)}`],
  ['kill -9 of the gateway / restarts of the cloud / of the far end', `${kills.gateway} / ${kills.cloud} / ${kills['far end']}`],
  ['connections / cut / bytes lost in them, upwards', `${whole(connections)} / ${whole(cuts)} / ${(bytesLost * 100).toFixed(1)} %`],
  ['on the wire, estimated, for a message that arrived', `${(wireBytes / Math.max(1, arrived)).toFixed(1)} bytes`],
  ['minutes, with what came late', (tookSec / 60).toFixed(1)],
]
console.log(`### soak: ${farEnd}, ${options.loss * 100} % cut in each round trip of 600 ms, seed ${seed}\n`)
console.log(['| | |', '|---|---:|', ...rows.map(([what, value]) => `| ${what} | ${value} |`)].join('\n'))
for (const fault of faults) console.error(`FAULT ${fault}`)
process.exitCode = faults.length === 0 ? 0 : 1
