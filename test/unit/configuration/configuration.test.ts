// The configuration by the API: looked at, checked, tried, kept, taken back. What needs a start of the process: test/system/configuration.test.ts.
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lastTrialIn } from '../../../src/config/trial.ts'
import { ApiBed } from '../../support/api-bed.ts'
import { connectPacket } from '../../support/wire-client.ts'

const ADMIN = 'http: { listeners: [{ port: 0 }], anonymous: admin }\n'
const USERS = 'access: { users: [{ name: pump, password: "hush hush" }] }\n'

let bed: ApiBed
beforeEach(async () => {
  bed = await ApiBed.start(ADMIN + USERS)
})
afterEach(() => bed[Symbol.asyncDispose]())

interface View {
  readonly text: string
  readonly digest: string
  readonly source: string
  readonly trial: { readonly confirmWithinSec: number } | null
  readonly lastTrial: { readonly outcome: string; readonly why: string | null } | null
  readonly needsRestart: readonly string[]
  readonly writable: boolean
}

const view = async (): Promise<View> => (await bed.ask('GET /configuration')).json
const apply = (text: string, more: object = {}) => bed.ask('POST /configuration/apply', { body: { text, ...more } })
const file = (): string => readFileSync(bed.configFile, 'utf8')
const comes = async (username: string, password: string): Promise<boolean> => {
  const client = await bed.gateway.open(5)
  client.send(connectPacket(5, { clientId: username, username, password }))
  const { reasonCode } = await client.expect({ cmd: 'connack' })
  return reasonCode === 0
}

const SSH_KEY = `ssh-ed25519 ${Buffer.concat([Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0 ', 'latin1'), Buffer.alloc(32, 7)]).toString('base64')} me`
const WITH_MORE = (text: string): string => text.replace('access: { users: [', 'access: { users: [{ name: tank, password: other }, ')

test('it is shown without its secrets', async () => {
  const { text, writable, source, trial } = await view()
  expect(text).toBe(file().replace('"hush hush"', '(hidden 1)'))
  expect({ writable, source, trial }).toEqual({ writable: true, source: 'file', trial: null })
})

test('a check says everything that is wrong, in the lines of what was sent, and changes nothing', async () => {
  const sent = (await view()).text.replace('(hidden 1)', '(hidden 1), tennant: x').concat('sensors: [{ name: a }]\n')
  const line = sent.split('\n').findIndex((one) => one.includes('tennant'))
  const { json } = await bed.ask('POST /configuration/check', { body: { text: sent } })
  expect(json).toMatchObject({ valid: false, restart: false, problems: [{ severity: 'error', line: line + 1, column: sent.split('\n')[line]!.indexOf('tennant') + 1, message: expect.stringContaining('unknown key'), hint: expect.stringMatching(/tenant/) }, { severity: 'error' }] })
  expect(JSON.stringify(json)).not.toContain('hush')
})

test('a check says what a start is needed for', async () => {
  const { text } = await view()
  expect((await bed.ask('POST /configuration/check', { body: { text } })).json).toEqual({ valid: true, problems: [], restart: false, needsRestart: [] })
  expect((await bed.ask('POST /configuration/check', { body: { text: `${text}sensors: [{ name: a, topic: a, simulate: { kind: sine, every: 1s } }]\n` } })).json).toMatchObject({ valid: true, restart: true, needsRestart: ['sensors'] })
})

test('on trial, then confirmed: the file says so', async () => {
  const before = file()
  const { text, digest } = await view()
  chmodSync(bed.configFile, 0o640)
  expect(await comes('tank', 'other')).toBe(false)
  const { status, json } = await apply(WITH_MORE(text), { digest })
  expect({ status, json }).toMatchObject({ status: 200, json: { restart: false, trial: { confirmWithinSec: 60 } } })
  expect(await comes('tank', 'other')).toBe(true)
  expect(file()).toBe(before)
  expect(await view()).toMatchObject({ source: 'trial', trial: { confirmWithinSec: 60 } })
  expect((await bed.ask('POST /configuration/confirm')).status).toBe(204)
  expect(file()).toBe(WITH_MORE(before))
  expect(statSync(bed.configFile).mode & 0o777).toBe(0o640)
  expect(await view()).toMatchObject({ source: 'file', trial: null, lastTrial: { outcome: 'confirmed', why: null }, needsRestart: [] })
  expect(bed.kept.at(-1)).toBe(WITH_MORE(before))
  await bed.gateway.clock.advanceAsync(120_000)
  expect(await comes('tank', 'other')).toBe(true)
  expect(bed.restarts).toEqual([])
})

test('nobody confirms: the one before comes back by itself', async () => {
  const before = file()
  await apply(WITH_MORE((await view()).text))
  await bed.gateway.clock.advanceAsync(59_999)
  expect((await view()).source).toBe('trial')
  await bed.gateway.clock.advanceAsync(1)
  expect(await view()).toMatchObject({ source: 'file', trial: null, lastTrial: { outcome: 'expired' } })
  expect(await comes('tank', 'other')).toBe(false)
  expect(file()).toBe(before)
})

test('taken back', async () => {
  await apply(WITH_MORE((await view()).text))
  expect((await bed.ask('POST /configuration/revert')).status).toBe(204)
  expect(await comes('tank', 'other')).toBe(false)
  expect(await view()).toMatchObject({ trial: null, lastTrial: { outcome: 'reverted' } })
  expect((await bed.ask('POST /configuration/confirm')).status).toBe(409)
})

test('the file changes meanwhile: whoever is at the file is right', async () => {
  await apply(WITH_MORE((await view()).text))
  writeFileSync(bed.configFile, `${file()}# by hand\n`)
  await bed.gateway.clock.advanceAsync(6000)
  expect(await view()).toMatchObject({ source: 'file', trial: null, lastTrial: { outcome: 'reverted', why: 'the file has changed meanwhile' } })
  expect((await view()).text).toContain('# by hand')
})

test('a file that it names has gone when it is to be taken over: the one before is in force, and why is said', async () => {
  const secret = `${bed.folder}/secret`
  writeFileSync(secret, 'hush')
  const text = (await view()).text.replace('access: { users: [', `access: { users: [{ name: tank, password: { file: ${secret} } }, `)
  const { gateway } = bed.gateway
  const reload = gateway.reload.bind(gateway)
  let times = 0
  gateway.reload = (config) => (times++ === 0 ? Promise.reject(new Error('the key has gone')) : reload(config))
  const { status, json } = await apply(text)
  expect({ status, json }).toMatchObject({ status: 409, json: { detail: 'the key has gone' } })
  expect(await view()).toMatchObject({ source: 'file', trial: null, lastTrial: { outcome: 'failed', why: 'the key has gone' } })
  expect(times).toBe(2)
})

test('a card that takes nothing: it is refused, and nothing is on trial', async () => {
  const { text } = await view()
  mkdirSync(`${bed.folder}/trial.json`)
  const { status, json } = await apply(text)
  expect({ status, json }).toMatchObject({ status: 409, json: { detail: expect.stringContaining('cannot be kept on the card') } })
  expect((await view()).trial).toBe(null)
})

test('a reading that fails is told, and the next one is made', async () => {
  const { gateway } = bed.gateway
  const reload = gateway.reload.bind(gateway)
  let times = 0
  gateway.reload = (config) => (times++ === 0 ? Promise.reject(new Error('no memory')) : reload(config))
  for (const line of ['# once\n', '# twice\n']) {
    writeFileSync(bed.configFile, `${file()}${line}`)
    await bed.gateway.clock.advanceAsync(6000)
  }
  expect(bed.log.filter(({ level }) => level === 'error')).toEqual([expect.objectContaining({ fields: { why: 'no memory' } })])
  expect(times).toBeGreaterThan(1)
  expect((await view()).text).toContain('# twice')
})

test('a second trial takes the place of the first, with a time of its own', async () => {
  const { text } = await view()
  await apply(WITH_MORE(text))
  await bed.gateway.clock.advanceAsync(50_000)
  expect((await apply(WITH_MORE(text).replaceAll('tank', 'well'))).status).toBe(200)
  await bed.gateway.clock.advanceAsync(50_000)
  expect(await comes('well', 'other')).toBe(true)
  await bed.gateway.clock.advanceAsync(10_000)
  expect(await comes('well', 'other')).toBe(false)
})

test('mistakes are refused with their lines, and nothing is on trial', async () => {
  const { text } = await view()
  const sent = text.replace('name: pump', 'nam: pump')
  const { status, json } = await apply(sent)
  expect(status).toBe(422)
  const line = sent.split('\n').findIndex((one) => one.includes('nam: pump')) + 1
  expect(json).toMatchObject({ type: '/api/v1/problems/invalid-configuration', errors: expect.arrayContaining([expect.objectContaining({ line, hint: expect.any(String) })]) })
  expect((await view()).trial).toBe(null)
})

test('one that was made from another text is refused', async () => {
  const { text } = await view()
  const { status, json } = await apply(text, { digest: 'another' })
  expect({ status, json }).toMatchObject({ status: 409, json: { detail: expect.stringContaining('has changed since') } })
  expect((await view()).trial).toBe(null)
})

test('who may log in to the machine is not changed from afar', async () => {
  const { text } = await view()
  const { status, json } = await apply(`${text}ssh: { keys: ["${SSH_KEY}"] }\n`)
  expect({ status, json }).toMatchObject({ status: 409, json: { detail: 'who may log in to the machine (`ssh`) is changed in the file itself' } })
  expect(lastTrialIn(bed.folder)).toBe(null)
})

test('what needs a start is on flash before the gateway starts itself anew', async () => {
  const { text } = await view()
  const { json } = await apply(`${text}sensors: [{ name: a, topic: a, simulate: { kind: sine, every: 1s } }]\n`)
  expect(json).toMatchObject({ restart: true })
  expect(bed.restarts).toEqual(['a configuration is on trial'])
  expect(JSON.parse(readFileSync(`${bed.folder}/trial.json`, 'utf8'))).toMatchObject({ text: expect.stringContaining('kind: sine'), boot: 'test' })
})

test('a file that cannot be written is said before anything is tried', async () => {
  // Whoever runs this may write everywhere: what cannot be written is a file that is not there.
  const { text } = await view()
  renameSync(bed.configFile, `${bed.configFile}.away`)
  const { status, json } = await apply(text)
  expect({ status, json }).toMatchObject({ status: 409, json: { detail: expect.stringContaining('cannot be written') } })
  expect((await view()).writable).toBe(false)
})

test('a viewer sees no configuration, an operator may check one', async () => {
  await bed[Symbol.asyncDispose]()
  bed = await ApiBed.start('http: { listeners: [{ port: 0 }], tokens: [{ name: v, token: "viewer-viewer-viewer", role: viewer }, { name: o, token: "operator-operator-op", role: operator }] }\n')
  const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
  expect((await bed.ask('GET /configuration', as('viewer-viewer-viewer'))).status).toBe(403)
  expect((await bed.ask('GET /configuration', as('operator-operator-op'))).status).toBe(403)
  expect((await bed.ask('POST /configuration/check', { body: { text: 'site: x' }, ...as('operator-operator-op') })).status).toBe(200)
  expect((await bed.ask('POST /configuration/apply', { body: { text: 'site: x' }, ...as('operator-operator-op') })).status).toBe(403)
  expect((await bed.ask('POST /restart', as('operator-operator-op'))).status).toBe(403)
})

test('it is started anew when that is asked for', async () => {
  expect((await bed.ask('POST /restart')).status).toBe(204)
  expect(bed.restarts).toEqual(['nobody has asked for it'])
})
