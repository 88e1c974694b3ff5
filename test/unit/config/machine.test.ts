// The sections of the machine itself: hostname, network, time, ssh. What they become, and what is said of mistakes.
import { describe, expect, test } from 'vitest'
import { accepted, check, lines, uplink } from './gateway-yaml.ts'

const S = 'site: s\n'
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAFdW9vkGJWY3kpYLBHqHOmdBC8gfBu2SCKyRvAvXRW8 site'

function warnings(text: string): string[] {
  const result = check(text)
  if ('problems' in result) throw new Error(lines(result).join('\n'))
  return result.warnings.map((w) => `${w.line}:${w.column} ${w.message}: ${w.hint}`)
}

describe('hostname', () => {
  test.each([
    ['Well_07', 'well-07'], ['a', 'a'], ['x.y-', 'x-y'], ['A.'.repeat(32), 'a-'.repeat(31) + 'a'], ['7', '7'], ['a--b', 'a--b'],
  ])('of the site %s: %s', (site, hostname) => expect(accepted(`site: "${site}"`).hostname).toBe(hostname))
  test('given', () => expect(accepted(`${S}hostname: Pump-1`).hostname).toBe('Pump-1'))
})

const NO_ADDRESSES = { addresses: [], gateways: [], dns: [] }

describe('network', () => {
  const network = (text: string) => accepted(`${S}network: ${text}`).network

  test('nothing given: every cable by DHCP', () => expect(accepted(S).network).toEqual({ country: null, ethernet: [{ interface: null, ...NO_ADDRESSES }], wifi: [], hotspot: null, modems: [], dialup: [] }))
  test('no cable', () => expect(network('{ ethernet: [] }').ethernet).toEqual([]))
  test('fixed addresses of both families', () =>
    expect(network('{ ethernet: [{ interface: eth0, address: [192.168.1.20/24, "fd00::20/64"], gateway: [192.168.1.1, "fe80::1"], dns: 9.9.9.9 }] }').ethernet).toEqual([
      { interface: 'eth0', addresses: [{ address: '192.168.1.20', prefix: 24, family: 'ipv4' }, { address: 'fd00::20', prefix: 64, family: 'ipv6' }], gateways: ['192.168.1.1', 'fe80::1'], dns: ['9.9.9.9'] },
    ]))
  test('Wi-Fi', () => {
    expect(network('{ country: DE, wifi: [{ ssid: "a b", password: "12345678", hidden: true }, { ssid: open, interface: wlan1 }] }').wifi).toEqual([
      { ssid: 'a b', password: '12345678', isOpen: false, security: 'wpa2', hidden: true, interface: null, ...NO_ADDRESSES },
      { ssid: 'open', password: null, isOpen: true, security: 'wpa2', hidden: false, interface: 'wlan1', ...NO_ADDRESSES },
    ])
    expect(network(`{ country: DE, wifi: [{ ssid: a, password: "${'ab'.repeat(32)}" }] }`).wifi[0]!.password).toBe('ab'.repeat(32))
  })
  test('hotspot', () =>
    expect(network('{ country: DE, hotspot: { ssid: pumps, password: "12345678" } }').hotspot).toEqual({ ssid: 'pumps', password: '12345678', interface: null, band: '2.4GHz', channel: null, address: { address: '10.42.0.1', prefix: 24, family: 'ipv4' } }))
  test('modems: one that a link dials is not connected by itself', () => {
    const config = accepted(`${S}network: { modems: [{ name: lte, apn: internet, pin: "0123", user: u, password: p }, { name: spare }] }\nuplinks: [{ name: c, url: mqtt://h, routes: [{ out: a }], dial: { modem: lte } }]`)
    expect(config.network.modems).toEqual([
      { name: 'lte', apn: 'internet', pin: '0123', user: 'u', password: 'p', isDialled: true },
      { name: 'spare', apn: null, pin: null, user: null, password: null, isDialled: false },
    ])
  })
  test('dial-up', () =>
    expect(network('{ dialup: [{ name: sat, device: /dev/ttyUSB0, number: "*99#", init: [AT&F, "AT+CGDCONT=1,\\"IP\\",\\"x\\""], flowControl: none }] }').dialup).toEqual([
      { name: 'sat', device: '/dev/ttyUSB0', baud: 115_200, hardwareFlow: false, number: '*99#', user: null, password: null, init: ['AT&F', 'AT+CGDCONT=1,"IP","x"'], answerTimeoutMs: 60_000 },
    ]))
})

describe('time', () => {
  test('nothing given', () => expect(accepted(S).time).toEqual({ servers: [{ host: '2.debian.pool.ntp.org', isPool: true }], gpsSensor: null, gpsDelaySec: 0, step: 'start' }))
  test('servers, satellites', () => {
    const config = accepted(`${S}time: { servers: [192.168.1.1, "fd00::1", time.example.com], gps: { sensor: gnss, delay: 200ms }, step: always }\nsensors: [{ name: gnss, topic: gnss, nmea: { serial: { path: /dev/ttyACM0 } } }]`)
    expect(config.time).toEqual({ servers: ['192.168.1.1', 'fd00::1', 'time.example.com'].map((host) => ({ host, isPool: false })), gpsSensor: 'gnss', gpsDelaySec: 0.2, step: 'always' })
    expect(config.sensors[0]).toMatchObject({ nmea: { setsClock: true } })
  })
})

test('ssh', () => expect(accepted(`${S}ssh: { keys: ["${KEY}", "${KEY.split(' ').slice(0, 2).join(' ')}"] }`).ssh.keys).toEqual([KEY, KEY.split(' ').slice(0, 2).join(' ')]))

describe('mistakes', () => {
  const ethernet = (keys: string): string => `${S}network: { ethernet: [{ ${keys} }] }`
  const wifi = (keys: string): string => `${S}network: { wifi: [{ ssid: a, ${keys} }] }`
  const hotspot = (keys: string): string => `${S}network: { hotspot: { ssid: a, password: "12345678", ${keys} } }`
  const modem = (keys: string): string => `${S}network: { modems: [{ name: a, ${keys} }] }`
  const dialup = (keys: string): string => `${S}network: { dialup: [{ name: a, device: /dev/ttyS0, ${keys} }] }`

  test.each([
    [`${S}hostname: a.b`, '2:11 hostname: `hostname` must be a host name: letters, digits and -, found the text "a.b"'],
    [`${S}hostname: ${'a'.repeat(64)}`, '2:11 hostname: `hostname` must be a host name: letters, digits and -, found the text "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…"'],
    [ethernet('address: 192.168.1.20'), '2:34 network.ethernet[0].address: `address` 192.168.1.20 does not say how large its network is'],
    [ethernet('address: 192.168.1.300/24'), '2:34 network.ethernet[0].address: `address` "192.168.1.300/24" is no IP address'],
    [ethernet('address: 192.168.1.20/33'), '2:34 network.ethernet[0].address: `address` "192.168.1.20/33" has no network of that size'],
    [ethernet('gateway: 192.168.1.1'), '2:34 network.ethernet[0].gateway: the gateway 192.168.1.1 stands without an address of its family'],
    [ethernet('address: 192.168.1.20/24, gateway: 192.168.2.1'), '2:60 network.ethernet[0].gateway: the gateway 192.168.2.1 is not in the network of 192.168.1.20/24: it could not be reached'],
    [ethernet('address: 192.168.1.1/24, gateway: 192.168.1.1'), '2:59 network.ethernet[0].gateway: the gateway 192.168.1.1 is this machine’s own address'],
    [ethernet('address: 192.168.1.2/24, gateway: [192.168.1.1, 192.168.1.3]'), '2:59 network.ethernet[0].gateway: `gateway` has two of one family'],
    [ethernet('dns: router'), '2:30 network.ethernet[0].dns: `dns` "router" is no IP address'],
    [ethernet('interface: a b'), '2:36 network.ethernet[0].interface: `interface` must be the name of a network interface, found the text "a b"'],
    [`${S}network: { ethernet: [{}, {}] }`, '2:27 network.ethernet[1].interface: two entries have no `interface`, as in `network.ethernet[0]`'],
    [wifi('password: short'), '2:40 network.wifi[0].password: the password of a Wi-Fi network has 8 to 63 characters, this one has 5'],
    [wifi('password: "pässwörter"'), '2:40 network.wifi[0].password: the password of a Wi-Fi network has letters, digits and signs of ASCII only'],
    [wifi('password: 12345678'), '2:40 network.wifi[0].password: `password` must be text, `{ file: … }` or `{ env: NAME }`, found the number'],
    [wifi('security: wpa3'), '2:40 network.wifi[0].security: wpa3 needs a password'],
    [`${S}network: { wifi: [{ ssid: ${'ü'.repeat(17)} }] }`, '2:27 network.wifi[0].ssid: `ssid` has 34 bytes'],
    [`${S}network: { country: de }`, '2:21 network.country: `country` must be a country in two capital letters, found the text "de"'],
    [hotspot('channel: 14'), '2:63 network.hotspot.channel: 2.4GHz has no channel 14 for a network of one\'s own'],
    [hotspot('band: 5GHz, channel: 6'), '2:75 network.hotspot.channel: 5GHz has no channel 6 for a network of one\'s own'],
    [hotspot('address: "fd00::1/64"'), '2:63 network.hotspot.address: devices get their addresses from this network, and it has no room'],
    [modem('pin: 1234'), '2:37 network.modems[0].pin: `pin` must be text, `{ file: … }` or `{ env: NAME }`, found the number'],
    [modem('pin: "12"'), '2:37 network.modems[0].pin: this is not the PIN of a SIM'],
    [modem('apn: "a b"'), '2:37 network.modems[0].apn: `apn` must be an access point name, found the text "a b"'],
    [dialup('number: "1; rm"'), '2:60 network.dialup[0].number: `number` must be a number to dial, found the text "1; rm"'],
    [dialup('number: "1", init: [reset]'), '2:72 network.dialup[0].init[0]: `init[0]` must be an AT command, found the text "reset"'],
    [`${S}time: { servers: ["a b"] }`, '2:19 time.servers[0]: `servers[0]` "a b" is no host name or IP address'],
    [`${S}time: { gps: gnss }`, '2:14 time.gps: there is no sensor `gnss`'],
    [`${S}time: { gps: { sensor: x } }\nsensors: [{ name: x, topic: x, simulate: { kind: sine } }]`, '2:24 time.gps.sensor: the sensor `x` does not hear satellites'],
    [`${S}time: { step: now }`, '2:15 time.step: `step` must be start, always or never, found the text "now"'],
    [`${S}ssh: { keys: ["-----BEGIN OPENSSH PRIVATE KEY-----"] }`, '2:15 ssh.keys[0]: `keys[0]` is a private key'],
    [`${S}ssh: { keys: ["${KEY.slice(0, 50)}"] }`, '2:15 ssh.keys[0]: `keys[0]` is damaged or cut off'],
    [`${S}ssh: { keys: ["ssh-dss AAAA"] }`, '2:15 ssh.keys[0]: `keys[0]` "ssh-dss" is not a public key that SSH knows'],
    [`${S}ssh: { keys: ["restrict ${KEY}"] }`, '2:15 ssh.keys[0]: `keys[0]` has options before the key'],
  ])('%s', (text, problem) => expect(lines(check(text))).toEqual([problem]))
})

describe('warnings', () => {
  test('a modem that nobody has', () => {
    expect(warnings(`${uplink('dial: { modem: lte }')}\nnetwork: { modems: [{ name: lt }] }`)).toEqual(['6:20 `network.modems` has no `lte`: it has `lt`; a connection that somebody set up on the machine itself may be named too'])
    expect(warnings(`${uplink('links: [{ name: a, dial: { pppd: sat } }]')}\nnetwork: {}`)).toEqual(['6:38 `network.dialup` has no `sat`: add it there, unless somebody sets it up on the machine itself'])
    expect(warnings(uplink('dial: { modem: lte }'))).toEqual([])
  })
  test('a fixed address without a way out', () => expect(warnings(`${S}network: { ethernet: [{ address: 10.0.0.2/8 }] }`)[0]).toMatch(/^2:34 a fixed address without `gateway` reaches its own network only/))
  test('Wi-Fi without a country', () => expect(warnings(`${S}network: { wifi: [{ ssid: a }] }`)[0]).toMatch(/^2:10 Wi-Fi without `country`/))
  test('one radio for two', () => expect(warnings(`${S}network: { country: DE, wifi: [{ ssid: a }], hotspot: { ssid: b, password: "12345678" } }`)[0]).toMatch(/one radio can hardly/))
})
