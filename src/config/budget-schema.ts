// gateway.yaml, `budget:` of a link: bytes that it may cost.
import type { BudgetConfig } from './config.ts'
import { identifier, integer, percentage, size } from './scalar.ts'
import { defaulted, object, optional, required, type Schema } from './schema.ts'

const TB = 1_000_000_000_000

export const budget: Schema<BudgetConfig> = object({
  day: optional('Bytes a day, both directions, everything that is on the wire.', size(1000, TB)),
  month: optional('Bytes a month.', size(1000, TB)),
  billingDay: defaulted('Day of the month that the provider’s month begins on; in shorter months the last day.', 1, integer(1, 31)),
  reserve: optional('The last part of each is for one class.', object({
    class: required('Name of the class.', identifier('a class')),
    share: required('How much of it.', percentage()),
  })),
}).into((b, place) => {
  if (b.day === null && b.month === null) return place.problem(`${place.name} has no \`day\` and no \`month\``, 'give one of them, for example `month: 20MB`')
  if (b.day !== null && b.month !== null && b.day > b.month) return place.key('day').problem('a day may cost more than a month', 'swap them, or give one')
  return { dayBytes: b.day ?? Infinity, monthBytes: b.month ?? Infinity, billingDay: b.billingDay, reserve: b.reserve }
})
