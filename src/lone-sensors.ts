// The sensors of a configuration, read without a gateway: what they say goes to whoever asked, and nowhere else. Counters begin at 0, nothing is
// kept, no commands are taken.
import { systemClock } from './clock.ts'
import type { Config } from './config/config.ts'
import { Gpio } from './gpio/gpio.ts'
import { fedReading, fedState, type FeedLine } from './ops/sensor-feed.ts'
import { Buses } from './sensors/modbus/buses.ts'
import { Sensor, type SensorDeps } from './sensors/sensor.ts'
import { serialPorts } from './serial-port.ts'
import { systemTime } from './system-time.ts'
import { Timekeeper } from './timekeeper.ts'

/** Begins to read; answers how to stop. */
export function readSensors(config: Config, onLine: (line: FeedLine) => void): () => Promise<void> {
  const clock = systemClock
  const kept = new Map<string, number>()
  const numbers = { all: kept, get: (key: string) => kept.get(key), set: (key: string, value: number) => void kept.set(key, value), delete: (key: string) => void kept.delete(key) }
  const timekeeper = new Timekeeper(clock, systemTime(), numbers)
  timekeeper.start()
  const silent = (): void => {}
  const gpio = new Gpio(clock, config.board.profile, null)
  const buses = new Buses(config.buses, { clock, ports: serialPorts, random: Math.random })
  const sensors = config.sensors.map((sensor) => {
    const deps: SensorDeps = {
      clock,
      numbers,
      gpio,
      buses,
      site: config.site,
      time: timekeeper,
      random: Math.random,
      log: { debug: silent, info: silent, warn: silent },
      sink: { publish: silent },
      subscribe: silent, // a person who looks gives no commands
      reply: silent,
      gpsTime: (utcMs, atMs) => timekeeper.gpsTime(utcMs, atMs),
      observe: (reading, message) => onLine(fedReading(sensor.name, reading, message)),
      stateChanged: (state) => onLine(fedState(state)),
    }
    return new Sensor(sensor, deps)
  })
  for (const sensor of sensors) sensor.start()
  return async () => {
    await Promise.all(sensors.map((sensor) => sensor.stop()))
    timekeeper.stop()
  }
}
