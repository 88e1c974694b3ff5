// What a backup's database needs before it goes on as the store: the world has gone on since it was made.
//
// What is always true afterwards
//   1. Its streams of frames have new names. A receiver remembers the highest number of each stream: under the old name all that comes from now on
//      would be passed over as known. (That a second gateway may go on from the same backup forbids to go on counting further up.)
//   2. No identifier of an incoming QoS 2 message is known: it may stand for another message now, which would be lost. One that was under way comes twice.
//   3. Receivers of QoS 2 messages may hold identifiers that nobody here knows of: up to RESTORED_KEY destinations are told to forget one before
//      it is used (session/outgoing.ts).
//   4. What was spent is spent, what was counted is counted, and outputs stay as they are: of numbers about the world the store that is replaced knows more.
//   5. A client that keeps its session believes in the subscriptions that it made last: those that the replaced store has of it hold.
import type { Database } from 'better-sqlite3'
import { RESTORED_KEY } from './store.ts'

type Values = ReadonlyMap<string, number>

/** What the store that is replaced knows of the world. */
export interface Present {
  readonly values: Values
  readonly subscriptions: readonly Subscription[]
  /** Sessions that it has, as `keyOf` has them. */
  readonly sessions: ReadonlySet<string>
}

interface Subscription {
  readonly tenant: string
  readonly name: string
  /** All of its row but the destination. */
  readonly row: readonly (string | number)[]
}

export const NOTHING: Present = { values: new Map(), subscriptions: [], sessions: new Set() }

const ROW = 'filter, qos, no_local, retain_as_published, retain_handling, identifier'

const keyOf = (tenant: string, name: string): string => `${tenant}\0${name}`

/** Of a database with all tables of this release. */
export function presentOf(db: Database): Present {
  const subscriptions = (db.prepare(`SELECT tenant, name, ${ROW} FROM subscription JOIN destination ON id = destination`).raw().all() as (string | number)[][]).map(([tenant, name, ...row]) => ({ tenant: String(tenant), name: String(name), row }))
  const sessions = (db.prepare('SELECT tenant, name FROM session JOIN destination ON id = destination').all() as { tenant: string; name: string }[]).map(({ tenant, name }) => keyOf(tenant, name))
  return { values: valuesOf(db), subscriptions, sessions: new Set(sessions) }
}

export function valuesOf(db: Database): Map<string, number> {
  return new Map((db.prepare('SELECT key, value FROM value').all() as { key: string; value: number }[]).map(({ key, value }) => [key, value]))
}

/** Of a backup's database, in one transaction; can be done again. */
export function renew(db: Database, present: Present): void {
  db.transaction(() => {
    db.exec('DELETE FROM received')
    db.exec("DELETE FROM value WHERE key GLOB 'stream/*'")
    const put = db.prepare('INSERT OR REPLACE INTO value VALUES (?, ?)')
    for (const [key, value] of carried(valuesOf(db), present.values)) put.run(key, value)
    put.run(RESTORED_KEY, db.prepare('SELECT ifnull(max(id), 0) FROM destination').pluck().get())
    resubscribe(db, present)
  })()
}

function resubscribe(db: Database, { subscriptions, sessions }: Present): void {
  const rows = db.prepare("SELECT id, tenant, name FROM destination JOIN session ON id = destination WHERE kind = 'session'").all() as { id: number; tenant: string; name: string }[]
  const idOf = new Map(rows.map(({ id, tenant, name }) => [keyOf(tenant, name), id]))
  const end = db.prepare('DELETE FROM subscription WHERE destination = ?')
  const begin = db.prepare('INSERT INTO subscription VALUES (?, ?, ?, ?, ?, ?, ?)')
  for (const [key, id] of idOf) if (sessions.has(key)) end.run(id)
  for (const { tenant, name, row } of subscriptions) {
    const id = idOf.get(keyOf(tenant, name))
    if (id !== undefined) begin.run(id, ...row)
  }
}

/** Numbers of the present store that take the place of the backup's. */
export function carried(backup: Values, present: Values): Map<string, number> {
  const taken = new Map<string, number>()
  for (const [key, value] of present) {
    const [what] = key.split('/')
    if (what === 'output' || what === 'sparkplug' || what === 'sbd' || what === 'remote') taken.set(key, value)
    else if (what === 'pulses' && value > (backup.get(key) ?? -1)) taken.set(key, value)
    else if (what === 'budget' && isFurther(key, backup, present)) taken.set(key, value)
  }
  return taken
}

/** `budget/UPLINK/LINK/PERIOD/FIELD`: the row of the later period, or of the same the one that has spent more. */
function isFurther(key: string, backup: Values, present: Values): boolean {
  const row = key.slice(0, key.lastIndexOf('/'))
  const of = (values: Values, field: string): number => values.get(`${row}/${field}`) ?? -1
  const periods = of(present, 'key') - of(backup, 'key')
  return periods > 0 || (periods === 0 && of(present, 'bytes') > of(backup, 'bytes'))
}
