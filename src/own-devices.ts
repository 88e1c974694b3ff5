// What the gateway has itself, beside the clients that come to it: sensors, and those who tell other systems of them. Loaded when
// the configuration has any.
//
//   source ─► readings ─┬─► router                  command topic ─► router ─► source (a write)
//                       └─► announcers ─► router
import type { Clock } from './clock.ts'
import type { Announcer, AnnouncerDeps } from './announce/announcer.ts'
import { HomeAssistant } from './announce/home-assistant.ts'
import { Sparkplug } from './announce/sparkplug.ts'
import type { Config, SensorConfig } from './config/config.ts'
import { Gpio } from './gpio/gpio.ts'
import type { Numbers } from './journal/numbers.ts'
import type { Queue } from './journal/queue.ts'
import type { Message } from './message.ts'
import { OwnSubscriber } from './router/own-subscriber.ts'
import type { Router } from './router/router.ts'
import type { Reading } from './sensors/reading/reading.ts'
import { Sensor, type SensorLog } from './sensors/sensor.ts'
import type { SensorState } from './sensors/state.ts'
import type { Timekeeper } from './timekeeper.ts'

export interface OwnDevicesDeps {
  readonly clock: Clock
  readonly log: SensorLog
  readonly numbers: Numbers
  readonly timekeeper: Timekeeper
  readonly version: string
  /** Of a tenant; undefined for one that is not configured any more. */
  routerOf(tenant: string): Router | undefined
  /** A queue for a receiver that takes everything at once. */
  makeQueue(): Queue
  /** Must not throw. */
  onSensorState(state: SensorState): void
}

export class OwnDevices {
  readonly sensors: readonly Sensor[]
  readonly #deps: OwnDevicesDeps
  readonly #announcers: readonly Announcer[]

  constructor(config: Config, deps: OwnDevicesDeps) {
    this.#deps = deps
    this.#announcers = this.#makeAnnouncers(config)
    const { clock, log, numbers, timekeeper } = deps
    const gpio = new Gpio(clock, config.board.profile, null)
    this.sensors = config.sensors.map((sensor) => {
      return new Sensor(sensor, {
        clock,
        log,
        numbers,
        gpio,
        site: config.site,
        time: timekeeper,
        random: Math.random,
        sink: { publish: (message) => this.#publish(sensor.tenant, message) },
        subscribe: (topic, take) => this.#subscribe(sensor.tenant, topic, take),
        gpsTime: (utcMs, atMs) => timekeeper.gpsTime(utcMs, atMs),
        observe: (reading) => this.#onReading(sensor, reading),
        stateChanged: (state) => this.#onState(sensor, state),
      })
    })
  }

  start(): void {
    for (const announcer of this.#announcers) announcer.start()
    for (const sensor of this.sensors) sensor.start()
  }

  async stop(): Promise<void> {
    await Promise.all(this.sensors.map((sensor) => sensor.stop()))
    for (const announcer of this.#announcers) announcer.stop()
  }

  #makeAnnouncers({ announce, site, sensors, outputs }: Config): Announcer[] {
    const { clock, numbers, log, timekeeper, version } = this.#deps
    const deps: AnnouncerDeps = {
      clock,
      site,
      version,
      sensors,
      outputs,
      numbers,
      log,
      time: timekeeper,
      publish: (tenant, message) => this.#publish(tenant, message),
      subscribe: (tenant, filter, take) => this.#subscribe(tenant, filter, take),
      retained: (tenant, filter) => this.#retained(tenant, filter),
    }
    const made: Announcer[] = []
    if (announce.homeAssistant !== null) made.push(new HomeAssistant(announce.homeAssistant, deps))
    if (announce.sparkplug !== null) made.push(new Sparkplug(announce.sparkplug, deps))
    return made
  }

  #onReading(sensor: SensorConfig, reading: Reading): void {
    for (const announcer of this.#announcers) announcer.onReading(sensor, reading)
  }

  #onState(sensor: SensorConfig, state: SensorState): void {
    this.#deps.onSensorState(state)
    for (const announcer of this.#announcers) announcer.onStatus(sensor, state.status)
  }

  #publish(tenant: string, message: Message): void {
    this.#deps.routerOf(tenant)?.publish(message, null)
  }

  #subscribe(tenant: string, filter: string, take: (message: Message) => void): void {
    const subscriber = new OwnSubscriber(this.#deps.makeQueue(), take)
    this.#deps.routerOf(tenant)?.index.add(filter, null, subscriber, { qos: 2, noLocal: false, retainAsPublished: true, identifier: 0, upgrade: false })
  }

  *#retained(tenant: string, filter: string): Generator<Message> {
    for (const message of this.#deps.routerOf(tenant)?.retained.select(filter, this.#deps.clock.now()) ?? []) if (message !== null) yield message
  }
}
