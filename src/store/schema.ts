// The shape of the database file, its versions, and how SQLite is set for a card.
//
// Flash is written in blocks, so what counts is how many pages a commit touches, not how many bytes it brings. Measured with
// 100-byte messages (KB that the disk counts per commit, checkpoints included, each commit synced; ext4; test/bench/store.bench.ts):
//
//   page size                       1024    2048    4096    counted by write-count.ts at 1024
//   2 messages, 1 audience           6.3     7.2     9.1      6.1
//   2 messages, 10 audiences        11.1    15.0    21.4     10.8
//   200 messages, 1 audience        59.9    61.7    65.4     59.0
//   200 messages, 20 audiences       143     279     336      130
//   520 messages (64 KB)             145     148     151      142
//
// The write-ahead log's size changes these by 1 % between 1 and 16 MB; 2 MB keeps the pause of a checkpoint short.
//
// A segment's key is its lane (bits 44 and up) and its first sequence: each lane grows at its own end, so that reading and
// deleting touch neighbouring pages. The key is put together in SQL: it does not fit into a JavaScript number.
import type { Database } from 'better-sqlite3'

export const PAGE_BYTES = 1024
/** Of the write-ahead log: then it is copied into the database. */
export const LOG_BYTES = 2 * 1024 * 1024
const CACHE_KB = 4 * 1024

/** Migration i makes version i + 1. Released ones never change: test/unit/store/versions keeps a file of each version. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE segment (
    id INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    sum_count INTEGER NOT NULL,
    sum_bytes INTEGER NOT NULL,
    data BLOB NOT NULL
  ) STRICT;
  CREATE TABLE lane (
    id INTEGER PRIMARY KEY,
    audience INTEGER NOT NULL,
    members TEXT NOT NULL,
    refused TEXT NOT NULL
  ) STRICT;
  CREATE TABLE cursor (
    destination INTEGER PRIMARY KEY,
    cursor INTEGER NOT NULL,
    ahead TEXT,
    hole_from INTEGER NOT NULL,
    hole_to INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE last_sequence (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE destination (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    bytes_max REAL NOT NULL,
    count_max REAL NOT NULL,
    age_ms_max REAL NOT NULL,
    when_full TEXT NOT NULL
  ) STRICT;
  CREATE TABLE session (
    destination INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    expiry_sec INTEGER NOT NULL,
    disconnected_at INTEGER NOT NULL,
    will BLOB
  ) STRICT;
  CREATE TABLE subscription (
    destination INTEGER NOT NULL,
    filter TEXT NOT NULL,
    qos INTEGER NOT NULL,
    no_local INTEGER NOT NULL,
    retain_as_published INTEGER NOT NULL,
    retain_handling INTEGER NOT NULL,
    identifier INTEGER NOT NULL,
    PRIMARY KEY (destination, filter)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE inflight (
    destination INTEGER NOT NULL,
    packet_identifier INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    released INTEGER NOT NULL,
    PRIMARY KEY (destination, packet_identifier)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE received (
    destination INTEGER NOT NULL,
    packet_identifier INTEGER NOT NULL,
    PRIMARY KEY (destination, packet_identifier)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE retained (
    topic TEXT NOT NULL UNIQUE,
    stored_at INTEGER NOT NULL,
    data BLOB NOT NULL
  ) STRICT;
  CREATE TABLE value (
    key TEXT PRIMARY KEY,
    value REAL NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE inflight ADD COLUMN qos INTEGER NOT NULL DEFAULT 2;
  ALTER TABLE cursor ADD COLUMN may_have_sent INTEGER NOT NULL DEFAULT 0;
  `,
  // What was there before there were tenants is the gateway's own.
  `
  ALTER TABLE destination ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
  ALTER TABLE session ADD COLUMN owner TEXT;
  CREATE TABLE retained_of_tenants (
    tenant TEXT NOT NULL,
    topic TEXT NOT NULL,
    stored_at INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (topic, tenant)
  ) STRICT;
  INSERT INTO retained_of_tenants SELECT '', topic, stored_at, data FROM retained;
  DROP TABLE retained;
  ALTER TABLE retained_of_tenants RENAME TO retained;
  `,
  // What is in flight under a packet identifier is a run of messages; streams of frames have a highest number each; a lane may be one
  // destination's own, with what was moved out of shared ones.
  `
  ALTER TABLE lane ADD COLUMN owner INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE moved (
    lane INTEGER NOT NULL,
    destination INTEGER NOT NULL,
    up_to INTEGER NOT NULL,
    PRIMARY KEY (lane, destination)
  ) STRICT, WITHOUT ROWID;
  ALTER TABLE inflight ADD COLUMN first INTEGER NOT NULL DEFAULT 0;
  UPDATE inflight SET first = sequence;
  CREATE TABLE unpacked (
    stream TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    touched INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
]

export const VERSION = MIGRATIONS.length

/** Sets the connection up. Takes the lock: throws SQLITE_BUSY when another process (or thread) has the file open. */
export function configure(db: Database): void {
  db.pragma(`page_size = ${PAGE_BYTES}`) // of a new file
  db.pragma('locking_mode = EXCLUSIVE') // before WAL: then its index lies in memory and there is no -shm file
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = NORMAL') // at checkpoints; each commit is synced by log-sync.ts
  db.pragma(`wal_autocheckpoint = ${LOG_BYTES / PAGE_BYTES}`)
  db.pragma(`journal_size_limit = ${2 * LOG_BYTES}`) // overwritten in place, never shrunk: no file metadata to write
  db.pragma(`cache_size = -${CACHE_KB}`)
  db.pragma('temp_store = MEMORY')
  db.pragma('mmap_size = 0') // a bad block must be an error code, not a SIGBUS
}

export function storedVersion(db: Database): number {
  return db.pragma('user_version', { simple: true }) as number
}

/** Brings the file to this release's version, each step in its own transaction. */
export function migrate(db: Database): void {
  for (let version = storedVersion(db); version < VERSION; version++) {
    db.transaction(() => {
      db.exec(MIGRATIONS[version]!)
      db.pragma(`user_version = ${version + 1}`)
    })()
  }
}
