// Listeners: where they are, and who they let in. None is ever wider open than it was.
import { describe, expect, test } from 'vitest'
import { checkText } from '../../../src/config/load.ts'
import { Authority } from '../../support/certificates.ts'
import { imported, Confs, type Outcome } from './confs.ts'

/** `port host anonymous` of each listener that is there. */
function open(outcome: Outcome): string[] {
  return outcome.config.broker.listeners.map((l) => (l.kind === 'port' ? `${l.host} ${l.port}` : l.path) + (l.anonymous ? ' anonymous' : ''))
}

const listenersOf = (conf: string): string[] => open(imported(conf))
const ANYBODY = 'allow_anonymous true\n'

describe('where', () => {
  test.each([
    ['no listener: this machine only', '', ['127.0.0.1 1883 anonymous']],
    ['a port and an address', `${ANYBODY}listener 1884 192.168.0.2`, ['192.168.0.2 1884 anonymous']],
    ['a port: every network', `${ANYBODY}listener 1884`, [':: 1884 anonymous']],
    ['IPv4 only', `${ANYBODY}listener 1884\nsocket_domain ipv4`, ['0.0.0.0 1884 anonymous']],
    ['a name', `${ANYBODY}listener 1884 localhost`, ['localhost 1884 anonymous']],
    ['a comment behind the port', `${ANYBODY}listener 1884 # for all`, [':: 1884 anonymous']],
    ['a unix socket', `${ANYBODY}listener 0 /run/mqtt.sock`, ['/run/mqtt.sock anonymous']],
    ['the default listener', `${ANYBODY}port 1885\nbind_address 10.0.0.1`, ['10.0.0.1 1885 anonymous']],
    ['the default listener by its address', `${ANYBODY}bind_address 10.0.0.1`, ['10.0.0.1 1883 anonymous']],
    ['the default listener beside another', `${ANYBODY}listener 1884 127.0.0.1\nport 1885`, [':: 1885 anonymous', '127.0.0.1 1884 anonymous']],
  ])('%s', (_, conf, listeners) => expect(listenersOf(conf)).toEqual(listeners))

  test('options of the default listener without it: loopback, and told', () => {
    const outcome = imported('max_connections 10')
    expect(open(outcome)).toEqual(['127.0.0.1 1883 anonymous'])
    expect(outcome.config.broker.listeners[0]!.limits).toEqual({ connectionsMax: 10 })
    expect(outcome.told).toEqual([expect.stringMatching(/^1 changed: .*127\.0\.0\.1:1883$/)])
  })

  test('options above the first listener are not for it', () => {
    const outcome = imported(`${ANYBODY}max_connections 10\nlistener 1884`)
    expect(outcome.config.broker.listeners[0]!.limits).toEqual({})
    expect(outcome.told).toEqual(['2 left out: no `listener` is above it, and the default one is not opened'])
  })

  test('an included file begins with the default listener, and what follows it goes on where it was', () => {
    using confs = new Confs()
    confs.write('conf.d/a.conf', 'listener 1885\nmax_connections 5\n')
    const outcome = confs.import(`${ANYBODY}listener 1884\ninclude_dir conf.d\nmax_connections 4\n`)
    expect(outcome.config.broker.listeners.map((l) => l.limits.connectionsMax)).toEqual([4, 5])
  })

  test.each(['listener', 'listener x', 'listener 70000', 'listener -1', 'listener 0', 'listener 1884x'])('%s is left out, with what belongs to it', (line) => {
    const outcome = imported(`${ANYBODY}listener 1883\n${line}\nmax_connections 10`)
    expect(open(outcome)).toEqual([':: 1883 anonymous'])
    expect(outcome.config.broker.listeners[0]!.limits).toEqual({})
    expect(outcome.report.join('\n')).toMatch(/mosquitto\.conf:3 {2}this listener is left out, as a comment: its port must be/)
  })

  test('limits, and what is more than there is', () => {
    const outcome = imported(`${ANYBODY}listener 1884\nmax_connections 50\nmax_topic_alias 7\nlistener 1885\nmax_connections -1\nlistener 1886\nmax_connections 999999`)
    expect(outcome.config.broker.listeners.map((l) => l.limits)).toEqual([{ connectionsMax: 50, topicAliasMaximum: 7 }, { connectionsMax: 100_000 }, { connectionsMax: 100_000 }])
    expect(outcome.told).toEqual(['6 changed: it becomes 100000, the largest there is', '8 changed: it becomes 100000, the largest there is'])
  })
})

describe('who', () => {
  test.each([
    ['Mosquitto 2.0 asks for users unless told otherwise', 'listener 1883'],
    ['also on loopback', 'listener 1883 127.0.0.1'],
    ['and on a socket', 'listener 0 /run/mqtt.sock'],
    ['allow_anonymous false', 'allow_anonymous false\nlistener 1883'],
    ['allow_anonymous false, after the listener', 'listener 1883\nallow_anonymous false'],
    ['allow_anonymous false without a listener', 'allow_anonymous false'],
    ['allow_anonymous that says neither', 'allow_anonymous perhaps\nlistener 1883'],
    ['allow_anonymous that was taken back', 'allow_anonymous true\nlistener 1883\nallow_anonymous false'],
    ['a password file that is not there', 'password_file /nowhere/passwd\nlistener 1883'],
    ['a password file that is not there, without a listener', 'allow_anonymous false\npassword_file /nowhere/passwd'],
    ['access rules that are not there', `${ANYBODY}acl_file /nowhere/acl\nlistener 1883`],
    ['a plugin', `${ANYBODY}listener 1883\nplugin /usr/lib/mosquitto_dynamic_security.so\nplugin_opt_config_file /x`],
    ['an old plugin', `${ANYBODY}auth_plugin /usr/lib/auth.so\nlistener 1883`],
    ['prefixes of client identifiers', `${ANYBODY}clientid_prefixes secure-\nlistener 1883`],
    ['client certificates of nobody', `${ANYBODY}listener 8883\nrequire_certificate true\ncertfile a\nkeyfile b`],
    ['pre-shared keys', `${ANYBODY}listener 8883\npsk_hint x\npsk_file y`],
    ['topics of its own', `${ANYBODY}listener 1883\nmount_point a/`],
    ['an interface', `${ANYBODY}listener 1883\nbind_interface eth0`],
    ['the user name as the identifier', `${ANYBODY}listener 1883\nuse_username_as_clientid true`],
    ['a mistyped word that keeps somebody out', `${ANYBODY}acl_fiel /etc/mosquitto/acl\nlistener 1883`],
    ['a word of no known meaning', `${ANYBODY}frobnicate all\nlistener 1883`],
    ['a word of no known meaning below it', `${ANYBODY}listener 1883\nfrobnicate all`],
    ['a damaged address', `${ANYBODY}listener 1883\nbind_interface eth\u00010`],
  ])('%s: left out', (_, conf) => {
    const outcome = imported(conf)
    expect(open(outcome)).toEqual([])
    expect(outcome.text).toMatch(/^ {2}listeners: \[\] #/m)
    expect(outcome.text).toMatch(/^ {4}# - (port|socket): /m)
    expect(outcome.report.join('\n')).toMatch(/this listener is left out, as a comment: .+\nNo listener is left: nobody can connect/)
  })

  test('a password file that is not there, where everybody was let in: as it was, and told', () => {
    const outcome = imported(`${ANYBODY}password_file /nowhere/passwd\nlistener 1883`)
    expect(open(outcome)).toEqual([':: 1883 anonymous'])
    expect(outcome.told).toEqual(['2 left out: /nowhere/passwd does not exist; import it where it is, as a user that may read it'])
  })

  test('a mistyped word that keeps nobody out leaves the listener', () => {
    const outcome = imported(`${ANYBODY}listener 1883\nmax_conections 5`)
    expect(open(outcome)).toEqual([':: 1883 anonymous'])
    expect(outcome.told).toEqual(['3 left out: Mosquitto knows no such directive: did you mean max_connections?'])
  })

  test('the last word counts as Mosquitto reads it, also over included files', () => {
    using confs = new Confs()
    confs.write('conf.d/a.conf', 'allow_anonymous true\n')
    expect(open(confs.import('listener 1883\ninclude_dir conf.d\nallow_anonymous false\n'))).toEqual([])
    expect(open(confs.import('listener 1883\nallow_anonymous false\ninclude_dir conf.d\n'))).toEqual([':: 1883 anonymous'])
  })

  test('what is written as a comment is right once the # are taken away, and users are there', () => {
    const { text } = imported('listener 1884\nmax_connections 5\nlistener 1885 127.0.0.1')
    const withUsers = text.replaceAll(/^( {4})# (- |  )(?=\S)/gm, '$1$2').replace(/listeners: .*/, 'listeners:') + 'access: { users: [{ name: a, password: b }] }\n'
    const result = checkText(withUsers, 'gateway.yaml')
    if ('problems' in result) throw new Error(`${result.problems[0]!.message}\n${withUsers}`)
    expect(result.config.broker.listeners).toMatchObject([
      { host: '::', port: 1884, anonymous: false, limits: { connectionsMax: 5 } },
      { host: '127.0.0.1', port: 1885, anonymous: false },
    ])
  })

  test('a socket with a relative path', () => {
    const outcome = imported(`${ANYBODY}listener 0 mqtt.sock`)
    expect(open(outcome)).toEqual([expect.stringMatching(/^\/.+\/mqtt\.sock anonymous$/)])
    expect(outcome.told).toEqual([expect.stringMatching(/^2 changed: the relative path is taken from the folder of /)])
  })
})

describe('per_listener_settings', () => {
  test('lines about access are for the listener above them', () => {
    expect(listenersOf('per_listener_settings true\nlistener 1883\nallow_anonymous true\nlistener 1884\nlistener 1885\nallow_anonymous true\nacl_file x')).toEqual([':: 1883 anonymous'])
  })

  test('above the first they are for the default listener', () => {
    expect(listenersOf('per_listener_settings true\nallow_anonymous true\nport 1883\nlistener 1884')).toEqual([':: 1883 anonymous'])
  })

  test('said late it holds for all: that keeps out more', () => {
    expect(listenersOf('listener 1883\nallow_anonymous true\nlistener 1884\nper_listener_settings true')).toEqual([':: 1883 anonymous'])
  })

  test('false is what Mosquitto does without it', () => {
    expect(listenersOf('per_listener_settings false\nlistener 1883\nlistener 1884\nallow_anonymous true')).toEqual([':: 1883 anonymous', ':: 1884 anonymous'])
  })

  test('a mistyped listener: what follows may not be for the one above', () => {
    expect(listenersOf('per_listener_settings true\nlistener 1883\nallow_anonymous false\nlistner 1884 127.0.0.1\nallow_anonymous true')).toEqual([])
  })
})

describe('how', () => {
  const certificate = 'test/unit/migrate/no-such'

  test('WebSocket', () => {
    const outcome = imported(`${ANYBODY}listener 9001\nprotocol websockets\nlistener 1883\nprotocol mqtt`)
    expect(outcome.config.broker.listeners.map((l) => l.websocket)).toEqual([{ paths: ['/mqtt', '/'] }, null])
  })

  test('another protocol is left out', () => expect(listenersOf(`${ANYBODY}listener 1883\nprotocol quic`)).toEqual([]))

  test.each([
    ['a certificate without its key', 'certfile a'],
    ['a key without its certificate', 'keyfile b'],
    ['authorities only', 'cafile c'],
    ['a version only', 'tls_version tlsv1.3'],
  ])('%s: never without TLS', (_, lines) => {
    const outcome = imported(`${ANYBODY}listener 8883\n${lines}`)
    expect(open(outcome)).toEqual([])
    expect(outcome.report.join('\n')).toMatch(/TLS needs both certfile and keyfile/)
  })

  test('with a key and its certificate', async () => {
    await using authority = await Authority.make()
    const { keyFile, certFile } = await authority.issue('localhost')
    const outcome = imported(`${ANYBODY}listener 8883\ncafile ${authority.certFile}\ncertfile ${certFile}\nkeyfile ${keyFile}\nlistener 8884\ncertfile ${certFile}\nkeyfile ${keyFile}\ntls_version tlsv1.3`)
    expect(outcome.config.broker.listeners).toMatchObject([{ port: 8883, tls: { keyFile, certFile, minVersion: 'TLSv1.2' } }, { port: 8884, tls: { minVersion: 'TLSv1.3' } }])
    expect(outcome.told).toEqual([expect.stringMatching(/^3 left out: without `require_certificate true` nobody is asked for a certificate; .* belong into certfile$/)])
  })

  test('files that are not there: left out, with what to mend', () => {
    const outcome = imported(`${ANYBODY}listener 8883\ncertfile /${certificate}.pem\nkeyfile /${certificate}.key\ntls_version tlsv1.3`)
    expect(open(outcome)).toEqual([])
    expect(outcome.text).toContain(`#   tls: { cert: /${certificate}.pem, key: /${certificate}.key, minVersion: 1.3 }`)
    expect(outcome.report.join('\n')).toMatch(/no-such\.pem does not exist/)
  })
})
