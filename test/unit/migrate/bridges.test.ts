// Bridges: where they go, what they carry under which names, and what cannot come along.
import { describe, expect, test } from 'vitest'
import { compileRemap } from '../../../src/config/routes.ts'
import { Confs, imported, type Outcome } from './confs.ts'

const bridge = (lines: string, address = 'address cloud.example.com'): string => `connection cloud\n${address}\n${lines}\n`
const of = (outcome: Outcome) => outcome.config.uplinks[0]!
const importedBridge = (lines: string, address?: string): Outcome => imported(bridge(lines, address))
const TOPIC = 'topic data/# out 1'

function routes(outcome: Outcome): string[] {
  return of(outcome).routes.map(({ direction, from, to, qos, retain }) => `${direction} ${from} → ${to} qos ${qos}${retain ? ' retain' : ''}`)
}

describe('topics', () => {
  test.each([
    ['topic data/#', ['out data/# → data/# qos 0 retain']],
    ['topic data/# out 1', ['out data/# → data/# qos 1 retain']],
    ['topic data/# OUT 2', ['out data/# → data/# qos 2 retain']],
    ['topic cmd/# in 1', ['in cmd/# → cmd/# qos 1 retain']],
    ['topic # both 0 local/ remote/', ['out local/# → remote/# qos 0 retain', 'in remote/# → local/# qos 0 retain']],
    ['topic pattern out 0 L/ R/', ['out L/pattern → R/pattern qos 0 retain']],
    ['topic pattern in 0 L/ R/', ['in R/pattern → L/pattern qos 0 retain']],
    ['topic pattern out 0 L/ ""', ['out L/pattern → pattern qos 0 retain']],
    ['topic pattern out 0 "" R/', ['out pattern → R/pattern qos 0 retain']],
    ['topic pattern out 0 "" ""', ['out pattern → pattern qos 0 retain']],
    ['topic "" out 0 local remote', ['out local → remote qos 0 retain']],
    ['topic # out 0 "" sites/7/', ['out # → sites/7/# qos 0 retain']],
    ['topic level/# out 2 tank sites/7/tank', ['out tanklevel/# → sites/7/tanklevel/# qos 2 retain']],
    ['topic data/# out 1 # all of it', ['out data/# → data/# qos 1 retain']],
    ['topic data/# out 1 local/ # no remote prefix', ['out local/data/# → data/# qos 1 retain']],
    [`${TOPIC}\nbridge_outgoing_retain false`, ['out data/# → data/# qos 1']],
    ['topic a/# both 1\nbridge_outgoing_retain false', ['out a/# → a/# qos 1', 'in a/# → a/# qos 1 retain']],
  ])('%s', (lines, expected) => {
    expect(routes(importedBridge(lines))).toEqual(expected)
  })

  test('the first line with a prefix renames, also below one without', () => {
    expect(routes(importedBridge('topic # out 0\ntopic data/# out 1 "" x/\ntopic data/a out 1 "" y/'))).toEqual([
      'out data/# → x/data/# qos 1 retain',
      'out data/a → y/data/a qos 1 retain',
      'out # → # qos 0 retain',
    ])
  })

  test.each([
    ['topic data/# sideways', 'the direction must be out, in or both'],
    ['topic data/# out 3', 'the QoS must be 0, 1 or 2'],
    ['topic data/# out many', 'the QoS must be 0, 1 or 2'],
    ['topic "" out 0 local', 'without a pattern it needs both a local and a remote prefix'],
    ['topic "" out 0 "" remote', 'without a pattern it needs both a local and a remote prefix'],
    ['topic data out 0 +/ +/', 'a prefix cannot hold a wildcard'],
    ['topic data/#/x out 0', '`out` "data/#/x" is not a topic filter: # must be the last level'],
    ['topic +/level out 0 tank x', '`out` "tank+/level" is not a topic filter: + must fill a whole level'],
    ['topic x in 0 $SYS/ y/', 'the local side "$SYS/x" starts with $'],
    ['topic {site}/x out 0', 'names in { } stand for something else in gateway.yaml, and cannot be written there'],
    ['topic', '`out` is empty'],
  ])('%s: left out, the others stay', (line, why) => {
    const outcome = importedBridge(`${TOPIC}\n${line}`)
    expect(routes(outcome)).toEqual(['out data/# → data/# qos 1 retain'])
    if (line !== 'topic') expect(outcome.told).toContain(`4 left out: ${why}`)
    else expect(outcome.told.some((t) => t.startsWith('4 left out: '))).toBe(true)
  })

  test('a bridge of which no topic can be carried is left out', () => {
    const outcome = importedBridge('topic data/#/x out 0')
    expect(outcome.config.uplinks).toEqual([])
    expect(outcome.report.join('\n')).toMatch(/this bridge is left out, as a comment: none of its topics can be carried/)
    expect(outcome.text).toContain('  # - name: cloud # ')
  })

  test('what goes out also comes in under the same name: MQTT 5 keeps it from going round', () => {
    const both = importedBridge('topic # both 1 local/ remote/')
    expect(of(both).version).toBe(5)
    expect(both.told).toContainEqual(expect.stringMatching(/^1 changed: MQTT 5 is spoken/))
    expect(of(importedBridge('topic a/# out 1 "" x/\ntopic a/# in 1 "" y/')).version).toBe(4)
    expect(of(importedBridge('topic a/# out 1 "" x/\ntopic +/a/b in 1')).version).toBe(5)
    expect(importedBridge('topic # both 1 l/ r/\nbridge_protocol_version mqttv311').told).toContainEqual(expect.stringMatching(/^4 changed: MQTT 5/))
  })

  test('statistics: over a link that is declared not to be metered', () => {
    const outcome = importedBridge('topic clients/total in 0 test/ $SYS/broker/')
    expect(of(outcome)).toMatchObject({ metered: false, routes: [{ direction: 'in', from: '$SYS/broker/clients/total', to: 'test/clients/total' }] })
    expect(outcome.told).toContainEqual(expect.stringMatching(/^3 changed: `metered: false`/))
    expect(of(importedBridge(TOPIC)).metered).toBe(true)
  })

  test('more than a thousand: the first thousand', () => {
    const outcome = importedBridge(Array.from({ length: 1003 }, (_, i) => `topic t/${i} out 0`).join('\n'))
    expect(of(outcome).routes).toHaveLength(1000)
    expect(outcome.told.filter((t) => t.includes('1000 topics at most'))).toHaveLength(3)
  })
})

test('a topic is renamed as Mosquitto’s manual says', () => {
  const { routes: [out, back] } = of(importedBridge('topic # both 2 local/topic/ remote/topic/'))
  expect(compileRemap(out!.from, out!.to)('local/topic/a/b')).toBe('remote/topic/a/b')
  expect(compileRemap(back!.from, back!.to)('remote/topic/a/b')).toBe('local/topic/a/b')
})

describe('where', () => {
  test.each([
    ['address cloud.example.com', 'mqtt://cloud.example.com:1883'],
    ['address cloud.example.com:8884', 'mqtt://cloud.example.com:8884'],
    ['addresses 10.0.0.1:1885', 'mqtt://10.0.0.1:1885'],
    ['address ::1:1885', 'mqtt://[::1]:1885'],
    ['address cloud.example.com # the cloud', 'mqtt://cloud.example.com:1883'],
  ])('%s', (address, url) => expect(of(importedBridge(TOPIC, address)).url?.href).toBe(new URL(url).href))

  test('the first of several', () => {
    const outcome = importedBridge(`${TOPIC}\nround_robin true`, 'addresses a.example.com:1 b.example.com:2')
    expect(of(outcome)).toMatchObject({ host: 'a.example.com', port: 1 })
    expect(outcome.told).toContain('2 changed: an uplink has one address: a.example.com:1 is taken, b.example.com:2 is not')
    expect(outcome.told).toContain('4 left out: an uplink has one address')
  })

  test.each(['', 'address', 'address cloud:0', 'address cloud:x', 'address cloud:70000', 'address user@cloud', 'address a/b'])('"%s": the bridge is left out', (address) => {
    expect(importedBridge(TOPIC, address).config.uplinks).toEqual([])
  })

  test('lines of a bridge without one', () => {
    expect(imported('remote_username me\ntopic a/# out 0').told).toEqual([1, 2].map((n) => `${n} left out: it belongs below a \`connection\`, and there is none above it`))
  })
})

describe('as whom', () => {
  test('a client identifier of its own, or of the host and the bridge', () => {
    expect(of(importedBridge(TOPIC)).clientId).toBe('site-7.cloud')
    expect(of(importedBridge(`${TOPIC}\nremote_clientid gw`)).clientId).toBe('gw')
    expect(of(importedBridge(`${TOPIC}\nclientid old`)).clientId).toBe('old')
  })

  test('a password goes to a file that only its owner may read', async () => {
    using confs = new Confs()
    const outcome = confs.import(bridge(`${TOPIC}\nremote_username me\nremote_password  two words `))
    expect(of(outcome)).toMatchObject({ username: 'me', password: Buffer.from('two words') })
    expect([...outcome.passwords.keys()]).toEqual(['cloud.password'])
    expect(outcome.text + outcome.report.join('')).not.toContain('two words')
  })

  test('a password without a user name is not sent', () => {
    const outcome = importedBridge(`${TOPIC}\nremote_password x`)
    expect(of(outcome)).toMatchObject({ username: null, password: null })
    expect(outcome.told).toContain('4 left out: a password is not sent without a user name')
    expect(outcome.passwords.size).toBe(0)
  })

  test('names that cannot be ours are made so, each once', () => {
    const outcome = imported(['a/b', 'a+b', '_é', '../x'].map((name) => `connection ${name}\naddress h\n${TOPIC}\n`).join(''))
    expect(outcome.config.uplinks.map((u) => u.name)).toEqual(['a-b', 'a-b-2', 'bridge', 'x'])
  })

  test('two that would connect as the same client: the second is left out', () => {
    const outcome = imported(`${bridge(`${TOPIC}\nremote_clientid same`)}${bridge(`${TOPIC}\nremote_clientid same`).replace('cloud\n', 'other\n')}`)
    expect(outcome.config.uplinks.map((u) => u.name)).toEqual(['cloud'])
  })
})

describe('how', () => {
  test.each([
    ['nothing said', '', { version: 4, links: [{ keepAlive: { minSec: 60, maxSec: 60 } }], backoff: { minMs: 1000, maxMs: 120_000 }, stateTopic: null, tls: false }],
    ['MQTT 5', 'bridge_protocol_version mqttv50', { version: 5 }],
    ['MQTT 3.1', 'bridge_protocol_version mqttv31', { version: 4 }],
    ['a version of no known name', 'bridge_protocol_version 5', { version: 4 }],
    ['keep alive', 'keepalive_interval 300', { links: [{ keepAlive: { minSec: 300, maxSec: 300 } }] }],
    ['keep alive below Mosquitto’s least', 'keepalive_interval 1', { links: [{ keepAlive: { minSec: 5, maxSec: 5 } }] }],
    ['a constant time to try again', 'restart_timeout 20', { backoff: { minMs: 20_000, maxMs: 20_000 } }],
    ['a growing one', 'restart_timeout 10 60', { backoff: { minMs: 10_000, maxMs: 60_000 } }],
    ['one that shrinks', 'restart_timeout 60 10', { backoff: { minMs: 1000, maxMs: 120_000 } }],
    ['a topic for its state', 'notification_topic site/state', { stateTopic: 'site/state' }],
    ['a topic for its state, here only', 'notification_topic site/state\nnotifications_local_only true', { stateTopic: null }],
    ['a topic for its state, switched off', 'notification_topic site/state\nnotifications false', { stateTopic: null }],
    ['a topic of $SYS for its state', 'notification_topic $SYS/x', { stateTopic: null }],
    ['in flight', 'max_inflight_messages 7', { inflightMax: 7 }],
    ['in flight without a limit', 'max_inflight_messages 0', { inflightMax: 65_535 }],
    ['authorities of the system', 'bridge_capath /etc/ssl/certs', { tls: true, tlsOptions: { ca: null, servername: null } }],
    ['the system’s file of authorities', 'bridge_cafile /etc/ssl/certs/ca-certificates.crt', { tls: true, tlsOptions: { ca: null, servername: null } }],
    ['TLS that is not to check names checks them', 'bridge_cafile /etc/ssl/certs/ca-certificates.crt\nbridge_insecure true', { tls: true }],
  ])('%s', (_, lines, uplink) => expect(of(importedBridge(`${TOPIC}\n${lines}`))).toMatchObject(uplink))

  test('with TLS the port is still 1883 unless it is given', () => {
    expect(of(importedBridge(`${TOPIC}\nbridge_capath /etc/ssl/certs`)).port).toBe(1883)
  })

  test('authorities of its own', () => {
    using confs = new Confs()
    const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'
    confs.write('ca.pem', `${pem}\n`)
    const outcome = confs.import(bridge(`${TOPIC}\nbridge_cafile ca.pem`))
    expect(of(outcome)).toMatchObject({ tls: true, tlsOptions: { ca: Buffer.from(pem) } })
    expect(outcome.told).toContainEqual(expect.stringMatching(/^4 changed: the relative path is taken from the folder of .*mosquitto\.conf: \/.*\/ca\.pem$/))
  })

  test.each([
    ['a pre-shared key', 'bridge_identity me\nbridge_psk 1234'],
    ['a certificate without its key', 'bridge_cafile /etc/ssl/certs/ca-certificates.crt\nbridge_certfile c'],
    ['a certificate that is not there', 'bridge_certfile c\nbridge_keyfile k'],
    ['authorities in a folder', 'bridge_capath /etc/mosquitto/ca'],
    ['authorities that are not there', 'bridge_cafile /no/such/ca.pem'],
    ['a mistyped file of authorities', 'bridge_cafle /etc/mosquitto/ca.pem'],
    ['a word of no known meaning', 'frobnicate all'],
  ])('%s: left out, never without TLS', (_, lines) => {
    const outcome = importedBridge(`${TOPIC}\n${lines}`)
    expect(outcome.config.uplinks).toEqual([])
    expect(outcome.text).toMatch(/^ {2}# - name: cloud # /m)
    expect(outcome.report.join('\n')).toMatch(/this bridge is left out, as a comment: /)
  })

  test('a mistyped connection: what follows may not be for the bridge above', () => {
    const outcome = imported(`${bridge(TOPIC)}conection other\naddress elsewhere.example.com\ntopic secret/# out 1\n`)
    expect(outcome.config.uplinks).toEqual([])
  })
})
