// A slice of the fuzzer of frames (npm run fuzz:frames has more).
import { expect, test } from 'vitest'
import { frameCampaign } from './frame-campaign.ts'
import { frameCase, FrameCorpus } from './frame-cases.ts'

const SEED = 1

test('altered frames and dictionaries are refused, decoded or in need of a dictionary, soon and in little memory', { timeout: 120_000 }, () => {
  const lines: string[] = []
  const { ended, faults, mostMb } = frameCampaign({ seed: SEED, first: 0, count: 2000, print: (line) => lines.push(line) })
  expect(faults).toEqual([])
  expect(ended.decoded + ended.needs + ended.refused + ended.slipped).toBe(2000)
  expect(ended.decoded).toBeGreaterThan(80)
  expect(ended.refused).toBeGreaterThan(1000)
  expect(ended.needs).toBeGreaterThan(50)
  expect(mostMb).toBeLessThan(800)
})

test('a case follows from its seed and number', () => {
  const [one, other] = [new FrameCorpus(SEED), new FrameCorpus(SEED)]
  for (const number of [0, 1, 77, 999_999]) expect(frameCase(one, SEED, number)).toEqual(frameCase(other, SEED, number))
  expect(one.good.length).toBeGreaterThan(20)
})
