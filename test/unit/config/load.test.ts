// A file becomes a frozen Config with every default filled in, from the folder the file is in.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Config, SerialSensorConfig } from '../../../src/config/config.ts'
import { DEFAULT_CONFIG_NAME, defaultConfigText } from '../../../src/config/default.ts'
import { checkText, loadConfig } from '../../../src/config/load.ts'
import { classConfig, routeConfig, uplinkConfig } from '../../support/uplink-config.ts'
import { accepted, check, EXAMPLE, lines, uplink } from './gateway-yaml.ts'

const DAY_MS = 86_400_000
const PLAIN = { kind: 'port', tls: null, websocket: null, proxyProtocol: null, anonymous: true, tenant: '', limits: {} }
const SESSION_QUEUE = { bytesMax: 256_000_000, countMax: 10_000_000, ageMsMax: 30 * DAY_MS, whenFull: 'drop-oldest' } as const

const DEFAULTS = {
  site: 'well-07',
  broker: {
    listeners: [{ ...PLAIN, port: 1883, host: '127.0.0.1' }],
    connectionsMax: 1000,
    connectionsPerAddressMax: { remote: 250, local: Infinity },
    connectionsPerMinuteMax: { remote: 600, local: Infinity },
    connectTimeoutMs: 10_000,
    connectBytesMax: 64_000,
    packetBytesMax: 1_000_000,
    topicBytesMax: 1000,
    topicLevelsMax: 64,
    keepAliveSecMax: 3600,
    publishesPerSecondMax: Infinity,
    receiveMaximum: 1000,
    topicAliasMaximum: 32,
    subscriptionsPerClientMax: 1000,
    retainedMessagesMax: 10_000,
    retainedBytesMax: 32_000_000,
    sessionExpirySecMax: 30 * 86_400,
    sessionsMax: 10_000,
    sessionQueue: SESSION_QUEUE,
    outputBytesMax: 1_000_000,
    sysIntervalMs: 10_000,
  },
  access: { isWhole: true, users: [], tokens: [], rules: [] },
  tenants: [],
  store: { path: '/site/data', commitWindowMs: 60, dailyBytesMax: Infinity, bytesMax: 2_000_000_000 },
  board: { profile: null, enable: [] },
  buses: [],
  sensors: [],
  outputs: [],
  announce: { homeAssistant: null, sparkplug: null },
  uplinks: [],
  alarms: {
    topic: null, uplinkDownMs: 3_600_000, queueShare: 0.8, storeRefused: true, storeSetAside: true, storeShare: 0.9, diskShare: 0.9, sensorGoneMs: 60_000, sensorDegradedMs: 600_000, outputGoneMs: 60_000,
    temperatureC: 80, underVoltage: true, clockUnsetMs: 3_600_000, budget: true, update: true,
  },
  http: { listeners: [], tokens: [], anonymous: 'viewer', requestsPerMinuteMax: 600 },
  discovery: { mdns: 'auto', name: 'well-07', interfaces: [] },
  history: { keepMs: 2 * DAY_MS, stepMs: 60_000, topics: [], seriesMax: 200, bytesMax: 16_000_000 },
  hostname: 'well-07',
  network: { country: null, ethernet: [{ interface: null, addresses: [], gateways: [], dns: [] }], wifi: [], hotspot: null, modems: [], dialup: [] },
  time: { servers: [{ host: '2.debian.pool.ntp.org', isPool: true }], gpsSensor: null, gpsDelaySec: 0, step: 'start' },
  ssh: { keys: [] },
  update: { allowDowngrade: false, commandTopic: null, rateMax: Infinity, withinMs: 900_000 },
  remote: { report: null, commands: null },
  log: { level: 'info' },
}

const common = { qos: 1, retain: false }

describe('the example', () => {
  it('loads', () => {
    expect(accepted(EXAMPLE)).toEqual({
      ...DEFAULTS,
      store: { ...DEFAULTS.store, commitWindowMs: 20 },
      sensors: [
        {
          kind: 'serial', name: 'tank', tenant: '', topic: 'sensors/tank', ...common, reading: null,
          serial: { path: '/dev/ttyUSB0', baud: 9600, dataBits: 8, parity: 'none', stopBits: 1, flowControl: 'none' },
          frame: { kind: 'line' }, frameBytesMax: 4000, checksum: null, decode: { kind: 'json' }, poll: null, write: null,
        },
        { kind: 'simulate', name: 'demo', tenant: '', topic: 'sensors/demo', ...common, reading: null, simulate: { kind: 'sine', everyMs: 1000, min: 0, max: 100, periodMs: 60_000 } },
      ],
      uplinks: [
        uplinkConfig({
          url: new URL('mqtt://broker.example.com:1883'), host: 'broker.example.com', clientId: 'well-07', username: 'well-07',
          routes: [
            routeConfig({ from: 'sensors/#', to: 'sites/well-07/sensors/#' }),
            routeConfig({ direction: 'in', from: 'sites/well-07/commands/#', to: 'commands/#' }),
          ],
          classes: [classConfig('live', { queue: { ...SESSION_QUEUE, bytesMax: 1_000_000_000 } })],
        }),
      ],
    })
  })

  it.each([
    ['Windows line ends', EXAMPLE.replaceAll('\n', '\r\n')],
    ['a byte order mark', `\uFEFF${EXAMPLE}`],
    ['no newline at its end', EXAMPLE.trimEnd()],
  ])('loads with %s', (_, text) => expect(accepted(text)).toEqual(accepted(EXAMPLE)))
})

describe('defaults', () => {
  it('fill in everything but the site', () => expect(accepted('site: well-07')).toEqual(DEFAULTS))

  it('stand for sections with nothing in them', () => {
    expect(accepted('site: well-07\nbroker:\nstore:\nsensors:\n  # - { name: a }\nuplinks:\nlog:\n')).toEqual(DEFAULTS)
    expect(accepted('site: well-07\nbroker: {}\nstore: {}\nsensors: []\nuplinks: []\nlog: {}\n')).toEqual(DEFAULTS)
  })

  it('of npm start pass the same checks', () => {
    const result = checkText(defaultConfigText, DEFAULT_CONFIG_NAME)
    expect(lines(result)).toEqual([])
    const { config } = result as { config: Config }
    expect(config.site).toBe('demo')
    expect(config.uplinks).toEqual([])
    expect(config.store.path).toBe(join(process.cwd(), 'data'))
    const kinds = config.sensors.map((s) => (s.kind === 'simulate' ? `${s.simulate.kind} ${s.simulate.everyMs}` : s.kind))
    expect(kinds).toEqual(['sine 1000', 'random-walk 5000', 'counter 2000'])
  })
})

describe('every key', () => {
  it('of broker, store and log', () => {
    const config = accepted(`
site: s
broker:
  listeners: [{ port: 0 }, { port: 0 }, { port: 1884, host: 0.0.0.0, anonymous: true, receiveMaximum: 7, maxKeepAlive: none, maxPublishesPerSecond: 3 }, { port: 1883, host: "::1" }, { port: 1883, host: localhost }, { port: 1883, host: 127.0.0.2 }]
  maxConnections: 5
  maxConnectionsPerAddress: 3
  maxConnectionsPerMinute: 30
  connectTimeout: 1.5s
  maxConnectSize: 2kB
  maxPacketSize: 64KiB
  maxTopicLength: 128B
  maxTopicLevels: 9
  maxKeepAlive: 1500ms
  maxPublishesPerSecond: 50
  receiveMaximum: 20
  topicAliasMaximum: 0
  maxSubscriptionsPerClient: 7
  retained: { maxMessages: 8, maxSize: 9kB }
  maxSessionExpiry: never
  maxSessions: 10
  sessionQueue: { maxSize: 1MB, maxMessages: 11, maxAge: 1h, whenFull: drop-newest }
  outputBuffer: 128kB
  sysInterval: 0s
store: { path: /var/lib/sandpiper, commitWindow: 0, dailyWrites: 900MB, maxSize: 16GB }
log: { level: debug }
`)
    expect(config.broker).toEqual({
      listeners: [
        { ...PLAIN, port: 0, host: '127.0.0.1' }, { ...PLAIN, port: 0, host: '127.0.0.1' }, { ...PLAIN, port: 1884, host: '0.0.0.0', limits: { receiveMaximum: 7, keepAliveSecMax: Infinity, publishesPerSecondMax: 3 } },
        { ...PLAIN, port: 1883, host: '::1' }, { ...PLAIN, port: 1883, host: 'localhost' }, { ...PLAIN, port: 1883, host: '127.0.0.2' },
      ],
      connectionsMax: 5, connectionsPerAddressMax: { remote: 3, local: 3 }, connectionsPerMinuteMax: { remote: 30, local: 30 }, connectTimeoutMs: 1500,
      connectBytesMax: 2000, packetBytesMax: 65_536, topicBytesMax: 128, topicLevelsMax: 9, keepAliveSecMax: 2, publishesPerSecondMax: 50,
      receiveMaximum: 20, topicAliasMaximum: 0, subscriptionsPerClientMax: 7,
      retainedMessagesMax: 8, retainedBytesMax: 9000, sessionExpirySecMax: 0xffff_ffff, sessionsMax: 10,
      sessionQueue: { bytesMax: 1_000_000, countMax: 11, ageMsMax: 3_600_000, whenFull: 'drop-newest' }, outputBytesMax: 128_000, sysIntervalMs: 0,
    })
    expect(config.store).toEqual({ path: '/var/lib/sandpiper', commitWindowMs: 0, dailyBytesMax: 900_000_000, bytesMax: 16_000_000_000 })
    expect(config.log).toEqual({ level: 'debug' })
  })

  it('of a serial sensor', () => {
    const serial = (keys: string): SerialSensorConfig =>
      accepted(`site: s\nsensors: [{ name: a, topic: "{site}/a", qos: 2, retain: true, serial: { path: /dev/x, baud: 115200, dataBits: 7, parity: even, stopBits: 2 }, ${keys} }]`)
        .sensors[0] as SerialSensorConfig
    const sensor = serial('maxFrame: 100B')
    expect(sensor).toMatchObject({ topic: 's/a', qos: 2, retain: true, serial: { baud: 115_200, dataBits: 7, parity: 'even', stopBits: 2 }, frameBytesMax: 100, decode: { kind: 'raw' } })
    const delimiters = [String.raw`"\r\n"`, String.raw`'\r\n'`, String.raw`\r\n`, String.raw`'\x0d\x0a'`]
    for (const written of delimiters) expect(serial(`frame: { delimiter: ${written} }`).frame).toEqual({ kind: 'delimiter', delimiter: Buffer.from('\r\n') })
    expect(serial("frame: { delimiter: '\\xff;\\\\' }").frame).toEqual({ kind: 'delimiter', delimiter: Buffer.from([0xff, 0x3b, 0x5c]) })
    expect(serial('decode: { csv: [a, b], separator: ";" }').decode).toEqual({ kind: 'csv', columns: ['a', 'b'], separator: ';' })
    expect(serial("decode: { csv: [a], separator: '\\t' }").decode).toEqual({ kind: 'csv', columns: ['a'], separator: '\t' })
    expect(serial(String.raw`decode: { regex: "(?<level>\\d+)" }`).decode).toEqual({ kind: 'regex', pattern: /(?<level>\d+)/u })
    expect(serial(String.raw`decode: { regex: '(?<level>\d+)' }`).decode).toEqual({ kind: 'regex', pattern: /(?<level>\d+)/u })
  })

  it('of a simulated sensor', () => {
    const config = accepted('site: s\nsensors: [{ name: a, topic: a, simulate: { kind: constant, every: 100ms, min: 500.5, max: 7, period: 1h } }]')
    expect(config.sensors[0]).toMatchObject({ kind: 'simulate', simulate: { kind: 'constant', everyMs: 100, min: 500.5, max: 7, periodMs: 3_600_000 } })
  })

  it('of an uplink', () => {
    const keys = 'clientId: "gw-{site}"\nusername: "{site}"\npassword: pa ss\nversion: 4\nkeepAlive: 0s\nconnectTimeout: 90s\nmaxInflight: 1\nstateTopic: "state/{site}"\nbackoff: { min: 2s, max: 1h }\nqueue: { maxSize: 8GB, maxMessages: 5, maxAge: 7d, whenFull: drop-newest }'
    expect(accepted(uplink(keys, 'routes: [{ out: a/#, as: "x/{site}/#", qos: 2, retain: true }, { in: c }]')).uplinks[0]).toMatchObject({
      clientId: 'gw-s', username: 's', password: Buffer.from('pa ss'), version: 4, links: [{ name: 'cloud', keepAlive: { minSec: 0, maxSec: 0 } }], connectTimeoutMs: 90_000, inflightMax: 1, stateTopic: 'state/s',
      backoff: { minMs: 2000, maxMs: 3_600_000 }, classes: [{ name: 'live', queue: { bytesMax: 8_000_000_000, countMax: 5, ageMsMax: 7 * DAY_MS, whenFull: 'drop-newest' } }],
      routes: [{ direction: 'out', tenant: '', from: 'a/#', to: 'x/s/#', qos: 2, retain: true }, { direction: 'in', tenant: '', from: 'c', to: 'c', qos: 1, retain: false }],
    })
  })

  it.each([
    ['mqtt://h', 'h', 1883, false],
    ['mqtts://h', 'h', 8883, true],
    ['mqtts://h:443/', 'h', 443, true],
    ['mqtt://[::1]:1884', '::1', 1884, false],
    ['MQTT://h', 'h', 1883, false],
  ])('url %s', (url, host, port, tls) => expect(accepted(uplink('').replace('mqtt://h', `"${url}"`)).uplinks[0]).toMatchObject({ host, port, tls }))

  it('carries statistics over a link that is not metered; what only begins like them, over any', () => {
    expect(accepted(uplink('metered: false', 'routes: [{ out: $SYS/# }, { in: $SYS/a, as: b }]')).uplinks[0]).toMatchObject({ metered: false, routes: [{ from: '$SYS/#' }, { from: '$SYS/a' }] })
    expect(accepted(uplink('', 'routes: [{ out: $SYSTEM/# }, { out: "#" }]')).uplinks[0]).toMatchObject({ metered: true })
  })

  it('allows with MQTT 5 what would echo with 3.1.1', () => {
    expect(accepted(uplink('', 'routes: [{ out: s/# }, { in: s/# }]')).uplinks[0]!.routes).toHaveLength(2)
  })
})

it('freezes all of it', () => {
  const config = accepted(EXAMPLE)
  const thawed: string[] = []
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return
    if (!Object.isFrozen(value)) thawed.push(path)
    for (const [key, inner] of Object.entries(value)) walk(inner, `${path}.${key}`)
  }
  walk(config, 'config')
  expect(thawed).toEqual([])
})

describe('files', () => {
  let folder = ''
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'sandpiper-config-'))))
  afterAll(() => rmSync(folder, { recursive: true }))

  const load = (bytes: Buffer | string): { codes: string[]; lines: string[]; storePath: string | null } => {
    const path = join(folder, 'gateway.yaml')
    writeFileSync(path, bytes)
    const result = loadConfig(path, { secrets: 'skip' })
    return { codes: 'problems' in result ? result.problems.map((p) => p.code) : [], lines: lines(result), storePath: 'problems' in result ? result.storePath : null }
  }

  it('are read, and their folder is where relative paths start', () => {
    const path = join(folder, 'good.yaml')
    writeFileSync(path, EXAMPLE)
    const result = loadConfig(path, { secrets: 'skip' })
    expect('config' in result && [result.text, result.config.store.path]).toEqual([EXAMPLE, join(folder, 'data')])
  })

  it('that are not there are E_CONFIG_READ', () => {
    const result = loadConfig(join(folder, 'none.yaml'))
    expect(result).toMatchObject({ problems: [{ code: 'E_CONFIG_READ', message: `${join(folder, 'none.yaml')} does not exist` }], text: null, storePath: join(folder, 'data') })
  })

  it('that are folders are E_CONFIG_READ', () => {
    expect(loadConfig(folder)).toMatchObject({ problems: [{ code: 'E_CONFIG_READ', message: `${folder} is a folder` }] })
  })

  it('are bounded', () => {
    expect(load(`site: s\n#${'x'.repeat(256_000 - 9)}`).lines).toEqual([])
    expect(load(`site: s\n#${'x'.repeat(256_000 - 8)}`)).toMatchObject({ codes: ['E_CONFIG_READ'], lines: [`1:1 : ${join(folder, 'gateway.yaml')} is larger than 256 kB`] })
    expect(loadConfig('/dev/zero')).toMatchObject({ problems: [{ code: 'E_CONFIG_READ' }] })
    expect(lines(check(`#${'x'.repeat(256_000)}`))).toEqual(['1:1 : /site/gateway.yaml is larger than 256 kB'])
  })

  it.each([
    ['garbage', Buffer.from([0x73, 0x0a, 0x80, 0x81]), '2:1 : this is not UTF-8 text'],
    ['an SQLite database', Buffer.from('SQLite format 3\0\x10\0\x01', 'latin1'), '1:16 : the character U+0000 cannot stand in this file'],
    ['zeros, as a power cut leaves them', Buffer.alloc(512), '1:1 : the character U+0000 cannot stand in this file'],
    ['nothing, as a power cut leaves it', Buffer.alloc(0), '1:1 : the file is empty'],
    ['Latin-1', Buffer.from('site: s # f\xfcr\n', 'latin1'), '1:12 : this is not UTF-8 text'],
  ])('that hold %s are refused', (_, bytes, line) => expect(load(bytes).lines).toEqual([line]))

  it('in UTF-16 are named as that', () => {
    expect(load(Buffer.from('\uFEFFsite: s\n', 'utf16le')).lines[0]).toContain('is UTF-16')
  })

  it('with mistakes still say where their store is', () => {
    expect(load('site: [\nstore: 5').storePath).toBe(join(folder, 'data'))
    expect(load('store: {}').storePath).toBe(join(folder, 'data'))
    expect(load('sight: s\nstore: { path: /mnt/card, maxSize: 2GB }').storePath).toBe('/mnt/card')
    expect(load('store: { path: /mnt/card }\nuplinks: "').storePath).toBe('/mnt/card')
    expect(load('store: { path: /mnt/card, maxSize: 5 }').storePath).toBe('/mnt/card')
  })
})
