// The small rows in SQLite: destinations, sessions, subscriptions, QoS 2 state, retained messages, streams and values.
import type { Database, Statement } from 'better-sqlite3'
import type { QoS } from '../message.ts'
import type { Tables } from './batch.ts'
import {
  STREAMS_MAX,
  type Change,
  type DestinationRow,
  type InflightRow,
  type RetainedRow,
  type SessionRow,
  type Snapshot,
  type SubscriptionRow,
  type Unpacked,
  type WhenFull,
} from './store.ts'

const FORGOTTEN_AT_ONCE = 1000 // streams: finding the quiet ones looks at all

export class SqliteTables implements Tables {
  readonly #db: Database
  readonly #destination: Statement
  readonly #ends: readonly Statement[]
  readonly #session: Statement
  readonly #subscription: Statement
  readonly #subscriptionEnd: Statement
  readonly #inflight: Statement
  readonly #inflightEnd: Statement
  readonly #received: Statement
  readonly #receivedEnd: Statement
  readonly #retained: Statement
  readonly #retainedEnd: Statement
  readonly #unpacked: Statement
  readonly #newStream: Statement
  readonly #forgetStreams: Statement
  readonly #countStreams: Statement<[], number>
  readonly #value: Statement
  readonly #valueEnd: Statement
  #streams: number
  /** Counts up with each change of a stream: the lowest are the quiet ones. */
  #touched: number

  constructor(db: Database) {
    this.#db = db
    this.#destination = db.prepare('INSERT OR REPLACE INTO destination VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
    this.#ends = [
      db.prepare('DELETE FROM destination WHERE id = ?'),
      db.prepare('DELETE FROM session WHERE destination = ?'),
      db.prepare('DELETE FROM subscription WHERE destination = ?'),
      db.prepare('DELETE FROM inflight WHERE destination = ?'),
      db.prepare('DELETE FROM received WHERE destination = ?'),
    ]
    this.#session = db.prepare('INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?)')
    this.#subscription = db.prepare('INSERT OR REPLACE INTO subscription VALUES (?, ?, ?, ?, ?, ?, ?)')
    this.#subscriptionEnd = db.prepare('DELETE FROM subscription WHERE destination = ? AND filter = ?')
    this.#inflight = db.prepare('INSERT OR REPLACE INTO inflight VALUES (?, ?, ?, ?, ?, ?)')
    this.#inflightEnd = db.prepare('DELETE FROM inflight WHERE destination = ? AND packet_identifier = ?')
    this.#received = db.prepare('INSERT OR IGNORE INTO received VALUES (?, ?)')
    this.#receivedEnd = db.prepare('DELETE FROM received WHERE destination = ? AND packet_identifier = ?')
    // Not REPLACE: the row keeps its place, and the index of topics is not written.
    this.#retained = db.prepare(
      'INSERT INTO retained VALUES (?, ?, ?, ?) ON CONFLICT (topic, tenant) DO UPDATE SET stored_at = excluded.stored_at, data = excluded.data',
    )
    this.#retainedEnd = db.prepare('DELETE FROM retained WHERE topic = ? AND tenant = ?')
    this.#unpacked = db.prepare('UPDATE unpacked SET sequence = max(sequence, ?), touched = ? WHERE stream = ?')
    this.#newStream = db.prepare('INSERT INTO unpacked VALUES (?, ?, ?)')
    this.#forgetStreams = db.prepare('DELETE FROM unpacked WHERE stream IN (SELECT stream FROM unpacked ORDER BY touched LIMIT ?)')
    this.#value = db.prepare('INSERT OR REPLACE INTO value VALUES (?, ?)')
    this.#valueEnd = db.prepare('DELETE FROM value WHERE key = ?')
    this.#countStreams = db.prepare<[], number>('SELECT count(*) FROM unpacked').pluck()
    this.#streams = this.#countStreams.get()!
    this.#touched = db.prepare('SELECT ifnull(max(touched), 0) FROM unpacked').pluck().get() as number
  }

  apply(change: Change): void {
    switch (change.kind) {
      case 'destination': {
        const { id, kind, tenant, name, limits } = change.row
        this.#destination.run(id, kind, name, limits.bytesMax, limits.countMax, limits.ageMsMax, textOf(limits.whenFull), tenant)
        return
      }
      case 'destination-end':
        for (const statement of this.#ends) statement.run(change.destination)
        return
      case 'session': {
        const r = change.row
        this.#session.run(r.destination, r.version, Math.round(r.sessionExpirySec), Math.round(r.disconnectedAtMs), r.will, r.owner)
        return
      }
      case 'subscription': {
        const r = change.row
        this.#subscription.run(r.destination, r.filter, r.qos, Number(r.noLocal), Number(r.retainAsPublished), r.retainHandling, r.identifier)
        return
      }
      case 'subscription-end':
        this.#subscriptionEnd.run(change.destination, change.filter)
        return
      case 'inflight': {
        const r = change.row
        this.#inflight.run(r.destination, r.packetIdentifier, r.sequence, Number(r.phase === 'released'), r.qos, r.first)
        return
      }
      case 'inflight-end':
        this.#inflightEnd.run(change.destination, change.packetIdentifier)
        return
      case 'received':
        this.#received.run(change.destination, change.packetIdentifier)
        return
      case 'received-end':
        this.#receivedEnd.run(change.destination, change.packetIdentifier)
        return
      case 'retained':
        this.#retained.run(change.row.tenant, change.row.topic, Math.round(change.row.storedAtMs), change.row.data)
        return
      case 'retained-end':
        this.#retainedEnd.run(change.topic, change.tenant)
        return
      case 'unpacked':
        this.#unpack(change)
        return
      case 'value':
        this.#value.run(change.key, change.value)
        return
      case 'value-end':
        this.#valueEnd.run(change.key)
        return
      case 'cursor': // queues.ts
    }
  }

  #unpack({ stream, sequence }: Unpacked): void {
    this.#touched++
    if (this.#unpacked.run(sequence, this.#touched, stream).changes > 0) return
    this.#newStream.run(stream, sequence, this.#touched)
    if (++this.#streams <= STREAMS_MAX) return
    this.#streams = this.#countStreams.get()! // exactly: a rolled back transaction is counted too
    if (this.#streams > STREAMS_MAX) this.#streams -= this.#forgetStreams.run(FORGOTTEN_AT_ONCE).changes
  }

  get destinations(): DestinationRow[] {
    interface Row {
      id: number
      kind: DestinationRow['kind']
      name: string
      bytes_max: number
      count_max: number
      age_ms_max: number
      when_full: string
      tenant: string
    }
    return (this.#db.prepare('SELECT * FROM destination').all() as Row[]).map((r) => ({
      id: r.id,
      kind: r.kind,
      tenant: r.tenant,
      name: r.name,
      limits: { bytesMax: r.bytes_max, countMax: r.count_max, ageMsMax: r.age_ms_max, whenFull: whenFullOf(r.when_full) },
    }))
  }

  get rest(): Pick<Snapshot, 'sessions' | 'subscriptions' | 'inflight' | 'received' | 'retained' | 'unpacked' | 'values'> {
    const all = <T>(sql: string): T[] => this.#db.prepare(sql).all() as T[]
    interface Subscription extends Omit<SubscriptionRow, 'noLocal' | 'retainAsPublished' | 'qos'> {
      qos: QoS
      noLocal: number
      retainAsPublished: number
    }
    return {
      sessions: all<SessionRow>(
        'SELECT destination, version, expiry_sec AS sessionExpirySec, disconnected_at AS disconnectedAtMs, will, owner FROM session',
      ),
      subscriptions: all<Subscription>(
        'SELECT destination, filter, qos, no_local AS noLocal, retain_as_published AS retainAsPublished, retain_handling AS retainHandling, identifier FROM subscription',
      ).map((r) => ({ ...r, noLocal: r.noLocal === 1, retainAsPublished: r.retainAsPublished === 1 })),
      inflight: all<Omit<InflightRow, 'phase'> & { released: number }>(
        'SELECT destination, packet_identifier AS packetIdentifier, first, sequence, qos, released FROM inflight',
      ).map(({ released, ...r }) => ({ ...r, phase: released === 1 ? 'released' : 'sent' })),
      received: all('SELECT destination, packet_identifier AS packetIdentifier FROM received'),
      retained: all<RetainedRow>('SELECT tenant, topic, data, stored_at AS storedAtMs FROM retained'),
      unpacked: all<Unpacked>('SELECT stream, sequence FROM unpacked'),
      values: all('SELECT key, value FROM value'),
    }
  }
}

const THIN = 'thin:'

function textOf(whenFull: WhenFull): string {
  return typeof whenFull === 'string' ? whenFull : `${THIN}${whenFull.thin}`
}

function whenFullOf(text: string): WhenFull {
  return text.startsWith(THIN) ? { thin: Number(text.slice(THIN.length)) } : (text as Exclude<WhenFull, object>)
}
