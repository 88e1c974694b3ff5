// Runs inside the virtual machine: a backlog goes over a wire that netem makes slow, far and bad, and over the emulator of test/support; beside
// that, plain TCP over the same wire. It prints how long each took. It judges nothing.
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { Flood, type Told } from '../../bench/link/flood.ts'
import { LinkEmulator } from '../../support/link-emulator.ts'
import { Site } from '../../support/process.ts'
import { until } from '../../support/until.ts'
import { scene } from '../scenes.ts'

const LONG_MS = 120_000
const FAR = '10.9.0.2'
const FAR_PLAIN = '10.9.1.2'
const BITS_PER_SEC = 1_000_000
const RTT_MS = 600
const PAYLOAD_BYTES = 1000
/** What the wire carries in a round trip, twice: half is on its way, half may wait. */
const WIRE = `delay ${RTT_MS / 2}ms rate ${BITS_PER_SEC}bit limit 100`

function wire(shape: string): void {
  for (const [at, device] of [[[], 'slow0'], [['-n', 'far'], 'slow1']] as const) execFileSync('tc', [...at, 'qdisc', 'replace', 'dev', device, 'root', 'netem', ...shape.split(' ')])
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0
}

/** IP bytes that have left for the wire. */
function sentBytes(): number {
  const counter = (name: string): number => Number(readFileSync(`/sys/class/net/slow0/statistics/${name}`, 'utf8'))
  return counter('tx_bytes') - 14 * counter('tx_packets')
}

interface Taken {
  /** From the first byte that arrived to the last. */
  readonly ms: number
  readonly bytes: number
  /** Of the wire's capacity. */
  readonly used: number
}

async function taken(file: string, bytes: number, begin: () => Promise<void>): Promise<Taken> {
  writeFileSync(file, '')
  await begin()
  await until(() => sizeOf(file) > 0, 'the first byte', LONG_MS)
  const [beganMs, beganBytes, beganSent] = [performance.now(), sizeOf(file), sentBytes()]
  await until(() => sizeOf(file) >= bytes, 'the last byte', LONG_MS)
  const ms = performance.now() - beganMs
  return { ms: Math.round(ms), bytes: sizeOf(file) - beganBytes, used: ((sentBytes() - beganSent) * 8000) / ms / BITS_PER_SEC }
}

function* backlog(count: number): Generator<Told> {
  const payload = `${'x'.repeat(PAYLOAD_BYTES - 1)}`
  for (let i = 0; i < count; i++) yield { topic: 's/x', payload }
}

/** A gateway with a backlog; the remote is there when that is complete. */
async function drained(url: string, count: number): Promise<Taken> {
  await using site = await Site.make()
  await site.configure({
    store: { commitWindow: '5ms' },
    uplinks: [{ name: 'cloud', url, connect: { when: { queued: count } }, maxInflight: 1000, connectTimeout: '60s', backoff: { min: '1s', max: '2s' }, routes: [{ out: 's/#', qos: 1 }] }],
  })
  await site.launch().ready(LONG_MS)
  return await taken('/tmp/received', count * PAYLOAD_BYTES, async () => {
    using flood = await Flood.connect('127.0.0.1', site.port)
    await flood.publish(backlog(count))
  })
}

/** Nothing but TCP. */
async function plain(count: number): Promise<Taken> {
  return taken('/tmp/bulk', count * PAYLOAD_BYTES, async () => {
    const socket = connect(9, FAR)
    await once(socket, 'connect')
    socket.end(Buffer.alloc(count * PAYLOAD_BYTES))
  })
}

spawnSync('ping', ['-c', '1', FAR]) // its neighbour's address is known then: questions for it are lost too
wire(`${WIRE} loss 30%`)
const pings = spawnSync('ping', ['-c', '40', '-i', '0.1', '-w', '20', FAR], { encoding: 'utf8' }).stdout
scene('pings', { lost: Number(/(\d+)% packet loss/.exec(pings)![1]), fastestMs: Number(/min\/avg\/max = ([\d.]+)/.exec(pings)![1]) })

wire(WIRE)
scene('a far wire', { gateway: await drained(`mqtt://${FAR}`, 3000), tcp: await plain(3000) })
{
  await using emulator = await LinkEmulator.start({ to: { host: FAR_PLAIN, port: 1883 }, bitsPerSec: BITS_PER_SEC, rttMs: RTT_MS })
  scene('the emulator', { gateway: await drained(emulator.url, 3000) })
}
wire(`${WIRE} loss 1%`)
// How long one transfer takes is chance: TCP alone takes between 9 and 23 s.
const gateway = [await drained(`mqtt://${FAR}`, 1000), await drained(`mqtt://${FAR}`, 1000)]
const tcp = [await plain(1000), await plain(1000), await plain(1000)]
scene('a far wire that loses', { gatewayMs: gateway.map(({ ms }) => ms), tcpMs: tcp.map(({ ms }) => ms) })
