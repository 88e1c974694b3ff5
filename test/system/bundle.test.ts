// The program as one file, in a folder of its own with nothing of the project around it: it starts, keeps what it acknowledged over a kill (its store's
// thread is in the same file), reads a serial port, and knows its boards.
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connect, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bundle, BUNDLE_NAME, bundleOf, makeBundle, writeBundle } from '../../scripts/bundle.ts'
import { NODE_FLAGS } from '../../src/node-flags.ts'
import { askHttp } from '../support/ask-socket.ts'
import { GatewayProcess, Site } from '../support/process.ts'
import { Pty } from '../support/pty.ts'
import { until } from '../support/until.ts'

let folder: string
let program: string
let bundle: Bundle
let missing: readonly string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandpiper-bundle-'))
  program = join(folder, BUNDLE_NAME)
  bundle = await makeBundle()
  missing = writeBundle(folder, bundle, process.arch as 'x64')
}, 60_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

async function sandpiper(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [...NODE_FLAGS, program, ...args], { cwd: folder, env: {} })
  return stdout
}

async function run(site: Site): Promise<GatewayProcess> {
  const gateway = new GatewayProcess(['run', '--config', site.configFile], { program, env: { NODE_OPTIONS: '--disable-warning=ExperimentalWarning' } })
  await gateway.ready()
  return gateway
}

async function client(site: Site, clientId: string, clean: boolean): Promise<MqttClient> {
  const client = connect(site.url, { clientId, clean, reconnectPeriod: 0 })
  client.on('error', () => {})
  await until(() => client.connected, `${clientId} to connect`)
  return client
}

describe('the file', () => {
  test('is ASCII, of lines that a trace can name, and loads nothing before it is asked to', () => {
    expect(/\P{ASCII}/u.exec(bundle.code)).toBeNull()
    // One line is long: the text of the store's thread.
    expect(bundle.code.split('\n').filter((line) => line.length > 60_000)).toHaveLength(1)
    // What stands at the top is loaded at every start, by both threads.
    expect(bundle.code.match(/^import .*$/gm)).toEqual(['import { createRequire } from "node:module";'])
  })

  test('has its add-ons and its boards beside it, and nothing else', async () => {
    expect(missing).toEqual([])
    expect((await readdir(folder)).toSorted()).toEqual(['addons', 'board', 'identity', BUNDLE_NAME])
    for (const addon of await readdir(join(folder, 'addons'))) expect(await sandpiperLoads(addon)).toBe('loaded\n')
  })

  test('comes from packages whose licences are known', async () => {
    const licence = join(folder, 'LICENCE.txt')
    await copyFile(join(import.meta.dirname, '../../package.json'), licence)
    const { stdout } = await promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../../scripts/deb/copyright.ts'), licence], { maxBuffer: 10_000_000 })
    await rm(licence)
    expect(stdout).toMatch(/^Format: https:\/\/www\.debian\.org\/doc\/packaging-manuals\/copyright-format\/1\.0\/\n/)
    for (const name of ['better-sqlite3', '@serialport/bindings-cpp', 'epoll', 'nan', 'mqtt-packet', 'uplot', 'yaml']) expect(stdout).toContain(`Files: node_modules/${name}/*\n`)
    expect(stdout).toContain('License: public-domain')
  })
})

async function sandpiperLoads(addon: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', `require(${JSON.stringify(join(folder, 'addons', addon))}); console.log('loaded')`])
  return stdout
}

describe('the program', () => {
  test('tells its version, its boards and its help, wherever it is called from', async () => {
    expect(await sandpiper('--version')).toMatch(/^sandpiper \d+\.\d+\.\d+ \(node v/)
    expect(await sandpiper('board', '--list')).toContain('rpi-4')
    expect(await sandpiper('help')).toContain('sandpiper run')
    expect(await sandpiper('queue', '--help')).toContain('--drop N')
    expect(await sandpiper('completion', 'bash')).toContain('complete -F _sandpiper sandpiper')
    expect(await sandpiper('sensors', 'try', 'simulate: { kind: counter, every: 100ms }', '--for', '1s')).toContain('1')
  }, 20_000)

  test('checks a configuration', async () => {
    await using site = await Site.make()
    await site.configure()
    expect(await sandpiper('check', site.configFile)).toContain('is good')
    await site.configure({ borker: {} })
    await expect(sandpiper('check', site.configFile)).rejects.toMatchObject({ stderr: expect.stringContaining('borker') as string, code: 1 })
  })

  test('keeps over a kill what it has acknowledged, in the store whose thread is in the file', async () => {
    await using site = await Site.make()
    await site.configure()
    const first = await run(site)
    const away = await client(site, 'away', false)
    await away.subscribeAsync('tank/#', { qos: 1 })
    await away.endAsync()
    const device = await client(site, 'device', true)
    for (let i = 0; i < 50; i++) await device.publishAsync('tank/level', `${i}`, { qos: 1 })
    await first.kill()
    await device.endAsync(true)
    expect((await stat(join(site.folder, 'data/store.db'))).size).toBeGreaterThan(0)

    const second = await run(site)
    const received: string[] = []
    const back = connect(site.url, { clientId: 'away', clean: false, reconnectPeriod: 0 })
    back.on('message', (_, payload) => void received.push(payload.toString()))
    await until(() => received.length === 50, 'all that was acknowledged')
    expect(received).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`))
    await back.endAsync(true)
    expect(await second.stop()).toMatchObject({ code: 0 })
    expect(second.stderr).toBe('')
  }, 30_000)

  test('has the add-on of GPIO where its package asks for it', async () => {
    const { code } = await bundleOf('src/gpio/readiness.ts', 'esm', 'import.meta.url', [])
    const file = join(folder, 'readiness.mjs')
    await writeFile(file, code)
    const { loadReadiness } = (await import(file)) as { loadReadiness(): Promise<unknown> }
    expect(await loadReadiness()).toBeTypeOf('function')
    await rm(file)
  })

  test('answers by its API, whose server and figures it loads then', async () => {
    await using site = await Site.make()
    await site.configure()
    const gateway = await run(site)
    const ask = async (path: string): Promise<string> => (await askHttp({ socketPath: join(site.folder, 'data/api.sock'), path })).text
    expect(JSON.parse(await ask('/api/v1/status'))).toMatchObject({ site: 'test', config: { source: 'file', whole: true } })
    expect(await ask('/metrics')).toContain('sandpiper_clients 0')
    expect(JSON.parse(await ask('/api/v1/clients?limit=0'))).toMatchObject({ status: 400, errors: [{ field: 'limit' }] })
    expect(await gateway.stop()).toMatchObject({ code: 0 })
    expect(gateway.stderr).toBe('')
  }, 30_000)

  test('has the dashboard in it, with all its files', async () => {
    await using site = await Site.make()
    await site.configure()
    const gateway = await run(site)
    const ask = (path: string): ReturnType<typeof askHttp> => askHttp({ socketPath: join(site.folder, 'data/api.sock'), path })
    const index = (await ask('/')).text
    const [script] = /\/dashboard\/[0-9a-f]+\/page\.js/.exec(index)!
    expect((await ask(script)).text).toContain("import uPlot from './uplot.js'")
    for (const file of ['page.css', 'uplot.js', 'icon.svg']) expect((await ask(script.replace('page.js', file))).status, file).toBe(200)
    expect(await gateway.stop()).toMatchObject({ code: 0 })
    expect(gateway.stderr).toBe('')
  }, 30_000)

  test('reads a serial port', async () => {
    await using site = await Site.make()
    const pty = await Pty.make()
    await pty.plug()
    await site.configure({ sensors: [{ name: 'tank', serial: { path: pty.path, baud: 9600 }, topic: 'site/tank' }] })
    const gateway = await run(site)
    const reader = await client(site, 'reader', true)
    const received: string[] = []
    reader.on('message', (_, payload) => void received.push(payload.toString()))
    await reader.subscribeAsync('site/tank')
    await until(async () => {
      await pty.write('17.5\n')
      return received.length > 0
    }, 'a reading')
    expect(received[0]).toContain('17.5')
    await reader.endAsync(true)
    await gateway.stop()
    await pty.remove()
  }, 30_000)

  test('says in one line where an error was, not with the text of the program', async () => {
    const bad = join(folder, 'bad')
    await mkdir(bad)
    await copyFile(program, join(bad, BUNDLE_NAME))
    // Without its boards and add-ons.
    expect(existsSync(join(bad, 'addons'))).toBe(false)
    await using site = await Site.make()
    await site.configure()
    const gateway = new GatewayProcess(['run', '--config', site.configFile], { program: join(bad, BUNDLE_NAME) })
    await until(() => gateway.exit !== null, 'it to end', 15_000)
    expect(gateway.exit!.code).toBe(1)
    expect(gateway.stderr.length).toBeLessThan(2000)
    expect(gateway.stderr).toContain('addons/sqlite.node')
    await rm(bad, { recursive: true })
  }, 20_000)
})

test('the launcher starts Node with the flags of the source', async () => {
  const launcher = await readFile(join(import.meta.dirname, '../../scripts/deb/sandpiper.sh'), 'utf8')
  expect(launcher.match(/@FLAGS@/g)).toHaveLength(1)
  expect(launcher).not.toContain('--expose-gc')
})
