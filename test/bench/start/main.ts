// From the start of the process to the first CONNACK, from the source and from the bundle, side by side: medians of wall time, processor time, and
// memory two seconds later.
//
//   npm run bench:start -- [--repeat 7] [--queued 1000000]      queued: so many messages wait for an uplink that cannot connect
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { generate } from 'mqtt-packet'
import { BUNDLE_NAME, makeBundle, ROOT, writeBundle } from '../../../scripts/bundle.ts'
import { NODE_FLAGS } from '../../../src/node-flags.ts'
import { endWithUs } from '../../support/orphans.ts'
import { freePort } from '../../support/ports.ts'

const { values } = parseArgs({ options: { repeat: { type: 'string', default: '7' }, queued: { type: 'string', default: '0' } } })
const folder = mkdtempSync(join(tmpdir(), 'sandpiper-start-'))
const port = await freePort()
const configFile = join(folder, 'gateway.yaml')
const CONNECT = generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'bench', clean: true, keepalive: 0 })
const SETTLED_MS = 2000
const WINDOW = 2000

interface Way {
  readonly name: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

interface Start {
  readonly connackMs: number
  readonly cpuMs: number
  readonly residentMb: number
  readonly privateMb: number
}

writeFileSync(configFile, JSON.stringify({
  site: 'bench',
  broker: { listeners: [{ port, host: '127.0.0.1', anonymous: true }] },
  store: { path: join(folder, 'data'), maxSize: '2GB' },
  log: { level: 'warn' },
  ...(values.queued === '0' ? {} : { uplinks: [{ name: 'cloud', url: `mqtt://127.0.0.1:${await freePort()}`, routes: [{ out: '#', qos: 1 }], queue: { maxSize: '1GB', maxAge: '30d', whenFull: 'drop-oldest' } }] }),
}))

function launch({ args, env }: Way): ChildProcess {
  return endWithUs(spawn(process.execPath, [...args, 'run', '--config', configFile], { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'ignore', 'inherit'] }))
}

/** Resolves at the first CONNACK, with the connection. */
async function connack(): Promise<ReturnType<typeof connect>> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = new Promise((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    if (await isOpen) {
      socket.write(CONNECT)
      await once(socket, 'data')
      return socket
    }
    await pause(2)
  }
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

async function start(way: Way): Promise<Start> {
  const beganMs = performance.now()
  const child = launch(way)
  ;(await connack()).destroy()
  const connackMs = performance.now() - beganMs
  const cpuMs = cpuOf(child.pid!)
  await pause(SETTLED_MS)
  const memory = readFileSync(`/proc/${child.pid}/smaps_rollup`, 'utf8')
  const mb = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(memory)?.[1]) / 1024
  await end(child)
  return { connackMs, cpuMs, residentMb: mb('Rss'), privateMb: mb('Private_Dirty') }
}

/** Of all threads; the kernel counts hundredths of a second. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** QoS 1, so that all of them are on flash when this is done. */
async function fill(way: Way, count: number): Promise<void> {
  const child = launch(way)
  const socket = await connack()
  let sent = 0
  let acknowledged = 0
  let bytes = 0
  const more = (): void => {
    const packets: Buffer[] = []
    while (sent < count && sent - acknowledged < WINDOW) {
      const payload = JSON.stringify({ value: (sent * 7919) % 10007, at: 1_700_000_000_000 + sent, unit: '°C' })
      packets.push(generate({ cmd: 'publish', topic: `site/sensors/${sent % 50}`, payload, qos: 1, messageId: (sent++ % 65535) + 1, dup: false, retain: false }))
    }
    socket.write(Buffer.concat(packets))
  }
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.on('data', (data) => {
    bytes += data.length // of PUBACK: four
    acknowledged = Math.floor(bytes / 4)
    if (acknowledged >= count) resolve()
    else more()
  })
  more()
  await promise
  socket.destroy()
  await end(child)
}

const bundle = join(folder, 'bundle')
writeBundle(bundle, await makeBundle(), process.arch as 'x64')
const source: Way = { name: 'source', args: [join(ROOT, 'src/main.ts')], env: {} }
const bundled: Way = { name: 'bundle', args: [...NODE_FLAGS, join(bundle, BUNDLE_NAME)], env: { NODE_COMPILE_CACHE: join(folder, 'cache') } }
try {
  if (values.queued !== '0') await fill(bundled, Number(values.queued))
  for (const way of [source, bundled]) await start(way) // compiles
  const starts = new Map<Way, Start[]>([[source, []], [bundled, []]])
  for (let i = 0; i < Number(values.repeat); i++) for (const [way, all] of starts) all.push(await start(way))
  const median = (all: readonly Start[], field: keyof Start): string => `${Math.round(all.map((one) => one[field]).toSorted((a, b) => a - b)[all.length >> 1]!)}`
  process.stdout.write(`\n${values.queued} messages queued, ${values.repeat} starts each, medians\n\n| | CONNACK after | processor time | resident | private |\n|---|---|---|---|---|\n`)
  for (const [{ name }, all] of starts) {
    process.stdout.write(`| ${name} | ${median(all, 'connackMs')} ms | ${median(all, 'cpuMs')} ms | ${median(all, 'residentMb')} MB | ${median(all, 'privateMb')} MB |\n`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
