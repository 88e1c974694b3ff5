// npm run bench: Sandpiper, Mosquitto and Aedes at the same work, side by side, in one run.
//
//   npm run bench -- [--quick] [--only NAME,…] [--brokers sandpiper,mosquitto,aedes] [--repeat N] [--json FILE]
//                    [--dir FOLDER] [--extra NAME=COMMAND] [--profile FOLDER] [--list]
//
// The brokers take turns within each repetition, so that a machine that gets slower gets slower for all; medians are shown.
// Being slow is no failure: the exit code is 1 only when a broker loses, repeats or reorders what it must not, or does not
// start. Stores are made in --dir (default: the system's folder for temporary files), which should be a real disk.

import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { aedes, endAll, mosquitto, other, sandpiper, type Kind } from './brokers.ts'
import { describeMachine, isInMemory, pinSelf, shareCores } from './machine.ts'
import { Report } from './report.ts'
import { connections } from './work/connections.ts'
import { crash } from './work/crash.ts'
import { disk } from './work/disk.ts'
import { isolation } from './work/isolation.ts'
import { latency } from './work/latency.ts'
import { logins } from './work/logins.ts'
import { memory } from './work/memory.ts'
import { queue } from './work/queue.ts'
import { rights } from './work/rights.ts'
import { slow } from './work/slow.ts'
import { throughput } from './work/throughput.ts'
import { Bench, type Work } from './work/work.ts'

const works: Work[] = [...throughput, ...latency, ...queue, ...connections, ...slow, ...memory, ...disk, ...isolation, ...crash, ...rights, ...logins]

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    brokers: { type: 'string', default: 'sandpiper,mosquitto,aedes' },
    repeat: { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    dir: { type: 'string', default: tmpdir() },
    extra: { type: 'string', multiple: true, default: [] },
    profile: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
})

function fail(sentence: string): never {
  console.error(sentence)
  process.exit(2)
}

function chosen<T extends { readonly name: string }>(all: readonly T[], names: string | undefined, what: string): T[] {
  if (names === undefined) return [...all]
  return names.split(',').map((name) => all.find((one) => one.name === name) ?? fail(`no ${what} is called ${name}; there are: ${all.map((one) => one.name).join(', ')}`))
}

function chosenBrokers(): Kind[] {
  const extras = options.extra.map((text) => {
    const at = text.indexOf('=')
    return at > 0 ? other(text.slice(0, at), text.slice(at + 1)) : fail(`--extra ${text}: write NAME=COMMAND`)
  })
  const all = [sandpiper(options.profile ?? null), mosquitto, aedes, ...extras]
  if (options.profile !== undefined) return all.slice(0, 1)
  return [...new Set([...chosen(all, options.brokers, 'broker'), ...extras])]
}

if (options.list) {
  for (const work of works) console.log(`${work.name.padEnd(14)} ${work.title}`)
  process.exit(0)
}
const todo = chosen(works, options.only, 'work')
if (options.profile !== undefined) {
  if (todo.length !== 1) fail('--profile wants one work: add --only NAME')
  mkdirSync(options.profile, { recursive: true })
}
const brokers = chosenBrokers()
const repeats = options.profile !== undefined || options.quick ? 1 : Number(options.repeat)
if (!Number.isInteger(repeats) || repeats < 1) fail(`--repeat ${options.repeat}: write a number from 1 on`)
if (Number(process.versions.node.split('.')[0]) < 26) fail(`this is Node ${process.version}: start it with npm run bench, which takes the pinned one`)

process.on('exit', endAll)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

const cores = shareCores()
if (cores.load !== null) pinSelf(cores.load)
const report = new Report()
const machine = describeMachine()
console.log(`${machine}\n${cores.note}; 100-byte payloads; medians of ${repeats}, ± half the range\n`)
if (isInMemory(options.dir)) console.log(`${options.dir} is in memory: what is said about the disk means nothing (--dir FOLDER)\n`)

for (const work of todo) {
  const able = brokers.filter((kind) => work.can?.(kind) ?? true)
  for (let repetition = 0; repetition < Math.min(repeats, work.repeatsMax ?? repeats); repetition++) {
    for (const kind of able) {
      const bench = new Bench(kind, cores, options.dir, options.quick)
      try {
        report.add(work.name, kind.name, await work.run(bench))
      } catch (error) {
        report.fault(work.name, kind.name, error instanceof Error ? error.message : String(error))
      }
      await bench.end()
    }
  }
  console.log(report.table(work.name, work.title, able.map((kind) => kind.name)))
}

if (options.json !== undefined) {
  const { series, faults, notes } = report
  const plainNotes = Object.fromEntries([...notes].map(([work, said]) => [work, [...said]]))
  writeFileSync(options.json, `${JSON.stringify({ machine, cores, at: new Date().toISOString(), repeats, quick: options.quick, brokers: brokers.map((b) => b.name), series, faults, notes: plainNotes }, null, 2)}\n`)
}
if (report.faults.length > 0) console.log(`${report.faults.length} faults`)
process.exitCode = report.faults.length > 0 ? 1 : 0
