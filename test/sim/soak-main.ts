// npm run soak:virtual -- [--days 30] [--flaps 1000] [--reading 10] [--limits] [--seed N] [--seeds 1]
//
// Prints a table in Markdown for each seed; the exit code is 1 when a promise was broken. The same seed is the same run.
import { parseArgs } from 'node:util'
import { DAY_MS, type SoakReport, SoakWorld } from './soak.ts'

process.env.TZ = 'Europe/Berlin' // days of 23 and 25 hours
const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '30' },
    flaps: { type: 'string', default: '1000' },
    reading: { type: 'string', default: '10' },
    limits: { type: 'boolean', default: false },
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1' },
  },
})
const first = Number(values.seed ?? Math.floor(Math.random() * 1e9))
const whole = (n: number): string => Math.round(n).toLocaleString('en-US')

function table({ options, ...r }: SoakReport, tookMs: number): string {
  const rows: [string, string][] = [
    ['messages published / acknowledged / arrived', `${whole(r.published)} / ${whole(r.acknowledged)} / ${whole(r.arrived)}`],
    ['lost, and dropped by limits', `${whole(r.lost)}, ${whole(r.dropped)}`],
    ['duplicates / out of order / damaged', `${whole(r.duplicates)} / ${whole(r.disordered)} / ${whole(r.damaged)}`],
    ['sent twice by their publisher (QoS 1)', whole(r.repeated)],
    ['kill -9 of gateway / cloud / unpacker', `${r.kills.gateway} / ${r.kills.cloud} / ${r.kills.unpacker}`],
    ['steps of the clock / disk stalls', `${r.clockSteps} / ${r.diskStalls}`],
    ['most that waited', whole(r.queuedMax)],
    ['alarms: median / p95 / last', `${r.alarmSec.p50.toFixed(1)} / ${r.alarmSec.p95.toFixed(1)} / ${r.alarmSec.max.toFixed(0)} s`],
  ]
  for (const line of r.lines) {
    rows.push(
      [`${line.name}: flaps / connections / probes`, `${whole(line.flaps)} / ${whole(line.connections)} / ${whole(line.probes)}`],
      [`${line.name}: most bytes in a day / budget; days it was used up, but for the reserve`, `${whole(line.dayBytesMax)} / ${whole(line.dayBytes)}; ${line.usedUpDays}`],
      [`${line.name}: most bytes in a month / budget`, `${whole(line.monthBytesMax)} / ${whole(line.monthBytes)}`],
      [`${line.name}: all bytes; gone again; counted by the gateway (${r.countedBy}), at least`, `${whole(line.totalBytes)}; ${whole(line.resentBytes)}; ${line.countedMin === Infinity ? '' : `${(line.countedMin * 100).toFixed(1)} %`}`],
    )
  }
  const head = `### ${options.days} virtual days, seed ${options.seed}, ${options.flapsPerDay} flaps a day${options.limits ? ', short queues' : ''}: ${(tookMs / 60_000).toFixed(1)} minutes`
  return [head, '', '| | |', '|---|---:|', ...rows.map(([what, value]) => `| ${what} | ${value} |`), ''].join('\n')
}

const broken: number[] = []
for (let seed = first; seed < first + Number(values.seeds); seed++) {
  const beganMs = performance.now()
  const options = { seed, days: Number(values.days), flapsPerDay: Number(values.flaps), readingMs: Number(values.reading) * 1000, limits: values.limits }
  const print = (nowMs: number): void => console.error(`seed ${seed}: day ${(nowMs / DAY_MS).toFixed(1)} after ${((performance.now() - beganMs) / 1000).toFixed(0)} s, ${Math.round(process.memoryUsage().rss / 1e6)} MB`)
  const report = await new SoakWorld({ ...options, print }).run()
  console.log(table(report, performance.now() - beganMs))
  for (const violation of report.violations) console.log(`BROKEN, seed ${seed}: ${violation}`)
  if (report.violations.length > 0) broken.push(seed)
}
console.log(broken.length === 0 ? 'every promise kept' : `broken promises: seeds ${broken.join(' ')}`)
process.exitCode = broken.length === 0 ? 0 : 1
