// The side door into the router: what every sensor is, whatever it reads.
//
//   wire ─► source ─► raw values ─► readings ─► SensorSink.publish ─► router
//             │ gone, tried again      │ within the deadband, not yet due: nothing
//             │ undecodable: counted, logged, never published
//             └──► a payload as it is (a sensor without `values`) ─────►
//
// A source knows its wire and nothing of topics; what becomes of raw values is in reading/.
//
// Rules: a sensor never throws at its caller and never keeps the gateway from starting or running; what it cannot read
// is counted with a reason, and what keeps it from reading stands in its state in words for the operator.
import type { SensorConfig } from '../config/config.ts'
import type { Clock } from '../clock.ts'
import type { GpioPort } from '../gpio/gpio.ts'
import { makeMessage, type Message } from '../message.ts'
import { Topic } from '../mqtt/topic.ts'
import type { Buses } from './modbus/buses.ts'
import type { Stamp } from '../timekeeper.ts'
import type { Reading } from './reading/reading.ts'
import { Readings } from './reading/readings.ts'
import { makeSource } from './sources.ts'
import { SensorRecord, type SensorState } from './state.ts'

/** A raw value of a source. null: there is none now. */
export type Raw = number | boolean | string | null
/** By the source's names. */
export type Fields = Readonly<Record<string, Raw>>
/** Units of fields, where the source knows them. */
export type Units = Readonly<Record<string, string>>

/** What reads: a port, a bus, files of the kernel. */
export interface Source {
  /** Begins to read. Never throws. A second call, or one after stop, does nothing. */
  start(): void
  /** Resolves when nothing is left open. Never rejects; may be called again. */
  stop(): Promise<void>
}

export interface SensorSink {
  /** Takes the message over. Never throws, never blocks. */
  publish(message: Message): void
}

/** The part of a pino logger that sensors use. */
export interface SensorLog {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
}

/** Numbers that survive a restart, a commit window after they were set. */
export interface SurvivingNumbers {
  get(key: string): number | undefined
  set(key: string, value: number): void
}

/** What a source is given. */
export interface SourceDeps {
  /** Of the sensor, for logs. */
  readonly name: string
  readonly clock: Clock
  readonly log: SensorLog
  /** Its state, and what it counts. */
  readonly record: SensorRecord
  /** 0 ≤ x < 1, for jitter. */
  readonly random: () => number
  readonly numbers: SurvivingNumbers
  /** Takes what was read at `atMs` (Clock.now). Never throws. */
  take(fields: Fields, atMs: number, units?: Units): void
  /** Publishes a payload as it is, for a sensor without `values`. Takes it over; never throws. */
  pass(payload: Buffer | string): void
  /** The time that satellites tell, which was `utcMs` (since 1970) at `atMs` (Clock.now). */
  gpsTime(utcMs: number, atMs: number): void
  /** What is published to this topic from now on, in the sensor's tenant. `take` must not throw. */
  subscribe(topic: string, take: (message: Message) => void): void
  /** Publishes an answer for `asker`, where it might publish there itself. */
  reply(message: Message, asker: object | null): void
}

export interface SensorDeps extends Pick<SourceDeps, 'clock' | 'log' | 'random' | 'numbers' | 'gpsTime' | 'subscribe' | 'reply'> {
  readonly sink: SensorSink
  readonly time: { stamp(atMs: number): Stamp }
  readonly site: string
  readonly gpio: GpioPort
  readonly buses: Buses
  /** Hears of each message, and of the reading in it; null for a payload of the source's own. Must not throw. */
  readonly observe: ((reading: Reading | null, message: Message) => void) | null
  /** Called when a sensor's status or lastError has changed, with a copy that stays as it is. Must not throw. */
  readonly stateChanged: (state: SensorState) => void
}

export class Sensor {
  readonly config: SensorConfig
  readonly #deps: SensorDeps
  readonly #record: SensorRecord
  readonly #readings: Readings | null
  readonly #topic: Topic | null
  #source: Promise<Source | null> | null = null
  #isStopped = false

  /** The sensor of one entry under `sensors:`; nothing happens before start(). */
  constructor(config: SensorConfig, deps: SensorDeps) {
    this.config = config
    this.#deps = deps
    this.#record = new SensorRecord(config.name, deps.clock.now(), (state) => {
      this.#readings?.onStatus(state.status)
      deps.stateChanged(state)
    })
    this.#readings = config.reading === null ? null : new Readings(config, config.reading, deps, this.#record)
    this.#topic = config.reading === null ? Topic.of(config.topic) : null
  }

  get state(): SensorState {
    return this.#record.snapshot
  }

  /** Begins to read; what only this kind of sensor needs is loaded now. A second call, or one after stop, does nothing. */
  start(): void {
    if (this.#source !== null || this.#isStopped) return
    const made = makeSource(this.config, this.#sourceDeps(), this.#deps)
    if (made instanceof Promise) this.#source = made.then((source) => this.#begin(source), (error: unknown) => this.#fail(error))
    else this.#source = Promise.resolve(this.#begin(made))
  }

  /** Resolves when nothing is left open and nothing more will be published. Never rejects; may be called again. */
  async stop(): Promise<void> {
    this.#isStopped = true
    const source = await this.#source
    await source?.stop()
    this.#readings?.stop()
    this.#record.set('stopped', this.#deps.clock.now())
  }

  #begin(source: Source): Source {
    if (!this.#isStopped) {
      this.#readings?.start()
      source.start()
    }
    return source
  }

  #fail(error: unknown): null {
    const { clock, log } = this.#deps
    const why = (error as Error).message
    this.#record.set('gone', clock.now(), why)
    log.warn({ sensor: this.config.name, why }, `sensor "${this.config.name}" cannot be read: ${why}`)
    return null
  }

  #sourceDeps(): SourceDeps {
    const { clock, log, random, numbers, gpsTime, subscribe, reply } = this.#deps
    return {
      name: this.config.name,
      clock,
      log,
      record: this.#record,
      random,
      numbers,
      gpsTime,
      subscribe,
      reply,
      take: (fields, atMs, units) => this.#readings?.take(fields, atMs, units),
      pass: (payload) => this.#pass(payload),
    }
  }

  #pass(payload: Buffer | string): void {
    if (this.#topic === null) return
    const { qos, retain } = this.config
    this.#record.countReading()
    const message = makeMessage(this.#topic, payload, { qos, retain })
    this.#deps.sink.publish(message)
    this.#deps.observe?.(null, message)
  }
}
