// A gateway is found by mDNS, over real multicast between two network namespaces: by python-zeroconf, beside and against Debian's Avahi.
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { planOf } from '../../src/appliance/plan.ts'
import { MulticastNetwork, type Where, whyWithoutNetworks } from '../support/multicast-network.ts'
import { GatewayProcess } from '../support/process.ts'
import { until } from '../support/until.ts'
import { accepted } from '../unit/config/gateway-yaml.ts'

const AVAHI = '/usr/sbin/avahi-daemon'
const ZEROCONF = '/usr/lib/python3/dist-packages/zeroconf/__init__.py'
const why = process.platform !== 'linux' ? 'network namespaces are Linux’s' : [AVAHI, ZEROCONF].every((file) => existsSync(file)) ? whyWithoutNetworks() : 'apt-get install avahi-daemon python3-zeroconf'
const ANNOUNCED = 'the gateway is announced by mDNS'
/** A network that has changed is noticed within five seconds; on a busy machine all takes its time. */
const NOTICED_MS = 15_000
const LISTENER = 'broker: { listeners: [{ port: 1883, host: "::", anonymous: true }] }'

describe.skipIf(why !== null)(`discovery${why === null ? '' : ` (skipped: ${why})`}`, () => {
  let network: MulticastNetwork
  let folder: string
  const gateways: GatewayProcess[] = []

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sandpiper-mdns-'))
    network = await MulticastNetwork.make()
  })
  afterEach(async () => {
    await Promise.all(gateways.splice(0).map((gateway) => gateway.kill()))
    await network[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const configFile = (where: Where): string => join(folder, where, 'gateway.yaml')

  async function start(where: Where, text: string): Promise<GatewayProcess> {
    await mkdir(dirname(configFile(where)), { recursive: true })
    await writeFile(configFile(where), `site: well-07\n${text}\n`)
    const gateway = new GatewayProcess(['run', '--config', configFile(where)], { within: network.within(where) })
    gateways.push(gateway)
    await gateway.ready()
    return gateway
  }

  const seen = (condition: () => boolean, what: string) => until(condition, what, NOTICED_MS)
  const announced = (gateway: GatewayProcess) => gateway.log.filter(({ msg }) => msg === ANNOUNCED)

  /** Debian's Avahi, with this configuration. */
  async function avahi(where: Where, conf: string): Promise<readonly string[]> {
    const file = join(folder, `avahi-${where}.conf`)
    await writeFile(file, conf)
    const { lines } = network.start(where, [AVAHI, '--no-drop-root', '--no-chroot', '--no-rlimits', `--file=${file}`])
    await seen(() => lines.some((line) => line.startsWith('Server startup complete')), `Avahi: ${lines.join('\n')}`)
    return lines
  }

  test('what is listened on for the network is found, with what it says of itself; at the stop it is gone at once', async () => {
    const [watch, watch6] = await Promise.all([network.watch('there', { host: 'well-07.local' }), network.watch('there', { ipv6: true })])
    const gateway = await start('here', `
broker: { listeners: [{ port: 1883, host: "::", anonymous: true }, { port: 1884, host: 10.9.0.1, anonymous: true }, { port: 1885 }, { port: 9001, host: "::", anonymous: true, websocket: true }] }
http: { listeners: [{ port: 443, host: 0.0.0.0, tls: own }, { port: 8080 }], tokens: [{ name: t, token: 0123456789abcdef, role: viewer }] }`)
    await seen(() => watch.found().length === 3, 'three services')
    expect(watch.found()).toEqual([
      'well-07 _https._tcp well-07.local:443 10.9.0.1',
      'well-07 _mqtt._tcp well-07.local:1883 10.9.0.1',
      'well-07 port 1884 _mqtt._tcp well-07.local:1884 10.9.0.1',
    ])
    await seen(() => watch6.found().length === 3, 'the same over IPv6')
    expect(watch6.found()).toEqual(watch.found())
    const txt = watch.heard().find(({ type }) => type === '_https._tcp.local.')!.txt
    expect(txt).toEqual({ version: expect.stringMatching(/^\d+\.\d+\.\d+/), site: 'well-07', path: '/' })
    await seen(() => watch.heard().some(({ heard, addresses }) => heard === 'host' && addresses?.join() === '0a090001'), 'the host’s address')
    await gateway.stop()
    await seen(() => watch.found().length + watch6.found().length === 0, 'goodbye')
  })

  test('what only this machine reaches is not announced: nothing is listened for', async () => {
    await start('here', 'broker: { listeners: [{ port: 1883 }, { port: 1883, host: "::1" }] }\nhttp: { listeners: [{ port: 8080 }] }')
    expect(await network.udpPorts('here')).toEqual([])
  })

  test('a second gateway of the same name gets another one, and says so', async () => {
    const first = await start('here', LISTENER)
    await seen(() => announced(first).length > 0, 'the first')
    const second = await start('there', LISTENER)
    const watch = await network.watch('there')
    await seen(() => watch.found().length === 2, 'both')
    expect(watch.found()).toEqual(['well-07 (2) _mqtt._tcp well-07-2.local:1883 10.9.0.2', 'well-07 _mqtt._tcp well-07.local:1883 10.9.0.1'])
    expect(second.log).toContainEqual(expect.objectContaining({ level: 40, taken: 'well-07.local', by: expect.stringMatching(/^(10\.9\.0\.1|fe80::1)/), host: 'well-07-2.local' }))
    expect(announced(first)).toHaveLength(1)
  })

  test('another address is said at once', async () => {
    const gateway = await start('here', LISTENER)
    await seen(() => announced(gateway).length > 0, 'the announcement')
    const watch = await network.watch('there', { host: 'well-07.local' })
    const addresses = () => watch.heard().findLast(({ heard }) => heard === 'host')?.addresses?.join()
    await seen(() => addresses() === '0a090001', 'its address')
    await network.sh('here', 'ip addr del 10.9.0.1/24 dev cable; ip addr add 10.9.0.77/24 dev cable')
    await seen(() => addresses() === '0a09004d', 'the new address alone')
    expect(announced(gateway)).toHaveLength(1) // by the same names
  })

  test('the section is read again while the gateway runs', async () => {
    const watch = await network.watch('there')
    const gateway = await start('here', LISTENER)
    await seen(() => watch.found().length === 1, 'the service')
    await writeFile(configFile('here'), `site: well-07\n${LISTENER}\ndiscovery: { name: "Well, Ångström" }\n`)
    process.kill(gateway.pid, 'SIGHUP')
    await seen(() => watch.found().join() === 'Well, Ångström _mqtt._tcp well-07.local:1883 10.9.0.1', 'the new name alone')
    await writeFile(configFile('here'), `site: well-07\n${LISTENER}\ndiscovery: { mdns: off }\n`)
    process.kill(gateway.pid, 'SIGHUP')
    await seen(() => watch.found().length === 0, 'goodbye')
    expect(await network.udpPorts('here')).toEqual([])
  })

  describe('Avahi', () => {
    const CONF = '[server]\nhost-name=well-07\nenable-dbus=no\n[publish]\npublish-workstation=no\npublish-hinfo=no\n'

    test('on the same machine tells the host’s name, and keeps it; the gateway tells its services', async () => {
      const said = await avahi('here', CONF)
      const gateway = await start('here', LISTENER)
      await seen(() => announced(gateway).length > 0, 'the announcement')
      const watch = await network.watch('there')
      await seen(() => watch.found().length === 1, 'the service')
      expect(watch.found()).toEqual(['well-07 _mqtt._tcp well-07.local:1883 10.9.0.1 fe80::1']) // Avahi tells both
      expect(gateway.log.filter(({ level }) => level >= 40)).toEqual([])
      expect(said.filter((line) => /conflict|collision/i.test(line))).toEqual([])
    })

    test('on another machine had the name first', async () => {
      await avahi('there', CONF)
      const gateway = await start('here', LISTENER)
      await seen(() => announced(gateway).length > 0, 'the announcement')
      expect(announced(gateway)[0]).toMatchObject({ name: 'well-07', host: 'well-07-2.local', services: ['_mqtt._tcp 1883'], networks: ['cable'] })
    })

    test('comes later to another machine, and takes another name', async () => {
      const gateway = await start('here', LISTENER)
      await seen(() => announced(gateway).length > 0, 'the announcement')
      const said = await avahi('there', CONF)
      expect(said.findLast((line) => line.startsWith('Server startup complete'))).toContain('well-07-2.local')
    })

    test('says from the image’s files what the gateway would', async () => {
      const text = `site: well-07\nbroker: { listeners: [{ port: 1883, host: "::", anonymous: true }, { port: 1884, host: "::", anonymous: true }, { port: 1885, host: 10.9.0.1, anonymous: true }] }
http: { listeners: [{ port: 443, host: "::", tls: own }], tokens: [{ name: t, token: 0123456789abcdef, role: viewer }] }\ndiscovery: { name: "Tom & <Jerry>" }\n`
      const services = join(folder, 'services')
      const files = planOf(accepted(text)).files.filter(({ concern }) => concern === 'discovery')
      await mkdir(services)
      await Promise.all(files.filter(({ path }) => path.endsWith('.service')).map(({ path, content }) => writeFile(join(services, path.split('/').at(-1)!), content)))
      await network.sh('here', `mount --bind ${services} /etc/avahi/services`)
      const watch = await network.watch('there')
      const said = await avahi('here', files.find(({ path }) => path.endsWith('avahi-daemon.conf'))!.content)
      await seen(() => watch.found().length === 3, `three services: ${said.join('\n')}`)
      expect(watch.found()).toEqual([
        'Tom & <Jerry> _https._tcp well-07.local:443 10.9.0.1 fe80::1',
        'Tom & <Jerry> _mqtt._tcp well-07.local:1883 10.9.0.1 fe80::1',
        'Tom & <Jerry> port 1884 _mqtt._tcp well-07.local:1884 10.9.0.1 fe80::1',
      ])
      expect(watch.heard().find(({ type }) => type === '_https._tcp.local.')!.txt).toMatchObject({ site: 'well-07', path: '/' })
    })
  })
})
