// What becomes of commands: who is answered, once, in time, and within what number of bytes.
import { expect, test } from 'vitest'
import type { RemoteCommand, RemoteCommandsConfig } from '../../../src/config/config.ts'
import { Counters } from '../../../src/counters.ts'
import { makeMessage, type Message } from '../../../src/message.ts'
import { publishSize } from '../../../src/mqtt/encode.ts'
import { correlationProperty, responseOf } from '../../../src/mqtt/response.ts'
import type { Asker } from '../../../src/remote/asker.ts'
import { type Handler, RemoteCommands } from '../../../src/remote/commands.ts'
import { Refusal, signatureOf } from '../../../src/remote/request.ts'
import { FakeClock, settle } from '../../support/fake-clock.ts'

const KEY = Buffer.from('0123456789abcdef')
const HERE = {}
const CONFIG: RemoteCommandsConfig = { topic: 'cmd', allow: ['status', 'queue', 'pause', 'config', 'update'], from: null, signature: null, ageMsMax: 600_000, answerBytesMax: 300, dayBytesMax: 100_000 }

class Bed {
  readonly clock = new FakeClock()
  readonly counters = new Counters()
  readonly answers: Message[] = []
  readonly done: string[] = []
  readonly told: string[] = []
  readonly toUpdates: Message[] = []
  readonly values = new Map<string, number>()
  readonly commands: RemoteCommands
  /** How many uplinks carry an answer. */
  carriedBy = 1
  /** Numbers up to this have left. */
  settled = Infinity
  mayPublish = true
  isTimeSynced = true
  /** What a command does; default: it says so. */
  handler: Handler = ({ words }) => ({ words: { done: words } })

  constructor(config: Partial<RemoteCommandsConfig> = {}, asker: Partial<Asker> | null = { uplink: null }) {
    const { clock, counters, answers, values } = this
    const note = (_: object, text: string): void => void this.told.push(text)
    const handle = (command: string): Handler => (request, roomBytes) => {
      this.done.push(command)
      return this.handler(request, roomBytes)
    }
    const carried = new Set<RemoteCommand>(['status', 'queue', 'pause', 'config'])
    this.commands = new RemoteCommands({ ...CONFIG, ...config }, {
      clock,
      counters,
      log: { info: note, warn: note },
      numbers: { get: (key) => values.get(key), set: (key, value) => void values.set(key, value) },
      storedWallMs: () => clock.wall(),
      site: 's',
      isTimeSynced: () => this.isTimeSynced,
      askers: { of: ({ origin }) => (origin === HERE && asker !== null ? { name: 'x', uplink: null, mayPublish: () => this.mayPublish, ...asker } : null) },
      outlet: {
        cost: (answer) => {
          const size = publishSize(answer, 5, answer.qos)
          return { largest: size, total: size * this.carriedBy }
        },
        publish: (answer) => answers.push(answer),
        waits: (_, sequence) => sequence > this.settled,
      },
      direct: () => null,
      handlers: Object.fromEntries([...carried].map((command) => [command, handle(command)])),
      updates: (message) => void this.toUpdates.push(message),
    })
  }

  /** What is answered; null for nothing. */
  async ask(command: string, payload: string | Buffer = '', properties: Buffer | null = null, message: { retain?: boolean; expiresAtMs?: number; origin?: object | null } = {}): Promise<Record<string, unknown> | null> {
    const before = this.answers.length
    this.commands.take(makeMessage(`cmd/${command}`, payload, { qos: 1, properties, origin: HERE, ...message }))
    await settle()
    return this.answers.length === before ? null : this.saidAt(this.answers.length - 1)
  }

  saidAt(at: number): Record<string, unknown> {
    const text = this.answers[at]!.payload.toString('utf8')
    return JSON.parse(text.split('\n')[0]!) as Record<string, unknown>
  }

  get sizes(): number[] {
    return this.answers.map((answer) => publishSize(answer, 5, 1))
  }
}

function responseTopic(topic: string): Buffer {
  const bytes = Buffer.from(topic)
  return Buffer.concat([Buffer.from([8, bytes.length >> 8, bytes.length & 255]), bytes])
}

test('a command is carried out, and answered beside it', async () => {
  const bed = new Bed()
  expect(await bed.ask('pause', '{"id":"p1","forSec":5}')).toEqual({ status: 'ok', id: 'p1', done: { forSec: 5 } })
  expect(bed.answers[0]).toMatchObject({ topic: { name: 'cmd/pause/reply' }, qos: 1, retain: false, properties: null })
  expect(bed.told).toEqual(['a command from afar'])
})

test('where and how whoever asked wants it, when that one might publish there', async () => {
  const bed = new Bed()
  await bed.ask('status', '', Buffer.concat([responseTopic('ops/me'), correlationProperty(Buffer.from('c1'))]))
  expect(bed.answers[0]!.topic.name).toBe('ops/me')
  expect(responseOf(bed.answers[0]!.properties).correlation).toEqual(Buffer.from('c1'))
  for (const topic of ['cmd/status', 'cmd', '$SYS/x']) await bed.ask('status', '', responseTopic(topic))
  bed.mayPublish = false
  await bed.ask('status', '', responseTopic('ops/me'))
  expect(bed.answers.slice(1).map(({ topic }) => topic.name)).toEqual(Array.from({ length: 4 }, () => 'cmd/status/reply'))
})

test('strangers get no answer, and the log is not theirs to fill', async () => {
  const bed = new Bed()
  for (let i = 0; i < 100; i++) expect(await bed.ask('status', '', null, { origin: {} })).toBeNull()
  expect(bed.counters.refusedRemoteCommands).toBe(100)
  expect(bed.told).toEqual(['a command from afar is not taken'])
  expect(bed.done).toEqual([])
})

test('with a key nothing is taken that is not signed, and with one that could not be read nothing at all', async () => {
  const signed = `{}\n${signatureOf(Buffer.from('{}'), KEY, 's', 'status')}`
  const bed = new Bed({ signature: { key: KEY } })
  expect(await bed.ask('status', '{}')).toBeNull()
  expect(await bed.ask('queue', signed)).toBeNull()
  expect(await bed.ask('status', signed)).toEqual({ status: 'ok', done: {} })
  expect(bed.counters.refusedRemoteCommands).toBe(2)
  const locked = new Bed({ signature: { key: null } })
  expect(await locked.ask('status', signed)).toBeNull()
  expect(locked.counters.refusedRemoteCommands).toBe(1)
})

test('a signed command that changes something has to say when it was given', async () => {
  const bed = new Bed({ signature: { key: KEY } })
  const sign = (text: string): string => `${text}\n${signatureOf(Buffer.from(text), KEY, 's', 'pause')}`
  const at = Math.floor(bed.clock.wall() / 1000)
  expect(await bed.ask('pause', sign('{}'))).toMatchObject({ status: 'refused' })
  expect(await bed.ask('pause', sign(`{"at":${at - 601}}`))).toEqual({ status: 'expired', ageSec: 601 })
  expect(await bed.ask('pause', sign(`{"at":${at}}`))).toMatchObject({ status: 'ok' })
  bed.isTimeSynced = false
  expect(await bed.ask('pause', sign(`{"at":${at}}`))).toMatchObject({ status: 'refused' })
  expect(bed.done).toEqual(['pause'])
})

test('what comes twice is carried out and answered once, by its identifier or its Correlation Data', async () => {
  const bed = new Bed()
  const correlation = correlationProperty(Buffer.from([0xff, 1]))
  for (let i = 0; i < 3; i++) await bed.ask('pause', '{"id":"a"}')
  for (let i = 0; i < 3; i++) await bed.ask('pause', '{}', correlation)
  expect(bed.answers).toHaveLength(2)
  expect(bed.done).toEqual(['pause', 'pause'])
  expect(bed.counters.refusedRemoteTwice).toBe(4)
  expect(await bed.ask('status', '{"id":"a"}')).toMatchObject({ status: 'ok' })
})

test('what is not in time, retained, not in order or not allowed is refused, and nothing is done', async () => {
  const bed = new Bed({ allow: ['pause', 'status'] })
  expect(await bed.ask('pause', '', null, { expiresAtMs: bed.clock.now() })).toEqual({ status: 'expired' })
  expect(await bed.ask('pause', '', null, { retain: true })).toMatchObject({ status: 'refused' })
  expect(await bed.ask('pause', 'stop')).toEqual({ status: 'refused', reason: 'the first line is not JSON' })
  expect(await bed.ask('queue')).toEqual({ status: 'refused', reason: 'may be asked here: pause, status' })
  expect(await bed.ask('reboot')).toEqual({ status: 'refused', reason: 'may be asked here: pause, status' })
  expect(bed.answers.at(-1)!.topic.name).toBe('cmd/reboot/reply')
  expect(bed.done).toEqual([])
})

test('a refusal and a failure are told in words', async () => {
  const bed = new Bed()
  bed.handler = () => {
    throw new Refusal('there is no such uplink')
  }
  expect(await bed.ask('pause')).toEqual({ status: 'refused', reason: 'there is no such uplink' })
  bed.handler = () => Promise.reject(new Error('x'.repeat(1000)))
  expect(await bed.ask('pause')).toEqual({ status: 'failed', reason: 'x'.repeat(160) })
})

test('one that does not end has failed, and the next one gets its turn', async () => {
  const bed = new Bed()
  bed.handler = () => new Promise(() => {})
  expect(await bed.ask('config')).toBeNull()
  bed.handler = () => ({ words: {} })
  expect(await bed.ask('status')).toBeNull()
  bed.clock.advance(120_000)
  await settle()
  expect(bed.answers.map((_, at) => bed.saidAt(at))).toEqual([{ status: 'failed', reason: 'it has not ended in 120 s' }, { status: 'ok' }])
})

test('an answer never has more bytes than it may, and says what it would have had', async () => {
  const bed = new Bed({ answerBytesMax: 200 })
  for (const length of [100, 140, 150, 160, 170, 180, 190, 200, 5000]) {
    bed.handler = () => ({ words: { x: 'y'.repeat(length) } })
    await bed.ask('config')
  }
  bed.handler = (_, roomBytes) => ({ words: {}, body: Buffer.alloc(roomBytes - 3, 0xff) })
  expect(await bed.ask('config', '{}')).toEqual({ status: 'ok' })
  expect(Math.max(...bed.sizes)).toBeLessThanOrEqual(200)
  expect(bed.sizes.at(-1)).toBeGreaterThan(190)
  expect(bed.saidAt(8)).toEqual({ status: 'refused', reason: 'too-large', bytes: expect.any(Number) as number })
  expect(bed.counters.refusedRemoteBytes).toBe(0)
})

test('whoever wants it under a name that leaves no room gets none, and nothing is done', async () => {
  const bed = new Bed({ answerBytesMax: 200 })
  expect(await bed.ask('pause', '', responseTopic('t'.repeat(180)))).toBeNull()
  expect(bed.done).toEqual([])
  expect(bed.counters.refusedRemoteCommands).toBe(1)
  expect(await bed.ask('pause', '', responseTopic('t'.repeat(201)))).toMatchObject({ status: 'ok' })
  expect(bed.answers.at(-1)!.topic.name).toBe('cmd/pause/reply')
})

test('too many in a minute: told once, then silence, then as before', async () => {
  const bed = new Bed()
  for (let i = 0; i < 6; i++) expect(await bed.ask('status')).toMatchObject({ status: 'ok' })
  expect(await bed.ask('status', '{"id":"late"}')).toEqual({ status: 'busy', id: 'late', againSec: expect.any(Number) as number })
  for (let i = 0; i < 50; i++) expect(await bed.ask('status')).toBeNull()
  expect(await bed.ask('queue')).toMatchObject({ status: 'ok' })
  expect(bed.counters.refusedRemoteRate).toBe(51)
  bed.clock.advance(70_000)
  expect(await bed.ask('status', '{"id":"late"}')).toMatchObject({ status: 'ok', id: 'late' })
})

test('never more bytes in any 24 hours than a day has; what changes something finds some when reading has had its part', async () => {
  const bed = new Bed({ answerBytesMax: 250, dayBytesMax: 4000 })
  bed.carriedBy = 2
  bed.handler = () => ({ words: { x: 'y'.repeat(150) } })
  const sent: { readonly atMs: number; readonly bytes: number }[] = []
  let paused = 0
  for (let i = 0; i < 3 * 24 * 6; i++) {
    bed.clock.advance(600_000)
    const before = bed.answers.length
    for (let n = 0; n < 5; n++) await bed.ask('status')
    if (i % 36 === 0 && (await bed.ask('pause'))?.['status'] === 'ok') paused++
    for (const bytes of bed.sizes.slice(before)) sent.push({ atMs: bed.clock.now(), bytes: 2 * bytes })
  }
  const most = Math.max(...sent.map(({ atMs }) => sent.filter((one) => one.atMs > atMs - 86_400_000 && one.atMs <= atMs).reduce((sum, { bytes }) => sum + bytes, 0)))
  expect(most).toBeLessThanOrEqual(4000)
  expect(most).toBeGreaterThan(3000)
  expect(paused).toBe(12)
  expect(bed.counters.refusedRemoteBytes).toBeGreaterThan(100)
  const spent = bed.answers.map((_, at) => bed.saidAt(at)).filter(({ status }) => status === 'spent')
  expect(spent[0]).toEqual({ status: 'spent', againSec: expect.any(Number) as number })
})

test('what cuts the link off happens when the answer has left, or half a minute later', async () => {
  const bed = new Bed()
  const after: number[] = []
  bed.handler = () => ({ words: {}, after: () => after.push(bed.clock.now()) })
  bed.settled = 0
  const askedMs = bed.clock.now()
  await bed.ask('pause')
  bed.clock.advance(5000)
  expect(after).toEqual([])
  bed.settled = 1
  bed.clock.advance(500)
  expect(after).toEqual([askedMs + 5500])
  await bed.ask('pause')
  bed.clock.advance(60_000)
  expect(after).toHaveLength(2)
  expect(after[1]! - askedMs).toBeGreaterThanOrEqual(5500 + 30_000)
  expect(after[1]! - askedMs).toBeLessThanOrEqual(5500 + 31_000)
})

test('updates are passed on as they came, without a Response Topic, and their answers are bounded like others', async () => {
  const bed = new Bed({ signature: { key: KEY } })
  const text = '{"status":true}'
  const properties = Buffer.concat([responseTopic('ops/me'), correlationProperty(Buffer.from('c1'))])
  await bed.ask('update', text, properties)
  await bed.ask('update', `${text}\n${signatureOf(Buffer.from(text), KEY, 's', 'update')}`, properties)
  expect(bed.toUpdates.map(({ payload }) => payload.toString())).toEqual([text])
  expect(responseOf(bed.toUpdates[0]!.properties)).toEqual({ topic: null, correlation: Buffer.from('c1') })
  bed.commands.publishOfUpdates(makeMessage('cmd/update/reply', 'fine', { qos: 1 }))
  bed.commands.publishOfUpdates(makeMessage('cmd/update/reply', 'x'.repeat(300), { qos: 1 }))
  expect(bed.answers.map(({ payload }) => payload.toString())).toEqual(['fine'])
  expect(bed.counters.refusedRemoteBytes).toBe(1)
})

test('its own answers are no commands', async () => {
  const bed = new Bed()
  await bed.ask('status')
  bed.commands.take(bed.answers[0]!)
  await settle()
  expect(bed.answers).toHaveLength(1)
  expect(bed.counters.refusedRemoteCommands).toBe(0)
})
