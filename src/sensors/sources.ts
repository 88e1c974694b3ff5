// Which source belongs to which entry under `sensors:`. Those that bring a library along are loaded by the first sensor of their kind.
import type { SensorConfig } from '../config/config.ts'
import type { GpioPort } from '../gpio/gpio.ts'
import { serialPorts } from '../serial-port.ts'
import { GpioSource } from './gpio/gpio.ts'
import { makeKernelSource } from './kernel/kernel.ts'
import type { Buses } from './modbus/buses.ts'
import { makeModbusSource } from './modbus/modbus.ts'
import type { Source, SourceDeps } from './sensor.ts'
import { SerialSource } from './serial/serial.ts'
import { SimulatedSource } from './simulate.ts'

/** What several sensors share. */
export interface Shared {
  readonly gpio: GpioPort
  readonly buses: Buses
}

export function makeSource(config: SensorConfig, deps: SourceDeps, { gpio, buses }: Shared): Source | Promise<Source> {
  switch (config.kind) {
    case 'simulate':
      return new SimulatedSource(config, deps)
    case 'serial':
      return new SerialSource(config, deps, serialPorts)
    case 'gpio':
      return new GpioSource(config, deps, gpio)
    case 'modbus':
      return makeModbusSource(config, deps, buses)
    case 'kernel':
      return makeKernelSource(config, deps)
    case 'nmea':
      return import('./nmea/nmea.ts').then(({ NmeaSource }) => new NmeaSource(config, deps, serialPorts))
  }
}
