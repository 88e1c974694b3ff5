// Ports, buses and parts that are there, from trees of real boards.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findBuses } from '../../../src/board/buses.ts'
import { findLeds, findThermal, findWatchdogs } from '../../../src/board/parts.ts'
import { findPorts } from '../../../src/board/uarts.ts'
import { FileTree } from '../../support/tree.ts'

const recorded = (id: string): FileTree => FileTree.recorded(join(import.meta.dirname, `trees/${id}.txt`))

describe('findPorts', () => {
  it('a Raspberry Pi 4 with Debian: the mini UART with its console, an adapter under all its names, no reserved number', async () => {
    using tree = recorded('rpi-4')
    expect(await findPorts(tree.root)).toEqual([
      { device: '/dev/ttyS1', names: [], driver: 'bcm2835-aux-uart', isConsole: true, holders: [] },
      {
        device: '/dev/ttyUSB0', driver: 'ftdi_sio', isConsole: false, holders: [],
        names: ['/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A10K3Q2X-if00-port0', '/dev/serial/by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.3:1.0-port0'],
      },
    ])
  })

  it('tells who has a port open', async () => {
    using tree = recorded('rpi-4')
    tree.add('/proc/977/comm: ModemManager')
    tree.link('/proc/977/fd/11', tree.path('/dev/ttyUSB0'))
    tree.add('/proc/612/comm: agetty')
    tree.link('/proc/612/fd/0', tree.path('/dev/ttyS1'))
    expect((await findPorts(tree.root)).map((port) => port.holders)).toEqual([['agetty (process 612)'], ['ModemManager (process 977)']])
  })

  it('a console that is named by a link', async () => {
    using tree = recorded('rpi-5')
    tree.add('/proc/cmdline: console=serial0,115200 console=tty1\n/proc/consoles: tty1 -WU (EC p )    4:1')
    expect((await findPorts(tree.root)).map(({ device, names, isConsole }) => [device, names, isConsole])).toEqual([['/dev/ttyAMA0', [], false], ['/dev/ttyAMA10', ['/dev/serial0'], true]])
  })

  it('a PC reserves numbers for UARTs that are not there', async () => {
    using tree = recorded('x86')
    expect((await findPorts(tree.root)).map((port) => port.device)).toEqual(['/dev/ttyS0'])
  })
})

describe('findBuses', () => {
  it('chips at I²C, with and without a driver', () => {
    using tree = recorded('rpi-4')
    expect(findBuses(tree.root)).toEqual([
      {
        id: 'i2c-1', kind: 'i2c', name: 'bcm2835 (i2c@7e804000)',
        devices: [{ address: '1-0068', name: 'ds3231', driver: null }, { address: '1-0076', name: 'bme280', driver: 'bmp280' }],
      },
    ])
  })

  it('SPI and 1-wire', () => {
    using tree = recorded('rpi-5')
    expect(findBuses(tree.root).map(({ id, devices }) => [id, devices])).toEqual([
      ['spi-0', [{ address: 'spi0.0', name: 'spidev', driver: 'spidev' }]],
      ['spi-10', []],
      ['one-wire', [{ address: '28-0000051e8a2f', name: null, driver: 'w1_slave_driver' }]],
    ])
  })
})

it('LEDs, watchdogs, thermal zones', () => {
  using tree = recorded('rpi-4')
  expect(findLeds(tree.root)).toEqual(['ACT', 'mmc0::', 'PWR'])
  expect(findWatchdogs(tree.root)).toEqual([{ device: '/dev/watchdog0', identity: 'Broadcom BCM2835 Watchdog timer', timeoutSec: 15, timeoutSecMax: null }])
  expect(findThermal(tree.root)).toEqual([{ zone: 'cpu-thermal', temperatureC: 48.312, criticalC: 90, passiveC: null }])
})

it('a machine that has none of it', async () => {
  using tree = new FileTree()
  expect([await findPorts(tree.root), findBuses(tree.root), findLeds(tree.root), findWatchdogs(tree.root), findThermal(tree.root)]).toEqual([[], [], [], [], []])
})
