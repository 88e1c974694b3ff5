// `sandpiper import` beside a real Mosquitto: it knows the same words, and a site that is carried over is bridged as it was before and lets
// the same clients in, to the same.
import { execFile, execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import { afterEach, expect, test } from 'vitest'
import { DIRECTIVES } from '../../src/migrate/directives.ts'
import { Authority, type KeyPair } from '../support/certificates.ts'
import { Mosquitto } from '../support/mosquitto.ts'
import { freePort } from '../support/ports.ts'
import { GatewayProcess } from '../support/process.ts'
import { until } from '../support/until.ts'

const open: AsyncDisposable[] = []

afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing[Symbol.asyncDispose]()
})

function kept<T extends AsyncDisposable>(thing: T): T {
  open.push(thing)
  return thing
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sandpiper-import-'))
  kept({ [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) })
  return path
}

// ---- words

/** What Mosquitto says to a file; its last line makes sure that it says something and ends. */
async function complaint(path: string, line: string): Promise<string> {
  await writeFile(path, `${line}\nthe_end 1\n`)
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }
  return new Promise((resolve) => void execFile('mosquitto', ['-c', path], { env, timeout: 10_000 }, (_, stdout, stderr) => resolve(stdout + stderr)))
}

test('Mosquitto knows every directive of the table, and not what is not in it', { timeout: 60_000 }, async () => {
  const path = join(await folder(), 'mosquitto.conf')
  const unknown: string[] = []
  for (const { name, later } of DIRECTIVES) {
    const word = name.endsWith('_opt_') ? `${name}x` : name
    const said = await complaint(path, `${word} 1`)
    expect(said, word).toMatch(/Error/)
    if (!later && said.includes(`Unknown configuration variable "${word}"`)) unknown.push(word)
  }
  expect(unknown).toEqual([])
  expect(await complaint(path, 'frobnicate 1')).toContain('Unknown configuration variable "frobnicate"')
})

// ---- a site

const USER = { name: 'edge', password: 's3cret of the edge' }

/** Two listeners and a bridge, with a topic line of every kind. */
function siteConf(ports: { readonly own: number; readonly all: number; readonly cloud: number }, data: string): string {
  return `
# A site as it is.
allow_anonymous true
persistence true
persistence_location ${data}/
max_queued_messages 5000
max_packet_size 200000
sys_interval 20
autosave_interval 60
log_dest stderr

listener ${ports.own} 127.0.0.1
listener ${ports.all}
socket_domain ipv4
max_connections 50

connection cloud
address 127.0.0.1:${ports.cloud}
remote_clientid edge
remote_username ${USER.name}
remote_password ${USER.password}
keepalive_interval 30
restart_timeout 1 2
topic # both 1 local/ remote/
topic sensors/+/level out 2 "" data/site7/
topic commands/# in 1 "" site7/
topic "" out 0 single/here single/there
topic plain out 1
`
}

async function client(url: string, options: IClientOptions): Promise<MqttClient> {
  const it = connect(url, { protocolVersion: 5, reconnectPeriod: 50, ...options })
  kept({ [Symbol.asyncDispose]: () => it.endAsync(true) })
  it.on('error', () => {}) // it tries again
  await until(() => it.connected, `a client at ${url} to connect`)
  return it
}

async function listen(url: string, options: IClientOptions): Promise<string[]> {
  const listener = await client(url, options)
  const got: string[] = []
  listener.on('message', (topic, payload, { retain }) => got.push(`${topic} ${payload.toString()}${retain ? ' retained' : ''}`))
  await listener.subscribeAsync('#', { qos: 2 })
  return got
}

const AT_THE_EDGE = ['local/a/b 1', 'local/a/b 2', 'local/kept 3', 'sensors/tank/level 4', 'sensors/tank/other 5', 'single/here 6', 'single 7', 'plain 8', 'remote/x 9', 'commands/x 10']
const AT_THE_CLOUD = ['remote/c/d 11', 'remote/c 12', 'site7/commands/pump/on 13', 'site8/commands/x 14', 'data/site7/sensors/tank/level 15', 'local/x 16']
const SEEN_AT_THE_CLOUD = ['remote/a/b 1', 'remote/a/b 2', 'remote/kept 3', 'data/site7/sensors/tank/level 4', 'single/there 6', 'plain 8']
const SEEN_AT_THE_EDGE = ['local/c/d 11', 'local/c 12', 'commands/pump/on 13']

/** Publishes on both sides and returns what both have seen, and what the cloud has kept. */
async function bridged(cloud: Mosquitto, ports: { readonly own: number; readonly all: number }): Promise<{ atCloud: string[]; atEdge: string[]; keptAtCloud: string[] }> {
  const login = { username: USER.name, password: USER.password }
  await until(() => ['edge 1 remote/#', 'edge 1 site7/commands/#'].every((line) => cloud.log.includes(line)), 'the subscriptions at the cloud', 15_000)
  const atCloud = await listen(cloud.url, login)
  const atEdge = await listen(`mqtt://127.0.0.1:${ports.all}`, {})
  const device = await client(`mqtt://127.0.0.1:${ports.own}`, {})
  const operator = await client(cloud.url, login)
  for (const [i, line] of AT_THE_EDGE.entries()) {
    const [topic = '', payload = ''] = line.split(' ')
    await device.publishAsync(topic, payload, { qos: (i % 3) as 0 | 1 | 2, retain: topic === 'local/kept' })
  }
  for (const [i, line] of AT_THE_CLOUD.entries()) {
    const [topic = '', payload = ''] = line.split(' ')
    await operator.publishAsync(topic, payload, { qos: (i % 3) as 0 | 1 | 2 })
  }
  await until(() => atCloud.length >= SEEN_AT_THE_CLOUD.length + AT_THE_CLOUD.length && atEdge.length >= SEEN_AT_THE_EDGE.length + AT_THE_EDGE.length, 'the messages on both sides', 10_000)
  // Had something come twice or gone round, it would be before these.
  await device.publishAsync('plain', 'last', { qos: 1 })
  await operator.publishAsync('site7/commands/last', 'last', { qos: 1 })
  await until(() => atCloud.includes('plain last') && atEdge.includes('commands/last last'), 'the last messages', 10_000)
  const late = await listen(cloud.url, login)
  await until(() => late.length > 0, 'what the cloud keeps')
  return { atCloud: atCloud.sort(), atEdge: atEdge.sort(), keptAtCloud: late.sort() }
}

async function site(): Promise<{ cloud: Mosquitto; ports: { own: number; all: number; cloud: number }; path: string; conf: string }> {
  const cloud = kept(await Mosquitto.start({ user: USER }))
  const ports = { own: await freePort(), all: await freePort(), cloud: cloud.port }
  const path = await folder()
  await mkdir(join(path, 'data'))
  return { cloud, ports, path, conf: siteConf(ports, join(path, 'data')) }
}

/** A command of sandpiper, run to its end. */
async function sandpiper(cwd: string, ...args: string[]): Promise<GatewayProcess> {
  const process = new GatewayProcess(args, { cwd })
  await process.exited
  return process
}

test('a site is bridged under the same topics as before', { timeout: 60_000 }, async () => {
  const before = await site()
  kept(await Mosquitto.run(before.conf, before.ports.own))
  const mosquittos = await bridged(before.cloud, before.ports)
  expect(mosquittos.atCloud).toEqual([...SEEN_AT_THE_CLOUD, ...AT_THE_CLOUD, 'plain last', 'site7/commands/last last'].sort())
  expect(mosquittos.keptAtCloud).toEqual(['remote/kept 3 retained'])

  const after = await site()
  await writeFile(join(after.path, 'mosquitto.conf'), after.conf)
  const imported = await sandpiper(after.path, 'import', 'mosquitto.conf', '--out', 'gateway.yaml')
  expect(imported.exit?.code, imported.stderr).toBe(0)
  expect(imported.stderr).toMatch(/mosquitto\.conf:9 {2}autosave_interval 60: left out: /)
  expect(imported.stderr).toContain('Imported 2 of 2 listeners and 1 of 1 bridge')
  const yaml = await readFile(join(after.path, 'gateway.yaml'), 'utf8')
  expect(yaml + imported.stdout + imported.stderr).not.toContain(USER.password)
  expect((await stat(join(after.path, 'cloud.password'))).mode & 0o777).toBe(0o600)

  const checked = await sandpiper(after.path, 'check', 'gateway.yaml')
  expect(checked.exit?.code, checked.stderr).toBe(0)
  expect(checked.stdout).toMatch(/2 listeners, 0 sensors, 1 uplink/)

  const gateway = new GatewayProcess(['run', '--config', join(after.path, 'gateway.yaml')])
  kept({ [Symbol.asyncDispose]: () => gateway.kill() })
  await gateway.ready()
  expect(gateway.ports).toEqual([after.ports.own, after.ports.all])
  expect(await bridged(after.cloud, after.ports)).toEqual(mosquittos)
})

// ---- who may connect, and what they may do

const RULES = `
topic read news/#
user anna
topic anna/#
topic deny anna/secret
topic read news/#
user ben
topic marker/#
user device-7
topic write data/#
user CN=device-7,OU=Field\\, north,O=Acme,C=NL
topic subject/#
pattern readwrite c/%c/#
pattern readwrite u/%u/#
pattern readwrite marker/#
`
const TOPICS = ['news/a', 'anna/x', 'anna/secret', 'data/x', 'subject/x', 'u/anna/x', 'u/device-7/x', 'c/device/x', 'c/stranger/x', 'other']

interface Ports {
  readonly plain: number
  readonly byName: number
  readonly bySubject: number
}

function accessConf({ plain, byName, bySubject }: Ports, path: string, authority: Authority, server: KeyPair): string {
  const tls = `cafile ${authority.certFile}\ncertfile ${server.certFile}\nkeyfile ${server.keyFile}\ncrlfile ${path}/crl.pem\nrequire_certificate true`
  return `
password_file ${path}/passwords
acl_file ${path}/acl
listener ${plain} 127.0.0.1
listener ${byName} 127.0.0.1
${tls}
use_identity_as_username true
listener ${bySubject} 127.0.0.1
${tls}
use_subject_as_username true
`
}

interface Caller {
  readonly who: string
  readonly url: string
  readonly options: IClientOptions
}

/** `refused`, or what became of a message to each topic: seen by the client itself, by somebody with another name. */
async function answerTo({ who, url, options }: Caller, watcher: MqttClient): Promise<string> {
  const it = connect(url, { protocolVersion: 5, reconnectPeriod: 0, connectTimeout: 20_000, clientId: 'device', rejectUnauthorized: false, ...options })
  kept({ [Symbol.asyncDispose]: () => it.endAsync(true) })
  let end = ''
  const seen: string[] = []
  const watched: string[] = []
  const onWatched = (topic: string, payload: Buffer): void => void (payload.toString() === who && watched.push(topic))
  it.on('error', () => (end = 'refused')).on('close', () => (end = 'refused')).on('message', (topic, payload) => void (payload.toString() === who && seen.push(topic)))
  watcher.on('message', onWatched)
  await until(() => it.connected || end !== '', `an answer to ${who}`, 20_000)
  if (end !== '') return end
  await it.subscribeAsync('#', { qos: 1 })
  for (const topic of [...TOPICS, 'marker/end']) await it.publishAsync(topic, who, { qos: 1 }).catch(() => {}) // a refusal is seen by what is missing
  await until(() => seen.includes('marker/end') && watched.includes('marker/end'), `the messages of ${who}`)
  watcher.off('message', onWatched)
  await it.endAsync(true)
  return `itself: ${seen.slice(0, -1).sort().join(' ')}; anna: ${watched.slice(0, -1).sort().join(' ')}`
}

test('users, rules and certificates: the same clients get the same answers', { timeout: 120_000 }, async () => {
  const path = await folder()
  await chmod(path, 0o755)
  const authority = kept(await Authority.make('Devices'))
  const stranger = kept(await Authority.make('Somebody else'))
  const server = await authority.issue('localhost')
  const subject = '/C=NL/O=Acme/OU=Field, north/CN=device-7'
  const device = await authority.issueClient('device', { subject })
  const revoked = await authority.issueClient('revoked', { subject })
  const forged = await stranger.issueClient('forged', { subject })
  await authority.revoke(revoked)
  await writeFile(join(path, 'crl.pem'), await authority.crl())
  await writeFile(join(path, 'acl'), RULES)
  await writeFile(join(path, 'passwords'), '')
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }
  for (const args of [['-b', 'passwords', 'anna', 'pw of anna'], ['-H', 'sha512', '-b', 'passwords', 'ben', 'pw of ben'], ['-b', 'passwords', 'device-7', 'pw of device']]) {
    execFileSync('mosquitto_passwd', args, { cwd: path, env })
  }

  const ports = { plain: await freePort(), byName: await freePort(), bySubject: await freePort() }
  const conf = accessConf(ports, path, authority, server)
  const shown = async ({ keyFile, certFile }: KeyPair): Promise<IClientOptions> => ({ key: await readFile(keyFile), cert: await readFile(certFile) })
  const [plain, byName, bySubject] = [`mqtt://127.0.0.1:${ports.plain}`, `mqtts://127.0.0.1:${ports.byName}`, `mqtts://127.0.0.1:${ports.bySubject}`]
  const callers: Caller[] = [
    { who: 'nobody', url: plain, options: {} },
    { who: 'anna', url: plain, options: { username: 'anna', password: 'pw of anna' } },
    { who: 'ben', url: plain, options: { username: 'ben', password: 'pw of ben' } },
    { who: 'a wrong password', url: plain, options: { username: 'anna', password: 'pw of ben' } },
    { who: 'no password', url: plain, options: { username: 'anna' } },
    { who: 'an unknown user', url: plain, options: { username: 'carl', password: 'x' } },
    { who: 'a widening identifier', url: plain, options: { username: 'ben', password: 'pw of ben', clientId: '+' } },
    { who: 'the device by password', url: plain, options: { username: 'device-7', password: 'pw of device' } },
    { who: 'without TLS', url: `mqtt://127.0.0.1:${ports.byName}`, options: {} },
    { who: 'no certificate', url: byName, options: { username: 'anna', password: 'pw of anna' } },
    { who: 'the device', url: byName, options: await shown(device) },
    { who: 'the device as somebody else', url: byName, options: { ...(await shown(device)), username: 'anna', password: 'wrong' } },
    { who: 'the device by its subject', url: bySubject, options: await shown(device) },
    { who: 'a revoked one', url: byName, options: await shown(revoked) },
    { who: 'one of another authority', url: byName, options: await shown(forged) },
  ]
  const answers = async (): Promise<Record<string, string>> => {
    const watcher = await client(plain, { username: 'anna', password: 'pw of anna', clientId: 'watcher' })
    await watcher.subscribeAsync('#', { qos: 1 })
    const all: Record<string, string> = {}
    for (const caller of callers) all[caller.who] = await answerTo(caller, watcher)
    await watcher.endAsync(true)
    return all
  }

  const mosquitto = kept(await Mosquitto.run(conf, ports.plain))
  const before = await answers()
  await mosquitto.stop()
  expect(before).toMatchObject({
    nobody: 'refused',
    anna: 'itself: anna/x c/device/x u/anna/x; anna: anna/x u/anna/x',
    'a wrong password': 'refused',
    'no certificate': 'refused',
    'the device': 'itself: c/device/x u/device-7/x; anna: ',
    'the device by its subject': 'itself: c/device/x subject/x; anna: ',
    'a revoked one': 'refused',
    'one of another authority': 'refused',
  })

  await writeFile(join(path, 'mosquitto.conf'), conf)
  const imported = await sandpiper(path, 'import', 'mosquitto.conf', '--out', 'gateway.yaml')
  expect(imported.exit?.code, imported.stderr).toBe(0)
  expect(imported.stderr).toContain('Imported 3 of 3 listeners and 0 of 0 bridges; 0 lines left out, 1 changed.')
  const checked = await sandpiper(path, 'check', 'gateway.yaml')
  expect(checked.exit?.code, checked.stderr).toBe(0)
  const gateway = new GatewayProcess(['run', '--config', join(path, 'gateway.yaml')])
  kept({ [Symbol.asyncDispose]: () => gateway.kill() })
  await gateway.ready()
  expect(await answers()).toEqual(before)
})

test.each([
  ['no file', [], 'import needs a file'],
  ['no such file', ['nowhere.conf'], 'nowhere.conf does not exist: give a file that this user may read'],
  ['a program', [process.execPath], 'larger than 1 MB'],
])('%s: a sentence, and nothing else', async (_, args, sentence) => {
  const process = await sandpiper(await folder(), 'import', ...args)
  expect(process.exit?.code).toBe(1)
  expect(process.stdout).toBe('')
  expect(process.stderr).toMatch(/^sandpiper: [^\n]+\n$/)
  expect(process.stderr).toContain(sentence)
})
