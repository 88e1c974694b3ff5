// The whole of an import: what the broker's settings become, what comes out when much is wrong, and what is always true of it.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importCommand } from '../../../src/migrate/command.ts'
import { DIRECTIVES } from '../../../src/migrate/directives.ts'
import { Random } from '../mqtt/samples.ts'
import { Confs, imported } from './confs.ts'

describe('settings of the broker', () => {
  test.each([
    ['max_packet_size 20000', { broker: { packetBytesMax: 20_000 } }],
    ['message_size_limit 20000', { broker: { packetBytesMax: 85_535 } }],
    ['message_size_limit 0', { broker: { packetBytesMax: 268_435_455 } }],
    ['max_packet_size 20000\nmessage_size_limit 1000', { broker: { packetBytesMax: 20_000 } }],
    ['max_packet_size 90000\nmessage_size_limit 1000', { broker: { packetBytesMax: 66_535 } }],
    ['max_packet_size 100', { broker: { packetBytesMax: 1000 } }],
    ['max_inflight_messages 20', { broker: { receiveMaximum: 20 } }],
    ['max_inflight_messages 0', { broker: { receiveMaximum: 65_535 } }],
    ['max_keepalive 120', { broker: { keepAliveSecMax: 120 } }],
    ['max_queued_messages 100', { broker: { sessionQueue: { countMax: 100, whenFull: 'drop-newest' } } }],
    ['max_queued_messages 0', { broker: { sessionQueue: { countMax: 1_000_000_000 } } }],
    ['max_queued_bytes 100000', { broker: { sessionQueue: { bytesMax: 100_000, whenFull: 'drop-newest' } } }],
    ['max_queued_bytes 1', { broker: { sessionQueue: { bytesMax: 64_000 } } }],
    ['retain_available false', { broker: { retainedMessagesMax: 0 } }],
    ['retain_available true', { broker: { retainedMessagesMax: 10_000 } }],
    ['sys_interval 60', { broker: { sysIntervalMs: 60_000 } }],
    ['sys_interval 0', { broker: { sysIntervalMs: 0 } }],
    ['persistent_client_expiration 5h', { broker: { sessionExpirySecMax: 18_000 } }],
    ['persistent_client_expiration 14d', { broker: { sessionExpirySecMax: 14 * 86_400 } }],
    ['persistent_client_expiration 2w', { broker: { sessionExpirySecMax: 14 * 86_400 } }],
    ['persistent_client_expiration 2m', { broker: { sessionExpirySecMax: 60 * 86_400 } }],
    ['persistent_client_expiration 1y', { broker: { sessionExpirySecMax: 365 * 86_400 } }],
    ['persistence true\npersistence_location /var/lib/mosquitto/', { store: { path: '/var/lib/mosquitto' } }],
    ['log_type error\nlog_type warning', { log: { level: 'warn' } }],
    ['log_type all', { log: { level: 'debug' } }],
    ['log_type none', { log: { level: 'error' } }],
    ['', { site: 'site-7', broker: { packetBytesMax: 1_000_000 }, log: { level: 'info' } }],
  ])('%s', (lines, config) => expect(imported(lines).config).toMatchObject(config))

  test.each([
    ['max_packet_size 5', 'the value must be a whole number from 20 to 268435455'],
    ['max_packet_size much', 'the value must be a whole number from 20 to 268435455'],
    ['max_packet_size', 'the value must be a whole number from 20 to 268435455'],
    ['max_keepalive 0', 'the value must be a whole number from 1 to 65535'],
    ['max_inflight_messages -3', 'the value must be a whole number from 0 to 65535'],
    ['sys_interval 1000000', 'the value must be a whole number from 0 to 65535'],
    ['persistent_client_expiration 14', 'the value must be a number with h, d, w, m or y, for example 14d'],
    ['persistent_client_expiration 0d', 'the value must be a number with h, d, w, m or y, for example 14d'],
    ['retain_available maybe', 'the value must be true or false'],
    ['persistence false', 'what is acknowledged is always kept on the card'],
    ['persistence_location', 'there is no value behind it'],
    ['log_type loud', 'Mosquitto knows no such type of messages'],
    ['max_packet_size 20000 \u0007', 'the line is damaged: it holds what is no text'],
  ])('%s: left out', (line, why) => expect(imported(line).told).toEqual([`1 left out: ${why}`]))

  test('a value that is said again: the last counts, the first is told', () => {
    const outcome = imported('sys_interval 10\nsys_interval 20\n')
    expect(outcome.config.broker.sysIntervalMs).toBe(20_000)
    expect(outcome.told).toEqual(['1 left out: it is said again on line 2, and that counts'])
  })

  test('a host name that cannot be a site becomes one', () => {
    expect(imported('', 'Müller’s Pi').config.site).toBe('M-ller-s-Pi')
    expect(imported('', '…').config.site).toBe('gateway')
  })
})

describe('the command', () => {
  test('writes the file, with the findings as comments, and says the same on standard error', () => {
    using confs = new Confs()
    const out = join(confs.folder, 'gateway.yaml')
    const { stdout, stderr, exitCode } = importCommand(confs.write('mosquitto.conf', 'pid_file /run/x\nmax_conections 5\n'), out, 'h')
    expect([exitCode, stdout]).toEqual([0, ''])
    const text = readFileSync(out, 'utf8')
    for (const line of ['1  pid_file /run/x: left out: there is no such file: systemd knows the process', '2  max_conections …: left out: Mosquitto knows no such directive: did you mean max_connections?']) {
      expect(text).toContain(`#   ${confs.folder}/mosquitto.conf:${line}\n`)
      expect(stderr).toContain(`${confs.folder}/mosquitto.conf:${line}\n`)
    }
    expect(stderr).toMatch(/\nImported 1 of 1 listener and 0 of 0 bridges; 2 lines left out, 0 changed\.\nWritten to \S+\.\nLook at it, then: sandpiper check \S+\n$/)
  })

  test('a check more for what the one before refused', () => {
    using confs = new Confs()
    const rounds: number[] = []
    importCommand(confs.write('mosquitto.conf', 'connection c\naddress h\ntopic data/#/x out 0\n'), null, 'h', (round) => rounds.push(round))
    expect(rounds).toEqual([0, 1])
  })

  test('without --out the text goes to standard output, and a password nowhere', () => {
    using confs = new Confs()
    const conf = confs.write('mosquitto.conf', 'connection c\naddress h\ntopic a out 0\nremote_username u\nremote_password s3cret\n')
    const { stdout, stderr, exitCode } = importCommand(conf, null, 'h')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^ {4}# password: \{ file: … \}/m)
    expect(stderr).toMatch(/:5 {2}remote_password …: left out: a password is not printed: with --out it goes to a file of its own\n/)
    expect(stdout + stderr).not.toContain('s3cret')
    expect(readdirSync(confs.folder)).toEqual(['mosquitto.conf'])
  })

  test('a password is in a file of its own that only its owner may read', () => {
    using confs = new Confs()
    const conf = confs.write('mosquitto.conf', 'connection c\naddress h\ntopic a out 0\nremote_username u\nremote_password s3cret\n')
    const { stderr } = importCommand(conf, join(confs.folder, 'gateway.yaml'), 'h')
    expect(readFileSync(join(confs.folder, 'c.password'), 'utf8')).toBe('s3cret\n')
    expect(statSync(join(confs.folder, 'c.password')).mode & 0o777).toBe(0o600)
    expect(readFileSync(join(confs.folder, 'gateway.yaml'), 'utf8') + stderr).not.toContain('s3cret')
    expect(stderr).toContain('c.password')
  })

  test.each(['gateway.yaml', 'c.password'])('nothing is written over: %s', (name) => {
    using confs = new Confs()
    const conf = confs.write('mosquitto.conf', 'connection c\naddress h\ntopic a out 0\nremote_username u\nremote_password s3cret\n')
    writeFileSync(join(confs.folder, name), 'mine')
    const { stderr, exitCode } = importCommand(conf, join(confs.folder, 'gateway.yaml'), 'h')
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(new RegExp(`^sandpiper: \\S+/${name} is there already: it is not written over; move it away, or give another --out\\n$`))
    expect(readFileSync(join(confs.folder, name), 'utf8')).toBe('mine')
    expect(readdirSync(confs.folder).sort()).toEqual([name, 'mosquitto.conf'].sort())
  })

  test('a folder that is not there', () => {
    using confs = new Confs()
    const { stderr, exitCode } = importCommand(confs.write('mosquitto.conf', ''), join(confs.folder, 'no/gateway.yaml'), 'h')
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/^sandpiper: the folder of \S+ does not exist: make it, or give another --out\n$/)])
  })

  test('what is no configuration: one sentence, and nothing is written', () => {
    using confs = new Confs()
    const out = join(confs.folder, 'gateway.yaml')
    const { stdout, stderr, exitCode } = importCommand(confs.write('mosquitto.conf', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0])), out, 'h')
    expect([exitCode, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^sandpiper: \S+ is not text: .*\n$/)
    expect(existsSync(out)).toBe(false)
  })

  test.each([
    ['unknown words', (i: number) => `frobnikate_${i % 90} x`],
    ['listeners and what keeps out', (i: number) => (i % 2 === 0 ? `listener ${i}` : 'acl_file x')],
    ['bridges', (i: number) => `${['connection c', 'address h', 'topic #', 'remote_clientid c'][i % 4]}${i % 4 === 0 ? i : ''}`],
    ['topics that come back', (i: number) => (i === 0 ? 'connection c' : `topic t/+/${i} both`)],
    ['the same again', (i: number) => (i % 2 === 0 ? 'log_type all' : 'user x')],
  ])('five thousand %s have an end', { timeout: 30_000 }, (_, line) => {
    using confs = new Confs()
    const conf = confs.write('mosquitto.conf', `user x\n${Array.from({ length: 4999 }, (_line, i) => line(i)).join('\n')}`)
    const began = performance.now()
    const { exitCode, stderr } = importCommand(conf, null, 'h')
    if (exitCode === 1) expect(stderr).toMatch(/larger than 256 kB/)
    expect(performance.now() - began).toBeLessThan(15_000)
  })

  test('what would be too large', () => {
    using confs = new Confs()
    const bridge = (i: number): string => `connection b${i}\naddress h${i}\n${Array.from({ length: 1000 }, (_, n) => `topic ${'x'.repeat(300)}/${n} out 0\n`).join('')}`
    for (let i = 0; i < 4; i++) confs.write(`conf.d/${i}.conf`, bridge(i))
    const { stderr, exitCode } = importCommand(confs.write('mosquitto.conf', 'include_dir conf.d\n'), null, 'h')
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^sandpiper: \S+ cannot be made into a configuration: \S+ is larger than 256 kB; /)
  })
})

describe('whatever is in it', () => {
  const WORDS = ['true', 'false', '0', '1', '-1', '7', '99999999999', '""', '#', '# x', '{site}', '$SYS/broker/', '/etc/x', 'a b c', 'out', 'in', 'both', '::1:1883', 'ipv4', 'websockets', 'mqttv50', 'é😀', '\u0007', '\uFFFD', "'", '"', ': ', '- [', '\\', '&a *a', '14d', 'x'.repeat(300), '']
  const NAMES = [...DIRECTIVES.map((d) => (d.name.endsWith('_opt_') ? `${d.name}x` : d.name)).filter((name) => name !== 'include_dir'), 'lisener', 'conection', 'frobnicate', '\u0007', 'allow_anonimous']
  const SECRETS = new Set([...DIRECTIVES.filter((d) => d.secret).map((d) => d.name), 'auth_opt_x', 'plugin_opt_x'])

  function confOf(random: Random): string {
    const lines = [random.pick(['', 'allow_anonymous true', 'per_listener_settings true'])]
    for (let n = random.int(1, 40); n > 0; n--) {
      if (random.chance(0.15)) lines.push(`listener ${random.int(0, 3) * 900 + random.int(0, 9)} ${random.pick(WORDS)}`)
      else if (random.chance(0.1)) lines.push(`connection ${random.pick(WORDS)}`, `address h${random.int(1, 9)}`, `topic ${random.pick(['#', 'a/+', 'b'])} ${random.pick(['in', 'out', 'both'])} ${random.int(0, 2)} ${random.pick(WORDS)} ${random.pick(WORDS)}`)
      else {
        const name = random.pick(NAMES)
        lines.push(`${name} ${SECRETS.has(name) ? 's3cret' : random.pick(WORDS)} ${random.chance(0.2) && !SECRETS.has(name) ? random.pick(WORDS) : ''}`)
      }
    }
    return lines.join('\n')
  }

  test.each(Array.from({ length: 300 }, (_, seed) => seed))('seed %i: it passes the check, tells of every line, and lets in nobody new', (seed) => {
    const conf = confOf(new Random(seed))
    const { config, text, report, findings } = imported(`user x\n${conf}`) // fails when what comes out does not pass
    const known = new Map(DIRECTIVES.map((d) => [d.name, d]))
    for (const { name } of findings.map((f) => f.line)) expect(name).not.toBe('')
    conf.split('\n').forEach((raw, i) => {
      const [name = '', value = ''] = raw.trim().split(/[ \t]+/)
      const fate = known.get(name)?.fate
      const mustTell = raw.trim() !== '' && !raw.trim().startsWith('#') && (fate === undefined ? !name.endsWith('_opt_x') : fate.kind === 'not' && !fate.unless.includes(value))
      if (mustTell) expect(report.join('\n'), `line ${i + 2}: ${raw}`).toMatch(new RegExp(`mosquitto\\.conf:${i + 2}  `))
    })
    expect(text + report.join('\n')).not.toContain('s3cret')
    // For all listeners, unless lines about access are for one.
    const keepsOut = !/^per_listener_settings (true|1)/m.test(conf) && /^(acl_file|plugin|auth_plugin|clientid_prefixes|global_plugin|plugin_load) /m.test(conf)
    if (keepsOut) expect(config.broker.listeners, conf).toEqual([])
    const letsIn = /^\s*allow_anonymous (true|1)(\s|$)/m.test(conf)
    const asksForListeners = /^\s*(listener|port|bind_address)(\s|$)/m.test(conf)
    for (const listener of config.broker.listeners) {
      if (letsIn) continue
      expect(listener, conf).toMatchObject({ kind: 'port', host: '127.0.0.1', port: 1883 })
      expect(asksForListeners, conf).toBe(false)
    }
  })
})
