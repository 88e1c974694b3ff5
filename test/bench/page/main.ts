// What an open page costs: round trips of 1,000 QoS 1 messages a second with nobody looking, and with each view open, in turns in one run; how long /metrics
// takes; and the memory that HTTP, page and history take.
//
//   npm run bench:page -- [--repeat 15] [--seconds 8] [--views ,readings,messages] [--folder /dev/shm] [--memory 3]      views as in the page's address; '' is the overview
//
// A shared machine stands still for longer than a page can cost: its processors are kept awake, and the quietest quarter of the runs says most. The store lies in memory: how long a disk takes
// to sync differs by more than that too. The gateway has a core to itself, and who asks in the page's place yields to who measures: a browser is on another
// machine.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { BUNDLE_NAME, makeBundle, writeBundle } from '../../../scripts/bundle.ts'
import { NODE_FLAGS } from '../../../src/node-flags.ts'
import { askHttp } from '../../support/ask-socket.ts'
import { Browser } from '../../support/browser.ts'
import { endWithUs } from '../../support/orphans.ts'
import { freePort } from '../../support/ports.ts'
import { Awake } from '../awake.ts'
import { Load } from '../load.ts'
import type { PacedResult } from '../load/jobs.ts'
import { quantilesOf } from '../load/quantiles.ts'
import { memoryOf, pinSelf, shareCores } from '../machine.ts'
import { record, Replay, type Visit } from './visit.ts'

const { values } = parseArgs({ options: { repeat: { type: 'string', default: '15' }, seconds: { type: 'string', default: '8' }, views: { type: 'string', default: ',readings,messages' }, folder: { type: 'string', default: '/dev/shm' }, memory: { type: 'string', default: '3' } } })
const PER_SEC = 1000
const RECORD_MS = 20_000
const WARM_MS = 2000
const SETTLED_MS = 3000
const VISITED_SECONDS = 20
const METRICS = 200

const cores = shareCores()
if (cores.load !== null) pinSelf(cores.load)
const folder = mkdtempSync(join(values.folder, 'sandpiper-page-'))
const port = await freePort()
const http = await freePort()
const configFile = join(folder, 'gateway.yaml')
const site = {
  site: 'bench',
  broker: { listeners: [{ port, anonymous: true }] },
  discovery: { mdns: 'off' },
  store: { path: join(folder, 'data') },
  log: { level: 'warn' },
  sensors: Array.from({ length: 10 }, (_, i) => ({ name: `s${i}`, topic: `sensors/${i}`, simulate: { kind: 'sine', every: '1s' } })),
}
const bundle = join(folder, 'bundle')
writeBundle(bundle, await makeBundle(), process.arch as 'x64')

/** Started with this configuration, and taking connections. */
async function started(config: object) {
  writeFileSync(configFile, JSON.stringify(config))
  const program = [process.execPath, ...NODE_FLAGS, join(bundle, BUNDLE_NAME), 'run', '--config', configFile]
  const [command, ...args] = cores.broker === null ? program : ['taskset', '-c', cores.broker, ...program]
  const child = endWithUs(spawn(command!, args, { env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: join(folder, 'cache') }, stdio: ['ignore', 'ignore', 'inherit'] }))
  while (!(await listens())) await pause(50)
  await pause(SETTLED_MS)
  const stop = async (): Promise<void> => {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
  }
  return { residentMb: () => memoryOf(child.pid!).residentMb, stop }
}

function listens(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

const quantile = (all: readonly number[], share: number): number => all.toSorted((a, b) => a - b)[Math.floor(all.length * share)]!
const median = (all: readonly number[]): number => quantile(all, 0.5)
const ms = (value: number): string => value.toFixed(2).padStart(9)

const views = values.views.split(',')
const WITHOUT = { ...site, history: { enabled: false } }
const WITH_PAGE = { ...site, http: { listeners: [{ port: http }], anonymous: 'admin', maxRequestsPerMinute: 100_000 } }
try {
  await (await started(WITHOUT)).stop() // compiles
  const visits: Visit[] = []
  {
    const gateway = await started(WITH_PAGE)
    await using browser = await Browser.start()
    await using tab = await browser.open(`http://127.0.0.1:${http}/`)
    for (const view of views) visits.push(await record(tab.page, view, RECORD_MS))
    await gateway.stop()
  }

  const load = new Load()
  const paced = async (seconds: number): Promise<PacedResult> => {
    const result = await load.run({ kind: 'paced', port, qos: 1, perSec: PER_SEC, subscriber: 'online', persistent: true, warmMs: WARM_MS, runMs: seconds * 1000, writes: null })
    if (result.faults.length > 0) throw new Error(result.faults.join('; '))
    return result
  }
  /** What it has resident while messages pass, with these visitors. */
  const resident = async (config: object, looking: readonly Visit[]): Promise<number> => {
    const gateway = await started(config)
    const replays = looking.map((visit) => new Replay(http, visit))
    await paced(VISITED_SECONDS)
    const mb = gateway.residentMb()
    for (const replay of replays) replay.end()
    await gateway.stop()
    return mb
  }
  const memory = { without: [] as number[], overview: [] as number[], all: [] as number[] }
  for (let i = 0; i < Number(values.memory); i++) {
    memory.without.push(await resident(WITHOUT, []))
    memory.overview.push(await resident(WITH_PAGE, visits.slice(0, 1)))
    memory.all.push(await resident(WITH_PAGE, visits))
  }

  using awake = new Awake(cores)
  const gateway = await started(WITH_PAGE)
  setPriority(constants.priority.PRIORITY_LOW)
  const results = new Map<string, PacedResult[]>([['nobody looks', []], ...visits.map((visit): [string, PacedResult[]] => [nameOf(visit), []])])
  for (let i = 0; i < Number(values.repeat); i++) {
    const turns = [null, ...visits]
    if (i % 2 === 1) turns.reverse() // what one leaves behind is not always the same one's burden
    for (const visit of turns) {
      const replay = visit === null ? null : new Replay(http, visit)
      results.get(visit === null ? 'nobody looks' : nameOf(visit))!.push(await paced(Number(values.seconds)))
      replay?.end()
    }
  }
  load.stop()

  const took = new Float64Array(METRICS)
  for (let i = 0; i < METRICS; i++) {
    const began = performance.now()
    const { status } = await askHttp({ host: '127.0.0.1', port: http, path: '/metrics' })
    took[i] = performance.now() - began
    if (status !== 200) throw new Error(`/metrics answers ${status}`)
  }
  const metrics = quantilesOf(took)
  await gateway.stop()

  console.log(`\n${PER_SEC} QoS 1 messages a second, ms from when a message was due; medians of ${values.repeat} runs of ${values.seconds} s; ${awake.note}\n`)
  console.log('                          PUBACK p50      p99   delivery p50      p99   p99 of the quietest quarter   p99 more than with nobody in the same round: median, quartiles')
  const baseP99s = results.get('nobody looks')!.map(({ delivery }) => delivery!.p99Ms)
  for (const [name, all] of results) {
    const p99s = all.map(({ delivery }) => delivery!.p99Ms)
    const more = p99s.map((p99, i) => p99 - baseP99s[i]!)
    const figures = [median(all.map(({ ack }) => ack!.p50Ms)), median(all.map(({ ack }) => ack!.p99Ms)), median(all.map(({ delivery }) => delivery!.p50Ms)), median(p99s), quantile(p99s, 0.25), median(more), quantile(more, 0.25), quantile(more, 0.75)]
    console.log(`${name.padEnd(25)} ${figures.map(ms).join(' ')}`)
  }
  console.log(`\n/metrics: median ${metrics.p50Ms.toFixed(1)} ms, p99 ${metrics.p99Ms.toFixed(1)} ms of ${METRICS}`)
  const mb = (all: readonly number[]): string => `${median(all).toFixed(1)} (${all.map((one) => one.toFixed(1)).join(', ')})`
  if (memory.all.length > 0) console.log(`resident while those messages pass, MB: ${mb(memory.without)} without HTTP on a port and without history, and nobody asks; ${mb(memory.overview)} with ${nameOf(visits[0]!)} open; ${mb(memory.all)} with every view at once`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function nameOf({ view }: Visit): string {
  return view === '' ? 'overview' : view
}
