// Which source belongs to which entry under `sensors:`. Those that bring a library along are loaded by the first sensor of their kind.
import type { SensorConfig } from '../config/config.ts'
import type { GpioPort } from '../gpio/gpio.ts'
import { serialPorts } from '../serial-port.ts'
import { GpioSource } from './gpio/gpio.ts'
import { makeKernelSource } from './kernel/kernel.ts'
import type { Source, SourceDeps } from './sensor.ts'
import { SerialSource } from './serial/serial.ts'
import { SimulatedSource } from './simulate.ts'

export function makeSource(config: SensorConfig, deps: SourceDeps, gpio: GpioPort): Source | Promise<Source> {
  switch (config.kind) {
    case 'simulate':
      return new SimulatedSource(config, deps)
    case 'serial':
      return new SerialSource(config, deps, serialPorts)
    case 'gpio':
      return new GpioSource(config, deps, gpio)
    case 'kernel':
      return makeKernelSource(config, deps)
  }
}
