// A storm of logins: does anybody who is connected feel it? Passwords are kept as PBKDF2-SHA512 of 1,000 iterations, Mosquitto's own since
// 2.1, and each user logs in once, so that nothing can be remembered. Both brokers read the same file.
//
// The pair beside says nothing of who it is. What it feels of the connections alone is measured too, by as many that say nothing either.

import { pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { AccessSetup } from '../brokers.ts'
import type { Answers, LoginsJob, LoginsResult } from '../load/jobs.ts'
import { openFilesMax } from '../machine.ts'
import type { Row } from '../report.ts'
import type { User } from '../wire.ts'
import { type Bench, notEnoughFiles, type Work } from './work.ts'

const ITERATIONS = 1000
const SALT_BYTES = 12
const HASH_BYTES = 64

const LOGINS_PER_SEC = 500
const TRIPS_PER_SEC = 1000
/** Before anything is measured: the broker's code is compiled. */
const WARM_MS = 1500
/** With the right password, while others guess. */
const GUESTS_PER_SEC = 20
const ADDRESSES = 20

type Storm = Pick<LoginsJob, 'loginsPerSec' | 'users' | 'wrong' | 'addresses' | 'guests'>
interface Phase {
  readonly label: string
  readonly storm: Storm
}

const NONE: Storm = { loginsPerSec: 0, users: null, wrong: false, addresses: null, guests: [] }

export const logins: Work[] = [
  {
    name: 'logins',
    title: `QoS 0 round trips at ${TRIPS_PER_SEC}/s while ${LOGINS_PER_SEC} users log in every second, PBKDF2-SHA512 with ${ITERATIONS} iterations`,
    can: (kind) => kind.hasAccess,
    run: async (bench) => await measure(bench, (users) => [
      { label: 'idle', storm: NONE },
      { label: 'without a user', storm: { ...NONE, loginsPerSec: LOGINS_PER_SEC } },
      { label: 'logins', storm: { ...NONE, loginsPerSec: LOGINS_PER_SEC, users } },
    ]),
  },
  {
    name: 'logins-wrong',
    title: `QoS 0 round trips at ${TRIPS_PER_SEC}/s while ${LOGINS_PER_SEC} wrong passwords come every second, and ${GUESTS_PER_SEC} right ones from another address`,
    can: (kind) => kind.hasAccess,
    run: async (bench) => await measure(bench, (users, guests) => [
      { label: 'idle', storm: { ...NONE, guests } },
      { label: `${ADDRESSES} addresses`, storm: { loginsPerSec: LOGINS_PER_SEC, users, wrong: true, addresses: ADDRESSES, guests } },
      { label: 'an address each', storm: { loginsPerSec: LOGINS_PER_SEC, users, wrong: true, addresses: 'each', guests } },
    ]),
  },
]

async function measure(bench: Bench, phasesOf: (users: readonly User[], guests: readonly User[]) => readonly Phase[]): ReturnType<Work['run']> {
  const runMs = bench.quick ? 2000 : 8000
  const warmCount = (LOGINS_PER_SEC * WARM_MS) / 1000
  const count = (LOGINS_PER_SEC * runMs) / 1000
  if (count + 100 > openFilesMax()) return notEnoughFiles(count) // refusals may be kept waiting
  const guestCount = (GUESTS_PER_SEC * runMs) / 1000
  const known = await knownUsers(warmCount + count + guestCount)
  const broker = await bench.start({ access: known.access })
  const load = bench.load()
  const common = { kind: 'logins', port: broker.port, brokerPid: broker.pid, tripsPerSec: TRIPS_PER_SEC } as const
  await load.run({ ...common, ...NONE, loginsPerSec: LOGINS_PER_SEC, users: known.users.slice(0, warmCount), runMs: WARM_MS })

  const rows: Row[] = []
  const faults: string[] = []
  const notes: string[] = []
  let idle: LoginsResult | null = null
  const guests = known.users.slice(warmCount + count, warmCount + count + guestCount)
  for (const { label, storm } of phasesOf(known.users.slice(warmCount, warmCount + count), guests)) {
    const result = await load.run({ ...common, ...storm, runMs })
    idle ??= result
    rows.push(...rowsOf(label, result, idle, { ...storm, sec: runMs / 1000 }))
    faults.push(...result.faults.map((fault) => `${label}: ${fault}`))
    if (result.late.p99Ms > 0.5) notes.push(`${label}: the generator itself was late by ${result.late.p99Ms.toFixed(1)} ms (p99)`)
  }
  return { rows, faults, notes }
}

function rowsOf(label: string, { trip, storm, guests, brokerCpu }: LoginsResult, idle: LoginsResult, { loginsPerSec, guests: invited, sec }: Storm & { readonly sec: number }): Row[] {
  const row = (metric: string, unit: Row['unit'], value: number): Row => ({ metric: `${label}: ${metric}`, unit, value })
  const rows = [
    row('trip p50', 'ms', trip.p50Ms),
    row('trip p99', 'ms', trip.p99Ms),
    row('trip p99.9', 'ms', trip.p999Ms),
    row('trip, worst', 'ms', trip.maxMs),
  ]
  if (loginsPerSec > 0) {
    rows.push(row('trip p99 minus idle', 'ms', trip.p99Ms - idle.trip.p99Ms))
    rows.push(...answerRows(storm, sec).map(([metric, unit, value]) => row(metric, unit, value)))
  }
  if (invited.length > 0) {
    rows.push(row('right login p50', 'ms', guests.answer.p50Ms), row('right login p99', 'ms', guests.answer.p99Ms))
    rows.push(row('right logins not let in', 'connections', invited.length - guests.accepted))
  }
  rows.push(row('broker CPU', '%', brokerCpu * 100))
  return rows
}

function answerRows({ accepted, refused, closed, waiting, answer }: Answers, sec: number): [string, Row['unit'], number][] {
  return [
    ['let in', 'per second', accepted / sec],
    ['refused', 'per second', refused / sec],
    ['closed without an answer', 'connections', closed],
    ['still without an answer', 'connections', waiting],
    ['CONNACK p50', 'ms', answer.p50Ms],
    ['CONNACK p99', 'ms', answer.p99Ms],
  ]
}

// ---- users

interface Known {
  readonly users: readonly User[]
  readonly access: AccessSetup
}

let known: Known | null = null

/** Made once for all brokers and rounds: a thousand of them take about a second. */
async function knownUsers(count: number): Promise<Known> {
  if (known !== null) return known
  const users = Array.from({ length: count }, (_, i) => ({ name: `user-${i}`, password: `secret-${i}` }))
  const lines: string[] = []
  for (const user of users) lines.push(await passwordLine(user))
  return (known = { users, access: { passwords: lines.join(''), sandpiper: {}, acl: null } })
}

/** As Mosquitto's mosquitto_passwd writes it; that of 2.0 takes no number of iterations. */
export async function passwordLine({ name, password }: User): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await promisify(pbkdf2)(password, salt, ITERATIONS, HASH_BYTES, 'sha512')
  return `${name}:$7$${ITERATIONS}$${salt.toString('base64')}$${hash.toString('base64')}\n`
}
