// Is there money left for the links? The gateway that runs says it. Where none runs, its store is not opened for that: it belongs to one process at a time, and
// a gateway that starts meanwhile would find it taken.
import type { Config } from '../config/config.ts'
import { fault, type Finding, ok, unknown, warning } from './finding.ts'
import type { Patient } from './patient.ts'
import type { ViewedPeriod, ViewedUplink } from './gateway-view.ts'

const MORE = 'a larger `budget` lets it go on; `sandpiper uplink` shows what is spent, `batch`, `only` and `keepAlive` make it less'

export function checkBudgets({ config, gateway }: Patient): Finding[] {
  if (gateway !== null) return gateway.uplinks.flatMap(({ name, budgets }) => budgets.map((budget) => budgetFinding(name, budget)))
  return limited(config).map((name) => unknown(`budget/${name}`, 'what has been spent is known when the gateway runs'))
}

function limited(config: Config | null): readonly string[] {
  return (config?.uplinks ?? []).flatMap(({ name, links }) => links.filter(({ budget }) => budget !== null).map((link) => (links.length === 1 ? name : `${name}/${link.name}`)))
}

export function budgetFinding(uplink: string, { link, day, month, reservedFor, exhausted, exhaustedUntil }: ViewedUplink['budgets'][number]): Finding {
  const name = link === uplink ? `budget/${uplink}` : `budget/${uplink}/${link}`
  const spent = [periodText('day', day), periodText('month', month)].filter((text) => text !== '').join(', ')
  if (exhausted) return fault(name, `the budget of ${link} is spent (${spent}): nothing goes over it${exhaustedUntil === null ? '' : ` until ${exhaustedUntil}`}`, `wait, or ${MORE}`)
  if (reservedFor !== null) return warning(name, `only messages of the class ${reservedFor} go over ${link} until there is new budget (${spent})`, MORE)
  if (day.warned || month.warned) return warning(name, `more than 80 % of the budget of ${link} is spent (${spent})`, MORE)
  return ok(name, `${link} has budget left (${spent})`)
}

function periodText(period: string, { bytes, limitBytes }: ViewedPeriod): string {
  return limitBytes === null ? '' : `${(bytes / 1e6).toFixed(2)} of ${(limitBytes / 1e6).toFixed(2)} MB of the ${period}`
}
