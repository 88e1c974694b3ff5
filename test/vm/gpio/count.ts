// A counter of the whole gateway at a thousand pulses a second: node count.ts SECONDS. What is lost, what it costs, and what a rate looks like. Printed
// as a scene.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { scene } from '../scenes.ts'
import { SimChip } from './sim.ts'
import { Client, Site, writeConfig } from './site.ts'
import { until } from './wait.ts'

const HERTZ = 1000
const pulses = HERTZ * Number(process.argv[2])

const chip = new SimChip('rain', 2)
const site = new Site(writeConfig('count', 'sensors:\n  - { name: rain, topic: rain, gpio: { line: "rain:0", input: counter, poll: 1s } }\n'))
await site.start()
const client = await Client.connect()
const readings = (): { total: number; rate: number }[] => client.on('rain').map((text) => JSON.parse(text) as { total: number; rate: number })

const before = cpuMs(site.pid)
const { stdout } = await promisify(execFile)(process.execPath, [`${import.meta.dirname}/pulses.ts`, chip.pullFile(0), `${pulses}`, `${HERTZ}`])
const cpu = cpuMs(site.pid) - before
const { ms } = JSON.parse(stdout) as { ms: number }
await until(() => readings().at(-1)?.rate === 0)
const rates = readings().map(({ rate }) => rate)
scene('count', { pulses, total: readings().at(-1)?.total, sec: Math.round(ms / 1000), highestRate: Math.max(...rates), cpuPercent: Math.round((cpu / ms) * 1000) / 10 })
await client.end()
await site.end('SIGTERM')
process.exit(0)

/** What the process has used so far: fields 14 and 15 of proc_pid_stat(5), in hundredths of a second. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}
