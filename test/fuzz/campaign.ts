// Many cases against one gateway, in a process of its own, as a site runs it; many connections at once.
//
//   start ─► healthy client, gauges ─► cases ─► everything back as it was? ─► cases … ─► stop: stderr empty, exit code 0
//
// What has to hold is in the faults of the report: each names the case, which can be run again alone.
import { INTERVAL_MS, LINES_MAX } from '../../src/net/complaints.ts'
import { freePort } from '../support/ports.ts'
import { type GatewayProcess, Site } from '../support/process.ts'
import { until } from '../support/until.ts'
import { type Case, makeCase, randomOf } from './case.ts'
import { Corpus } from './corpus.ts'
import { Gauges } from './gauges.ts'
import type { Health } from './healthy.ts'
import { HealthyBeside } from './healthy-beside.ts'
import { problem } from './judge.ts'
import { expectationOf } from './model.ts'
import { probe } from './probe.ts'
import { CONNECT_TIMEOUT_MS, type Ports, talk, type Talked } from './talk.ts'

export interface CampaignOptions {
  readonly seed: number
  /** Number of the first case. */
  readonly first: number
  readonly count: number
  /** At once. */
  readonly connections: number
  /** How long the gateway is left alone after each round, to see what it then holds. */
  readonly restMs: number
  /** Each case is told, with its bytes and its answer. */
  readonly verbose: boolean
  print(line: string): void
}

export interface Report {
  readonly cases: number
  readonly perSec: number
  readonly probes: number
  readonly ended: Readonly<Record<string, number>>
  readonly health: Health
  /** At rest, after each round; and the most at work. */
  readonly restMb: readonly number[]
  readonly mostMb: number
  readonly protocolErrors: number
  readonly faults: readonly string[]
}

/** Every so many cases one is a probe instead. */
const PROBE_EVERY = 200
/** Of the connections whose CONNECT is cut short one in so many is left for the gateway to end. */
const WAITING_EVERY = 20
/** After so many everything has to go back to where it was. */
const ROUND_CASES = 50_000
const FAULTS_MAX = 20
/** The last rest against the highest of the first half: pages of a heap that are half in use come and go by so much. */
const GROWTH_MB_MAX = 24

const CONFIG = {
  // All come from one address, and the rate of new ones is not what is tried here.
  broker: { maxConnections: 5000, maxConnectionsPerAddress: 5000, maxConnectionsPerMinute: 1_000_000, connectTimeout: `${CONNECT_TIMEOUT_MS}ms`, maxSessionExpiry: '4s', sysInterval: '1s', retained: { maxMessages: 1000 } },
  access: { users: [{ name: 'fuzz', password: 'pencil and paper' }] },
  log: { level: 'info' },
}

export async function campaign(options: CampaignOptions): Promise<Report> {
  await using site = await Site.make()
  const ports: Ports = { tcp: site.port, proxy: await freePort(), websocket: await freePort() }
  const listeners = [{ port: ports.tcp }, { port: ports.proxy, proxyProtocol: { from: ['127.0.0.0/8'] } }, { port: ports.websocket, websocket: true }].map((listener) => ({ ...listener, anonymous: true }))
  await site.configure({ ...CONFIG, broker: { ...CONFIG.broker, listeners } })
  const gateway = await site.start()
  return await new Campaign(options, ports, gateway).run()
}

/** Each case comes from another address of this machine: one from which logins have failed often is answered late. */
function addressOf(number: number): string {
  return `127.${1 + ((number >> 16) % 250)}.${(number >> 8) & 255}.${number & 255}`
}

class Campaign {
  readonly #options: CampaignOptions
  readonly #ports: Ports
  readonly #gateway: GatewayProcess
  readonly #corpus: Corpus
  readonly #faults: string[] = []
  readonly #ended: Record<string, number> = {}
  readonly #running = new Set<number>()
  readonly #hiddenTopics = new Set<string>()
  readonly #restMb: number[] = []
  #next: number
  #probes = 0
  #damagedFrames = 0
  #mostMb = 0

  constructor(options: CampaignOptions, ports: Ports, gateway: GatewayProcess) {
    this.#options = options
    this.#ports = ports
    this.#gateway = gateway
    this.#corpus = new Corpus(options.seed)
    this.#next = options.first
  }

  async run(): Promise<Report> {
    const { first, count, print } = this.#options
    const healthy = await HealthyBeside.start(this.#ports.tcp)
    const gauges = await Gauges.connect(this.#ports.tcp)
    await gauges.remember()
    const end = first + count
    const from = performance.now()
    let busyMs = 0
    while (this.#next < end && !this.#broken) {
      const roundEnd = Math.min(end, this.#next + ROUND_CASES)
      const began = performance.now()
      healthy.resume()
      await this.#round(roundEnd)
      busyMs += performance.now() - began
      if (this.#broken) break
      healthy.pause()
      const restMb = await this.#settle(gauges)
      this.#restMb.push(restMb)
      const rate = Math.round(((this.#next - first) * 1000) / busyMs)
      print(`${this.#next - first} cases, ${rate}/s, ${restMb.toFixed(1)} MB, ${gauges.value('protocol errors')} protocol errors, ${Math.round((performance.now() - from) / 1000)} s`)
    }
    const protocolErrors = gauges.value('protocol errors')
    const health = this.#gateway.exit === null ? await healthy.stop() : { sent: 0, p50Ms: 0, p99Ms: 0, worstMs: 0, faults: [] }
    const whole = !this.#broken
    await this.#stop(gauges)
    for (const fault of health.faults) this.#fault(fault)
    if (whole) this.#checkGrowth()
    if (whole) this.#checkLog(protocolErrors, performance.now() - from)
    return {
      cases: this.#next - first,
      perSec: ((this.#next - first) * 1000) / busyMs,
      probes: this.#probes,
      ended: this.#ended,
      health,
      restMb: this.#restMb,
      mostMb: this.#mostMb,
      protocolErrors,
      faults: this.#faults,
    }
  }

  get #broken(): boolean {
    return this.#gateway.exit !== null || this.#faults.length >= FAULTS_MAX
  }

  async #round(end: number): Promise<void> {
    const watch = setInterval(() => (this.#mostMb = Math.max(this.#mostMb, this.#gateway.residentKb / 1024)), 500)
    const lane = async (): Promise<void> => {
      while (this.#next < end && !this.#broken) await this.#one(this.#next++)
    }
    await Promise.all(Array.from({ length: this.#options.connections }, lane))
    clearInterval(watch)
    if (this.#gateway.exit === null) return
    const { code, signal } = this.#gateway.exit
    this.#fault(`the gateway ended (${code ?? signal}) while these cases ran: ${[...this.#running].join(', ')}\n${this.#gateway.stderr.slice(-4000)}`)
  }

  async #one(number: number): Promise<void> {
    const { seed, verbose, print } = this.#options
    this.#running.add(number)
    if (number % PROBE_EVERY === PROBE_EVERY - 1) {
      this.#probes++
      const wrong = await probe(this.#ports.tcp, randomOf(seed, number), number)
      if (wrong !== null && this.#gateway.exit === null) this.#fault(`case ${number} of seed ${seed} (probe): ${wrong}`)
    } else {
      const it = makeCase(this.#corpus, seed, number)
      const expected = expectationOf(it.bytes)
      for (const topic of expected.hiddenTopics) this.#hiddenTopics.add(topic)
      const waits = expected.end === 'begun' && expected.connect === null && number % WAITING_EVERY === 0
      const talked = await talk(this.#ports, addressOf(number), it, expected, waits)
      const wrong = problem(it, expected, talked)
      this.#ended[`${expected.end}: ${talked.ended}`] = (this.#ended[`${expected.end}: ${talked.ended}`] ?? 0) + 1
      if (it.damaged && it.transport === 'websocket') this.#damagedFrames++
      if (verbose) print(describe(it, expected.end, talked))
      if (wrong !== null && this.#gateway.exit === null) this.#fault(`case ${number} of seed ${seed}: ${wrong}\n${describe(it, expected.end, talked)}`)
    }
    if (this.#gateway.exit === null) this.#running.delete(number)
  }

  /** Everything as before, in time; returns the least that the process is seen to hold in a quiet while. */
  async #settle(gauges: Gauges): Promise<number> {
    for (const difference of await gauges.differences(this.#hiddenTopics)) this.#fault(`after case ${this.#next - 1}: ${difference}`)
    this.#hiddenTopics.clear()
    if (this.#gateway.stderr !== '') this.#fault(`after case ${this.#next - 1} there is something on stderr`)
    let least = Infinity
    const deadline = performance.now() + this.#options.restMs
    while (performance.now() < deadline) {
      least = Math.min(least, this.#gateway.residentKb / 1024)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return least
  }

  async #stop(gauges: Gauges): Promise<void> {
    const gateway = this.#gateway
    if (gateway.exit === null) {
      await gauges.end()
      const { code, signal } = await gateway.stop()
      if (code !== 0) this.#fault(`the gateway ended with ${code ?? signal} at SIGTERM`)
    }
    await until(() => gateway.exit !== null, 'the gateway to end')
    if (gateway.stderr !== '') this.#fault(`stderr of the gateway:\n${gateway.stderr.slice(-4000)}`)
    for (const line of gateway.log) if (line.level >= 50) this.#fault(`an error in the log: ${JSON.stringify(line)}`)
  }

  #checkGrowth(): void {
    const rests = this.#restMb
    const before = Math.max(...rests.slice(0, Math.ceil(rests.length / 2)))
    const last = rests.at(-1)!
    if (last - before > GROWTH_MB_MAX) this.#fault(`memory grew: ${last.toFixed(1)} MB at the end, and ${before.toFixed(1)} MB at most in the first half`)
  }

  /** Every mistake is in one line of the log, told or counted, and the lines are few. */
  #checkLog(protocolErrors: number, lastedMs: number): void {
    const lines = this.#gateway.log.filter((line) => 'offset' in line || 'suppressed' in line)
    const told = lines.reduce((sum, { suppressed }) => sum + ((suppressed as number | undefined) ?? 1), 0)
    // A WebSocket with wrong frames is counted too, and there is no packet to tell of.
    if (told > protocolErrors || told < protocolErrors - this.#damagedFrames) this.#fault(`${protocolErrors} protocol errors were counted, and the log tells of ${told}`)
    const listeners = Object.keys(this.#ports).length
    const most = listeners * (LINES_MAX + 1) * (Math.ceil(lastedMs / INTERVAL_MS) + 1)
    if (lines.length > most) this.#fault(`the log has ${lines.length} lines about them, and should have ${most} at most`)
    if (protocolErrors === 0) return
    const line = lines.find(({ offset }) => typeof offset === 'number')
    if (line === undefined || typeof line.peer !== 'string' || typeof line.reason !== 'string') this.#fault(`no line of the log tells who, why and where: ${JSON.stringify(lines[0])}`)
  }

  #fault(text: string): void {
    if (this.#faults.length >= FAULTS_MAX) return
    this.#faults.push(text)
    this.#options.print(text)
  }
}

function describe(it: Case, expected: string, talked: Talked): string {
  const { writes, kind, version, transport, damaged, ending } = it
  return [
    `  ${kind}; version ${version}, ${transport}${damaged ? ' damaged' : ''}; ${writes.length} writes, then ${ending}; expected ${expected}, ended ${talked.ended}`,
    `  sent ${Buffer.concat(writes).toString('hex').slice(0, 4000)}`,
    ...talked.packets.slice(0, 20).map((packet) => `  came ${packet.toString('hex').slice(0, 400)}`),
  ].join('\n')
}
