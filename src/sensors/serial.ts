// A sensor at a serial port: the port kept open by supervise.ts, its bytes through frame.ts and decode.ts to the router.
// Rules:
// - Everything that happens to the port becomes one event of the machine; only #do touches the port.
// - The path is looked at every second from start to the end of stop, one look at a time.
// - A frame that is not a reading is counted and skipped; it changes neither the state nor the frame after it. That holds for
//   the cut line that a port usually begins with.
// - Log: one line when the port opens, one when what keeps it from reading changes; the same failure again is debug.
import type { SerialSensorConfig } from '../config/config.ts'
import type { Timer } from '../clock.ts'
import { makeMessage } from '../message.ts'
import { Topic } from '../mqtt/topic.ts'
import type { OpenPort, SerialPorts } from '../serial-port.ts'
import { explainPortError } from '../serial-trouble.ts'
import { type Decoder, makeDecoder } from './decode.ts'
import { type Framer, makeFramer } from './frame.ts'
import { GarbageLog } from './garbage-log.ts'
import type { Sensor, SensorDeps } from './sensor.ts'
import { SensorRecord, type SensorState, type SkipReason } from './state.ts'
import { type Action, IDLE, type Supervision, type SupervisionEvent, supervise } from './supervise.ts'

export const LOOK_MS = 1000

export class SerialSensor implements Sensor {
  readonly #config: SerialSensorConfig
  readonly #deps: SensorDeps
  readonly #ports: SerialPorts
  readonly #random: () => number
  readonly #topic: Topic
  readonly #record: SensorRecord
  readonly #decode: Decoder
  readonly #framer: Framer
  readonly #garbage: GarbageLog
  readonly #stopped = Promise.withResolvers<void>()
  #supervision: Supervision = IDLE
  #port: OpenPort | null = null
  #looking: Timer | null = null

  constructor(config: SerialSensorConfig, deps: SensorDeps, ports: SerialPorts, random: () => number) {
    this.#config = config
    this.#deps = deps
    this.#ports = ports
    this.#random = random
    this.#topic = Topic.of(config.topic)
    this.#record = new SensorRecord(config.name, deps.clock.now(), deps.stateChanged)
    this.#decode = makeDecoder(config.decode)
    this.#framer = makeFramer(config.frame, config.frameBytesMax, {
      frame: (frame) => this.#onFrame(frame),
      tooLong: () => this.#skip('too-long', null),
    })
    this.#garbage = new GarbageLog(config.name, deps.clock, deps.log)
  }

  get state(): SensorState {
    return this.#record.snapshot
  }

  start(): void {
    if (this.#supervision.phase !== 'idle') return
    this.#apply({ type: 'start' })
    this.#lookLater()
  }

  stop(): Promise<void> {
    this.#apply({ type: 'stop' })
    return this.#stopped.promise
  }

  #apply(event: SupervisionEvent, why: string | null = null): void {
    const nowMs = this.#deps.clock.now()
    const before = this.#supervision
    const { state, action } = supervise(before, event, nowMs, this.#random())
    if (state === before) return
    this.#supervision = state
    if (state.phase !== before.phase) this.#enter(nowMs, why)
    else if (state.absent && why !== null) this.#tellLost(why, nowMs) // whatever failed before, now the plug is out
    if (action !== null) this.#do(action)
  }

  #enter(nowMs: number, why: string | null): void {
    const { name } = this.#config
    const { path } = this.#config.serial
    switch (this.#supervision.phase) {
      case 'open':
        this.#framer.reset()
        this.#record.set('ok', nowMs)
        this.#deps.log.info({ sensor: name, path }, `sensor "${name}" reads ${path}`)
        return
      case 'closing':
      case 'waiting':
        if (why !== null) this.#tellLost(why, nowMs)
        return
      case 'stopped':
        this.#looking?.cancel()
        this.#garbage.close()
        this.#record.set('stopped', nowMs)
        this.#stopped.resolve()
        return
      default:
    }
  }

  #tellLost(why: string, nowMs: number): void {
    const { name } = this.#config
    const log = this.#record.set('lost', nowMs, why) ? 'warn' : 'debug'
    this.#deps.log[log]({ sensor: name, why }, `sensor "${name}" is lost: ${why}; it is tried again by itself`)
  }

  #do(action: Action): void {
    if (action === 'open') void this.#open()
    else void this.#close()
  }

  async #open(): Promise<void> {
    const { serial } = this.#config
    try {
      this.#port = await this.#ports.open(serial, {
        data: (chunk) => this.#onData(chunk),
        lost: (why) => this.#apply({ type: 'lost' }, explainPortError(why, serial.path, [])),
      })
    } catch (error) {
      const byId = await this.#ports.byId()
      this.#apply({ type: 'failed' }, explainPortError(error instanceof Error ? error.message : String(error), serial.path, byId))
      return
    }
    this.#apply({ type: 'opened' })
  }

  async #close(): Promise<void> {
    const port = this.#port
    this.#port = null
    await port?.close()
    this.#apply({ type: 'closed' })
  }

  #lookLater(): void {
    if (this.#supervision.phase === 'stopped') return
    this.#looking = this.#deps.clock.after(LOOK_MS, () => void this.#look())
  }

  async #look(): Promise<void> {
    const { path } = this.#config.serial
    const node = await this.#ports.nodeAt(path)
    this.#apply({ type: 'looked', node }, node === null ? await this.#absence() : `${path} was plugged in anew`)
    this.#lookLater()
  }

  async #absence(): Promise<string> {
    return explainPortError('ENOENT', this.#config.serial.path, await this.#ports.byId())
  }

  #onData(chunk: Buffer): void {
    if (this.#supervision.phase === 'open') this.#framer.push(chunk)
  }

  #onFrame(frame: Buffer): void {
    const decoded = this.#decode(frame)
    if (typeof decoded === 'string') {
      this.#skip(decoded, frame)
      return
    }
    this.#record.countReading()
    this.#deps.sink.publish(makeMessage(this.#topic, decoded, { qos: this.#config.qos, retain: this.#config.retain }))
  }

  #skip(reason: SkipReason, frame: Buffer | null): void {
    this.#record.countSkipped(reason)
    this.#garbage.note(reason, frame)
  }
}
