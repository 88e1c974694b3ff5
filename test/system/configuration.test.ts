// A configuration on trial that needs a start: the gateway starts itself anew, with the new one and with the old one. Real processes.
import { createServer } from 'node:net'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'mqtt'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { GatewayClient } from '../../src/commands/gateway-client.ts'
import { freePort } from '../support/ports.ts'
import { GatewayProcess, Site } from '../support/process.ts'
import { until } from '../support/until.ts'

let site: Site

beforeEach(async () => {
  site = await Site.make()
  await site.configure()
  await site.start()
})
afterEach(() => site[Symbol.asyncDispose]())

interface View {
  readonly text: string
  readonly source: string
  readonly trial: object | null
  readonly lastTrial: { readonly outcome: string; readonly why: string | null } | null
}

const ask = (what: string, body?: object) => new GatewayClient(join(site.folder, 'data', 'api.sock')).ask(what, body)
const view = async (): Promise<View> => (await ask('GET /configuration')) as View
/** The command line, with a text on standard input or not. */
async function config(words: readonly string[], text?: string): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const file = join(site.folder, 'new.yaml')
  if (text !== undefined) await writeFile(file, text)
  const command = new GatewayProcess(['config', ...words.map((word) => (word === 'FILE' ? file : word)), '--socket', join(site.folder, 'data', 'api.sock')])
  const { code } = await command.exited
  return { code, stdout: command.stdout, stderr: command.stderr }
}

/** How often it has said that it is ready. */
const starts = () => site.gateway.log.filter(({ msg }) => msg === 'sandpiper is ready').length

async function startedAgain(before: number): Promise<void> {
  await until(() => starts() > before, 'the gateway to have started itself anew', 20_000)
}

async function works(port: number): Promise<boolean> {
  const client = connect(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 })
  client.on('error', () => {})
  try {
    return await new Promise<boolean>((resolve) => {
      client.once('connect', () => resolve(true))
      client.once('close', () => resolve(false))
    })
  } finally {
    await client.endAsync(true)
  }
}

const withListeners = async (...ports: number[]): Promise<string> => {
  const config = JSON.parse(await readFile(site.configFile, 'utf8')) as object
  return JSON.stringify({ ...config, broker: { listeners: ports.map((port) => ({ port })) } }, null, 2)
}

test('another listener: tried, confirmed, and the file says so', async () => {
  const other = await freePort()
  const text = await withListeners(site.port, other)
  const { pid } = site.gateway
  expect(await ask('POST /configuration/apply', { text })).toMatchObject({ restart: true })
  await startedAgain(1)
  expect(site.gateway.exit).toBe(null)
  expect(site.gateway.pid).toBe(pid)
  expect([await works(site.port), await works(other)]).toEqual([true, true])
  expect(await view()).toMatchObject({ source: 'trial', trial: {} })
  expect(await config(['confirm'])).toMatchObject({ code: 0 })
  expect(await readFile(site.configFile, 'utf8')).toBe(text)
  expect(await view()).toMatchObject({ source: 'file', trial: null, lastTrial: { outcome: 'confirmed' } })
  expect(starts()).toBe(2)
})

test('nobody confirms: the gateway starts itself with the one before', async () => {
  const other = await freePort()
  const before = await readFile(site.configFile, 'utf8')
  await ask('POST /configuration/apply', { text: await withListeners(other), confirmWithinSec: 10 })
  await startedAgain(1)
  expect([await works(site.port), await works(other)]).toEqual([false, true])
  await startedAgain(2)
  expect([await works(site.port), await works(other)]).toEqual([true, false])
  expect(await view()).toMatchObject({ source: 'file', trial: null, lastTrial: { outcome: 'expired' } })
  expect(await readFile(site.configFile, 'utf8')).toBe(before)
})

test('one that the gateway cannot start with is taken back at once, and why is said', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  const { port } = taken.address() as { readonly port: number }
  await ask('POST /configuration/apply', { text: await withListeners(site.port, port) })
  await startedAgain(1)
  expect(await works(site.port)).toBe(true)
  expect(await view()).toMatchObject({ source: 'file', trial: null, lastTrial: { outcome: 'failed', why: expect.stringContaining(String(port)) } })
  taken.close()
})

test('a power cut ends a trial when the machine starts anew, and not when only the gateway does', async () => {
  const other = await freePort()
  await ask('POST /configuration/apply', { text: await withListeners(site.port, other) })
  await startedAgain(1)
  await site.gateway.kill()
  await site.start()
  expect(await view()).toMatchObject({ source: 'trial' })
  await site.gateway.kill()
  const record = join(site.folder, 'data', 'trial.json')
  await writeFile(record, (await readFile(record, 'utf8')).replace(/"boot":"\w+"/, '"boot":"another0"'))
  await site.start()
  expect([await works(site.port), await works(other)]).toEqual([true, false])
  expect(await view()).toMatchObject({ source: 'file', trial: null, lastTrial: { outcome: 'expired', why: 'the machine was started anew before it was confirmed' } })
})

test('under systemd it ends, for systemd to start it', async () => {
  await site.gateway.stop()
  await site.start([], { NOTIFY_SOCKET: join(site.folder, 'nobody') })
  await ask('POST /restart')
  await until(() => site.gateway.exit !== null, 'the gateway to have ended')
  expect(site.gateway.exit).toEqual({ code: 0, signal: null })
})

test('by the command line: what is wrong, what it needs, kept when it works', async () => {
  const other = await freePort()
  expect(await config(['check', 'FILE'], 'sight: x\n')).toMatchObject({ code: 1, stdout: expect.stringContaining('error: line 1, column 1: unknown key `sight`') })
  expect(await config(['apply', 'FILE'], 'sight: x\n')).toMatchObject({ code: 1 })
  const text = await withListeners(site.port, other)
  expect(await config(['check', 'FILE'], text)).toMatchObject({ code: 0, stdout: 'It can be taken; the gateway starts anew for it.\n' })
  expect(await config(['apply', 'FILE', '--yes'], text)).toMatchObject({ code: 0, stdout: 'It is in force, and the file says so.\n' })
  expect(await works(other)).toBe(true)
  const shown = await config([])
  expect(shown.stdout).toBe(`# ${site.configFile}\n${text}`)
  expect(await config(['revert'])).toMatchObject({ code: 1, stderr: expect.stringContaining('no configuration is on trial') })
})
