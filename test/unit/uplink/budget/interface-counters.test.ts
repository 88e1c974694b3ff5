// An interface's counters, from files like those of /sys/class/net, over its goings and comings.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { InterfaceCount, type InterfaceReading, readInterface } from '../../../../src/uplink/budget/interface-counters.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-net-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function make(name: string, type: number, uevent: string, counters: readonly number[]): Promise<void> {
  await mkdir(join(folder, name, 'statistics'), { recursive: true })
  const [receivedBytes, sentBytes, receivedPackets, sentPackets] = counters
  const files = { ifindex: 7, type, uevent, 'statistics/rx_bytes': receivedBytes, 'statistics/tx_bytes': sentBytes, 'statistics/rx_packets': receivedPackets, 'statistics/tx_packets': sentPackets }
  for (const [file, value] of Object.entries(files)) await writeFile(join(folder, name, file), `${value}\n`)
}

test.each([
  ['ppp0', 512, 'INTERFACE=ppp0\nIFINDEX=7', true, 0],
  ['wwan0', 519, 'DEVTYPE=wwan\nINTERFACE=wwan0\nIFINDEX=7', true, 0],
  ['wwan1', 1, 'DEVTYPE=wwan\nINTERFACE=wwan1\nIFINDEX=7', true, 14],
  ['eth0', 1, 'INTERFACE=eth0\nIFINDEX=7', false, 14],
  ['wlan0', 1, 'DEVTYPE=wlan\nINTERFACE=wlan0\nIFINDEX=7', false, 14],
  ['wg0', 65534, 'DEVTYPE=wireguard\nINTERFACE=wg0\nIFINDEX=7', false, 0],
])('%s', async (name, type, uevent, isMobile, headerBytes) => {
  await make(name, type, uevent, [1, 2, 3, 4])
  expect(await readInterface(name, folder)).toEqual({ index: 7, isMobile, headerBytes, receivedBytes: 1, sentBytes: 2, receivedPackets: 3, sentPackets: 4 })
})

test('one that is not there, or not one', async () => {
  expect(await readInterface('none0', folder)).toBeNull()
  await make('odd0', 1, '', [1, Number.NaN, 3, 4])
  expect(await readInterface('odd0', folder)).toBeNull()
})

test('this machine’s own', async () => {
  expect(await readInterface('lo')).toMatchObject({ isMobile: false, headerBytes: 0 })
})

describe('adding up', () => {
  const at = (bytes: number, packets = 0, more: Partial<InterfaceReading> = {}): InterfaceReading => ({ index: 7, isMobile: true, headerBytes: 0, receivedBytes: bytes, sentBytes: 0, receivedPackets: packets, sentPackets: 0, ...more })

  function counted(...readings: readonly InterfaceReading[]): number {
    const count = new InterfaceCount()
    for (const reading of readings) count.add(reading)
    return count.bytes
  }

  test('the first reading is where it starts', () => expect(counted(at(5000))).toBe(0))
  test('differences', () => expect(counted(at(5000), at(5600), at(5600), at(6000))).toBe(1000))
  test('both directions', () => expect(counted(at(100, 1, { sentBytes: 5 }), at(150, 1, { sentBytes: 25 }))).toBe(70))
  test('Ethernet headers are no bytes of IP', () => expect(counted(at(0, 0, { headerBytes: 14 }), at(1140, 10, { headerBytes: 14 }))).toBe(1000))
  test('made again: its counters start at 0', () => expect(counted(at(5000), at(300, 0, { index: 8 }), at(400, 0, { index: 8 }))).toBe(400))
  test('made again with larger counters', () => expect(counted(at(100), at(300, 0, { index: 8 }))).toBe(300))
  test('32 bits run over', () => expect(counted(at(2 ** 32 - 100), at(400))).toBe(500))
  test('set to 0 by its driver', () => expect(counted(at(3_000_000_000), at(400))).toBe(400))
  test('beyond 32 bits', () => expect(counted(at(5_000_000_000), at(5_000_000_400), at(10))).toBe(410))
})
