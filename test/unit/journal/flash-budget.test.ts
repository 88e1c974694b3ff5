import { expect, test } from 'vitest'
import { FlashBudget } from '../../../src/journal/flash-budget.ts'

const DAY_BYTES = 86_400_000 // one a millisecond

test('ten minutes’ worth may be written at once', () => {
  const budget = new FlashBudget(DAY_BYTES, 0)
  budget.update(600_000, 0)
  expect(budget.dueMs).toBe(0)
  budget.update(601_000, 0)
  expect(budget.dueMs).toBe(1000)
})

test('what is not written is saved, for ten minutes', () => {
  const budget = new FlashBudget(DAY_BYTES, 0)
  budget.update(600_000, 0)
  budget.update(600_000, 86_400_000)
  expect(budget.dueMs).toBe(86_400_000 - 600_000)
})

test('nor is a debt carried on for longer', () => {
  const budget = new FlashBudget(DAY_BYTES, 0)
  budget.update(1e12, 0)
  expect(budget.dueMs).toBe(600_000)
})
