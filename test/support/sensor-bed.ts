// A sensor without a gateway: what it publishes, and what it says of itself.
import { type Clock, RELEASE_DATE_MS } from '../../src/clock.ts'
import type { BusConfig, SensorConfig } from '../../src/config/config.ts'
import type { Message } from '../../src/message.ts'
import type { Reading } from '../../src/sensors/reading/reading.ts'
import { Buses } from '../../src/sensors/modbus/buses.ts'
import { Sensor, type SensorDeps } from '../../src/sensors/sensor.ts'
import type { SensorState } from '../../src/sensors/state.ts'
import { serialPorts } from '../../src/serial-port.ts'
import type { Stamp } from '../../src/timekeeper.ts'
import { FakeClock } from './fake-clock.ts'
import { FakeGpio } from './fake-gpio.ts'

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn'
  readonly fields: Record<string, unknown>
  readonly text: string
}

export class SensorBed<C extends Clock = FakeClock> {
  readonly clock: C
  readonly messages: Message[] = []
  /** When each was published (Clock.now). */
  readonly sentAtMs: number[] = []
  readonly readings: Reading[] = []
  readonly states: SensorState[] = []
  /** Buses of sensors that are made from now on. */
  readonly buses: BusConfig[] = []
  readonly replies: Message[] = []
  readonly log: LogLine[] = []
  readonly numbers = new Map<string, number>()
  readonly gpio = new FakeGpio()
  readonly commands = new Map<string, (message: Message) => void>()
  readonly gps: { readonly utcMs: number; readonly atMs: number }[] = []
  /** What the clock is worth. */
  isSynced = true
  readonly deps: SensorDeps

  constructor(clock: C) {
    this.clock = clock
    if (clock instanceof FakeClock) clock.wallOffsetMs = RELEASE_DATE_MS
    const logger = (level: LogLine['level']) => (fields: object, text: string) => void this.log.push({ level, fields: fields as Record<string, unknown>, text })
    this.deps = {
      clock,
      log: { debug: logger('debug'), info: logger('info'), warn: logger('warn') },
      random: () => 0.5,
      numbers: { get: (key) => this.numbers.get(key), set: (key, value) => void this.numbers.set(key, value) },
      sink: { publish: (message) => this.#publish(message) },
      time: { stamp: (atMs) => this.#stamp(atMs) },
      site: 'well-07',
      gpio: this.gpio,
      observe: (reading) => void (reading === null || this.readings.push(reading)),
      gpsTime: (utcMs, atMs) => void this.gps.push({ utcMs, atMs }),
      buses: new Buses(this.buses, { clock, ports: serialPorts, random: () => 0.5 }),
      reply: (message) => void this.replies.push(message),
      subscribe: (topic, take) => void this.commands.set(topic, take),
      stateChanged: (state) => void this.states.push(state),
    }
  }

  sensor(config: SensorConfig): Sensor {
    return new Sensor(config, this.deps)
  }

  /** What was warned of. */
  get warnings(): string[] {
    return this.log.filter(({ level }) => level === 'warn').map(({ text }) => text)
  }

  /** Payloads as text, those published so far; they are forgotten. */
  takeTexts(): string[] {
    return this.messages.splice(0).map((message) => message.payload.toString('utf8'))
  }

  #publish(message: Message): void {
    this.messages.push(message)
    this.sentAtMs.push(this.clock.now())
  }

  #stamp(atMs: number): Stamp {
    const wallMs = this.clock.wall() - (this.clock.now() - atMs)
    return { wallMs, isSynced: this.isSynced, sinceBoot: this.isSynced ? null : { boot: 'b007b007', sinceBootMs: atMs } }
  }
}
