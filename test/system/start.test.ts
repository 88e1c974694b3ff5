// The command line as a person, a script and systemd meet it: what is printed, how it ends, how long that takes.
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect as dial, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { connect, type MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { defaultConfigText } from '../../src/config/default.ts'
import { LinkEmulator } from '../support/link-emulator.ts'
import { endWithUs } from '../support/orphans.ts'
import { freePort } from '../support/ports.ts'
import { type Exit, GatewayProcess, Site } from '../support/process.ts'
import { until } from '../support/until.ts'

let site: Site
let folder: string
const open: AsyncDisposable[] = []

beforeEach(async () => {
  site = await Site.make()
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-start-'))
})

afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing[Symbol.asyncDispose]()
  await site[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** Runs a command to its end. */
async function sandpiper(...args: string[]): Promise<Exit & { readonly stdout: string; readonly stderr: string }> {
  const gateway = new GatewayProcess(args, { cwd: folder })
  open.push({ [Symbol.asyncDispose]: () => gateway.kill() })
  await until(() => gateway.exit !== null, `sandpiper ${args.join(' ')} to end`, 10_000)
  return { ...gateway.exit!, stdout: gateway.stdout, stderr: gateway.stderr }
}

/** It said what is wrong and what to do, in one sentence and without the machinery behind it. */
function expectSentence(result: Exit & { readonly stderr: string }, pattern: RegExp): void {
  expect(result.stderr).toMatch(pattern)
  expect(result.stderr.trim().split('\n')).toHaveLength(1)
  expect(result.stderr).not.toMatch(/^\s+at |node:internal|Error:/m)
  expect(result.code).toBe(1)
}

async function client(url: string, clientId: string): Promise<MqttClient> {
  const client = connect(url, { protocolVersion: 5, clientId, clean: false, properties: { sessionExpiryInterval: 600 }, reconnectPeriod: 0 })
  client.on('error', () => {})
  open.push({ [Symbol.asyncDispose]: () => client.endAsync(true) })
  await until(() => client.connected, `${clientId} to connect`)
  return client
}

test('run with a file that is not given by its word is not the demonstration', async () => {
  expectSentence(await sandpiper('run', 'gateway.yaml'), /^sandpiper: run takes its file by a word: sandpiper run --config gateway\.yaml/)
})

describe('run without a file', () => {
  test('prints what listens and what is published, and the line that shows it shows it', async () => {
    // The built-in configuration, on a port that is free: 1883 may be taken on this machine.
    const port = await freePort()
    const file = join(folder, 'gateway.yaml')
    const httpPort = await freePort()
    await writeFile(file, defaultConfigText.replace('port: 1883', `port: ${port}`).replace('port: 8080', `port: ${httpPort}`))
    const gateway = new GatewayProcess(['run', '--config', file], { cwd: folder })
    open.push({ [Symbol.asyncDispose]: () => gateway.kill() })
    await gateway.ready()
    expect(gateway.stdout).toContain(`listening  mqtt://127.0.0.1:${port}`)
    for (const topic of ['sensors/tank', 'sensors/temperature', 'sensors/flow']) expect(gateway.stdout).toContain(`publishing ${topic}`)
    expect(gateway.stdout).toContain(join(folder, 'data'))
    const [, page] = /^ {2}dashboard +(http:\S+)$/m.exec(gateway.stdout)!
    expect(await (await fetch(page!)).text()).toContain('<title>Sandpiper</title>')
    const line = /^ {2}(mosquitto_sub .*)$/m.exec(gateway.stdout)![1]!
    const { stdout } = await promisify(execFile)('sh', ['-c', `${line} -C 2 -W 8`])
    expect(stdout.trim().split('\n')).toHaveLength(2)
    expect(stdout).toMatch(/^sensors\/(tank|flow|temperature) \S+/)
    expect(await gateway.stop()).toMatchObject({ code: 0 })
    expect(gateway.stderr).toBe('')
  })

  test('takes 1883 and ./data, or says that 1883 is taken', async () => {
    const other = await listenAt(1883)
    const result = await sandpiper('run')
    other?.close()
    expectSentence(result, /port 1883 on 127\.0\.0\.1 is taken.*: stop the other program, or set another `port`/)
  })
})

describe('a start that cannot be', () => {
  test('the port is taken', async () => {
    await site.configure()
    const other = await listenAt(site.port)
    const result = await sandpiper('run', '--config', site.configFile)
    other?.close()
    expectSentence(result, new RegExp(`port ${site.port} on 127.0.0.1 is taken.*: stop the other program`))
  })

  test('the store cannot be there', async () => {
    await writeFile(join(site.folder, 'notes.txt'), '')
    for (const path of [join(site.folder, 'notes.txt', 'data'), '/proc/sandpiper']) {
      await site.configure({ store: { path } })
      expectSentence(await sandpiper('run', '--config', site.configFile), /(folder|cannot|not).*: give a folder this user may write to as store\.path/)
    }
  })

  test('a second gateway on the same folder', async () => {
    await site.configure()
    await site.start()
    const config = await readFile(site.configFile, 'utf8')
    const second = join(site.folder, 'second.yaml')
    await writeFile(second, config.replace(String(site.port), String(await freePort())))
    expectSentence(await sandpiper('run', '--config', second), /another Sandpiper runs on this folder/)
    expect(site.gateway.exit).toBeNull()
  })

  test('the file is missing, or a folder', async () => {
    for (const file of [join(folder, 'nothing.yaml'), folder]) {
      const result = await sandpiper('run', '--config', file)
      expect(result.code).toBe(1)
      expect(result.stderr).toMatch(new RegExp(`^${file} (does not exist|is a folder|cannot be read).*\\n +give a readable file: --config FILE\\n`))
      expect(result.stderr).not.toMatch(/^\s+at |EISDIR|Error:/m)
    }
  })

  test('the file has mistakes: every one with its line, and nothing runs', async () => {
    const file = join(folder, 'gateway.yaml')
    await writeFile(file, 'site: well-07\nbroker:\n  listners: []\nstore: { maxSize: lots }\n')
    const result = await sandpiper('run', '--config', file)
    expect(result.code).toBe(1)
    expect(result.stderr).toContain('gateway.yaml:3:3')
    expect(result.stderr).toContain('listeners')
    expect(result.stderr).toContain('gateway.yaml:4:')
    expect(result.stderr).not.toMatch(/^\s+at /m)
  })

  test('a command or an option that does not exist', async () => {
    expectSentence(await sandpiper('walk'), /no command "walk": sandpiper --help/)
    expectSentence(await sandpiper('run', '--confg', 'x'), /confg.*sandpiper --help/)
  })
})

describe('check', () => {
  test('a good file', async () => {
    await site.configure()
    expect(await sandpiper('check', site.configFile)).toMatchObject({ code: 0, stdout: `${site.configFile} is good: site test, 1 listener, 0 sensors, 0 uplinks\n`, stderr: '' })
  })

  test('a bad file', async () => {
    const file = join(folder, 'bad.yaml')
    await writeFile(file, 'site: a/b\nsensors:\n  - { name: x, topic: "a/#", simulate: { kind: sinus, every: 1s } }\n')
    const result = await sandpiper('check', file)
    expect(result.code).toBe(1)
    expect(result.stderr.match(/bad\.yaml:\d+:\d+/g)!.length).toBeGreaterThanOrEqual(3)
    expect(result.stderr).toContain('sine')
    expect(result.stderr).not.toMatch(/^\s+at /m)
  })
})

test('--last-good: a mistake does not take the site down', { timeout: 30_000 }, async () => {
  await site.configure({ site: 'well-07' })
  await site.start()
  await site.gateway.stop()
  const good = await readFile(site.configFile, 'utf8')
  await writeFile(site.configFile, good.replace('"listeners"', '"listners"'))
  const refused = await sandpiper('run', '--config', site.configFile)
  expect(refused.code).toBe(1)
  const gateway = await site.start(['--last-good'])
  expect(gateway.stderr).toMatch(/gateway\.yaml:\d+:\d+/)
  expect(gateway.stderr).toContain('Running on the last good configuration')
  expect(gateway.log.find((line) => line.msg === 'sandpiper is ready')).toMatchObject({ site: 'well-07', ports: [site.port] })
})

describe('SIGTERM', () => {
  test('tells the clients and ends, long before it is killed', async () => {
    await site.configure()
    await site.start()
    const clients = await Promise.all([1, 2, 3].map((n) => client(site.url, `client-${n}`)))
    const reasons: (number | undefined)[] = []
    for (const c of clients) c.on('disconnect', (packet) => reasons.push(packet.reasonCode))
    // One that never says a word, and one that never reads.
    const silent = dial({ port: site.port, host: '127.0.0.1' })
    silent.on('error', () => {})
    const { code, ms } = await site.gateway.stop()
    silent.destroy()
    expect(code).toBe(0)
    expect(ms).toBeLessThan(5000)
    await until(() => clients.every((c) => !c.connected), 'the clients to see it')
    expect(reasons).toEqual([0x8b, 0x8b, 0x8b])
    expect(site.gateway.stderr).toBe('')
  })

  test('with an uplink that hangs in connecting', async () => {
    const hole = await LinkEmulator.to(1)
    open.push(hole)
    await hole.silence()
    await site.configure({ uplinks: [{ name: 'cloud', url: hole.url, clientId: 'gateway', routes: [{ out: 'a/#' }] }] })
    await site.start()
    await until(() => hole.connections > 0, 'the uplink to dial')
    const { code, ms } = await site.gateway.stop()
    expect(code).toBe(0)
    expect(ms).toBeLessThan(5000)
  })

  test('with 100,000 messages queued, and they are there afterwards', { timeout: 60_000 }, async () => {
    await site.configure({ store: { commitWindow: '5ms' }, uplinks: [{ name: 'cloud', url: `mqtt://127.0.0.1:${await freePort()}`, clientId: 'gateway', routes: [{ out: 'a/#' }] }] })
    await site.start()
    const publisher = await client(site.url, 'publisher')
    const count = 100_000
    let left = count
    await new Promise<void>((resolve, reject) => {
      let next = 0
      const more = (): void => {
        if (next++ >= count) return
        publisher.publish('a/1', 'x'.repeat(50), { qos: 1 }, (error) => {
          if (error) reject(error)
          else if (--left === 0) resolve()
          else more()
        })
      }
      for (let i = 0; i < 500; i++) more()
    })
    const { code, ms } = await site.gateway.stop()
    expect(code).toBe(0)
    expect(ms).toBeLessThan(5000)
    await site.start()
    await until(() => site.gateway.log.some((line) => line.msg === 'uplink is down'), 'the uplink to try')
    expect(site.gateway.log.find((line) => line.msg === 'uplink is down')!.queued).toBe(count)
  })
})

test('systemd hears that it is ready, alive and stopping', { timeout: 30_000 }, async () => {
  const path = join(folder, 'notify')
  const script = fileURLToPath(new URL('../support/notify-socket.py', import.meta.url))
  const listener = endWithUs(spawn('/usr/bin/python3', [script, path], { stdio: ['ignore', 'pipe', 'inherit'] }))
  open.push({ [Symbol.asyncDispose]: async () => void listener.kill() })
  let text = ''
  listener.stdout.setEncoding('utf8').on('data', (t: string) => (text += t))
  await until(() => text.includes('listening'), 'the socket')
  const heard = (): string[] => text.split('\n').filter((l) => l.includes('"lines"')).flatMap((l) => (JSON.parse(l) as { lines: string[] }).lines)

  await site.configure()
  await site.start([], { NOTIFY_SOCKET: path, WATCHDOG_USEC: '600000' })
  await until(() => heard().includes('READY=1') && heard().some((l) => l.startsWith('STATUS=')), 'READY=1 and STATUS=')
  expect(heard().find((l) => l.startsWith('STATUS='))).toContain('site test')
  await until(() => heard().filter((l) => l === 'WATCHDOG=1').length >= 3, 'three signs of life')
  expect(heard()).not.toContain('STOPPING=1')
  expect(site.gateway.stdout).not.toContain('mosquitto_sub') // the journal needs no banner
  await site.gateway.stop()
  await until(() => heard().includes('STOPPING=1'), 'STOPPING=1')
})

/** Takes a port; null when somebody else has it already. */
async function listenAt(port: number): Promise<Server | null> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(null))
    server.listen({ port, host: '127.0.0.1' }, () => resolve(server))
  })
}
