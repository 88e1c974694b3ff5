// Updates by message, on topics that the configuration names; the gateway's half, which only asks: what is installed is decided by the update
// service, which takes nothing that is not signed.
//
//   TOPIC           {"install":"https://…","sha256"?:"…"} | {"rollback":true} | {"status":true}
//   TOPIC/package   a part of a package: its SHA-256 (32 bytes) · its size (4, big-endian) · where this part begins (4) · bytes. Parts come in order.
//   answers         to the Response Topic, or TOPIC/reply: JSON of ANSWER_BYTES_MAX at most
//                     {"status":"accepted","id":…} | {"status":"refused","reason":…} | {"status":"ok", … of {"status":true}}
//                     {"status":"missing","from":N}      of a part that leaves a gap: go on from there
//                     {"status":"installed"|"rolled-back"|"refused"|"failed","id":…,"version":…,"reason":…}    what became of it, after a restart too
//
// What is always true: a part that comes twice changes nothing; what has come survives a restart; two packages at most are being received.
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Timer } from '../clock.ts'
import { makeMessage, type Message } from '../message.ts'
import { correlationProperty, responseOf } from '../mqtt/response.ts'
import { PACKAGE_BYTES_MAX } from './package.ts'
import type { Asker, Outcome } from './record.ts'
import { RECEIVED_FOLDER } from './request.ts'

export const ANSWER_BYTES_MAX = 512
const COMMAND_BYTES_MAX = 4096
const PART_HEAD_BYTES = 40
const REASON_LENGTH_MAX = 200
const PARTIAL = '.part'
const PARTIALS_MAX = 2
const NO_IMAGE = 'this machine does not run from the image: install the newer package there'
/** Commands and parts that wait for the disk. */
const WAITING_MAX = 50
const LOOK_MS = 10_000
const TOLD_FILE = 'update-told'

export interface UpdateCommandsDeps {
  readonly clock: Clock
  readonly log: { info(fields: object, text: string): void; warn(fields: object, text: string): void }
  readonly topic: string
  readonly version: string
  /** The gateway's own runtime folder, where requests go; null where there is no update service. */
  readonly runtime: string | null
  /** The gateway's state folder. */
  readonly state: string
  /** Where the update service remembers. */
  readonly data: string
  subscribe(filter: string, take: (message: Message) => void): void
  publish(message: Message): void
  /** Whether who has sent `command` might publish the answer itself. */
  mayAnswer(answer: Message, command: Message): boolean
}

export class UpdateCommands {
  readonly #deps: UpdateCommandsDeps
  readonly #received: string
  #queue: Promise<void> = Promise.resolve()
  #waiting = 0
  #timer: Timer | null = null
  #toldAtMs = 0

  constructor(deps: UpdateCommandsDeps) {
    this.#deps = deps
    this.#received = join(deps.state, RECEIVED_FOLDER)
  }

  start(): void {
    const { clock, topic, subscribe } = this.#deps
    subscribe(topic, (message) => this.#later(() => this.#command(message)))
    subscribe(`${topic}/package`, (message) => this.#later(() => this.#part(message)))
    this.#timer = clock.every(LOOK_MS, () => this.#later(() => this.#tellOutcome()))
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    await this.#queue
  }

  /** One after the other, and no more than some at once: the disk is slower than messages are. */
  #later(work: () => Promise<void>): void {
    if (this.#waiting >= WAITING_MAX) return this.#deps.log.warn({ waiting: this.#waiting }, 'too many messages about updates at once: one was left out')
    this.#waiting++
    this.#queue = this.#queue.then(work).catch((error: Error) => this.#deps.log.warn({ why: error.message }, 'a message about updates could not be carried out')).finally(() => void this.#waiting--)
  }

  async #command(message: Message): Promise<void> {
    const command = commandOf(message.payload)
    if (typeof command === 'string') return this.#answer(message, { status: 'refused', reason: command })
    if ('status' in command) return this.#answer(message, await this.#status())
    await this.#ask(message, command)
  }

  async #ask(message: Message, wish: { readonly install: string; readonly sha256: string | null } | { readonly rollback: true }): Promise<void> {
    const { runtime, log } = this.#deps
    if (runtime === null) return this.#answer(message, { status: 'refused', reason: NO_IMAGE })
    const id = randomUUID()
    const folder = join(runtime, 'requests')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, `${id}.new`), JSON.stringify({ id, ...wish, asker: this.#askerOf(message) }))
    await rename(join(folder, `${id}.new`), join(folder, `update-${id}.json`))
    log.info({ id, topic: message.topic.name }, 'rollback' in wish ? 'going back to the version before was asked for' : 'an update was asked for')
    this.#answer(message, { status: 'accepted', id })
  }

  async #part(message: Message): Promise<void> {
    const { payload } = message
    if (this.#deps.runtime === null) return this.#answer(message, { status: 'refused', reason: NO_IMAGE })
    if (payload.length <= PART_HEAD_BYTES) return this.#answer(message, { status: 'refused', reason: 'a part has 40 bytes before its content' })
    const sha256 = payload.toString('hex', 0, 32)
    const total = payload.readUInt32BE(32)
    const from = payload.readUInt32BE(36)
    const bytes = payload.subarray(PART_HEAD_BYTES)
    if (total > PACKAGE_BYTES_MAX || from + bytes.length > total) return this.#answer(message, { status: 'refused', reason: `a package has ${PACKAGE_BYTES_MAX} bytes at most, and a part lies within it` })
    await mkdir(this.#received, { recursive: true, mode: 0o700 })
    const path = join(this.#received, sha256 + PARTIAL)
    const size = (await stat(path).catch(() => null))?.size ?? 0
    if (size === 0) await this.#makeRoom(sha256 + PARTIAL)
    if (from > size) return this.#answer(message, { status: 'missing', from: size })
    if (from + bytes.length <= size) return
    const file = await open(path, 'a', 0o600)
    try {
      await file.writeFile(bytes.subarray(size - from))
      if (from + bytes.length === total) await file.sync()
    } finally {
      await file.close()
    }
    if (from + bytes.length === total) await this.#complete(message, path, sha256)
  }

  async #complete(message: Message, path: string, sha256: string): Promise<void> {
    const isWhole = createHash('sha256').update(await readFile(path)).digest('hex') === sha256
    if (!isWhole) {
      await rm(path, { force: true })
      return this.#answer(message, { status: 'missing', from: 0 })
    }
    const whole = join(this.#received, `${sha256}.sandpiper`)
    await rename(path, whole)
    await this.#ask(message, { install: whole, sha256 })
  }

  /** The oldest go: nobody sends three packages at once. */
  async #makeRoom(name: string): Promise<void> {
    const others = (await readdir(this.#received)).filter((other) => other.endsWith(PARTIAL) && other !== name)
    const aged = await Promise.all(others.map(async (other) => ({ other, atMs: (await stat(join(this.#received, other))).mtimeMs })))
    const old = aged.toSorted((a, b) => b.atMs - a.atMs).slice(PARTIALS_MAX - 1)
    for (const { other } of old) await rm(join(this.#received, other), { force: true })
  }

  async #status(): Promise<Readonly<Record<string, unknown>>> {
    const { data, version } = this.#deps
    const [last, trial, job] = await Promise.all([json(join(data, 'last.json')), json(join(data, 'trial.json')), json(join(data, 'job.json'))])
    return {
      status: 'ok',
      version,
      trial: trial === null ? null : { kind: trial['kind'], version: trial['version'] },
      isBusy: job !== null,
      last: last === null ? null : { status: last['outcome'], id: last['job'], version: last['version'], reason: reasonOf(last) },
    }
  }

  /** What became of an update that was asked for by message is told once, when it is known: most often by the next run. */
  async #tellOutcome(): Promise<void> {
    const { data, state, publish, topic } = this.#deps
    const changedMs = (await stat(join(data, 'last.json')).catch(() => null))?.mtimeMs ?? 0
    if (changedMs === this.#toldAtMs) return
    this.#toldAtMs = changedMs
    const last = (await json(join(data, 'last.json'))) as Outcome | null
    if (last === null || last.job === null || last.asker === null) return
    const told = join(state, TOLD_FILE)
    if ((await readFile(told, 'utf8').catch(() => '')) === last.job) return
    const asker = typeof last.asker.topic === 'string' ? last.asker : { topic: `${topic}/reply`, correlation: null }
    publish(answerTo(asker, { status: last.outcome, id: last.job, version: last.version, reason: reasonOf(last) }))
    await writeFile(told, last.job)
  }

  #answer(command: Message, said: Readonly<Record<string, unknown>>): void {
    const asker = this.#askerOf(command)
    if (asker !== null) this.#deps.publish(answerTo(asker, said))
  }

  /** Where answers go; null when whoever asked may not publish there. */
  #askerOf(command: Message): Asker | null {
    const { topic, correlation } = responseOf(command.properties)
    const asker = { topic: topic === null || topic.startsWith('$') ? `${this.#deps.topic}/reply` : topic, correlation: correlation?.toString('base64') ?? null }
    return this.#deps.mayAnswer(answerTo(asker, {}), command) ? asker : null
  }
}

function answerTo({ topic, correlation }: Asker, said: Readonly<Record<string, unknown>>): Message {
  const properties = correlation === null ? null : correlationProperty(Buffer.from(correlation, 'base64'))
  return makeMessage(topic, JSON.stringify(said), { qos: 1, properties })
}

/** A sentence for what is none. */
function commandOf(payload: Buffer): { install: string; sha256: string | null } | { rollback: true } | { status: true } | string {
  if (payload.length > COMMAND_BYTES_MAX) return `a command has ${COMMAND_BYTES_MAX} bytes at most`
  let value: Readonly<Record<string, unknown>>
  try {
    value = (JSON.parse(payload.toString('utf8')) ?? {}) as Readonly<Record<string, unknown>>
  } catch {
    return 'this is not JSON'
  }
  const { install, sha256, rollback, status, ...rest } = value
  const words = [install, rollback, status].filter((word) => word !== undefined)
  if (words.length !== 1 || Object.keys(rest).length > 0) return 'write {"install":"https://…"}, {"rollback":true} or {"status":true}'
  if (rollback === true) return { rollback }
  if (status === true) return { status }
  if (typeof install !== 'string' || !/^https?:\/\//i.test(install)) return '"install" is an address that begins with https:// or http://'
  if (sha256 !== undefined && !(typeof sha256 === 'string' && /^[0-9a-f]{64}$/i.test(sha256))) return '"sha256" has 64 hexadecimal digits'
  return { install, sha256: sha256 === undefined ? null : (sha256 as string) }
}

function reasonOf({ reason }: { readonly reason?: unknown }): string {
  return typeof reason === 'string' ? reason.slice(0, REASON_LENGTH_MAX) : ''
}

async function json(path: string): Promise<Readonly<Record<string, unknown>> | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Readonly<Record<string, unknown>> | null
  } catch {
    return null
  }
}
