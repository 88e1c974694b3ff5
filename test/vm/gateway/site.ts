// Runs inside the virtual machine: a gateway with `dial: { pppd: sat }` and a broker that can be reached over that line only. It publishes, and
// prints what became of line and messages. It judges nothing.
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Flood, type Told } from '../../bench/link/flood.ts'
import { GatewayProcess, type LogLine, Site } from '../../support/process.ts'
import { until } from '../../support/until.ts'
import { pppdPids, pppdRunning, scene } from '../scenes.ts'

const LONG_MS = 150_000
const PEER = '/etc/ppp/peers/sat'
const PPPD = '/usr/sbin/pppd'
/** A small part of what goes over a line that is broken in the middle. */
const BROKEN_BYTES = 5000
const FAR = ['ip', 'netns', 'exec', 'far'] as const

await using site = await Site.make()
await site.configure({
  broker: { sysInterval: '1s' },
  uplinks: [{
    name: 'cloud',
    url: 'mqtt://10.64.0.1:1883',
    dial: { pppd: 'sat', timeout: '60s', maxCost: '20kB' },
    connect: { when: { queued: 3, idle: '2s' } },
    backoff: { min: '1s', max: '4s' },
    budget: { day: '10MB' },
    routes: [{ out: 'sensors/#', as: 'far/#', qos: 2 }, { out: 'bulk/#', qos: 2, batch: { every: '1s', maxReadings: 50 } }],
  }],
})

let published = 0
let bulk = 0

/** Digits that no compression makes much shorter follow each name. */
function told(topic: string, name: string, digits: number): Told {
  return { topic, payload: `${name} ${createHash('shake256', { outputLength: 128 }).update(name).digest('hex').slice(0, digits)}` }
}

async function publish(messages: readonly Told[]): Promise<void> {
  using flood = await Flood.connect('127.0.0.1', site.port)
  await flood.publish(messages, LONG_MS)
}

async function publishReadings(count: number, digits = 4): Promise<void> {
  await publish(Array.from({ length: count }, () => told('sensors/a', `m${++published}`, digits)))
}

async function publishBulk(count: number): Promise<void> {
  await publish(Array.from({ length: count }, () => told('bulk/a', `b${++bulk}`, 60)))
}

/** Names of what has come to the cloud. */
function received(topic = 'far/a'): string[] {
  const lines = readFileSync('/tmp/received', 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => line.split(' ')).filter(([on]) => on === topic).map(([, name]) => name!)
}

const isUp = (): boolean => existsSync('/sys/class/net/ppp0')
const isDown = (): boolean => !isUp() && pppdRunning() === 0
const logged = (text: string): readonly LogLine[] => site.gateway.log.filter((line) => line.msg === text)

interface Figures {
  readonly queued: number
  readonly lastError: string | null
  readonly links: readonly { readonly failures: number }[]
  readonly budgets: readonly { readonly countedBy: string; readonly day: { readonly bytes: number } }[]
}

function figures(): Figures {
  return JSON.parse(execFileSync('mosquitto_sub', ['-p', `${site.port}`, '-t', '$SYS/broker/uplinks/cloud', '-C', '1', '-W', '20'], { encoding: 'utf8' })) as Figures
}

/** What the far pppd has counted, over all calls that came as far as IP: as it says at the end of each, a second time. */
function farCounted(): { readonly calls: number; readonly bytes: number } {
  const calls = [...readFileSync('/tmp/far.log', 'utf8').matchAll(/^Connection terminated\.\nConnect time .*\nSent (\d+) bytes, received (\d+) bytes/gm)]
  return { calls: calls.length, bytes: calls.reduce((sum, [, sent, got]) => sum + Number(sent) + Number(got), 0) }
}

async function cost(name: string, calls: number): Promise<void> {
  await until(() => farCounted().calls >= calls, 'the far end to sum up', LONG_MS)
  const far = farCounted()
  // Figures are told once a second.
  await until(() => figures().budgets[0]!.day.bytes >= far.bytes, 'the last call to be in the figures', 5000).catch(() => {})
  scene(name, { ...far, budgetBytes: figures().budgets[0]!.day.bytes })
}

async function carried(name: string): Promise<void> {
  await until(isUp, 'the line to be dialled', LONG_MS)
  await until(() => received().length >= published && received('bulk/a').length >= bulk, 'the messages to arrive', LONG_MS)
  await until(isDown, 'the line to be hung up', LONG_MS)
  scene(name, { received: received(), running: pppdRunning() })
}

/** Messages wait, and calls fail as `breakIt` has it; then they succeed. */
async function failing(name: string, attempts: number, breakIt: () => void, mend: () => void): Promise<void> {
  const before = logged('uplink is down').length
  breakIt()
  await publishReadings(3)
  const waits = await until(() => (logged('uplink is down').length >= before + attempts ? logged('uplink is down').slice(before) : null), `${attempts} attempts that fail`, LONG_MS)
  const { queued, lastError, links } = figures()
  scene(name, { waits, queued, lastError, failures: links[0]!.failures, received: received().length, running: pppdRunning() })
  mend()
  await carried(`after: ${name}`)
}

/** So much goes over the line that it can be broken in the middle. */
async function broken(name: string, topic: string, publishMany: () => Promise<void>, breakIt: () => void): Promise<void> {
  await publishMany()
  await until(() => Number(readFileSync('/sys/class/net/ppp0/statistics/tx_bytes', 'utf8')) >= BROKEN_BYTES, 'some of it to be on its way', LONG_MS)
  const ups = logged('uplink is up').length
  breakIt()
  const { lastError } = await until(() => (isUp() ? null : figures()), 'the loss', LONG_MS)
  await carried(`after: ${name}`)
  scene(name, { lastError, wereLeft: logged('uplink is up')[ups]!['queued'], received: received(topic) })
}

function hungryNeighbour(): () => void {
  execFileSync('killall', ['-STOP', 'mosquitto']) // its port is open, and nobody answers
  const child = spawn(FAR[0], [...FAR.slice(1), 'sh', '-c', 'while :; do ping -q -s 1400 -i 0.1 -w 60 10.64.0.2; sleep 0.2; done'], { detached: true, stdio: 'ignore' })
  return () => {
    process.kill(-child.pid!)
    execFileSync('killall', ['-CONT', 'mosquitto'])
  }
}

const hangUpModem = (): void => void execFileSync('killall', ['-9', 'socat'])

/** A modem hangs up when nobody holds its port any more (DTR falls). */
function killPppd(): void {
  for (const pid of pppdPids()) process.kill(pid, 'SIGKILL')
  hangUpModem()
}

async function once(): Promise<void> {
  await until(() => existsSync('/dev/modem'), 'the cable', 60_000)
  await site.launch().ready(LONG_MS)
  await publishReadings(2)
  scene('too little waits', { running: pppdRunning(), received: received() })
  await publishReadings(1)
  await carried('enough waits')
}

async function fails(): Promise<void> {
  const peer = readFileSync(PEER, 'utf8')
  await failing('nobody takes the call', 2, () => writeFileSync('/tmp/answer', 'BUSY'), () => rmSync('/tmp/answer'))
  await failing('no carrier', 1, () => writeFileSync('/tmp/answer', 'NO CARRIER'), () => rmSync('/tmp/answer'))
  writeFileSync('/etc/ppp/chap-secrets', 'site far right *\nsite other wrong *\n', { mode: 0o600 })
  writeFileSync('/tmp/far.options', 'require-chap name far')
  await failing('the wrong password', 1, () => writeFileSync(PEER, `${peer}remotename other\n`), () => writeFileSync(PEER, peer))
  await failing('no such peer', 1, () => renameSync(PEER, `${PEER}.away`), () => renameSync(`${PEER}.away`, PEER))
  await failing('no pppd', 1, () => renameSync(PPPD, `${PPPD}.away`), () => renameSync(`${PPPD}.away`, PPPD))
  let feed = (): void => {}
  await failing('the broker does not answer, and the attempt becomes dear', 1, () => (feed = hungryNeighbour()), () => feed())
}

async function breaks(): Promise<void> {
  await broken('pppd dies in the middle', 'far/a', () => publishReadings(200, 200), killPppd)
  await broken('the modem hangs up in the middle', 'far/a', () => publishReadings(200, 200), hangUpModem)
  const unpacker = new GatewayProcess(['unpack', '--from', 'mqtt://127.0.0.1:1883', '--state', '/tmp/unpacked'], { within: FAR })
  await until(() => unpacker.stdout.split('"uplink is up"').length === 3, 'the unpacker to be connected', LONG_MS)
  await broken('pppd dies in the middle of frames', 'bulk/a', () => publishBulk(1000), killPppd)
  await unpacker.stop()
}

async function stops(): Promise<void> {
  await publishReadings(3)
  await until(isUp, 'the line to be dialled', LONG_MS)
  const { code, signal } = await site.gateway.stop()
  await until(() => pppdRunning() === 0, 'pppd to be gone', LONG_MS)
  scene('the gateway is stopped while the line is up', { code, signal, running: pppdRunning() })
  await site.launch().ready(LONG_MS)
  await carried('the gateway is started again')
}

try {
  await once()
  if (process.argv[2] !== 'once') {
    await publishReadings(3)
    await until(() => figures().budgets[0]!.countedBy === 'interface', 'the interface to be what counts', LONG_MS)
    await carried('again')
    await cost('what two calls have cost', 2)
    await fails()
    await cost('what all calls have cost', 9)
    await breaks()
    await cost('with those that broke', 15)
    await stops()
  }
} finally {
  process.stdout.write(`${site.gateway.stdout}\n${site.gateway.stderr}\n${readFileSync('/tmp/far.log', 'utf8').slice(-4000)}\n`)
}
