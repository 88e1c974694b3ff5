// Whatever becomes of gateway.yaml, a configuration is chosen, planned and applied, and a broker starts with it. The image's own test boots such files.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { apply } from '../../../src/appliance/apply.ts'
import { planOf } from '../../../src/appliance/plan.ts'
import { type ChooseOptions, chooseConfig } from '../../../src/config/choose.ts'
import { rememberLastGood } from '../../../src/config/last-good.ts'
import { checkText } from '../../../src/config/load.ts'
import { damagedFiles, GOOD_FILES, place } from '../../image/mutations.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FakeMachine } from '../../support/fake-machine.ts'

const SEED = 20_261_121
const COUNT = 620

const folder = mkdtempSync(join(tmpdir(), 'sandpiper-mutations-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'gateway.yaml')

function options(state: string): ChooseOptions {
  mkdirSync(state, { recursive: true })
  return { state, lastGood: true, orDefault: true, detectedBoard: null, moment: null }
}

const blank = options(join(folder, 'blank'))
const experienced = options(join(folder, 'experienced'))
rememberLastGood(experienced.state!, 'site: known\nbroker: { listeners: [{ port: 18830 }] }\n')

test('the good files are good', () => {
  for (const text of GOOD_FILES) expect(checkText(text, file)).toMatchObject({ config: { site: 'well-07' } })
})

test(`${COUNT} damaged files (seed ${SEED})`, { timeout: 120_000 }, async () => {
  const sources: Record<string, number> = {}
  for (const damaged of damagedFiles(SEED, COUNT)) {
    place(damaged, file)
    for (const of of [blank, experienced]) {
      const source = await outcome(of, damaged.how)
      sources[source] = (sources[source] ?? 0) + 1
    }
  }
  // Files of every kind were there.
  expect(sources['file']).toBeGreaterThan(COUNT / 10)
  expect(sources['last-good']).toBeGreaterThan(COUNT / 4)
  expect(sources['default']).toBeGreaterThan(COUNT / 4)
})

/** Whose configuration was applied. */
async function outcome(of: ChooseOptions, how: string): Promise<string> {
  const choices = chooseConfig(file, of)
  const candidates = [...choices.candidates()]
  const [first] = candidates
  const isAccepted = choices.refused === null
  expect(first?.source, how).toBe(isAccepted ? 'file' : of === experienced ? 'last-good' : 'default')
  // The last one starts on every machine: it listens on loopback, where nobody else does.
  const last = candidates.at(-1)!
  expect(last.source, how).toBe('default')
  expect(last.config.broker.listeners[0], how).toMatchObject({ port: 1883, host: '127.0.0.1', anonymous: true })
  for (const { line, column, message, hint } of choices.refused?.problems ?? []) {
    expect(line > 0 && column > 0 && !/[\r\n]/.test(message + hint), `${how}: ${message}`).toBe(true)
  }
  const machine = new FakeMachine()
  const result = await apply({ file, choices, machine, clock: new FakeClock(), check: () => null })
  expect(result, how).toMatchObject({ source: first!.source, failures: [] })
  expect(machine.list('/run/NetworkManager/system-connections').length, how).toBe(planOf(first!.config).connections.length)
  return result.source
}
