// Updates by message: what is asked for, how it is answered, and packages that come in parts; up to the request that the update service takes.
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeMessage, type Message } from '../../../src/message.ts'
import { correlationProperty, responseOf } from '../../../src/mqtt/response.ts'
import { ANSWER_BYTES_MAX, UpdateCommands } from '../../../src/update/commands.ts'
import { Download } from '../../../src/update/download.ts'
import type { Outcome } from '../../../src/update/record.ts'
import { Worker } from '../../../src/update/worker.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { TestGateway } from '../../support/gateway.ts'
import { until } from '../../support/until.ts'
import { FakeMachine, program, UpdateBed } from '../../support/update-bed.ts'

const TOPIC = 'cmd/update'
const WAY = { topic: 'answers', correlation: Buffer.from('c1') }

class Device extends UpdateBed {
  readonly clock = new FakeClock()
  readonly answers: Message[] = []
  readonly takers = new Map<string, (message: Message) => void>()
  mayAnswer = true
  commands = this.make(join(this.places.gateway))

  make(runtime: string | null): UpdateCommands {
    const { clock, places } = this
    const commands = new UpdateCommands({
      clock,
      log: { info() {}, warn() {} },
      topic: TOPIC,
      version: '0.1.0',
      runtime,
      state: places.state,
      data: places.data,
      subscribe: (filter, take) => void this.takers.set(filter, take),
      publish: (message) => void this.answers.push(message),
      mayAnswer: () => this.mayAnswer,
    })
    mkdirSync(places.state, { recursive: true })
    commands.start()
    return commands
  }

  /** What is answered to a message; null for nothing. */
  async say(payload: Buffer | object, topic = TOPIC, asks = true): Promise<Record<string, unknown> | null> {
    const before = this.answers.length
    const properties = asks ? Buffer.concat([Buffer.from([8, 0, WAY.topic.length]), Buffer.from(WAY.topic), correlationProperty(WAY.correlation)]) : null
    this.takers.get(topic)!(makeMessage(topic, Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload)), { qos: 1, properties }))
    await this.commands.stop()
    return this.answers.length === before ? null : this.said(this.answers.length - 1, asks)
  }

  said(at: number, asked = true): Record<string, unknown> {
    const answer = this.answers[at]!
    expect(answer.payload.length).toBeLessThanOrEqual(ANSWER_BYTES_MAX)
    expect(answer.topic.name).toBe(asked ? WAY.topic : `${TOPIC}/reply`)
    expect(responseOf(answer.properties).correlation).toEqual(asked ? WAY.correlation : null)
    return JSON.parse(answer.payload.toString('utf8')) as Record<string, unknown>
  }

  requests(): Record<string, unknown>[] {
    const folder = join(this.places.gateway, 'requests')
    return readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>)
  }
}

function part(bytes: Buffer, from: number, to: number): Buffer {
  const head = Buffer.alloc(40)
  createHash('sha256').update(bytes).digest().copy(head)
  head.writeUInt32BE(bytes.length, 32)
  head.writeUInt32BE(from, 36)
  return Buffer.concat([head, bytes.subarray(from, to)])
}

test('an address to install, with where the outcome goes', async () => {
  using device = new Device()
  const sha256 = 'A'.repeat(64)
  const answer = await device.say({ install: 'https://example.com/u.sandpiper', sha256 })
  expect(answer).toEqual({ status: 'accepted', id: expect.any(String) as string })
  expect(device.requests()).toEqual([{ id: answer!['id'], install: 'https://example.com/u.sandpiper', sha256, asker: { topic: WAY.topic, correlation: WAY.correlation.toString('base64') } }])
})

test('a way back, and an answer where none was named', async () => {
  using device = new Device()
  expect(await device.say({ rollback: true }, TOPIC, false)).toMatchObject({ status: 'accepted' })
  expect(device.requests()).toMatchObject([{ rollback: true, asker: { topic: 'cmd/update/reply', correlation: null } }])
})

test.each([
  [{ install: 'file:///etc/passwd' }],
  [{ install: '/var/lib/sandpiper/update/x' }],
  [{ install: 7 }],
  [{ install: 'https://x', sha256: 'short' }],
  [{ install: 'https://x', rollback: true }],
  [{ install: 'https://x', allowDowngrade: true }],
  [{ rollback: false }],
  [{}],
  [Buffer.from('null')],
  [Buffer.from('install')],
  [Buffer.alloc(5000, ' ')],
])('%j is none', async (command) => {
  using device = new Device()
  expect(await device.say(command)).toEqual({ status: 'refused', reason: expect.any(String) as string })
  expect(device.requests()).toEqual([])
})

test('a machine that is not run from the image', async () => {
  using device = new Device()
  device.commands = device.make(null)
  const refused = { status: 'refused', reason: 'this machine does not run from the image: install the newer package there' }
  expect(await device.say({ rollback: true })).toEqual(refused)
  expect(await device.say(part(randomBytes(1000), 0, 100), `${TOPIC}/package`)).toEqual(refused)
})

test('who may not publish the answer gets none, neither now nor later', async () => {
  using device = new Device()
  device.mayAnswer = false
  expect(await device.say({ rollback: true })).toBeNull()
  expect(device.requests()).toMatchObject([{ rollback: true, asker: null }])
})

test('the state, within its bound however long a reason is', async () => {
  using device = new Device()
  device.records.last = { outcome: 'refused', kind: null, version: null, reason: 'x'.repeat(5000), atMs: 0, job: 'j', source: null, asker: null }
  expect(await device.say({ status: true })).toMatchObject({ status: 'ok', version: '0.1.0', trial: null, isBusy: false, last: { status: 'refused', id: 'j' } })
})

test('what became of it is told once, by the next run too', async () => {
  using device = new Device()
  const last: Outcome = { outcome: 'rolled-back', kind: 'root', version: '0.2.0', reason: 'no uplink', atMs: 1, job: 'j', source: null, asker: { topic: WAY.topic, correlation: WAY.correlation.toString('base64') } }
  device.records.last = last
  for (let run = 0; run < 3; run++) {
    await device.commands.stop()
    device.commands = device.make(device.places.gateway)
    device.clock.advance(30_000)
    await device.commands.stop()
  }
  expect(device.answers.length).toBe(1)
  expect(device.said(0)).toEqual({ status: 'rolled-back', id: 'j', version: '0.2.0', reason: 'no uplink' })
})

describe('a package in parts', () => {
  const bytes = randomBytes(1000)
  const received = (device: Device): string[] => readdirSync(join(device.places.state, 'update'))

  test('in order, some of them twice, over a restart: a request when all is there', async () => {
    using device = new Device()
    for (const [from, to] of [[0, 400], [0, 400], [200, 600]] as const) expect(await device.say(part(bytes, from, to), `${TOPIC}/package`)).toBeNull()
    device.commands = device.make(device.places.gateway)
    expect(await device.say(part(bytes, 600, 1000), `${TOPIC}/package`)).toMatchObject({ status: 'accepted' })
    const [request] = device.requests()
    expect(readFileSync(request!['install'] as string)).toEqual(bytes)
  })

  test('a gap: from where to go on', async () => {
    using device = new Device()
    await device.say(part(bytes, 0, 400), `${TOPIC}/package`)
    expect(await device.say(part(bytes, 500, 600), `${TOPIC}/package`)).toEqual({ status: 'missing', from: 400 })
  })

  test('not what its hash says: all of it once more', async () => {
    using device = new Device()
    const wrong = Buffer.from(part(bytes, 0, 1000))
    wrong[500]! ^= 1
    expect(await device.say(wrong, `${TOPIC}/package`)).toEqual({ status: 'missing', from: 0 })
    expect(received(device)).toEqual([])
  })

  test('two at once, no more', async () => {
    using device = new Device()
    for (let i = 0; i < 4; i++) await device.say(part(randomBytes(1000), 0, 100), `${TOPIC}/package`)
    expect(received(device).length).toBe(2)
  })

  test.each([
    ['nothing in it', Buffer.alloc(40)],
    ['no head', Buffer.from('x')],
    ['too large', part(Buffer.alloc(9 << 20), 0, 10)],
    ['beyond its end', Buffer.concat([part(bytes, 900, 1000), Buffer.from('x')])],
  ])('%s', async (_, payload) => {
    using device = new Device()
    expect(await device.say(payload, `${TOPIC}/package`)).toMatchObject({ status: 'refused' })
  })

  test('a delta that came so is installed by the service', async () => {
    using device = new Device()
    const delta = device.package('0.2.0', { version: '0.1.0', files: program('0.1.0') })
    for (let at = 0; at < delta.length; at += 200) await device.say(part(delta, at, Math.min(at + 200, delta.length)), `${TOPIC}/package`)
    const { clock, places, disk, records, applications } = device
    const download = new Download({ clock, disk, folder: places.data })
    const config = { commandTopic: TOPIC, rateMax: Infinity, withinMs: 1000, allowDowngrade: false }
    const done = new Worker({ clock, places, disk, records, applications, machine: new FakeMachine(), download, config, say: () => {} }).run()
    await until(() => {
      clock.advance(2000)
      return records.trial?.isInstalled === true
    }, 'the trial')
    await done
    expect(applications.running()).toMatchObject({ version: '0.2.0' })
    expect(received(device)).toEqual([])
  })
})

test('a gateway with the key answers a client', async () => {
  await using gateway = await TestGateway.start({ yaml: 'site: s\nbroker: { listeners: [{ port: 0, host: 127.0.0.1, anonymous: true }] }\nupdate: { commands: "cmd/{site}/update" }\n' })
  const client = await gateway.connect(5)
  await client.subscribe('cmd/s/update/reply')
  client.publish('cmd/s/update', '{"rollback":true}')
  const { payload } = (await client.expect({ cmd: 'publish', topic: 'cmd/s/update/reply' })) as { payload: Buffer }
  expect(JSON.parse(payload.toString())).toEqual({ status: 'refused', reason: 'this machine does not run from the image: install the newer package there' })
})
