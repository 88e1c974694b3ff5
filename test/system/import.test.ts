// `sandpiper import` beside a real Mosquitto: it knows the same words, and a site that is carried over is bridged as it was before.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import { afterEach, expect, test } from 'vitest'
import { DIRECTIVES } from '../../src/migrate/directives.ts'
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
