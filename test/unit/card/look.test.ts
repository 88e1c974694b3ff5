// A look as a whole: secrets move and the status is written, with the power cut at every step; a card that fails stops nothing.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import type { CardFacts } from '../../../src/card/facts.ts'
import { Led } from '../../../src/card/led.ts'
import { look, type LookDeps } from '../../../src/card/look.ts'
import { digestOf } from '../../../src/config/digest.ts'
import { type Accepted, checkText } from '../../../src/config/load.ts'
import type { Status } from '../../../src/ops/status.ts'
import { APPLIED, FACTS, STATUS } from '../../support/card-facts.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FakeMachine } from '../../support/fake-machine.ts'
import { FatCard } from '../../support/fat-card.ts'
import { makeKeyPair } from '../../support/update-bed.ts'

const FILE = '# mine\r\nsite: well-07\r\naccess: { users: [{ name: a, password: hunter2 }] } # keep\r\nuplinks: [{ name: cloud, url: mqtt://h, username: u, password: "wrong yet", routes: [{ out: a }] }]\r\n'

let state = ''
const states: string[] = []
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'sandpiper-look-'))
  states.push(state)
})
afterAll(() => {
  for (const folder of states) rmSync(folder, { recursive: true })
})

function accepted(text: string): Accepted {
  const result = checkText(text, '/card/gateway.yaml', { state })
  if ('problems' in result) throw new Error(result.problems[0]!.message)
  return result
}

function factsOf(text: string | null, { everConnected = false } = {}): CardFacts {
  const digest = digestOf((text ?? '').replace('\uFEFF', ''))
  return { ...FACTS, text: text?.replace('\uFEFF', '') ?? null, applied: { ...APPLIED, digest, fileDigest: digest }, status: { ...STATUS, config: { source: 'file', digest, trouble: null }, uplinks: [{ ...STATUS.uplinks[0]!, everConnected }] } }
}

function deps(files: FatCard, machine = new FakeMachine(), clock = new FakeClock()): LookDeps {
  return { clock, files, machine, state, configFile: '/card/gateway.yaml', detectedBoard: null, led: new Led('/nowhere'), whileWritable: (write) => write() }
}

test('what has worked is taken from the file, the rest stays', async () => {
  const card = new FatCard({ 'gateway.yaml': FILE })
  expect(await look(factsOf(FILE), deps(card))).toEqual({ said: [], movedSecrets: 1, wroteStatus: true })
  expect(card.text('gateway.yaml')!.replace(/g[0-9a-f]{20}/, 'F')).toBe(FILE.replace('hunter2', '{ stored: F }'))
  expect(card.text('STATUS.txt')).toContain('GATEWAY.YAML is right')
  expect(accepted(card.text('gateway.yaml')!).config).toEqual(accepted(FILE).config)
  const text = card.text('gateway.yaml')!
  expect(await look(factsOf(text, { everConnected: true }), deps(card))).toMatchObject({ movedSecrets: 1 })
  expect(card.text('gateway.yaml')).not.toMatch(/hunter2|wrong yet/)
})

test('a byte order mark stays', async () => {
  const card = new FatCard({ 'gateway.yaml': `\uFEFF${FILE}` })
  await look(factsOf(`\uFEFF${FILE}`), deps(card))
  expect(card.text('gateway.yaml')).toMatch(/^\uFEFF# mine/)
  expect(card.text('gateway.yaml')).toContain('stored:')
})

test('a power cut at any step loses no secret, no file and no word of the user', async () => {
  let cuts = 0
  for (let steps = 0; ; steps++) {
    const card = new FatCard({ 'gateway.yaml': FILE })
    card.stepsLeft = steps
    const isDone = await look(factsOf(FILE), deps(card)).then(() => card.outcomes.length === 0)
    if (isDone) break
    for (const names of card.outcomes) {
      cuts++
      const after = new FatCard(names)
      // The next start: leftovers are put right, and the file means what it meant.
      await look(factsOf(null), deps(after))
      const text = after.text('gateway.yaml')!
      expect(text.replace(/\{ stored: g[0-9a-f]{20} \}/, 'hunter2')).toBe(FILE)
      expect(accepted(text).config).toEqual(accepted(FILE).config)
      await look(factsOf(text), deps(after))
      expect(after.list().toSorted()).toEqual(['STATUS.txt', 'gateway.yaml'])
      expect(after.text('gateway.yaml')).not.toContain('hunter2')
    }
  }
  expect(cuts).toBeGreaterThan(15)
})

describe('the key of a certificate', () => {
  const FILE_WITH_KEY = 'site: well-07\nuplinks:\n  - name: cloud\n    url: mqtts://h\n    tls: { cert: device.pem, key: device.key } # ours\n    routes: [{ out: a }]\n'

  function bed(text: string, keyFile = 'device.key') {
    const folder = join(state, 'card')
    mkdirSync(folder)
    const { files: pair } = makeKeyPair(folder, 'made')
    copyFileSync(pair.certificate, join(folder, 'device.pem'))
    copyFileSync(pair.key, join(folder, keyFile))
    const card = new FatCard({ 'gateway.yaml': text, 'device.key': readFileSync(pair.key), 'device.pem': readFileSync(pair.certificate) })
    return { folder, card, all: { ...deps(card), configFile: join(folder, 'gateway.yaml') } }
  }

  test('leaves the card once its uplink has been connected; the certificate stays', async () => {
    const { folder, card, all } = bed(FILE_WITH_KEY)
    expect(await look(factsOf(FILE_WITH_KEY), all)).toMatchObject({ movedSecrets: 0 })
    const before = checkText(FILE_WITH_KEY, all.configFile, { state }) as Accepted
    expect(await look(factsOf(FILE_WITH_KEY, { everConnected: true }), all)).toMatchObject({ movedSecrets: 1 })
    const text = card.text('gateway.yaml')!
    expect(text.replace(/g[0-9a-f]{20}/, 'F')).toBe(FILE_WITH_KEY.replace('key: device.key', 'key: { stored: F }'))
    expect(card.list().toSorted()).toEqual(['STATUS.txt', 'device.pem', 'gateway.yaml'])
    rmSync(join(folder, 'device.key'))
    expect((checkText(text, all.configFile, { state }) as Accepted).config).toEqual(before.config)
  })

  test('a power cut at any step loses neither the key nor what names it', async () => {
    const facts = factsOf(FILE_WITH_KEY, { everConnected: true })
    const { all } = bed(FILE_WITH_KEY)
    const files = { 'gateway.yaml': FILE_WITH_KEY, 'device.key': 'the key', 'device.pem': 'the certificate' }
    let cuts = 0
    for (let steps = 0; ; steps++) {
      const card = new FatCard(files)
      card.stepsLeft = steps
      if (await look(facts, { ...all, files: card }).then(() => card.outcomes.length === 0)) break
      for (const names of card.outcomes) {
        cuts++
        const after = new FatCard(names)
        await look(factsOf(null), { ...deps(after), configFile: all.configFile })
        const text = after.text('gateway.yaml')!
        expect(text.replace(/\{ stored: g[0-9a-f]{20} \}/, 'device.key')).toBe(FILE_WITH_KEY)
        if (text === FILE_WITH_KEY) expect(after.text('device.key')).toBe('the key')
      }
    }
    expect(cuts).toBeGreaterThan(10)
  })

  test('stays when it lies elsewhere, or another uplink still names it', async () => {
    const elsewhere = FILE_WITH_KEY.replace('key: device.key', 'key: ../other.key')
    const { card, all } = bed(elsewhere, '../other.key')
    await look(factsOf(elsewhere, { everConnected: true }), all)
    expect(card.text('gateway.yaml')).toBe(elsewhere)
    const two = `${FILE_WITH_KEY}  - { name: second, url: "mqtts://i", tls: { cert: device.pem, key: device.key }, routes: [{ out: b }] }\n`
    copyFileSync(join(state, 'other.key'), join(state, 'card/device.key'))
    const shared = new FatCard({ 'gateway.yaml': two, 'device.key': 'the key' })
    expect(await look(factsOf(two, { everConnected: true }), { ...all, files: shared })).toMatchObject({ movedSecrets: 1 })
    expect([shared.text('device.key'), shared.text('gateway.yaml')!.match(/stored:/g)!.length]).toEqual(['the key', 1])
  })
})

describe('no secret is moved', () => {
  const running = (config: Status['config']): Partial<CardFacts> => ({ status: { ...STATUS, config } })

  test.each<[string, Partial<CardFacts>, string]>([
    ['while another configuration runs', running({ source: 'last-good', digest: digestOf(FILE), trouble: null }), FILE],
    ['while the gateway runs with an earlier text', running({ source: 'file', digest: null, trouble: null }), FILE],
    ['while the gateway does not run', { status: null, answer: null }, FILE],
    ['when the file has changed meanwhile', {}, FILE.replace('keep', 'changed')],
  ])('%s', async (_, changes, text) => {
    const card = new FatCard({ 'gateway.yaml': text })
    await look({ ...factsOf(FILE), ...changes }, deps(card))
    expect(card.text('gateway.yaml')).toBe(text)
  })
})

describe('a card that fails', () => {
  test('is said once, and tried again when something has changed', async () => {
    const card = new FatCard({ 'gateway.yaml': 'site: s\n' })
    const clock = new FakeClock()
    const machine = new FakeMachine()
    let tries = 0
    const broken: LookDeps = {
      ...deps(card, machine, clock),
      whileWritable() {
        throw new Error(`EROFS: read-only file system ${tries++}`)
      },
    }
    const first = await look(factsOf('site: s\n'), broken)
    expect(first.said[0]).toMatch(/^the card cannot be written to \(EROFS: read-only file system 0\)/)
    clock.advance(120_000)
    expect((await look(factsOf('site: s\n'), broken)).said).toEqual([])
    expect(tries).toBe(1)
    expect((await look({ ...factsOf('site: s\n'), devices: [] }, broken)).said).toEqual([])
    expect(tries).toBe(2)
  })
})

test('nothing is written when nothing is to be said', async () => {
  const card = new FatCard({ 'gateway.yaml': 'site: s\n' })
  const clock = new FakeClock()
  const of = deps(card, new FakeMachine(), clock)
  await look(factsOf('site: s\n'), of)
  const before = card.steps
  for (let n = 0; n < 100; n++) {
    clock.advance(120_000)
    await look(factsOf('site: s\n'), of)
  }
  expect(card.steps - before).toBeLessThanOrEqual(4) // once, after six hours: aside, written, renamed, synced
})

test('a radio that has given up is asked to try again, where there is a network for it', async () => {
  const machine = new FakeMachine()
  await look(FACTS, deps(new FatCard(), machine))
  expect(machine.ran.filter((line) => line.includes('connect wlan0'))).toEqual([])
  machine.write('/run/NetworkManager/system-connections/sandpiper-a.nmconnection', '[connection]\ntype=wifi\n', 0o600)
  await look(FACTS, deps(new FatCard(), machine))
  expect(machine.ran.filter((line) => line.includes('connect wlan0'))).toEqual(['nmcli --wait 0 device connect wlan0'])
})
