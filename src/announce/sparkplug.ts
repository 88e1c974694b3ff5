// The gateway as a Sparkplug B edge node, each of its sensors and outputs as a device (Sparkplug 3.0, sections 5 and 6).
//
//   spBv1.0/GROUP/NBIRTH/NODE, NDEATH, NCMD          spBv1.0/GROUP/DBIRTH/NODE/SENSOR, DDATA, DDEATH, DCMD
//
// What is always true
//   1. A device's birth names all of its metrics, with aliases that the data go by. A metric that comes later, or has another type or unit, makes
//      a new birth.
//   2. `seq` counts NBIRTH, DBIRTH, DDATA and DDEATH from 0 to 255 and round again, NBIRTH being 0; a host that misses one asks for a rebirth.
//   3. Each start has a bdSeq of its own, which is on flash: the death of the start before is told first, for a power cut could not tell it.
//   4. The node lives as long as the gateway runs, whatever its links do: what is queued for the cloud keeps its order, and carries its time.
// Readings of other tenants than the gateway's own are not told.
import type { OutputConfig, SensorConfig, SparkplugConfig } from '../config/config.ts'
import { makeMessage, type Message } from '../message.ts'
import { type Quality, qualityOf, type Reading } from '../sensors/reading/reading.ts'
import type { Raw } from '../sensors/sensor.ts'
import type { SensorStatus } from '../sensors/state.ts'
import type { Announcer, AnnouncerDeps } from './announcer.ts'
import { type CommandMetric, DataType, decodeCommand, encodePayload, type Metric, PlugQuality } from './sparkplug-payload.ts'

const BD_SEQ = 'sparkplug/bdSeq'
const BD_SEQ_MAX = 256
const SEQ_MAX = 256
const REBIRTH = 'Node Control/Rebirth'
/** All metrics of births have one (tck-id-payloads-alias-birth-requirement) but for the rebirth control; those of devices follow. */
const NODE_ALIAS = { bdSeq: 1, software: 2 } as const
/** More rebirths than this in a second are one. */
const REBIRTH_MS_MIN = 1000
const QUALITY: Readonly<Record<Quality, PlugQuality>> = { good: PlugQuality.good, 'out-of-range': PlugQuality.bad, stale: PlugQuality.stale, gone: PlugQuality.bad }

interface KnownMetric {
  readonly alias: number
  readonly type: DataType
  readonly unit: string | null
  value: Raw
  quality: PlugQuality
  timeMs: number
}

/** A metric as its device tells it now. */
type Told = Pick<KnownMetric, 'value' | 'unit' | 'quality'> & { readonly name: string }

interface Device {
  readonly name: string
  readonly metrics: Map<string, KnownMetric>
  isBorn: boolean
}

export class Sparkplug implements Announcer {
  readonly #config: SparkplugConfig
  readonly #deps: AnnouncerDeps
  readonly #devices = new Map<string, Device>()
  readonly #outputs: ReadonlyMap<string, OutputConfig>
  #seq = 0
  #bdSeq = 0
  #nextAlias = 3
  #bornAtMs = -Infinity

  constructor(config: SparkplugConfig, deps: AnnouncerDeps) {
    this.#config = config
    this.#deps = deps
    this.#outputs = new Map(deps.outputs.filter(({ tenant }) => tenant === '').map((output) => [output.name, output]))
  }

  start(): void {
    const before = this.#deps.numbers.get(BD_SEQ)
    if (before !== undefined) this.#die(before)
    this.#bdSeq = before === undefined ? 0 : (before + 1) % BD_SEQ_MAX
    this.#deps.numbers.set(BD_SEQ, this.#bdSeq)
    const { group, node } = this.#config
    this.#deps.subscribe('', `spBv1.0/${group}/NCMD/${node}`, (message) => this.#onCommand(message, (metrics) => this.#onNodeCommand(metrics)))
    for (const output of this.#outputs.values()) {
      this.#deps.subscribe('', this.#topic('DCMD', output.name), (message) => this.#onCommand(message, (metrics) => this.#onOutputCommand(output, metrics)))
      this.#deps.subscribe('', output.state, (message) => this.#onOutputState(output, message))
    }
    this.#bear()
  }

  onReading(sensor: SensorConfig, reading: Reading): void {
    if (sensor.tenant !== '') return
    // What is gone is told of devices that live: it bears none.
    if (reading.quality === 'gone' && this.#devices.get(sensor.name)?.isBorn !== true) return
    const { wallMs } = this.#deps.time.stamp(reading.atMs)
    this.#tell(sensor.name, reading.values.map((value) => ({ name: value.name, value: value.value, unit: value.unit, quality: QUALITY[qualityOf(value, reading)] })), wallMs)
  }

  onStatus(sensor: SensorConfig, status: SensorStatus): void {
    if (sensor.tenant === '' && (status === 'gone' || status === 'stopped')) this.#end(sensor.name)
  }

  /** Tells the death of the node: an orderly stop need not wait for the next start. */
  stop(): void {
    if (this.#bornAtMs !== -Infinity) this.#die(this.#bdSeq)
  }

  // ---- births and deaths

  #bear(): void {
    const nowMs = this.#nowMs()
    this.#bornAtMs = this.#deps.clock.now()
    this.#seq = 0
    this.#send('NBIRTH', null, [
      metric('bdSeq', NODE_ALIAS.bdSeq, DataType.int64, this.#bdSeq, nowMs),
      metric(REBIRTH, null, DataType.boolean, false, nowMs),
      metric('Properties/Software', NODE_ALIAS.software, DataType.string, `Sandpiper ${this.#deps.version}`, nowMs),
    ])
    for (const device of this.#devices.values()) if (device.isBorn) this.#bearDevice(device)
  }

  #bearDevice(device: Device): void {
    device.isBorn = true
    this.#send('DBIRTH', device.name, [...device.metrics].map(([name, known]) => ({ name, ...known })))
  }

  #die(bdSeq: number): void {
    const nowMs = this.#nowMs()
    const { group, node } = this.#config
    this.#publish(`spBv1.0/${group}/NDEATH/${node}`, encodePayload(nowMs, null, [metric('bdSeq', null, DataType.int64, bdSeq, nowMs)]), 1)
  }

  #end(deviceName: string): void {
    const device = this.#devices.get(deviceName)
    if (device === undefined || !device.isBorn) return
    device.isBorn = false
    this.#send('DDEATH', deviceName, [])
  }

  // ---- data

  #tell(deviceName: string, values: readonly Told[], timeMs: number): void {
    let device = this.#devices.get(deviceName)
    if (device === undefined) {
      device = { name: deviceName, metrics: new Map(), isBorn: false }
      this.#devices.set(deviceName, device)
    }
    let isNew = false
    const told: Metric[] = []
    for (const { name, value, unit, quality } of values) {
      let known = device.metrics.get(name)
      const type = value === null ? (known?.type ?? DataType.double) : typeOf(value)
      if (known === undefined || known.type !== type || known.unit !== unit) {
        known = { alias: known?.alias ?? this.#nextAlias++, type, unit, value, quality, timeMs }
        device.metrics.set(name, known)
        isNew = true
      }
      Object.assign(known, { value, quality, timeMs })
      told.push({ name: null, alias: known.alias, timeMs, type: known.type, value, quality, unit: null })
    }
    if (isNew || !device.isBorn) this.#bearDevice(device)
    else if (told.length > 0) this.#send('DDATA', device.name, told)
  }

  /** on, off or gone, as an output tells it. */
  #onOutputState(output: OutputConfig, { payload }: Message): void {
    const state = payload.toString('latin1')
    if (state === 'gone') this.#end(output.name)
    else this.#tell(output.name, [{ name: 'value', value: state === 'on', unit: null, quality: PlugQuality.good }], this.#nowMs())
  }

  // ---- commands

  #onCommand(message: Message, obey: (metrics: readonly CommandMetric[]) => void): void {
    try {
      obey(decodeCommand(message.payload))
    } catch (error) {
      this.#deps.log.warn({ topic: message.topic.name, why: (error as Error).message }, 'a Sparkplug command was not understood')
    }
  }

  #onNodeCommand(metrics: readonly CommandMetric[]): void {
    const isAsked = metrics.some(({ name, value }) => name === REBIRTH && value === true)
    if (isAsked && this.#deps.clock.now() - this.#bornAtMs >= REBIRTH_MS_MIN) this.#bear()
  }

  /** As a command of anybody else: to the output's own topic. */
  #onOutputCommand(output: OutputConfig, metrics: readonly CommandMetric[]): void {
    const alias = this.#devices.get(output.name)?.metrics.get('value')?.alias
    const asked = metrics.find(({ name, alias: by }) => name === 'value' || (name === null && by !== null && by === alias))
    if (typeof asked?.value === 'boolean') this.#deps.publish('', makeMessage(output.command, asked.value ? 'on' : 'off', { qos: 1 }))
  }

  // ---- sending

  #send(type: 'NBIRTH' | 'DBIRTH' | 'DDATA' | 'DDEATH', device: string | null, metrics: readonly Metric[]): void {
    const { group, node } = this.#config
    const topic = device === null ? `spBv1.0/${group}/${type}/${node}` : this.#topic(type, device)
    this.#publish(topic, encodePayload(this.#nowMs(), this.#seq, metrics), 0)
    this.#seq = (this.#seq + 1) % SEQ_MAX
  }

  #publish(topic: string, payload: Buffer, qos: 0 | 1): void {
    this.#deps.publish('', makeMessage(topic, payload, { qos }))
  }

  #topic(type: string, device: string): string {
    const { group, node } = this.#config
    return `spBv1.0/${group}/${type}/${node}/${device}`
  }

  #nowMs(): number {
    return this.#deps.time.stamp(this.#deps.clock.now()).wallMs
  }
}

function metric(name: string, alias: number | null, type: DataType, value: Metric['value'], timeMs: number): Metric {
  return { name, alias, timeMs, type, value, quality: PlugQuality.good, unit: null }
}

function typeOf(value: Exclude<Raw, null>): DataType {
  return typeof value === 'number' ? DataType.double : typeof value === 'boolean' ? DataType.boolean : DataType.string
}
