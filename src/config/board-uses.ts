// What the entries of a configuration ask of the board, with their places: the list that board-check.ts holds against the profile.
import type { BoardUse, LineUse, PortUse } from './board-check.ts'
import type { Config, GpioLineConfig, KernelDeviceConfig, SensorConfig, SerialPortConfig, UplinkConfig } from './config.ts'
import type { Place } from './place.ts'

type Asking = Pick<Config, 'buses' | 'sensors' | 'outputs' | 'uplinks'>

/** `place` is that of the file. Every list of the configuration is as long as in the file: nothing was refused before. */
export function boardUses(config: Asking, place: Place): readonly BoardUse[] {
  const buses = config.buses.flatMap(({ name, modbus: { line } }, i) => {
    return line.kind === 'serial' ? [portUse(line.serial, place.key('buses').item(i).key('modbus').key('serial'), `the bus \`${name}\``)] : []
  })
  return [
    ...onceEach(buses),
    ...config.sensors.flatMap((sensor, i) => sensorUses(sensor, place.key('sensors').item(i))),
    ...config.outputs.map((output, i) => lineUse(output.gpio, place.key('outputs').item(i).key('gpio'), `the output \`${output.name}\``, 'output', null)),
    ...config.uplinks.flatMap((uplink, i) => uplinkUses(uplink, place.key('uplinks').item(i))),
  ]
}

function sensorUses(sensor: SensorConfig, place: Place): BoardUse[] {
  const owner = `the sensor \`${sensor.name}\``
  switch (sensor.kind) {
    case 'serial':
      return [portUse(sensor.serial, place.key('serial'), owner)]
    case 'gpio':
      return [lineUse(sensor.gpio, place.key('gpio'), owner, 'input', sensor.gpio.pull === 'none' ? null : sensor.gpio.pull)]
    case 'nmea':
      return sensor.nmea.line.kind === 'serial' ? [portUse(sensor.nmea.line.serial, place.key('nmea').key('serial'), owner)] : []
    case 'kernel':
      return busUses(sensor.device, place, owner)
    case 'modbus':
    case 'simulate':
      return []
  }
}

function lineUse({ line }: GpioLineConfig, place: Place, owner: string, direction: LineUse['direction'], pull: LineUse['pull']): LineUse {
  return { kind: 'line', place: place.key(place.has('line') ? 'line' : 'pin'), owner, line, direction, pull, pullPlace: place.key('pull') }
}

function portUse({ path, baud, dataBits, parity, stopBits }: SerialPortConfig, place: Place, owner: string): PortUse {
  return { kind: 'port', place, owner, path, pathKey: 'path', baud, dataBits, parity, stopBits }
}

function busUses(device: KernelDeviceConfig, place: Place, owner: string): BoardUse[] {
  if (device.kind === 'one-wire') return [{ kind: 'bus', place: place.key('oneWire'), owner, bus: 'one-wire' }]
  const word = device.kind === 'iio' ? device.device : device.kind === 'hwmon' ? device.chip : null
  // `i2c 1-0076`, `1-0076`, `ina219 1-0040`; `spi 0.0`, `mcp3208 spi0.0`
  const i2c = /(?:^| )(\d+)-[0-9a-f]{4}$/.exec(word ?? '')?.[1]
  const spi = /(?:^| )spi ?(\d+)\.\d+$/.exec(word ?? '')?.[1]
  const bus = i2c !== undefined ? `i2c-${i2c}` : spi !== undefined ? `spi-${spi}` : null
  const [group, key] = device.kind === 'iio' ? ['iio', 'device'] : ['hwmon', 'chip']
  return bus === null ? [] : [{ kind: 'bus', place: place.key(group!).key(key!), owner, bus }]
}

function uplinkUses(uplink: UplinkConfig, place: Place): BoardUse[] {
  const modems = uplink.links.flatMap(({ sbd }, i): PortUse[] => {
    if (sbd === null) return []
    // One link is written without `links`.
    const at = place.has('links') ? place.key('links').item(i).key('sbd') : place.key('sbd')
    return [{ kind: 'port', place: at, owner: `the modem of the uplink \`${uplink.name}\``, path: sbd.path, pathKey: 'port', baud: sbd.baud, dataBits: 8, parity: 'none', stopBits: 1 }]
  })
  return onceEach(modems)
}

/** Where one path may not stand twice in a list, that list has told it already. */
function onceEach(ports: readonly PortUse[]): PortUse[] {
  return ports.filter((port, i) => ports.findIndex((other) => other.path === port.path) === i)
}
