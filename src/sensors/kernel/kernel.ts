// From the configuration to a source, for all that is read from files of the kernel.
import type { KernelDeviceConfig, KernelSensorConfig } from '../../config/config.ts'
import type { Source, SourceDeps } from '../sensor.ts'
import type { FindDevice } from './device.ts'
import { threadPoolGate } from './gate.ts'
import { findHwmon } from './hwmon.ts'
import { findIio } from './iio.ts'
import { findOneWire } from './one-wire.ts'
import { PolledSource } from './polled.ts'
import { findPower } from './power.ts'
import { findSystem } from './system.ts'
import { findThermal } from './thermal.ts'

/** `root` stands before /sys and /proc. */
export function makeKernelSource(config: KernelSensorConfig, deps: SourceDeps, root = '', gate = threadPoolGate): Source {
  return new PolledSource(config.pollMs, finderOf(config.device, root), deps, gate)
}

function finderOf(device: KernelDeviceConfig, root: string): FindDevice {
  switch (device.kind) {
    case 'one-wire':
      return findOneWire(root, device.address)
    case 'iio':
      return findIio(root, device.device, device.channels)
    case 'hwmon':
      return findHwmon(root, device.chip, device.channels)
    case 'thermal':
      return findThermal(root, device.zone)
    case 'power':
      return findPower(root, device.supply)
    case 'system':
      return findSystem(root, device.disks)
  }
}
