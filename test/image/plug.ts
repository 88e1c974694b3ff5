// The plug: a machine with the image loses its power at random moments under load, many times, and a count of what is missing.
//
//   2 publishers ─► gateway on the image ─┬─► 2 subscribers with sessions (3.1.1, 5.0)
//   (3.1.1, 5.0)     │ its disk forgets   └─► uplink, QoS 2 ─► Mosquitto ─► checker
//                    └ what was not flushed (power-disk.ts), and goes on from cut to cut
//
// Clients and Mosquitto live through all rounds, so what is lost or doubled is the gateway's doing, or that of what is below it. After each cut
// the disk is looked at from outside: slots as they were, file systems that repair themselves as they would at a start, and are clean then.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, connectAsync, type MqttClient, Store } from 'mqtt'
import { randomOf, readPayload, Receiver } from '../crash/ledger.ts'
import { isConnectionError, Publisher, type Stream } from '../crash/publisher.ts'
import { Mosquitto } from '../support/mosquitto.ts'
import { until } from '../support/until.ts'
import { Machine } from './machine.ts'
import type { Model } from './models.ts'
import { PowerDisk } from './power-disk.ts'

/** As a small card has, so that the data partition has to grow. */
const CARD_BYTES = 2_000_000_000
const BOOT_MS_MAX = 300_000
const LOAD_MS_MAX = 15_000
const CONNECT_MS_MAX = 30_000
/** Until messages flow again after a start. */
const FLOW_MS_MAX = 90_000
/** In one of so many the power goes before that, while clients come back. */
const BEFORE_FLOW = 0.2
/** For the disk to come to the write at which it stops. */
const STOP_MS_MAX = 20_000
const DRAIN_MS_MAX = 300_000
/** One in so many cuts comes while the machine starts. */
const EARLY = 0.35
const LOGIN = { username: 'device', password: 'plug' } as const
const SECTOR_BYTES = 512

export interface PlugOptions {
  readonly image: string
  readonly model: Model
  readonly rounds: number
  readonly seed: number
  readonly print: (line: string) => void
  /** True ends it after the round that goes on, with the count so far. */
  readonly isEnough?: () => boolean
}

export interface PlugRow {
  readonly receiver: string
  readonly qos: 1 | 2
  readonly acknowledged: number
  readonly lost: number
  readonly duplicates: number
}

export interface PlugReport {
  readonly rounds: number
  /** Of those, before the broker answered. */
  readonly early: number
  /** Sectors that were in the disk's cache at the cuts, and how many of them reached the medium all the same. */
  readonly sectors: { readonly cached: number; readonly kept: number }
  /** Milliseconds from power-on to the first CONNACK, of each start that came so far. */
  readonly bootMs: readonly number[]
  readonly rows: readonly PlugRow[]
  /** What must not be: a start that did not come, a file system that is not clean, errors of clients, a slot that changed. */
  readonly faults: readonly string[]
}

export async function pullThePlug(options: PlugOptions): Promise<PlugReport> {
  await using bed = await Bed.make(options)
  await bed.first()
  for (let round = 1; round <= options.rounds && options.isEnough?.() !== true; round++) await bed.round(round)
  return await bed.finish()
}

class Bed implements AsyncDisposable {
  readonly #options: PlugOptions
  readonly #random: () => number
  readonly #folder: string
  readonly #machine: Machine
  readonly #disk: PowerDisk
  readonly #cloud: Mosquitto
  readonly #slots: string
  readonly #publishers: Publisher[] = []
  readonly #clients: MqttClient[] = []
  readonly #receivers: Receiver[] = []
  readonly #faults: string[] = []
  readonly #bootMs: number[] = []
  #round = 0
  #early = 0
  #sectors = { cached: 0, kept: 0 }

  static async make(options: PlugOptions): Promise<Bed> {
    const folder = await mkdtemp(join(tmpdir(), 'sandpiper-plug-'))
    const socket = join(folder, 'disk.sock')
    const machine = await Machine.flash(options.image, { model: options.model, diskBytes: CARD_BYTES, drive: `driver=nbd,server.type=unix,server.path=${socket}` })
    const cloud = await Mosquitto.start()
    await machine.card.write('gateway.yaml', configuration(cloud.port))
    return new Bed(options, folder, machine, await PowerDisk.serve(machine.disk, socket), cloud)
  }

  private constructor(options: PlugOptions, folder: string, machine: Machine, disk: PowerDisk, cloud: Mosquitto) {
    this.#options = options
    this.#random = randomOf(options.seed)
    this.#folder = folder
    this.#machine = machine
    this.#disk = disk
    this.#cloud = cloud
    this.#slots = slotsOf(machine.disk)
  }

  /** The first life: everybody's session is made before anything is published. */
  async first(): Promise<void> {
    await this.#start()
    const { url } = this.#machine
    for (const version of [4, 5] as const) {
      const receiver = this.#receiver(`subscriber ${version === 4 ? '3.1.1' : '5.0'}`)
      await this.#subscribe(url, `subscriber-${version}`, version, 'load/#', receiver)
    }
    await this.#subscribe(this.#cloud.url, 'checker', 4, 'a/#', this.#receiver('cloud'))
    const random = randomOf(this.#options.seed + 1)
    for (const version of [4, 5] as const) this.#publishers.push(new Publisher(`p${version}`, { url, version, topicOf: (stream) => `load/${stream}`, random, login: LOGIN, connectTimeoutMs: CONNECT_MS_MAX }))
    for (const publisher of this.#publishers) publisher.start()
    await until(() => this.#publishers.every((p) => p.streams.every((s) => s.acknowledged > 0)), 'every publisher to have an acknowledgement', DRAIN_MS_MAX)
    await until(() => this.#receivers[2]!.tally(this.#publishers[0]!.streams[0]!.name).received > 0, 'the cloud to have a message', DRAIN_MS_MAX)
    await this.#cut()
  }

  async round(round: number): Promise<void> {
    this.#round = round
    const random = this.#random
    if (random() < EARLY) {
      this.#early++
      await this.#machine.start()
      const usualMs = this.#bootMs.reduce((sum, ms) => sum + ms, 0) / this.#bootMs.length
      const writes = random() < 0.5 ? this.#disk.stopAfter(1 + Math.floor(random() ** 2 * 100)) : new Promise(() => {})
      await Promise.race([writes, pause(random() * usualMs)])
    } else {
      if (!(await this.#start())) return
      const before = this.#acknowledged
      if (random() >= BEFORE_FLOW) await quietly(until(() => this.#acknowledged > before, 'messages to flow', FLOW_MS_MAX))
      await pause(random() ** 1.5 * LOAD_MS_MAX)
      // Between two writes rather than in the long time without any.
      await Promise.race([this.#disk.stopAfter(1 + Math.floor(random() * 30)), pause(STOP_MS_MAX)])
    }
    await this.#cut()
    this.#options.print(`round ${round}: ${this.#acknowledged} acknowledged, ${this.#faults.length} faults, started in ${(this.#bootMs.at(-1)! / 1000).toFixed(0)} s`)
  }

  /** The power stays: all that was acknowledged has to arrive. Then the count. */
  async finish(): Promise<PlugReport> {
    await this.#start()
    for (const publisher of this.#publishers) publisher.stop()
    await quietly(until(() => this.#publishers.every((p) => p.done), 'every publisher to have its acknowledgements', DRAIN_MS_MAX))
    for (const p of this.#publishers) if (!p.done) this.#faults.push(`${p.name} waits for acknowledgements that do not come`)
    await quietly(until(() => this.#receivers.every((receiver) => this.#streams.every((s) => receiver.hasAll(s.name, s.acknowledged))), 'everything to arrive', DRAIN_MS_MAX))
    for (const publisher of this.#publishers) this.#faults.push(...publisher.errors)
    return { rounds: this.#round, early: this.#early, sectors: this.#sectors, bootMs: this.#bootMs, rows: this.#rows(), faults: [...this.#faults, ...wrongRows(this.#rows())] }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#publishers.map((p) => p.end()), ...this.#clients.map((c) => c.endAsync(true))])
    await this.#machine[Symbol.asyncDispose]()
    await this.#disk[Symbol.asyncDispose]()
    await this.#cloud[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** Power on, until the broker answers. */
  async #start(): Promise<boolean> {
    const began = performance.now()
    await this.#machine.start()
    const answers = await this.#answers()
    if (answers) this.#bootMs.push(performance.now() - began)
    else this.#faults.push(`round ${this.#round}: the broker did not come:\n${this.#machine.serial.slice(-3000)}`)
    return answers
  }

  /** The first CONNACK; false when it does not come. */
  async #answers(): Promise<boolean> {
    const deadline = performance.now() + BOOT_MS_MAX
    while (performance.now() < deadline && this.#machine.isRunning) {
      try {
        const visitor = await connectAsync(this.#machine.url, { ...LOGIN, clientId: 'visitor', reconnectPeriod: 0, connectTimeout: 5000 }, false)
        await visitor.endAsync(true)
        return true
      } catch {
        await pause(200)
      }
    }
    return false
  }

  async #cut(): Promise<void> {
    const machine = this.#machine
    await machine.cut()
    if (/EXT4-fs error|SQUASHFS error|Remounting filesystem read-only|FAT-fs .*error/.test(machine.serial)) this.#faults.push(`round ${this.#round}: a file system complained:\n${machine.serial.slice(-3000)}`)
    // Everything in the cache is lost, all of it has got through, or some of it.
    const share = [0, 1, 0.5, 0.1, 0.9][Math.floor(this.#random() * 5)]!
    const { cached, kept } = this.#disk.cut(() => this.#random() < share)
    this.#sectors = { cached: this.#sectors.cached + cached, kept: this.#sectors.kept + kept }
    this.#look()
  }

  /** From outside, on a copy: as the next start will find and mend it. */
  #look(): void {
    const { disk } = this.#machine
    if (slotsOf(disk) !== this.#slots) this.#faults.push(`round ${this.#round}: a slot is not what it was`)
    const copy = join(this.#folder, 'look.img')
    const check = (partition: 1 | 4, mend: readonly string[], look: readonly string[]): void => {
      extract(disk, partition, copy)
      const mended = spawnSync(mend[0]!, [...mend.slice(1), copy], { encoding: 'utf8' })
      const looked = spawnSync(look[0]!, [...look.slice(1), copy], { encoding: 'utf8' })
      if ((mended.status ?? 99) > 1 || looked.status !== 0) this.#faults.push(`round ${this.#round}: partition ${partition}: ${mended.status} ${mended.stdout}${mended.stderr}, then ${looked.status} ${looked.stdout}${looked.stderr}`)
    }
    check(4, ['e2fsck', '-p'], ['e2fsck', '-fn'])
    check(1, ['fsck.vfat', '-a'], ['fsck.vfat', '-n'])
  }

  async #subscribe(url: string, clientId: string, version: 4 | 5, filter: string, receiver: Receiver): Promise<void> {
    const client = connect(url, {
      ...LOGIN,
      clientId,
      protocolVersion: version,
      clean: false,
      ...(version === 5 ? { properties: { sessionExpiryInterval: 86_400 } } : {}),
      incomingStore: new Store({ clean: false }),
      outgoingStore: new Store({ clean: false }),
      resubscribe: false,
      reconnectPeriod: 500,
      connectTimeout: CONNECT_MS_MAX,
    })
    this.#clients.push(client)
    client.on('message', (_topic, payload) => {
      const { stream, number } = readPayload(payload)
      receiver.saw(stream, number)
    })
    client.on('error', (error) => {
      if (!isConnectionError(error)) this.#faults.push(`${clientId}: ${error.message}`)
    })
    client.on('connect', (connack) => {
      if (this.#round > 0 && !connack.sessionPresent) this.#faults.push(`round ${this.#round}: ${clientId} has no session any more`)
    })
    await until(() => client.connected, `${clientId} to connect`, 30_000)
    await client.subscribeAsync(filter, { qos: 2 })
  }

  #receiver(name: string): Receiver {
    const receiver = new Receiver(name, true, (text) => this.#options.print(`  round ${this.#round}: ${text}`))
    this.#receivers.push(receiver)
    return receiver
  }

  get #streams(): readonly Stream[] {
    return this.#publishers.flatMap((p) => p.streams)
  }

  get #acknowledged(): number {
    return this.#streams.reduce((sum, stream) => sum + stream.acknowledged, 0)
  }

  #rows(): PlugRow[] {
    return this.#receivers.flatMap((receiver) =>
      ([1, 2] as const).map((qos) => {
        const ours = this.#streams.filter((s) => s.qos === qos)
        const sum = (of: (stream: Stream) => number): number => ours.reduce((n, s) => n + of(s), 0)
        return { receiver: receiver.name, qos, acknowledged: sum((s) => s.acknowledged), lost: sum((s) => receiver.lost(s.name, s.acknowledged)), duplicates: sum((s) => receiver.tally(s.name).duplicates) }
      }),
    )
  }
}

function configuration(cloudPort: number): string {
  return `site: plug
broker: { listeners: [{ port: 1883, host: 0.0.0.0 }], maxSessionExpiry: never }
access: { users: [{ name: ${LOGIN.username}, password: ${LOGIN.password} }] }
store: { maxSize: 200MB }
uplinks:
  - name: cloud
    url: mqtt://10.0.2.2:${cloudPort}   # the emulator's host
    clientId: plug
    backoff: { min: 1s, max: 2s }
    routes: [{ out: "load/#", as: "a/load/#", qos: 2 }]
`
}

function wrongRows(rows: readonly PlugRow[]): string[] {
  const list: string[] = []
  for (const { receiver, qos, acknowledged, lost, duplicates } of rows) {
    if (lost > 0) list.push(`${receiver}, QoS ${qos}: ${lost} of ${acknowledged} acknowledged messages lost`)
    if (qos === 2 && duplicates > 0) list.push(`${receiver}, QoS 2: ${duplicates} messages twice`)
  }
  return list
}

// ---- the disk from outside

/** First byte and length of a primary partition. */
function partitionOf(file: string, number: number): { readonly at: number; readonly bytes: number } {
  const head = Buffer.alloc(SECTOR_BYTES)
  const fd = openSync(file, 'r')
  readSync(fd, head, 0, SECTOR_BYTES, 0)
  closeSync(fd)
  const entry = 446 + (number - 1) * 16
  return { at: head.readUInt32LE(entry + 8) * SECTOR_BYTES, bytes: head.readUInt32LE(entry + 12) * SECTOR_BYTES }
}

function extract(file: string, partition: number, to: string): void {
  const { at, bytes } = partitionOf(file, partition)
  execFileSync('dd', [`if=${file}`, `of=${to}`, 'bs=1M', 'conv=sparse', 'iflag=skip_bytes,count_bytes', `skip=${at}`, `count=${bytes}`, 'status=none'])
}

/** Of both slots, which nothing may write to. */
function slotsOf(file: string): string {
  const hash = createHash('sha256')
  const fd = openSync(file, 'r')
  const room = Buffer.alloc(4 * 1024 * 1024)
  for (const number of [2, 3]) {
    const { at, bytes } = partitionOf(file, number)
    for (let done = 0; done < bytes; ) {
      const length = readSync(fd, room, 0, Math.min(room.length, bytes - done), at + done)
      hash.update(room.subarray(0, length))
      done += length
    }
  }
  closeSync(fd)
  return hash.digest('hex')
}

/** What is missing is counted afterwards. */
async function quietly(promise: Promise<unknown>): Promise<void> {
  await promise.catch(() => {})
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
