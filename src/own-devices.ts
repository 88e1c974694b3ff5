// What the gateway has itself, beside the clients that come to it: sensors, outputs, and those who tell other systems of them. Loaded when
// the configuration has any.
//
//   source ─► readings ─┬─► router                  command topic ─► router ─► source (a write)
//                       └─► announcers ─► router                    └─► output ─► state topic
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ChronySocket } from './chrony-socket.ts'
import type { Clock, Timer } from './clock.ts'
import type { Announcer, AnnouncerDeps } from './announce/announcer.ts'
import { HomeAssistant } from './announce/home-assistant.ts'
import { Sparkplug } from './announce/sparkplug.ts'
import type { Config, SensorConfig } from './config/config.ts'
import { Gpio } from './gpio/gpio.ts'
import type { Numbers } from './journal/numbers.ts'
import type { Message } from './message.ts'
import { SensorFeed } from './ops/sensor-feed.ts'
import { SystemdStore } from './ops/descriptor-store.ts'
import { Output, type OutputState } from './outputs/output.ts'
import type { Router } from './router/router.ts'
import type { Reading } from './sensors/reading/reading.ts'
import { Buses } from './sensors/modbus/buses.ts'
import { Sensor, type SensorLog } from './sensors/sensor.ts'
import type { SensorState } from './sensors/state.ts'
import { serialPorts } from './serial-port.ts'
import { Session } from './session/session.ts'
import type { Timekeeper } from './timekeeper.ts'
import { UpdateCommands } from './update/commands.ts'
import { placesBelow } from './update/places.ts'

/** Beside the store. */
export const SENSOR_FEED_SOCKET = 'sensors.sock'

/** Lines that were kept over a restart are asked for by then, if they are still configured. */
const FORGET_MS = 60_000

export interface OwnDevicesDeps {
  readonly clock: Clock
  readonly log: SensorLog
  readonly numbers: Numbers
  readonly timekeeper: Timekeeper
  readonly version: string
  /** Of a tenant; undefined for one that is not configured any more. */
  routerOf(tenant: string): Router | undefined
  /** `take` gets what the filter selects in a tenant's space, in the turn it is routed. It must not throw. */
  subscribe(tenant: string, filter: string, take: (message: Message) => void): void
  /** Whether whoever published with this origin in that tenant is connected. */
  isOnline(origin: object, tenant: string): boolean
  isUplinkUp(name: string): boolean
  /** Of this start of the machine, in hexadecimal digits. */
  readonly boot: string
  /** Must not throw. */
  onSensorState(state: SensorState): void
  onOutputState(state: OutputState): void
  /** Must not throw. `reading` null: a payload of its source's own. */
  onReading(sensor: string, reading: Reading | null, message: Message): void
}

export class OwnDevices {
  readonly sensors: readonly Sensor[]
  readonly outputs: readonly Output[]
  readonly #deps: OwnDevicesDeps
  readonly #descriptors: SystemdStore | null
  #forget: Timer | null = null
  readonly #announcers: readonly Announcer[]
  readonly #feed: SensorFeed
  readonly #updates: UpdateCommands | null

  constructor(config: Config, deps: OwnDevicesDeps) {
    this.#deps = deps
    this.#announcers = this.#makeAnnouncers(config)
    this.#feed = new SensorFeed(join(config.store.path, SENSOR_FEED_SOCKET), deps.clock, deps.log)
    const { clock, log, numbers, timekeeper } = deps
    this.#updates = this.#makeUpdates(config)
    this.#descriptors = SystemdStore.of(process.env, log)
    const gpio = new Gpio(clock, config.board.profile, this.#descriptors)
    const buses = new Buses(config.buses, { clock, ports: serialPorts, random: Math.random })
    const chrony = config.time.gpsSensor === null ? null : new ChronySocket(clock, log)
    this.sensors = config.sensors.map((sensor) => {
      return new Sensor(sensor, {
        clock,
        log,
        numbers,
        gpio,
        buses,
        site: config.site,
        time: timekeeper,
        random: Math.random,
        sink: { publish: (message) => this.#publish(sensor.tenant, message) },
        subscribe: (topic, take) => deps.subscribe(sensor.tenant, topic, take),
        reply: (message, asker) => this.#reply(sensor.tenant, message, asker),
        gpsTime: (utcMs, atMs) => {
          timekeeper.gpsTime(utcMs, atMs)
          if (sensor.name === config.time.gpsSensor) chrony?.tell(utcMs, atMs)
        },
        observe: (reading, message) => this.#onReading(sensor, reading, message),
        stateChanged: (state) => this.#onState(sensor, state),
      })
    })
    this.outputs = config.outputs.map((output) => {
      return new Output(output, {
        clock,
        log,
        numbers,
        gpio,
        boot: parseInt(deps.boot, 16),
        random: Math.random,
        subscribe: (topic, take) => deps.subscribe(output.tenant, topic, take),
        publish: (message) => this.#publish(output.tenant, message),
        reply: (message, asker) => this.#reply(output.tenant, message, asker),
        clientOnline: (origin) => deps.isOnline(origin, output.tenant),
        uplinkUp: (name) => deps.isUplinkUp(name),
        stateChanged: (state) => deps.onOutputState(state),
      })
    })
  }

  /** What a sensor has told last, and when (Clock.now); null when it has not told anything. */
  lastReading(sensor: string): ReturnType<SensorFeed['lastOf']> {
    return this.#feed.lastOf(sensor)
  }

  async start(): Promise<void> {
    await this.#feed.start()
    for (const announcer of this.#announcers) announcer.start()
    for (const output of this.outputs) output.start()
    this.#forget = this.#deps.clock.after(FORGET_MS, () => this.#descriptors?.forgetUntaken())
    for (const sensor of this.sensors) sensor.start()
    this.#updates?.start()
  }

  async stop(): Promise<void> {
    this.#forget?.cancel()
    await this.#updates?.stop()
    await Promise.all([...this.sensors, ...this.outputs].map((device) => device.stop()))
    for (const announcer of this.#announcers) announcer.stop()
    await this.#feed.stop()
  }

  #makeUpdates({ update: { commandTopic } }: Config): UpdateCommands | null {
    if (commandTopic === null) return null
    const { data, gateway, state, raucConfig } = placesBelow()
    return new UpdateCommands({
      ...this.#deps,
      topic: commandTopic,
      runtime: existsSync(raucConfig) ? gateway : null,
      state,
      data,
      subscribe: (filter, take) => this.#deps.subscribe('', filter, take),
      publish: (message) => this.#publish('', message),
      mayAnswer: (answer, { origin }) => !(origin instanceof Session) || origin.mayPublish(answer),
    })
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
      subscribe: (tenant, filter, take) => this.#deps.subscribe(tenant, filter, take),
      retained: (tenant, filter) => this.#retained(tenant, filter),
    }
    const made: Announcer[] = []
    if (announce.homeAssistant !== null) made.push(new HomeAssistant(announce.homeAssistant, deps))
    if (announce.sparkplug !== null) made.push(new Sparkplug(announce.sparkplug, deps))
    return made
  }

  #onReading(sensor: SensorConfig, reading: Reading | null, message: Message): void {
    this.#feed.onReading(sensor.name, reading, message)
    this.#deps.onReading(sensor.name, reading, message)
    if (reading === null) return
    for (const announcer of this.#announcers) announcer.onReading(sensor, reading)
  }

  #onState(sensor: SensorConfig, state: SensorState): void {
    this.#deps.onSensorState(state)
    this.#feed.onState(state)
    for (const announcer of this.#announcers) announcer.onStatus(sensor, state.status)
  }

  #publish(tenant: string, message: Message): void {
    this.#deps.routerOf(tenant)?.publish(message, null)
  }

  /** An answer goes where whoever asked might publish itself: it would be a way round the rules else. */
  #reply(tenant: string, message: Message, asker: object | null): void {
    if (!(asker instanceof Session) || asker.mayPublish(message)) this.#publish(tenant, message)
  }

  *#retained(tenant: string, filter: string): Generator<Message> {
    for (const message of this.#deps.routerOf(tenant)?.retained.select(filter, this.#deps.clock.now()) ?? []) if (message !== null) yield message
  }
}
