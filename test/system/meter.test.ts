// What a link is said to have cost, against what went over the line: the kernel's TCP on both ends, TLS, a real Mosquitto.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Authority } from '../support/certificates.ts'
import { IpLine, whyNoIpLine } from '../support/ip-line.ts'
import type { MeteredAnswer, MeteredRun } from '../support/metered-client.ts'
import { endWithUs } from '../support/orphans.ts'
import { until } from '../support/until.ts'

const CLIENT = fileURLToPath(new URL('../support/metered-client.ts', import.meta.url))
const WHY_NOT = whyNoIpLine()
/** A round trip as fast mobile networks have it. */
const DELAY_MS = 25

let line: IpLine
let authority: Authority
let folder: string
let broker: ChildProcess

beforeAll(async () => {
  if (WHY_NOT !== null) return
  line = await IpLine.make()
  authority = await Authority.make()
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-meter-'))
  const { certFile, keyFile } = await authority.issue('localhost')
  const conf = ['user root', `listener 8883 ${line.far}`, `certfile ${certFile}`, `keyfile ${keyFile}`, `listener 1883 ${line.far}`, 'allow_anonymous true', 'set_tcp_nodelay true', 'log_dest stderr']
  await writeFile(join(folder, 'mosquitto.conf'), `${conf.join('\n')}\n`)
  broker = at('far', ['mosquitto', '-c', join(folder, 'mosquitto.conf')])
  let log = ''
  broker.stderr!.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-10_000)))
  await until(() => log.includes('running'), 'mosquitto to listen')
})

afterAll(async () => {
  if (WHY_NOT !== null) return
  broker.kill('SIGKILL')
  await line[Symbol.asyncDispose]()
  await authority[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

beforeEach(async ({ skip }) => {
  if (WHY_NOT !== null) skip(WHY_NOT)
  await line.delay(DELAY_MS)
  await line.lose(0)
})

function at(end: 'near' | 'far', command: readonly string[]): ChildProcess {
  const [program, ...args] = [...line.at(end), ...command]
  return endWithUs(spawn(program!, args, { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }, stdio: ['pipe', 'pipe', 'pipe'] }))
}


/** A process with a meter. */
class Client {
  readonly #process: ChildProcess
  readonly #answers: MeteredAnswer[] = []
  #bytes = 0

  constructor(how: readonly [counts: string, way: string, device: string]) {
    this.#process = at('near', [process.execPath, CLIENT, ...how])
    this.#process.stderr!.pipe(process.stderr)
    createInterface(this.#process.stdout!).on('line', (text) => this.#answers.push(JSON.parse(text) as MeteredAnswer))
  }

  /** Bytes that the meter has counted for these runs, one after the other, and what really went over the line meanwhile. */
  async measure(...runs: readonly Partial<MeteredRun>[]): Promise<Measured> {
    const before = await line.counts()
    const plain: MeteredRun = { host: line.far, port: 8883, ca: authority.certFile, messages: 0, bytes: 250, qos: 1, everyMs: 0, echo: false, end: 'disconnect', restMs: 200 }
    let answer: MeteredAnswer | null = null
    for (const run of runs) {
      this.#process.stdin!.write(`${JSON.stringify({ ...plain, ...run })}\n`)
      answer = await until(() => this.#answers.shift(), 'the client to answer', 15_000)
    }
    const after = await line.counts()
    const { bytes, countedBy } = answer!
    const counted = bytes - this.#bytes
    this.#bytes = bytes
    const trueBytes = after.upBytes + after.downBytes - before.upBytes - before.downBytes
    return { bytes: counted, countedBy, trueBytes, againBytes: after.againBytes - before.againBytes }
  }

  async end(): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#process.stdin!.end()
    await ended
  }
}

interface Measured {
  readonly bytes: number
  readonly countedBy: string
  readonly trueBytes: number
  readonly againBytes: number
}

/** In percent of the truth; METER_TABLE=1 prints it. */
function errorOf({ bytes, trueBytes, againBytes }: Measured): number {
  const percent = (bytes / trueBytes - 1) * 100
  if (process.env.METER_TABLE !== undefined) process.stderr.write(`${expect.getState().currentTestName} | ${trueBytes} | ${againBytes} | ${bytes} | ${percent.toFixed(2)} %\n`)
  return percent
}

/** So many percent off at most, and the acknowledgements of an end that nobody saw. */
function expectClose(measured: Measured, percent: number): void {
  errorOf(measured)
  expect(Math.abs(measured.bytes - measured.trueBytes)).toBeLessThan((measured.trueBytes * percent) / 100 + 120)
}

const RUNS: readonly (readonly [string, readonly Partial<MeteredRun>[]])[] = [
  ['a connection alone', [{}]],
  ['one message', [{ messages: 1 }]],
  ['15 messages, QoS 1', [{ messages: 15, everyMs: 100 }]],
  ['15 messages, QoS 2', [{ messages: 15, everyMs: 60, qos: 2 }]],
  ['15 messages, QoS 0', [{ messages: 15, everyMs: 60, qos: 0 }]],
  ['100 messages at once', [{ messages: 100 }]],
  ['10 frames of 16 kB', [{ messages: 10, bytes: 16_000, everyMs: 50 }]],
  ['15 there and back', [{ messages: 15, everyMs: 100, echo: true }]],
  ['10 frames there and back', [{ messages: 10, bytes: 16_000, everyMs: 50, echo: true }]],
  ['without TLS', [{ messages: 15, everyMs: 60, port: 1883, ca: null }]],
  ['three connections, cut off', [{ messages: 3, end: 'destroy' }, { messages: 3, end: 'destroy' }, { messages: 3, end: 'destroy' }]],
]

/** Nothing to ask the kernel for: the socket is gone. */
const FAILURES: readonly (readonly [string, readonly Partial<MeteredRun>[]])[] = [
  ['refused twice, then there', [{ port: 1 }, { port: 1 }, { messages: 3 }]],
  ['no trust in the certificate', [{ ca: CLIENT }, { messages: 3 }]],
]

function clientFor(how: readonly [counts: string, way: string, device: string]): () => Client {
  let client: Client | null = null
  beforeAll(() => {
    if (WHY_NOT === null) client = new Client(how)
  })
  afterAll(() => client?.end())
  return () => client!
}

describe('the kernel is asked', () => {
  const client = clientFor(['connection', 'kernel', ''])

  test.each(RUNS)('%s', async (_, runs) => {
    const measured = await client().measure(...runs)
    expect(measured.countedBy).toBe('kernel')
    expectClose(measured, 2)
  })

  test.each(FAILURES)('%s', async (_, runs) => {
    expectClose(await client().measure(...runs), 5)
  })

  test('a round trip of 600 ms', async () => {
    await line.delay(300)
    expectClose(await client().measure({ messages: 3, everyMs: 700, restMs: 800 }), 2)
  })

  test('2 % of the packets are lost', async () => {
    await line.lose(0.02)
    expectClose(await client().measure({ messages: 30, bytes: 4000, everyMs: 60, restMs: 1000 }), 3)
  })
})

/** Of a line that loses nothing: what was sent twice because this machine stood still for a moment only the kernel can know. */
function expectEstimate(measured: Measured): void {
  expect(measured.countedBy).toBe('estimate')
  const error = errorOf({ ...measured, trueBytes: measured.trueBytes - measured.againBytes })
  expect(error).toBeGreaterThan(-3)
  expect(error).toBeLessThan(12)
}

describe('estimated', () => {
  const client = clientFor(['connection', 'estimate', ''])

  test.each([...RUNS.filter((_, i) => i % 2 === 0), ...FAILURES])('%s', async (_, runs) => {
    expectEstimate(await client().measure(...runs))
  })

  test('a round trip of 600 ms', async () => {
    await line.delay(300)
    expectEstimate(await client().measure({ messages: 3, everyMs: 700, restMs: 800 }))
  })
})

describe('the interface is read', () => {
  const client = clientFor(['interface', 'kernel', 'line0'])

  test('everything that has gone over it', async () => {
    const measured = await client().measure({}, { messages: 3 }, { messages: 10, bytes: 16_000, everyMs: 100 }, { port: 1 })
    expect(measured.countedBy).toBe('interface')
    const error = errorOf(measured)
    expect(error).toBeGreaterThan(-0.5)
    expect(error).toBeLessThan(6) // where the estimate of the last seconds is still in it
  })
})
