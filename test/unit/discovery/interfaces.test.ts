// Which networks the gateway is announced on, and with what addresses.
import type { NetworkInterfaceInfo } from 'node:os'
import { expect, test } from 'vitest'
import { choose, type Chosen, toldAddresses } from '../../../src/discovery/interfaces.ts'

const MULTICAST = 0x1003
const POINT_TO_POINT = 0x10d1
const MAC = '02:00:00:00:00:01'
const ALL: Chosen = { only: [], never: [] }

const four = (cidr: string, more: Partial<NetworkInterfaceInfo> = {}): NetworkInterfaceInfo =>
  ({ address: cidr.split('/')[0]!, netmask: '', family: cidr.includes(':') ? 'IPv6' : 'IPv4', mac: MAC, internal: false, cidr, ...more }) as NetworkInterfaceInfo

const MACHINE = {
  lo: [four('127.0.0.1/8', { internal: true })],
  eth0: [four('192.168.1.20/24'), four('fe80::1/64')],
  wlan0: [four('192.168.4.1/24')],
  wwan0: [four('10.1.1.1/30')],
  wwp0s20u4: [four('10.1.2.1/30')],
  ppp0: [four('10.1.3.1/32', { mac: '00:00:00:00:00:00' })],
  wg0: [four('10.1.4.1/24', { mac: '00:00:00:00:00:00' })],
}
const names = (chosen: Chosen, flags: (name: string) => number | null = () => null): string[] => choose(MACHINE, flags, chosen).map(({ name }) => name)

test('all but loopback, modems, lines and tunnels', () => expect(names(ALL)).toEqual(['eth0', 'wlan0']))
test('where the kernel tells, its word counts', () => {
  expect(names(ALL, (name) => (name === 'wg0' ? POINT_TO_POINT : MULTICAST))).toEqual(['eth0', 'wlan0'])
  expect(names(ALL, (name) => (name === 'wlan0' ? 0x1 : MULTICAST))).toEqual(['eth0', 'wg0'])
})
test('not on what costs by the byte', () => expect(names({ only: [], never: ['eth0'] })).toEqual(['wlan0']))
test('only those that are named, whatever they cost', () => expect(names({ only: ['wwan0', 'eth0', 'none'], never: ['eth0'] })).toEqual(['eth0', 'wwan0']))
test('no more than 16, with no more than 16 addresses each', () => {
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`eth${i}`, Array.from({ length: 20 }, (_, n) => four(`10.${i}.0.${n}/24`))]))
  const chosen = choose(many, () => null, ALL)
  expect([chosen.length, chosen[0]!.addresses.length]).toEqual([16, 16])
})

test('their addresses, and how many bits are the network’s', () => {
  expect(choose(MACHINE, () => null, ALL)[0]).toEqual({ name: 'eth0', addresses: [{ family: 'ipv4', address: '192.168.1.20', prefix: 24 }, { family: 'ipv6', address: 'fe80::1', prefix: 64 }] })
})

test.each([
  [['192.168.1.20/24', 'fe80::1/64'], ['192.168.1.20']],
  [['192.168.1.20/24', 'fd00::1/64', 'fe80::1/64'], ['192.168.1.20', 'fd00::1']],
  [['169.254.7.7/16', 'fe80::1/64'], ['169.254.7.7', 'fe80::1']],
])('of %j others are told %j', (has, told) => {
  const [network] = choose({ eth0: has.map((cidr) => four(cidr)) }, () => null, ALL)
  expect(toldAddresses(network!)).toEqual(told)
})
