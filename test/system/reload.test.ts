// A configuration that changes under a running gateway: by SIGHUP, or just by being written. Real processes, real clients.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, type IDisconnectPacket, type MqttClient } from 'mqtt'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'

const RELOADED = 'the configuration was read again: who may connect and what they may do is as it says now'
const REFUSED = 'the changed configuration is refused, the one before stays: `sandpiper check` shows all that is wrong with it'
/** The files are looked at every two seconds, and must be the same twice. */
const SEEN_MS = 10_000

let site: Site
const clients: MqttClient[] = []

beforeEach(async () => {
  site = await Site.make()
})

afterEach(async () => {
  for (const client of clients.splice(0)) await client.endAsync(true)
  await site[Symbol.asyncDispose]()
})

async function configure(access: object): Promise<void> {
  await site.configure({ broker: { listeners: [{ port: site.port }], sysInterval: '0s' }, access })
}

/** As gateway.yaml of a user with a password. */
const user = (name: string, password = name) => ({ name, password })

async function come(name: string, password = name): Promise<{ client: MqttClient; ended: () => number | null }> {
  const client = connect(site.url, { protocolVersion: 5, reconnectPeriod: 0, username: name, password })
  clients.push(client)
  let reason: number | null = null
  client.on('disconnect', (packet: IDisconnectPacket) => (reason = packet.reasonCode ?? 0))
  client.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve())
    client.once('close', () => reject(new Error(`${name} was refused`)))
  })
  return { client, ended: () => reason }
}

const said = (text: string) => site.gateway.log.filter((line) => line.msg === text)

async function hup(text: string): Promise<void> {
  const before = said(text).length
  process.kill(site.gateway.pid, 'SIGHUP')
  await until(() => said(text).length > before, `the log to say: ${text}`)
}

test('SIGHUP: new users come in, users that are gone are disconnected, others are not touched', async () => {
  await configure({ users: [user('stays'), user('goes'), user('changes')] })
  await site.start()
  const [stays, goes, changes] = await Promise.all(['stays', 'goes', 'changes'].map((name) => come(name)))
  await expect(come('new')).rejects.toThrow('refused')
  await configure({ users: [user('stays'), user('changes', 'other'), user('new')] })
  await hup(RELOADED)
  await until(() => goes!.ended() !== null && changes!.ended() !== null, 'the two to be disconnected')
  expect([goes!.ended(), changes!.ended()]).toEqual([0x98, 0x98])
  await come('new')
  await come('changes', 'other')
  await expect(come('goes')).rejects.toThrow('refused')
  await stays!.client.publishAsync('t', 'x', { qos: 1 })
  expect(stays!.ended()).toBe(null)
})

test('a broken file is refused with line and column, and what was there stays', async () => {
  await configure({ users: [user('pump')] })
  await site.start()
  const pump = await come('pump')
  await writeFile(site.configFile, 'site: test\naccess:\n  users:\n    - { nam: pump, password: new }\n')
  await hup(REFUSED)
  const [line] = said(REFUSED)
  expect(line!.told).toEqual(expect.arrayContaining([expect.stringContaining('line 4, column 9: unknown key `nam`')]))
  await come('pump')
  await pump.client.publishAsync('t', 'x', { qos: 1 })
  expect(pump.ended()).toBe(null)
  await configure({ users: [user('other')] })
  await hup(RELOADED)
  await until(() => pump.ended() === 0x98, 'the user to be disconnected')
})

test('a file that is written is seen without a signal, the password file too', async () => {
  const passwords = join(site.folder, 'passwd')
  await writeFile(passwords, '')
  await configure({ users: [user('admin')], passwordFile: './passwd' })
  await site.start()
  await writeFile(passwords, 'pump:$7$101$AAAAAAAAAAAAAAAA$\n') // somebody is still writing, or made a mistake
  await until(() => said(REFUSED).length === 1, 'the broken file to be seen', SEEN_MS)
  const hash = process.getBuiltinModule('node:crypto').pbkdf2Sync('secret', Buffer.alloc(12), 101, 64, 'sha512')
  await writeFile(passwords, `pump:$7$101$${Buffer.alloc(12).toString('base64')}$${hash.toString('base64')}\n`)
  await until(() => said(RELOADED).length === 1, 'the mended file to be seen', SEEN_MS)
  await come('pump', 'secret')
  expect(site.gateway.stdout).not.toContain('secret')
})

test('what only a start can change is named', async () => {
  await configure({ users: [user('pump')] })
  await site.start()
  await site.configure({ broker: { listeners: [{ port: site.port }], sysInterval: '0s', maxConnections: 5 }, log: { level: 'debug' }, access: { users: [user('pump'), user('new')] } })
  await hup(RELOADED)
  expect(said(RELOADED).at(-1)!.needsRestart).toEqual(['log', 'broker'])
  await come('new')
})
