// A slice of the fuzzer of the API (npm run fuzz:api has more).
import { expect, test } from 'vitest'
import { apiCampaign } from './api-campaign.ts'

test('requests made from the description, right and wrong, are answered as it says, and what is refused does nothing', { timeout: 120_000 }, async () => {
  const { faults, statuses } = await apiCampaign({ seed: 1, first: 0, count: 1500, print: () => {} })
  expect(faults).toEqual([])
  for (const status of [200, 204, 400, 404, 405]) expect(statuses[status], `answers ${status}`).toBeGreaterThan(5)
})
