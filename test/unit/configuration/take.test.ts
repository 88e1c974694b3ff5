// Root's half of a confirmation: what the gateway's user asks for is done only as far as it may ask.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { configureCommand } from '../../../src/commands/configure.ts'
import { bootOffsetMs, systemClock } from '../../../src/clock.ts'
import { keepTrial } from '../../../src/config/trial.ts'
import { writerOf } from '../../../src/configuration/writer.ts'
import { bootIdentifier } from '../../../src/system-time.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const SSH_KEY = `ssh-ed25519 ${Buffer.concat([Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0 ', 'latin1'), Buffer.alloc(32, 7)]).toString('base64')} me`

let root = ''
let state = ''
let file = ''
let runtime = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sandpiper-take-'))
  state = join(root, 'state')
  runtime = join(root, 'run/sandpiper')
  mkdirSync(join(root, 'etc'))
  mkdirSync(join(runtime, 'requests'), { recursive: true })
  file = join(root, 'etc/gateway.yaml')
  writeFileSync(file, 'site: old\n', { mode: 0o640 })
})
afterEach(() => rmSync(root, { recursive: true }))

/** Since the kernel tells which start of the machine this is; `agoMs` before now. */
const moment = (agoMs = 0) => ({ boot: bootIdentifier(), sinceBootMs: systemClock.now() + bootOffsetMs - agoMs })
const request = (name: string, content: string) => writeFileSync(join(runtime, 'requests', name), content)
const take = () => configureCommand({ config: file, state, root })
const answers = () => readdirSync(join(root, 'run/sandpiper-configure')).map((name) => [name, JSON.parse(readFileSync(join(root, 'run/sandpiper-configure', name), 'utf8')) as unknown])

test('what is on trial gets into the file, which keeps its mode', () => {
  const { digest } = keepTrial(state, 'site: new\n', moment(), 60_000)
  request('configure-1.json', JSON.stringify({ id: '1', digest }))
  expect(take()).toEqual([])
  expect(readFileSync(file, 'utf8')).toBe('site: new\n')
  expect(statSync(file).mode & 0o777).toBe(0o640)
  expect(answers()).toEqual([['1.json', { why: null }]])
  expect(readdirSync(join(runtime, 'requests'))).toEqual([])
})

test('onto the card', () => {
  const card = join(root, 'card')
  mkdirSync(card)
  writeFileSync(join(card, 'gateway.yaml'), 'site: old\n')
  mkdirSync(join(root, 'run'), { recursive: true })
  const { digest } = keepTrial(state, 'site: new\n', moment(), 60_000)
  request('configure-1.json', JSON.stringify({ id: '1', digest }))
  expect(configureCommand({ card, state, root })).toEqual([])
  expect(readFileSync(join(card, 'gateway.yaml'), 'utf8')).toBe('site: new\n')
  expect(readdirSync(card)).toEqual(['gateway.yaml'])
})

test.each([
  ['nothing is on trial', () => '0000000000000000', 'that configuration is not on trial any more'],
  ['its time is over', () => keepTrial(state, 'site: new\n', moment(61_000), 60_000).digest, 'that configuration is not on trial any more'],
  ['the machine has been started anew', () => keepTrial(state, 'site: new\n', { ...moment(), boot: 'another' }, 60_000).digest, 'that configuration is not on trial any more'],
  ['another one is on trial', () => `${keepTrial(state, 'site: new\n', moment(), 60_000).digest}x`, 'that configuration is not on trial any more'],
  ['it has a mistake', () => keepTrial(state, 'sight: new\n', moment(), 60_000).digest, 'the configuration has mistakes'],
  ['it lets others log in', () => keepTrial(state, `site: new\nssh: { keys: ["${SSH_KEY}"] }\n`, moment(), 60_000).digest, 'who may log in to the machine (`ssh`) is changed in the file itself'],
])('%s: the file stays, and why is said', (_, tried, why) => {
  request('configure-1.json', JSON.stringify({ id: '1', digest: tried() }))
  expect(take()).toEqual([why])
  expect(readFileSync(file, 'utf8')).toBe('site: old\n')
  expect(answers()).toEqual([['1.json', { why }]])
})

test.each([
  ['no JSON', '{'],
  ['no identifier', JSON.stringify({ digest: 'x' })],
  ['an identifier that leads elsewhere', JSON.stringify({ id: '../../etc/x', digest: 'x' })],
  ['too much', JSON.stringify({ id: '1', digest: 'x', more: 'y'.repeat(2000) })],
])('%s is removed, and not answered', (_, content) => {
  request('configure-1.json', content)
  expect(take()).toEqual([])
  expect(readdirSync(join(runtime, 'requests'))).toEqual([])
  expect(answers()).toEqual([])
})

test('a link is not followed', () => {
  const { digest } = keepTrial(state, 'site: new\n', moment(), 60_000)
  writeFileSync(join(root, 'secret'), JSON.stringify({ id: '1', digest }))
  symlinkSync(join(root, 'secret'), join(runtime, 'requests', 'configure-1.json'))
  expect(take()).toEqual([])
  expect(readFileSync(file, 'utf8')).toBe('site: old\n')
  expect(existsSync(join(root, 'secret'))).toBe(true)
})

test('the gateway asks, and hears what became of it', async () => {
  const clock = new FakeClock()
  mkdirSync(join(root, 'usr/lib/systemd/system'), { recursive: true })
  writeFileSync(join(root, 'usr/lib/systemd/system/sandpiper-configure.path'), '')
  // One that root alone could replace.
  const writer = writerOf({ file: join(root, 'etc/none/gateway.yaml'), runtime, root }, clock)
  expect(writer.trouble).toBe(null)
  const trial = keepTrial(state, 'site: new\n', moment(), 60_000)
  const written = writer.write(trial)
  expect(take()).toEqual([])
  await clock.advanceAsync(1000)
  await written
  expect(readFileSync(file, 'utf8')).toBe('site: new\n')
})

test('nobody answers: that is said with what to do', async () => {
  const clock = new FakeClock()
  mkdirSync(join(root, 'usr/lib/systemd/system'), { recursive: true })
  writeFileSync(join(root, 'usr/lib/systemd/system/sandpiper-configure.path'), '')
  const written = writerOf({ file: join(root, 'etc/none/gateway.yaml'), runtime, root }, clock).write(keepTrial(state, 'site: new\n', moment(), 60_000))
  const why = written.then(() => '', (error: Error) => error.message)
  await clock.advanceAsync(61_000)
  expect(await why).toContain('systemctl enable --now sandpiper-configure.path')
})

test('without the service, a file that cannot be written cannot be changed', () => {
  const { trouble } = writerOf({ file: join(root, 'etc/none/gateway.yaml'), runtime, root }, new FakeClock())
  expect(trouble).toContain('cannot be written by the gateway')
})
