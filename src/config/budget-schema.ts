// gateway.yaml, `budget:` of a link: bytes that it may cost.
import type { BudgetConfig, DialConfig } from './config.ts'
import type { Place } from './place.ts'
import { choice, identifier, integer, percentage, size } from './scalar.ts'
import { defaulted, object, optional, required, type Schema } from './schema.ts'
import { formatSize } from './units.ts'

const BYTES_MIN = 1000
const TB = 1_000_000_000_000
/** One connection with TLS costs about 4 kB: with less than this a day, hardly anything else would fit. */
const CONNECTED_BYTES_MIN = 10_000

const reserve = object({
  class: required('Name of the class: alarm.', identifier('a class')),
  share: required('How much of it: 20%.', percentage()),
}).into((r, place) => {
  if (r.share === 0) return place.key('share').problem('a reserve of 0% is none', 'write for example 20%, or remove `reserve`')
  if (r.share === 1) return place.key('share').problem(`all of the budget is for \`${r.class}\``, `write \`classes: [${r.class}]\` with the link instead, so that others do not wait for it`)
  return r
})

export const budget: Schema<BudgetConfig> = object({
  day: optional('Bytes a day, both directions, everything that is on the wire: TLS, TCP, acknowledgements, connecting. Days end at midnight, local time.', size(BYTES_MIN, TB)),
  month: optional('Bytes a month.', size(BYTES_MIN, TB)),
  billingDay: defaulted('Day of the month that the provider’s month begins on; in shorter months the last day.', 1, integer(1, 31)),
  reserve: optional('The last part of each is for one class.', reserve),
  counts: defaulted(
    'interface: all that goes over the link’s interface, whoever sends it: what the provider counts. connection: what this uplink’s connections cost. ' +
      'auto: interface where it is a modem or a dial-up line, else connection.',
    'auto',
    choice(['auto', 'interface', 'connection']),
  ),
}).into((b, place) => {
  const { day, month, billingDay, counts } = b
  if (day === null && month === null) return place.problem(`${place.name} has no \`day\` and no \`month\``, 'give one of them, for example `month: 20MB`')
  if (day !== null && month !== null && day > month) return place.key('day').problem(`\`day\` ${formatSize(day)} is more than \`month\` ${formatSize(month)}`, 'swap them, or give one')
  if (month === null && place.has('billingDay')) return place.keyProblem('billingDay', '`billingDay` says when a month begins, and there is no `month`', 'add `month: …`, or remove `billingDay`')
  return { dayBytes: day ?? Infinity, monthBytes: month ?? Infinity, billingDay, reserve: b.reserve, counts }
})

/** What a budget asks of its link. `place`: of the link. Reports and answers false when the two do not go together. */
export function budgetFits(bytes: BudgetConfig, device: string | null, dialled: DialConfig | null, isModem: boolean, place: Place): boolean {
  const at = place.key('budget')
  if (isModem) {
    if (bytes.counts !== 'interface') return true
    at.key('counts').problem('a modem for short messages has no interface', 'remove `counts`: its messages are counted')
    return false
  }
  const hasInterface = device !== null || (dialled !== null && (dialled.kind !== 'command' || dialled.interface !== null))
  if (bytes.counts === 'interface' && !hasInterface) {
    at.key('counts').problem('which interface is to be counted is not known', 'add `interface:` to the link, for example `interface: wwan0`')
    return false
  }
  const [key, least] = bytes.dayBytes === Infinity ? (['month', bytes.monthBytes] as const) : (['day', bytes.dayBytes] as const)
  if (least >= CONNECTED_BYTES_MIN) return true
  at.key(key).problem(`\`${key}\` is too little: a connection alone costs about 4kB`, `give it ${formatSize(CONNECTED_BYTES_MIN)} or more`)
  return false
}
