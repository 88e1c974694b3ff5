// Client certificates: what a listener asks of them, and that no listener lets in others than before, or to more.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ListenerConfig, PortListenerConfig } from '../../../src/config/config.ts'
import { Authority, type KeyPair } from '../../support/certificates.ts'
import { Random } from '../mqtt/samples.ts'
import { Confs, passwordLine, type Outcome } from './confs.ts'

const ANYBODY = 'allow_anonymous true\n'
const PER_LISTENER = 'per_listener_settings true\n'

const portsOf = ({ config }: Outcome): number[] => config.broker.listeners.map((l) => (l as PortListenerConfig).port)
const usersOf = ({ config }: Outcome): string[] => config.access.users.map(({ name }) => name)
const reasonsOf = ({ report }: Outcome): string => report.filter((line) => line.includes('this listener is left out')).join('\n')
const clientsOf = (listener: ListenerConfig | undefined): unknown => (listener?.kind === 'port' ? listener.tls?.clients : undefined)

/** A folder with two users and rules for one. */
function users(): Confs & { readonly passwords: string; readonly acl: string } {
  const confs = new Confs()
  return Object.assign(confs, { passwords: confs.write('passwd', passwordLine('anna') + passwordLine('ben')), acl: confs.write('acl', 'user anna\ntopic anna/#\n') })
}

describe('client certificates', () => {
  let authority: Authority
  let server: KeyPair
  let tls: string

  beforeAll(async () => {
    authority = await Authority.make()
    server = await authority.issue('localhost')
    tls = `listener 8883\ncertfile ${server.certFile}\nkeyfile ${server.keyFile}\n` // lines 1 to 3
  })

  afterAll(() => authority[Symbol.asyncDispose]())

  const ca = (): string => `cafile ${authority.certFile}\n`

  test.each([
    ['use_identity_as_username true', 'cn'],
    ['use_subject_as_username true', 'subject'],
    ['use_identity_as_username false\nuse_subject_as_username true', 'subject'],
    ['use_subject_as_username false\nuse_identity_as_username 1', 'cn'],
  ])('%s: the user is the %s', (lines, user) => {
    using confs = new Confs()
    const outcome = confs.import(`${tls}${ca()}require_certificate true\n${lines}`)
    expect(outcome.told).toEqual([])
    expect(outcome.config.broker.listeners).toMatchObject([{ port: 8883, anonymous: false }])
    expect(clientsOf(outcome.config.broker.listeners[0])).toEqual({ caFile: authority.certFile, crlFile: null, need: 'required', user, map: null })
  })

  test('both names: the CN goes before, as in Mosquitto', () => {
    using confs = new Confs()
    const outcome = confs.import(`${tls}${ca()}require_certificate true\nuse_subject_as_username true\nuse_identity_as_username true`)
    expect(clientsOf(outcome.config.broker.listeners[0])).toMatchObject({ user: 'cn' })
    expect(outcome.told).toEqual([expect.stringMatching(/^6 left out: use_identity_as_username \(\S+:7\) goes before it/)])
  })

  test('allow_anonymous does not count where a certificate is the user', () => {
    using confs = new Confs()
    const outcome = confs.import(`${tls}${ca()}require_certificate true\nuse_identity_as_username true\nallow_anonymous true`)
    expect(outcome.config.broker.listeners).toMatchObject([{ port: 8883, anonymous: false }])
  })

  test('beside a listener with passwords', () => {
    using confs = users()
    const outcome = confs.import(`${tls}${ca()}require_certificate true\nuse_identity_as_username true\nlistener 1883\npassword_file ${confs.passwords}\nacl_file ${confs.acl}`)
    expect([portsOf(outcome), usersOf(outcome), outcome.told]).toEqual([[8883, 1883], ['anna', 'ben'], []])
  })

  test('users of its own are not asked for there', () => {
    using confs = users()
    const others = confs.write('others', passwordLine('carl'))
    const outcome = confs.import(`${PER_LISTENER}${tls}${ca()}require_certificate true\nuse_identity_as_username true\npassword_file ${others}\nlistener 1883\npassword_file ${confs.passwords}`)
    expect([portsOf(outcome), usersOf(outcome)]).toEqual([[8883, 1883], ['anna', 'ben']])
    expect(outcome.told).toEqual(['8 left out: its clients are known by their certificates, and no password is asked for'])
  })

  test('a certificate for the connection only, where everybody with one is let in: its CN is the user, and told', () => {
    using confs = new Confs()
    const outcome = confs.import(`${ANYBODY}${tls}${ca()}require_certificate true`)
    expect(clientsOf(outcome.config.broker.listeners[0])).toMatchObject({ need: 'required', user: 'cn' })
    expect(outcome.config.broker.listeners).toMatchObject([{ anonymous: false }])
    expect(outcome.told).toEqual([expect.stringMatching(/^6 changed: the common name of its certificate is the user of a client/)])
  })

  test.each([
    ['with a password too', '', 'it asks for a certificate \\(\\S+:5\\), and for user and password besides'],
    ['with rules that go by the user name', `${ANYBODY}acl_file ACL`, 'it asks for a certificate \\(\\S+:5\\), and the rules of \\S+acl go by the user name of CONNECT'],
  ])('a certificate for the connection only, %s: it stays out', (_, lines, why) => {
    using confs = users()
    const outcome = confs.import(`${tls}${ca()}require_certificate true\n${lines.replace('ACL', confs.acl)}\n${lines === '' ? `password_file ${confs.passwords}` : ''}`)
    expect(portsOf(outcome)).toEqual([])
    expect(reasonsOf(outcome)).toMatch(new RegExp(why))
    expect(outcome.text).toContain(`clients: { ca: ${authority.certFile}, need: required, user: cn }`)
  })

  test.each([
    ['no authority', 'require_certificate true\nuse_identity_as_username true', 'it asks for certificates \\(\\S+:5\\) and has no cafile'],
    ['a folder of authorities', 'require_certificate true\nuse_identity_as_username true\ncapath /etc/ssl/devices', 'its authorities are in a folder \\(\\S+:7\\)'],
    ['an authority that is not there', 'cafile /nowhere.pem\nrequire_certificate true\nuse_identity_as_username true', 'nowhere.pem does not exist'],
    ['a list that is not there', 'cafile CA\ncrlfile /nowhere.pem\nrequire_certificate true\nuse_identity_as_username true', 'nowhere.pem does not exist'],
    ['a list without a name', 'cafile CA\ncrlfile\nrequire_certificate true\nuse_identity_as_username true', 'crlfile \\(\\S+:6\\) names no file'],
    ['a name that nobody has to show', 'cafile CA\nuse_identity_as_username true', 'use_identity_as_username \\(\\S+:6\\) needs `require_certificate true`'],
    ['neither true nor false', 'cafile CA\nrequire_certificate perhaps', 'require_certificate \\(\\S+:6\\) says neither true nor false'],
  ])('%s: it stays out', (_, lines, why) => {
    using confs = new Confs()
    const outcome = confs.import(`${ANYBODY}${tls}${lines.replace('CA', authority.certFile)}`)
    expect(portsOf(outcome)).toEqual([])
    expect(reasonsOf(outcome)).toMatch(new RegExp(why))
  })

  test('a folder of authorities beside a file of them: the file counts, and told', () => {
    using confs = new Confs()
    const outcome = confs.import(`${tls}${ca()}capath /etc/ssl/devices\nrequire_certificate true\nuse_identity_as_username true`)
    expect(portsOf(outcome)).toEqual([8883])
    expect(outcome.told).toEqual([expect.stringMatching(/^5 left out: authorities are read from one file/)])
  })

  test('nobody is asked for a certificate: authorities and lists are told', () => {
    using confs = new Confs()
    const outcome = confs.import(`${ANYBODY}${tls}${ca()}crlfile /nowhere.pem\nrequire_certificate false`)
    expect(clientsOf(outcome.config.broker.listeners[0])).toBeNull()
    expect(outcome.told).toEqual([expect.stringMatching(/^5 left out: without `require_certificate true`/), expect.stringMatching(/^6 left out: without `require_certificate true`/)])
  })

  test('revoked certificates, and more authorities than Mosquitto asks about', async () => {
    using confs = new Confs()
    const crl = confs.write('crl.pem', await authority.crl())
    const conf = (file: string): string => `${tls}cafile ${file}\ncrlfile ${crl}\nrequire_certificate true\nuse_identity_as_username true`
    const outcome = confs.import(conf(authority.certFile))
    expect(clientsOf(outcome.config.broker.listeners[0])).toMatchObject({ crlFile: crl })
    expect(outcome.told).toEqual([])
    const both = readFileSync(authority.certFile, 'utf8') + readFileSync(authority.certFile, 'utf8')
    expect(confs.import(conf(confs.write('both.pem', both))).told).toEqual([expect.stringMatching(/^5 changed: every authority of \S+ that stands above a client needs a list/)])
  })

  test('a subject with letters beyond ASCII in the rules, as Mosquitto writes them', () => {
    using confs = new Confs()
    const conf = (user: string): string => `${tls}${ca()}require_certificate true\nuse_subject_as_username true\nacl_file ${confs.write('acl', `user ${user}\ntopic deny x\n`)}`
    const outcome = confs.import(conf(String.raw`CN=M\C3\BCller`))
    expect(portsOf(outcome)).toEqual([])
    expect(reasonsOf(outcome)).toContain(String.raw`has the user CN=M\C3\BCller`)
    for (const user of ['CN=Müller', String.raw`CN=pump 1,O=Acme\, Inc`]) expect(portsOf(confs.import(conf(user)))).toEqual([8883])
  })

  test.each(Array.from({ length: 150 }, (_, seed) => seed))('seed %i: whatever stands together, nobody new is let in, or to more', (seed) => {
    using confs = new Confs()
    const random = new Random(seed)
    const files = { a: confs.write('pa', passwordLine('anna')), b: confs.write('pb', passwordLine('ben')), broken: confs.write('broken', 'x:y\n') }
    const rules = { x: confs.write('x', 'topic read x\n'), y: confs.write('y', 'user anna\ntopic y\n'), broken: confs.write('z', 'what\n') }
    const said = (): { passwords: keyof typeof files | null; acl: keyof typeof rules | null; anonymous: boolean | null } =>
      ({ passwords: random.pick([null, 'a', 'a', 'b', 'broken']), acl: random.pick([null, null, 'x', 'x', 'y', 'broken']), anonymous: random.pick([null, true, true, false]) })
    const linesOf = ({ passwords, acl, anonymous }: ReturnType<typeof said>): string =>
      [passwords === null ? '' : `password_file ${files[passwords]}`, acl === null ? '' : `acl_file ${rules[acl]}`, anonymous === null ? '' : `allow_anonymous ${anonymous}`].filter((line) => line !== '').join('\n')
    const perListener = random.chance(0.7)
    const common = said()
    const doors = Array.from({ length: random.int(1, 4) }, (_, i) => ({
      port: 2000 + i, access: perListener ? said() : common, needsCertificate: random.chance(0.4), names: random.chance(0.7),
    }))
    const conf = doors.map(({ port, access, needsCertificate, names }) => [
      `listener ${port}`,
      perListener ? linesOf(access) : '',
      needsCertificate ? `certfile ${server.certFile}\nkeyfile ${server.keyFile}\n${ca()}require_certificate true` : '',
      needsCertificate && names ? 'use_identity_as_username true' : '',
    ].join('\n')).join('\n')
    const { config } = confs.import(`${perListener ? PER_LISTENER : linesOf(common)}\n${conf}`)
    const userNames = config.access.users.map(({ name }) => name)
    const fileOfRules = config.access.rules.flat()[0]?.where.split(/[ ,]/)[0] ?? null
    for (const listener of config.broker.listeners) {
      const { access, needsCertificate, names } = doors.find(({ port }) => port === (listener as PortListenerConfig).port)!
      expect(access.acl, conf).toBe(fileOfRules)
      expect((clientsOf(listener) ?? null) !== null, conf).toBe(needsCertificate)
      if (needsCertificate && !names) expect([access.anonymous, access.acl], conf).toEqual([true, null]) // whoever has a certificate could come
      if (needsCertificate) continue
      if (listener.anonymous) expect(access.anonymous, conf).toBe(true)
      else expect(access.passwords, conf).not.toBeNull()
      const namesCount = !listener.anonymous || (userNames.length > 0 && access.passwords !== null && access.passwords !== 'broken')
      if (namesCount) expect(userNames, conf).toEqual([access.passwords === 'a' ? 'anna' : 'ben'])
    }
  })
})
