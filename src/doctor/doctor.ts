// Looks for the faults that sites have most often. Each check is a file: small readers get facts, a pure function judges them.
//
// What is always true
//   1. Nothing is changed, no line is dialled, no port is opened that somebody else may want.
//   2. All checks run at once, and what takes longer than CHECK_MS_MAX is called unknown: the whole is over soon after.
//   3. A check that fails by itself is a finding, and not the end of the others.
import { checkBudgets } from './budget.ts'
import { checkCard } from './card.ts'
import { checkConfiguration } from './configuration.ts'
import { within } from './deadline.ts'
import { checkDisk } from './disk.ts'
import { byGravity, type Finding, ok, unknown } from './finding.ts'
import { checkGarbage } from './garbage.ts'
import { checkLines } from './lines.ts'
import type { Patient } from './patient.ts'
import { checkPorts } from './ports.ts'
import { checkPower } from './power.ts'
import { checkRemotes } from './remote.ts'
import { checkTime } from './time.ts'

export const CHECK_MS_MAX = 6500

type Check = (patient: Patient) => Finding[] | Promise<Finding[]>

const CHECKS: Readonly<Record<string, Check>> = {
  gateway: checkGateway,
  configuration: checkConfiguration,
  port: checkPorts,
  clock: checkTime,
  disk: checkDisk,
  card: checkCard,
  power: checkPower,
  line: checkLines,
  uplink: checkRemotes,
  budget: checkBudgets,
  baud: checkGarbage,
}

/** The gravest first. Never rejects. */
export async function examine(patient: Patient): Promise<readonly Finding[]> {
  const findings = await Promise.all(Object.entries(CHECKS).map(([name, check]) => carryOut(name, check, patient)))
  return byGravity(findings.flat())
}

async function carryOut(name: string, check: Check, patient: Patient): Promise<readonly Finding[]> {
  const late = [unknown(name, `this took longer than ${CHECK_MS_MAX / 1000} s, and was given up`)]
  const begun = Promise.resolve().then(() => check(patient))
  return within(patient.clock, CHECK_MS_MAX, begun.catch((error: Error) => [unknown(name, `this could not be looked at: ${error.message}`)]), late)
}

function checkGateway({ gateway, noGateway }: Patient): Finding[] {
  if (gateway !== null) return [ok('gateway', `it runs (process ${gateway.pid})`)]
  return noGateway === null ? [] : [noGateway]
}
