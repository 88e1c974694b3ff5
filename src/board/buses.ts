// I²C, SPI and 1-wire buses that are there, and what drivers have on them. Nothing is asked on the buses themselves: an address that no driver
// has stays unknown.
import { linkName, namesIn, readText } from './sysfs.ts'

export interface FoundBus {
  /** As profiles call it: i2c-1, spi-0, one-wire. */
  readonly id: string
  readonly kind: 'i2c' | 'spi' | 'one-wire'
  /** What the kernel calls its adapter; null where it tells nothing. */
  readonly name: string | null
  readonly devices: readonly BusDevice[]
}

export interface BusDevice {
  /** 1-0076, spi0.0, 28-0000051e8a2f */
  readonly address: string
  readonly name: string | null
  /** null: nobody drives it. */
  readonly driver: string | null
}

/** `root` stands before /sys. Never throws. */
export function findBuses(root: string): readonly FoundBus[] {
  return [...i2c(root), ...spi(root), ...oneWire(root)]
}

function i2c(root: string): readonly FoundBus[] {
  const folder = `${root}/sys/bus/i2c/devices`
  return namesIn(folder, /^i2c-\d+$/).map((id) => {
    const number = id.slice('i2c-'.length)
    const devices = namesIn(folder, new RegExp(`^${number}-[0-9a-f]{4}$`)).map((address) => deviceAt(folder, address))
    return { id, kind: 'i2c', name: readText(`${folder}/${id}/name`), devices }
  })
}

function spi(root: string): readonly FoundBus[] {
  const folder = `${root}/sys/bus/spi/devices`
  return namesIn(`${root}/sys/class/spi_master`, /^spi\d+$/).map((name) => {
    const devices = namesIn(folder, new RegExp(`^${name}\\.\\d+$`)).map((address) => deviceAt(folder, address))
    return { id: `spi-${name.slice('spi'.length)}`, kind: 'spi', name: linkName(`${root}/sys/class/spi_master/${name}/device/driver`), devices }
  })
}

function oneWire(root: string): readonly FoundBus[] {
  const folder = `${root}/sys/bus/w1/devices`
  const masters = namesIn(folder, /^w1_bus_master\d+$/)
  if (masters.length === 0) return []
  const devices = namesIn(folder, /^[0-9a-f]{2}-[0-9a-f]{12}$/).map((address) => deviceAt(folder, address))
  return [{ id: 'one-wire', kind: 'one-wire', name: masters.join(', '), devices }]
}

function deviceAt(folder: string, address: string): BusDevice {
  const name = readText(`${folder}/${address}/name`) ?? readText(`${folder}/${address}/modalias`)?.replace(/^spi:/, '') ?? null
  return { address, name: name === address ? null : name, driver: linkName(`${folder}/${address}/driver`) }
}
