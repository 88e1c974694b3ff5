// A trial counts for one start of the machine, and for a time.
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { chooseConfig } from '../../../src/config/choose.ts'
import { beginTrial, endTrial, keepTrial, keptTrial, lastTrialIn, TRIAL_FILE, trialIn } from '../../../src/config/trial.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sandpiper-trial-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const at = (sinceBootMs: number, boot = 'b1') => ({ boot, sinceBootMs })
const path = () => join(folder, TRIAL_FILE)

test('it counts until its moment, and not at it', () => {
  const trial = keepTrial(folder, 'site: new\n', at(1000), 60_000)
  expect(trial.untilMs).toBe(61_000)
  expect(trialIn(folder, at(60_999))).toEqual(trial)
  expect(trialIn(folder, at(61_000))).toBe(null)
  expect(keptTrial(folder)).toEqual(trial)
})

test('one that needs a start has its time from then on, once', () => {
  const trial = keepTrial(folder, 'site: new\n', at(1000), 60_000, true)
  expect(trialIn(folder, at(100_000))).toEqual(trial)
  const begun = beginTrial(folder, trial, at(100_000))
  expect(begun).toMatchObject({ untilMs: 160_000, confirmMs: null })
  expect(trialIn(folder, at(159_999))).toEqual(begun)
  expect(beginTrial(folder, begun, at(150_000))).toEqual(begun)
  expect(trialIn(folder, at(160_000))).toBe(null)
})

test('one that never starts ends all the same', () => {
  const trial = keepTrial(folder, 'site: new\n', at(0), 60_000, true)
  expect(trialIn(folder, at(180_000))).toBe(null)
  expect(beginTrial(folder, trial, at(179_000)).untilMs).toBe(180_000)
})

test('another start of the machine ends it', () => {
  keepTrial(folder, 'site: new\n', at(50_000), 60_000)
  expect(trialIn(folder, at(10, 'b2'))).toBe(null)
})

test('only its owner reads it, and what is over keeps no text', () => {
  const { digest } = keepTrial(folder, 'site: new\npassword: hush\n', at(0), 60_000)
  expect(statSync(path()).mode & 0o777).toBe(0o600)
  endTrial(folder, { digest, outcome: 'expired', why: 'nobody' })
  expect(readFileSync(path(), 'utf8')).not.toContain('hush')
  expect(keptTrial(folder)).toBe(null)
  expect(lastTrialIn(folder)).toEqual({ digest, outcome: 'expired', why: 'nobody' })
})

test.each([
  ['nothing', null],
  ['no JSON', '{"text":'],
  ['no object', 'null'],
  ['a list', '[]'],
  ['a text that is not the digest’s', JSON.stringify({ text: 'site: other', digest: '0123456789abcdef', boot: 'b1', untilMs: 1e9 })],
  ['no moment', JSON.stringify({ text: 'x', digest: 'y', boot: 'b1' })],
  ['too much', ' '.repeat(700_000)],
])('%s is no trial', (_, written) => {
  if (written !== null) writeFileSync(path(), written)
  expect(trialIn(folder, at(0))).toBe(null)
  expect(lastTrialIn(folder)).toBe(null)
})

test('a link is not followed: root reads this folder, and others write there', () => {
  keepTrial(folder, 'site: new\n', at(0), 60_000)
  const elsewhere = join(folder, 'elsewhere')
  writeFileSync(elsewhere, readFileSync(path()))
  rmSync(path())
  symlinkSync(elsewhere, path())
  expect(trialIn(folder, at(0))).toBe(null)
})

function chosen(file: string, moment = at(1000)): string[] {
  writeFileSync(join(folder, 'gateway.yaml'), file)
  return [...chooseConfig(join(folder, 'gateway.yaml'), { state: folder, lastGood: true, orDefault: true, detectedBoard: null, moment }).candidates()].map(({ source, config }) => `${source} ${config.site}`)
}

test('what is on trial comes before the file', () => {
  keepTrial(folder, 'site: new\n', at(1000), 60_000)
  expect(chosen('site: old\n')).toEqual(['trial new', 'file old', 'default gateway'])
  expect(chosen('site: old\n', at(61_000))).toEqual(['file old', 'default gateway'])
})

test('a trial of what the file says is none', () => {
  keepTrial(folder, 'site: old\n', at(1000), 60_000)
  expect(chosen('site: old\n')).toEqual(['file old', 'default gateway'])
})

test('a trial with a mistake is none', () => {
  keepTrial(folder, 'sight: new\n', at(1000), 60_000)
  expect(chosen('site: old\n')).toEqual(['file old', 'default gateway'])
})

const KEY = `ssh-ed25519 ${Buffer.concat([Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0 ', 'latin1'), Buffer.alloc(32, 7)]).toString('base64')} me`

test('who may log in to the machine is not on trial', () => {
  keepTrial(folder, `site: new\nssh: { keys: ["${KEY}"] }\n`, at(1000), 60_000)
  expect(chosen('site: old\n')).toEqual(['file old', 'default gateway'])
  expect(chosen(`site: old\nssh: { keys: ["${KEY}"] }\n`)[0]).toBe('trial new')
})
