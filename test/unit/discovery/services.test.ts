// What of a configuration is announced, under which type, and where it is reached.
import { expect, test } from 'vitest'
import { hostLabel, instanceLabel } from '../../../src/discovery/label.ts'
import { addressData } from '../../../src/discovery/records.ts'
import { configuredPorts, isAnnounced, type Ports, reachedAt, type Service, servicesOf } from '../../../src/discovery/services.ts'
import { accepted } from '../config/gateway-yaml.ts'

const TLS = 'tls: { key: k.pem, cert: c.pem }'
const TOKEN = 'tokens: [{ name: t, token: 0123456789abcdef, role: viewer }]'

function services(listeners: string, http = '', ports?: Ports): readonly Service[] {
  const config = accepted(`site: well-07\nbroker: { listeners: [${listeners}] }\nhttp: { ${TOKEN}, listeners: [${http}] }`)
  return servicesOf(config, ports ?? configuredPorts(config), '1.2.3')
}
const told = (listeners: string, http = ''): readonly string[] => services(listeners, http).map(({ type, port, addresses }) => `${type} ${port} ${addresses.join(' ')}`)

test.each([
  ['plain', '{ port: 1883, host: "::", anonymous: true }', ['_mqtt._tcp 1883 *']],
  ['TLS', `{ port: 8883, host: 0.0.0.0, ${TLS}, anonymous: true }`, ['_secure-mqtt._tcp 8883 *']],
  ['one address', '{ port: 1883, host: 192.168.4.1, anonymous: true }', ['_mqtt._tcp 1883 192.168.4.1']],
  ['one address of IPv6, however it is written', '{ port: 1883, host: "FD00:0::01", anonymous: true }', ['_mqtt._tcp 1883 fd00::1']],
  ['both families, one port', '{ port: 1883, host: 10.0.0.1, anonymous: true }, { port: 1883, host: "fd00::1", anonymous: true }', ['_mqtt._tcp 1883 10.0.0.1 fd00::1']],
  ['two ports', '{ port: 1883, host: "::", anonymous: true }, { port: 1884, host: "::", anonymous: true }', ['_mqtt._tcp 1883 *', '_mqtt._tcp 1884 *']],
  ['this machine only', '{ port: 1883 }, { port: 1884, host: "::1" }, { port: 1885, host: localhost }, { port: 1886, host: 127.8.9.1 }', []],
  ['a name, of which nobody knows where it leads', '{ port: 1883, host: pump.example.com, anonymous: true }', []],
  ['WebSockets, for which there is no type', '{ port: 9001, host: "::", websocket: true, anonymous: true }', []],
  ['behind a proxy', '{ port: 1883, host: "::", anonymous: true, proxyProtocol: { from: [10.0.0.1] } }', []],
  ['a unix socket', '{ socket: /run/x.sock }', []],
])('a listener: %s', (_, listeners, expected) => expect(told(listeners)).toEqual(expected))

test('HTTP', () => {
  expect(told('', `{ port: 443, host: "::", tls: own }, { port: 8443, host: 10.0.0.1, ${TLS} }, { port: 8080 }`)).toEqual(['_https._tcp 443 *', '_https._tcp 8443 10.0.0.1'])
})

test('they say version, site and path; nothing of tenants', () => {
  const [mqtt, https] = services('{ port: 1883, host: "::", anonymous: true }', '{ port: 443, host: "::", tls: own }')
  expect(mqtt!.txt).toEqual(['version=1.2.3', 'site=well-07'])
  expect(https!.txt).toEqual(['version=1.2.3', 'site=well-07', 'path=/'])
})

test('with the port that is listened on; what is not listened on is not announced', () => {
  const listeners = '{ port: 0, host: "::", anonymous: true }, { port: 1884, host: 10.0.0.9, anonymous: true }'
  expect(services(listeners, '', { broker: [40_123, 0], http: [] }).map(({ port }) => port)).toEqual([40_123])
})

test('on a network is what is reached by its addresses', () => {
  const all = services('{ port: 1, host: "::", anonymous: true }, { port: 2, host: 10.0.0.1, anonymous: true }, { port: 3, host: 10.0.0.2, anonymous: true }')
  expect(reachedAt(all, ['10.0.0.1', 'fe80::1']).map(({ port }) => port)).toEqual([1, 2])
})

test.each([
  ['', false],
  ['broker: { listeners: [{ port: 0, host: "::", anonymous: true }] }', true],
  ['broker: { listeners: [{ port: 1, host: "::", anonymous: true }] }\ndiscovery: { mdns: off }', false],
  ['discovery: { mdns: on }', true],
])('is anything announced? %s', (text, is) => expect(isAnnounced(accepted(`site: s\n${text}`))).toBe(is))

test('names: the next one, another of its type, and never more than 63 bytes', () => {
  expect([1, 2, 10].map((attempt) => instanceLabel({ base: 'well-07', attempt }, null))).toEqual(['well-07', 'well-07 (2)', 'well-07 (10)'])
  expect(instanceLabel({ base: 'well-07', attempt: 2 }, 1884)).toBe('well-07 port 1884 (2)')
  expect([1, 2].map((attempt) => hostLabel({ base: 'well-07', attempt }))).toEqual(['well-07', 'well-07-2'])
  expect(instanceLabel({ base: 'x'.repeat(64), attempt: 1 }, null)).toBe('x'.repeat(63))
  expect(instanceLabel({ base: '€'.repeat(21), attempt: 2 }, null)).toBe(`${'€'.repeat(19)} (2)`)
})

test.each([
  ['10.9.0.1', '0a090001'],
  ['::1', '00000000000000000000000000000001'],
  ['fd00::', 'fd000000000000000000000000000000'],
  ['fe80::d42e:e7ff:fefa:cf6a', 'fe80000000000000d42ee7fffefacf6a'],
  ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ['::ffff:10.9.0.1', '00000000000000000000ffff0a090001'],
])('the bytes of %s', (address, hex) => expect(addressData(address).toString('hex')).toBe(hex))
