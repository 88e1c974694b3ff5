// A process of its own, in the gateway's place on the wire: plays a recording to a gateway or a bridge, and says what it cost.
//
//   readings ─► client ─► Sandpiper, in this process on a clock that leaps   ══wan══► the cloud
//                      or Mosquitto, a process beside it, with a bridge
//
// Everybody gets the same readings at the same moments of the recording, and the uplink's packets keep real time (leaping-clock.ts): what a
// bridge sends between two readings does not depend on how long the silence is, as long as the last acknowledgement is through. Bytes are counted
// from the first reading on to the last acknowledgement; what the connection cost before that is told apart.
//
// One line of JSON says what to do (argument), the first message to the parent says that it counts, the second what came of it.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { generate, type Packet, parser } from 'mqtt-packet'
import type { Config } from '../../../src/config/config.ts'
import { checkText } from '../../../src/config/load.ts'
import { Gateway } from '../../../src/gateway.ts'
import { MemoryStore } from '../../../src/store/memory.ts'
import { LinkEmulator } from '../../support/link-emulator.ts'
import { LeapingClock } from './leaping-clock.ts'
import { LeapingProbes } from './leaping-probes.ts'
import { emulatorMeter, interfaceMeter, type Meter, Quiet } from './meter.ts'
import { type Reading, record, type SetName } from './readings.ts'
import { START_MS } from './sets/device.ts'

export interface PlayJob {
  readonly set: SetName | null
  readonly count: number
  /** gateway.yaml as JSON, whose uplink goes to the cloud; null: what listens at `port` is a bridge. */
  readonly gateway: object | null
  readonly port: number
  /** Where the wire is: an interface of this namespace, or to where an emulator of this process has to go from where. */
  readonly wire: { readonly kind: 'interface' } | { readonly kind: 'emulator'; readonly listen: number; readonly to: number }
  /** Nothing on the wire for so long is silence: more than a delayed acknowledgement and a round trip. */
  readonly quietMs: number
  /** After the last reading: what waits for company gets its time, and an idle link its pings. */
  readonly restMs: number
}

export interface Cost {
  readonly up: number
  readonly down: number
  readonly packets: number
}

export interface PlayResult {
  /** From the first packet to silence after CONNACK. */
  readonly connect: Cost
  /** From the first reading to silence after the last acknowledgement. */
  readonly play: Cost
  /** Of the recording, rest included. */
  readonly spanMs: number
  /** Readings that the gateway still has; a bridge does not tell. */
  readonly left: number
}

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

class Player {
  readonly #job: PlayJob
  readonly #meter: Meter
  readonly #quiet: Quiet
  readonly #clock: LeapingClock
  readonly #probes: LeapingProbes
  #packetAtMs = 0
  #gateway: Gateway | null = null
  #device!: Device

  constructor(job: PlayJob, meter: Meter) {
    this.#job = job
    this.#meter = meter
    this.#quiet = new Quiet(meter, job.quietMs)
    this.#clock = new LeapingClock(START_MS, () => this.#quiet.is && !this.#probes.isOut)
    this.#quiet.onPacket = () => (this.#packetAtMs = this.#clock.now())
    this.#probes = new LeapingProbes(this.#clock, meter, () => this.#packetAtMs)
  }

  async play(): Promise<PlayResult> {
    const { gateway, set, count, port, restMs } = this.#job
    if (gateway !== null) this.#gateway = await this.#start(configOf(gateway))
    await this.#clock.until(() => this.#meter.packets() > 0, 'the uplink to dial')
    await this.#silence()
    const connected = this.#meter.read()
    this.#device = await Device.connect(this.#gateway?.ports[0] ?? port, this.#clock)
    const startMs = this.#clock.wholeMs()
    const { readings } = set === null ? { readings: [] } : record(set, count)
    for (const reading of readings) await this.#publish(reading, startMs + reading.atMs)
    await this.#device.acknowledged()
    await this.#clock.holdAt(this.#clock.now() + restMs)
    this.#clock.release()
    await this.#silence()
    const end = this.#meter.read()
    const play = { up: end.up - connected.up, down: end.down - connected.down, packets: end.packets - connected.packets }
    const left = this.#gateway?.uplinks.reduce((sum, uplink) => sum + uplink.state.queued, 0) ?? 0
    return { connect: connected, play, spanMs: this.#clock.now() - startMs, left }
  }

  async #start(config: Config): Promise<Gateway> {
    return await Gateway.start(config, {
      clock: this.#clock,
      makeStore: (clock) => new MemoryStore({ bytesMax: config.store.bytesMax, clock }),
      log: SILENT,
      version: 'bench',
      onFatal: (error) => {
        throw error
      },
    })
  }

  /** A gateway has it, and has read its clock, before time goes on. */
  async #publish({ topic, payload }: Reading, atMs: number): Promise<void> {
    await this.#clock.holdAt(atMs)
    const gateway = this.#gateway
    if (gateway === null) {
      this.#clock.release()
      this.#device.publish(topic, payload)
      await this.#device.acknowledged()
      return
    }
    const before = gateway.counters.publishReceived
    this.#device.publish(topic, payload)
    while (gateway.counters.publishReceived === before) await new Promise((resolve) => setImmediate(resolve))
    this.#clock.release()
  }

  async #silence(): Promise<void> {
    await this.#clock.until(() => this.#quiet.is, 'silence on the wire', 120_000)
  }
}

/** Publishes at QoS 1, as fast as it is told. */
class Device {
  readonly #socket: Socket
  readonly #clock: LeapingClock
  #sent = 0
  #acknowledged = 0
  #accepted = false

  private constructor(socket: Socket, clock: LeapingClock) {
    this.#socket = socket
    this.#clock = clock
    const packets = parser({ protocolVersion: 4 })
    packets.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connack') this.#accepted = true
      if (packet.cmd === 'puback') this.#acknowledged++
    })
    socket.on('data', (chunk: Buffer) => packets.parse(chunk))
  }

  static async connect(port: number, clock: LeapingClock): Promise<Device> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    const device = new Device(socket, clock)
    socket.write(generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'device', clean: true, keepalive: 0 }))
    await clock.until(() => device.#accepted, 'CONNACK')
    return device
  }

  publish(topic: string, payload: string): void {
    this.#socket.write(generate({ cmd: 'publish', topic, payload, qos: 1, messageId: (++this.#sent % 65_535) + 1, dup: false, retain: false }))
  }

  /** Everything is. */
  async acknowledged(): Promise<void> {
    await this.#clock.until(() => this.#acknowledged === this.#sent, 'PUBACK')
  }
}

function configOf(gateway: object): Config {
  const result = checkText(JSON.stringify(gateway), 'bench.yaml')
  if ('problems' in result) throw new Error(result.problems.map((p) => `${p.path}: ${p.message}: ${p.hint}`).join('\n'))
  return result.config
}

const job = JSON.parse(process.argv[2]!) as PlayJob
const { wire } = job
const meter = wire.kind === 'interface' ? interfaceMeter('wan') : emulatorMeter(await LinkEmulator.start({ to: { port: wire.to }, listen: { port: wire.listen } }))
process.send!('counting')
const result = await new Player(job, meter).play()
process.send!(result, () => process.exit(0))
