// What a thousand rules cost a QoS 0 message. A few nanoseconds are looked for, where two starts of the same broker differ by percents: so
// one broker is measured without and with rules in turn, by reloading its configuration, A B B A A B B A …
//
// Always two rounds in succession are compared. Where these have the same configuration, what comes out is noise. Beside the messages per
// second stands the broker's CPU time for a message, which does not depend on which side waits for the other.
//
// A figure of one repetition is the median of its pairs; each repetition (--repeat) has a broker of its own.

import type { AccessSetup } from '../brokers.ts'
import type { FlowJob, FlowResult } from '../load/jobs.ts'
import { median, type Row } from '../report.ts'
import type { User } from '../wire.ts'
import { passwordLine } from './logins.ts'
import type { Bench, Work } from './work.ts'

const RULES = 1000
const DEVICE: User = { name: 'device', password: 'of-the-bench' }

type Shape = Pick<FlowJob, 'publishers' | 'outstanding' | 'batch'> & { readonly topics: number | 'new' }

export const rights: Work[] = [
  work('rights-1-1', 'one publisher to one subscriber', { publishers: 1, outstanding: 8000, batch: 500, topics: 1 }),
  work('rights-50-1', '50 publishers to one subscriber', { publishers: 50, outstanding: 160, batch: 80, topics: 1 }),
  work('rights-topics', 'one publisher with 1,000 topics to one subscriber', { publishers: 1, outstanding: 8000, batch: 1000, topics: 1000 }),
  work('rights-new', 'one publisher with another topic in each message to one subscriber', { publishers: 1, outstanding: 8000, batch: 500, topics: 'new' }),
]

function work(name: string, title: string, shape: Shape): Work {
  return {
    name,
    title: `QoS 0, ${title}, without and with ${RULES.toLocaleString('en-US')} rules`,
    can: (kind) => kind.hasAccess,
    run: async (bench) => await measure(bench, shape),
  }
}

/** One after the other. */
interface Round {
  readonly ruled: boolean
  readonly perSec: number
  readonly cpuNs: number
}

async function measure(bench: Bench, { topics, ...shape }: Shape): ReturnType<Work['run']> {
  const passwords = await passwordLine(DEVICE)
  const unruled: AccessSetup = { passwords, sandpiper: { users: [USER] }, acl: null }
  const ruled: AccessSetup = { passwords, sandpiper: { users: [USER], rules: sandpiperRules() }, acl: mosquittoRules() }
  const broker = await bench.start({ access: unruled })
  const load = bench.load()
  const faults: string[] = []
  const notes = new Set<string>()
  const flow = async (times: { warmMs: number; runMs: number }): Promise<FlowResult> => {
    const fixed = { kind: 'flow', qos: 0, subscribers: 1, persistent: false, window: 0 } as const
    const result = await load.run({ ...fixed, ...shape, port: broker.port, brokerPid: broker.pid, devices: { user: DEVICE, topics }, ...times })
    faults.push(...result.faults)
    if (result.loadCpu > 0.95 && result.brokerCpu < 0.9) notes.add('the load generator was the limit: the CPU time counts')
    return result
  }
  const rule = async (on: boolean): Promise<void> => {
    broker.reload(on ? ruled : unruled)
    if (!(await load.run({ kind: 'may', port: broker.port, expected: !on }))) faults.push(`${on ? 'with' : 'without'} rules: the new configuration did not come into force`)
  }
  const rounds: Round[] = []
  const count = bench.quick ? 4 : 20
  let isRuled = false
  for (let i = -2; i < count; i++) {
    const ruled = ((i + 1) & 2) !== 0
    if (ruled !== isRuled) await rule((isRuled = ruled))
    const { deliveriesPerSec, brokerCpu } = await flow(bench.quick || i < 0 ? { warmMs: 300, runMs: 500 } : { warmMs: 800, runMs: 1000 })
    if (i >= 0) rounds.push({ ruled, perSec: deliveriesPerSec, cpuNs: (brokerCpu * 1e9) / deliveriesPerSec })
  }
  return { rows: rowsOf(rounds), faults: [...new Set(faults)], notes: [...notes] }
}

function rowsOf(rounds: readonly Round[]): Row[] {
  const middle = (ruled: boolean, of: (round: Round) => number): number => median(rounds.filter((round) => round.ruled === ruled).map(of))
  const perSec = (round: Round): number => round.perSec
  const cpuNs = (round: Round): number => round.cpuNs
  return [
    { metric: 'without rules', unit: 'per second', value: middle(false, perSec) },
    { metric: 'with rules', unit: 'per second', value: middle(true, perSec) },
    { metric: 'fewer messages with rules', unit: '%', value: -moreInPercent(rounds, perSec, true) },
    { metric: 'of two rounds alike the second (noise)', unit: '%', value: -moreInPercent(rounds, perSec, false) },
    { metric: 'broker CPU for a message, without rules', unit: 'ns', value: middle(false, cpuNs) },
    { metric: 'broker CPU for a message, with rules', unit: 'ns', value: middle(true, cpuNs) },
    { metric: 'more CPU with rules', unit: '%', value: moreInPercent(rounds, cpuNs, true) },
    { metric: 'more CPU, of two rounds alike the second (noise)', unit: '%', value: moreInPercent(rounds, cpuNs, false) },
  ]
}

/** Of rounds in succession: how much more it is with rules than without; or in the second than in the first, of two that are alike. */
function moreInPercent(rounds: readonly Round[], of: (round: Round) => number, differ: boolean): number {
  const pairs = rounds.slice(1).map((second, i) => [rounds[i]!, second] as const)
  return median(pairs.filter(([first, second]) => (first.ruled !== second.ruled) === differ).map(([first, second]) => {
    const [base, other] = first.ruled && !second.ruled ? [second, first] : [first, second]
    return 100 * (of(other) / of(base) - 1)
  }))
}

// ---- a thousand rules
//
// Nine hundred and ninety-eight of seven kinds, in turn, are about something else or somebody else; the last two are what the bench needs: a
// device publishes below its own name, the subscriber (who does not log in) reads all of it. Mosquitto knows no roles: what is allowed to
// a role of the device is there a line of the device.

const KINDS = 7
const ROLES = 20
/** The device has every other role. */
const USER = { name: DEVICE.name, roles: Array.from({ length: ROLES / 2 }, (_, i) => `role-${2 * i}`) }

interface AnyRule {
  readonly sandpiper: object
  /** The lines it comes under: of a user, of clients without one, or of everybody. */
  readonly under: { readonly user: string } | 'anonymous' | 'patterns'
  readonly mosquitto: string
}

function allRules(): AnyRule[] {
  const rules = Array.from({ length: RULES - 2 }, (_, i) => ruleOf(i % KINDS, i))
  rules.push({ sandpiper: { allow: 'publish', topic: 'd/{clientId}/#' }, under: 'patterns', mosquitto: 'pattern write d/%c/#' })
  rules.push({ sandpiper: { allow: 'read', topic: 'd/#', clientIds: ['sub-0'] }, under: 'anonymous', mosquitto: 'topic read d/#' })
  return rules
}

function ruleOf(kind: number, i: number): AnyRule {
  const device = { user: DEVICE.name }
  switch (kind) {
    case 0:
      return { sandpiper: { allow: 'publish', topic: `plant/line-${i}/speed`, users: [DEVICE.name] }, under: device, mosquitto: `topic write plant/line-${i}/speed` }
    case 1:
      return { sandpiper: { allow: 'all', topic: `d/own-${i}/#`, users: [`user-${i}`] }, under: { user: `user-${i}` }, mosquitto: `topic readwrite d/own-${i}/#` }
    case 2:
      return { sandpiper: { allow: 'read', topic: `+/line-${i}/#`, users: [DEVICE.name] }, under: device, mosquitto: `topic read +/line-${i}/#` }
    case 3:
      return { sandpiper: { allow: 'publish', topic: `room-${i}/{clientId}/+` }, under: 'patterns', mosquitto: `pattern write room-${i}/%c/+` }
    case 4:
      return { sandpiper: { allow: 'all', topic: `inbox/{username}/${i}` }, under: 'patterns', mosquitto: `pattern readwrite inbox/%u/${i}` }
    case 5:
      return { sandpiper: { deny: 'publish', topic: `d/+/secret-${i}`, users: [DEVICE.name] }, under: device, mosquitto: `topic deny d/+/secret-${i}` }
    default: {
      const role = `role-${i % ROLES}`
      const under = USER.roles.includes(role) ? device : { user: `user-${i}` }
      return { sandpiper: { allow: 'publish', topic: `site/${i}/+`, roles: [role] }, under, mosquitto: `topic write site/${i}/+` }
    }
  }
}

function sandpiperRules(): object[] {
  return allRules().map((rule) => rule.sandpiper)
}

/** Lines of clients without a user first, then those of users, then patterns: what an ACL file asks for. */
function mosquittoRules(): string {
  const anonymous: string[] = []
  const users = new Map<string, string[]>()
  const patterns: string[] = []
  for (const { under, mosquitto } of allRules()) {
    if (under === 'anonymous') anonymous.push(mosquitto)
    else if (under === 'patterns') patterns.push(mosquitto)
    else users.set(under.user, [...(users.get(under.user) ?? []), mosquitto])
  }
  const ofUsers = [...users].flatMap(([name, lines]) => [`user ${name}`, ...lines])
  return [...anonymous, ...ofUsers, ...patterns, ''].join('\n')
}
