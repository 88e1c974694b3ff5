// What a configuration asks of the machine, file by file.
import { describe, expect, test } from 'vitest'
import { type Plan, planOf } from '../../../src/appliance/plan.ts'
import { accepted, uplink } from '../config/gateway-yaml.ts'

const S = 'site: s\n'

/** Files of a plan by the last part of their name, without the comment at their head; connections by their id. */
function filesOf(text: string): Record<string, string> {
  const plan = planOf(accepted(text))
  return Object.fromEntries(plan.files.map(({ path, content }) => [/^id=(.*)$/m.exec(content)?.[1] ?? path.split('/').slice(-2).join('/'), content.replace(/^#.*\n/, '')]))
}

function connection(network: string, id: string): string {
  return filesOf(`${S}network: { country: DE, ${network} }`)[id]!.replace(/^uuid=.*\n/m, '')
}

describe('connections', () => {
  test('without a word: every cable by DHCP, for ever', () => {
    expect(filesOf(S)['ethernet any']!.replace(/^uuid=.*\n/m, '')).toBe('[connection]\nid=ethernet any\ntype=ethernet\nautoconnect-retries=0\nmulti-connect=3\n\n[ethernet]\n\n[ipv4]\nmethod=auto\ndhcp-timeout=2147483647\n\n[ipv6]\nmethod=auto\n')
  })
  test('fixed', () => {
    expect(connection('ethernet: [{ interface: eth0, address: [192.168.1.20/24, "fd00::2/64"], gateway: [192.168.1.1, "fd00::1"], dns: [9.9.9.9, "2620:fe::fe"] }]', 'ethernet eth0')).toBe(
      '[connection]\nid=ethernet eth0\ntype=ethernet\nautoconnect-retries=0\ninterface-name=eth0\n\n[ethernet]\n\n[ipv4]\nmethod=manual\naddress1=192.168.1.20/24\ngateway=192.168.1.1\ndns=9.9.9.9;\nignore-auto-dns=true\n\n[ipv6]\nmethod=manual\naddress1=fd00::2/64\ngateway=fd00::1\ndns=2620:fe::fe;\nignore-auto-dns=true\n',
    )
  })
  test('one address for no more than one cable', () => expect(connection('ethernet: [{ address: 10.0.0.2/8, gateway: 10.0.0.1 }]', 'ethernet any')).not.toContain('multi-connect'))
  test('Wi-Fi in its order, with names and passwords of any kind', () => {
    const files = filesOf(`${S}network: { country: DE, wifi: [{ ssid: "a;b", password: " \\\\x#;=\\" 1" }, { ssid: b }, { ssid: c, password: 12345678a, security: wpa3, hidden: true }] }`)
    expect(files['wifi a;b']).toContain('autoconnect-priority=100\n\n[wifi]\nmode=infrastructure\nssid=97;59;98;\nhidden=false\n\n[wifi-security]\nkey-mgmt=wpa-psk\npsk=\\s\\\\x#;=" 1\n')
    expect(files['wifi b']).toContain('autoconnect-priority=99')
    expect(files['wifi b']).not.toContain('wifi-security')
    expect(files['wifi c']).toMatch(/hidden=true[\s\S]*key-mgmt=sae/)
  })
  test('a hotspot hands out addresses, and no way further', () => {
    expect(connection('hotspot: { ssid: h, password: 12345678a, channel: 6 }', 'hotspot h')).toContain('[wifi]\nmode=ap\nssid=104;\nband=bg\nchannel=6\n')
    expect(connection('hotspot: { ssid: h, password: 12345678a }', 'hotspot h')).toContain('[ipv4]\nmethod=shared\naddress1=10.42.0.1/24\nnever-default=true\n')
  })
  test('a modem that a link dials waits for it, another is up all the time', () => {
    const files = filesOf(`${uplink('dial: { modem: lte }')}\nnetwork: { modems: [{ name: lte, apn: internet, pin: "0123", user: u, password: "p;\\\\" }, { name: spare }] }`)
    expect(files['lte']).toContain('autoconnect=false\nmetered=1\n\n[gsm]\napn=internet\npin=0123\nusername=u\npassword=p;\\\\\n')
    expect(files['spare']).toContain('autoconnect=true\nmetered=1\n\n[gsm]\nauto-config=true\n')
  })
  test('the same connection keeps its UUID when its password changes, and no two have one', () => {
    const uuids = (password: string): string[] => planOf(accepted(`${S}network: { wifi: [{ ssid: a, password: ${password} }, { ssid: b }], modems: [{ name: a }] }`)).connections.map(({ uuid }) => uuid)
    expect(uuids('12345678a')).toEqual(uuids('12345678b'))
    expect(new Set(uuids('12345678a')).size).toBe(4)
    for (const uuid of uuids('12345678a')) expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})

test('dial-up: a peer of pppd and a script for the modem', () => {
  const files = filesOf(`${S}network: { dialup: [{ name: sat, device: /dev/ttyUSB0, baud: 9600, number: "008816000025", flowControl: none, user: "o'b \\"x", password: 'p\\w', init: [AT&F, "AT+X=\\"a\\"^b\\\\c"], timeout: 90s }] }`)
  expect(files['peers/sat']).toContain('/dev/ttyUSB0\n9600\nnocrtscts\nlocal\nlock\nconnect "/usr/sbin/chat -v -f /run/sandpiper-apply/chat/sat"\nuser "o\\047b \\042x"\npassword "p\\134w"\nnoauth\n')
  expect(files['chat/sat']).toBe('ABORT "BUSY"\nABORT "NO CARRIER"\nABORT "NO DIALTONE"\nABORT "NO ANSWER"\nABORT "ERROR"\nTIMEOUT 10\n\'\' \'AT\'\nOK-AT-OK "AT&F"\nOK-AT-OK "AT+X=\\"a\\"\\136b\\\\c"\nOK-AT-OK "ATD008816000025"\nTIMEOUT 90\nCONNECT \'\'\n')
})

test('time', () => {
  const time = (text: string): string => filesOf(`${S}time: ${text}\nsensors: [{ name: gnss, topic: g, nmea: { tcp: 127.0.0.1 } }]`)['chrony/gateway.conf']!
  expect(filesOf(S)['chrony/gateway.conf']).toBe('pool 2.debian.pool.ntp.org iburst maxsources 2\nmakestep 1 3\n')
  expect(time('{ servers: [192.168.1.1], step: always }')).toBe('server 192.168.1.1 iburst\nmakestep 1 -1\n')
  expect(time('{ servers: [], gps: { sensor: gnss, delay: 150ms }, step: never }')).toBe('refclock SOCK /run/chrony.gateway.sock refid GPS poll 4 precision 0.05 offset 0.15 delay 0.4\n')
})

test('name and keys', () => {
  const plan = planOf(accepted('site: Well_1'))
  expect(plan.hostname).toBe('well-1')
  expect(plan.files.find(({ path }) => path.endsWith('authorized_keys'))).toMatchObject({ content: '', mode: 0o644 })
})

describe('mDNS', () => {
  const LISTENER = 'broker: { listeners: [{ port: 1883, host: "::", anonymous: true }, { port: 1884, host: "::", anonymous: true }] }'
  const files = (text: string) => planOf(accepted(text)).files.filter(({ concern }) => concern === 'discovery')
  const text = (config: string, name: string): string => files(config).find(({ path }) => path.endsWith(`/${name}`))!.content

  test.each([
    ['nothing listens for the network', S],
    ['it is off', `${S}${LISTENER}\ndiscovery: { mdns: off }`],
  ])('%s: Avahi gets no file, and does not start', (_, config) => expect(files(config)).toEqual([]))

  test('the name, and nothing else, where it is on and nothing listens', () => {
    expect(files(`${S}hostname: pump\ndiscovery: { mdns: on }`).map(({ path }) => path)).toEqual(['/run/sandpiper-apply/avahi/avahi-daemon.conf'])
    expect(text(`${S}hostname: pump\ndiscovery: { mdns: on }`, 'avahi-daemon.conf')).toMatch(/^host-name=pump$[^]*^enable-dbus=no$[^]*^publish-workstation=no$[^]*^enable-reflector=no$/m)
  })

  test('a listener of one address is told by the name only: service files are for all networks', () => {
    expect(files(`${S}broker: { listeners: [{ port: 1883, host: 192.168.4.1, anonymous: true }] }`).map(({ path }) => path)).toEqual(['/run/sandpiper-apply/avahi/avahi-daemon.conf'])
  })

  test('services of all networks; a second one of its type has its port in its name', () => {
    const config = `${S}${LISTENER}\ndiscovery: { name: "A & <B>" }`
    expect(files(config).map(({ path, mode }) => `${path} ${mode.toString(8)}`)).toEqual([
      '/run/sandpiper-apply/avahi/avahi-daemon.conf 644', '/run/sandpiper-apply/avahi-services/gateway.service 644', '/run/sandpiper-apply/avahi-services/mqtt-1884.service 644',
    ])
    expect(text(config, 'gateway.service')).toMatch(/<name>A &amp; &lt;B&gt;<\/name>\n  <service>\n    <type>_mqtt\._tcp<\/type>\n    <port>1883<\/port>\n    <txt-record>version=[^<]+<\/txt-record>\n    <txt-record>site=s<\/txt-record>\n  <\/service>\n/)
    expect(text(config, 'mqtt-1884.service')).toContain('<name>A &amp; &lt;B&gt; port 1884</name>')
  })

  test('not on what costs by the byte; only on those that are named', () => {
    const config = `${S}uplinks: [{ name: u, url: "mqtt://h", routes: [{ out: a }], metered: true, interface: usb0 }]\n${LISTENER}`
    expect(text(config, 'avahi-daemon.conf')).toContain('\ndeny-interfaces=usb0\n')
    expect(text(`${config}\ndiscovery: { interfaces: [usb0, eth0] }`, 'avahi-daemon.conf')).toContain('\nallow-interfaces=usb0,eth0\n')
    expect(text(`${config}\ndiscovery: { interfaces: [usb0, eth0] }`, 'avahi-daemon.conf')).not.toContain('deny')
  })
})

test('what holds secrets is for root only, and nothing lies but on tmpfs', () => {
  const plan: Plan = planOf(accepted(`${S}network: { country: DE, wifi: [{ ssid: a, password: secret-1 }], hotspot: { ssid: b, password: secret-2, interface: w }, modems: [{ name: m, password: secret-3 }], dialup: [{ name: d, device: /dev/x, number: "1", password: secret-4 }] }`))
  const open = plan.files.filter(({ mode }) => mode !== 0o600)
  expect(open.map(({ content }) => content).join('')).not.toContain('secret')
  expect(plan.files.filter(({ path }) => !path.startsWith('/run/'))).toEqual([])
  expect(plan.files.filter(({ content }) => /secret.?-\d|secret/.test(content))).toHaveLength(4)
})
