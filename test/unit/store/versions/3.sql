-- A store of version 3, as the release that brought it wrote it.
PRAGMA page_size = 1024;
BEGIN;
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
  hole_to INTEGER NOT NULL,
  may_have_sent INTEGER NOT NULL DEFAULT 0
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
  when_full TEXT NOT NULL,
  tenant TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE session (
  destination INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  expiry_sec INTEGER NOT NULL,
  disconnected_at INTEGER NOT NULL,
  will BLOB,
  owner TEXT
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
  qos INTEGER NOT NULL DEFAULT 2,
  PRIMARY KEY (destination, packet_identifier)
) STRICT, WITHOUT ROWID;
CREATE TABLE received (
  destination INTEGER NOT NULL,
  packet_identifier INTEGER NOT NULL,
  PRIMARY KEY (destination, packet_identifier)
) STRICT, WITHOUT ROWID;
CREATE TABLE retained (
  tenant TEXT NOT NULL,
  topic TEXT NOT NULL,
  stored_at INTEGER NOT NULL,
  data BLOB NOT NULL,
  UNIQUE (topic, tenant)
) STRICT;
CREATE TABLE value (
  key TEXT PRIMARY KEY,
  value REAL NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO segment VALUES (35184372088836, 9, 4, 120, 1795219200000, 4, 120, X'1D000106736974652F61342E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E1D010106736974652F61352E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E1D040106736974652F61382E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E1D050106736974652F61392E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E');
INSERT INTO lane VALUES (1, 1, '[{"destination":1,"qos":1,"upgrade":false,"retainAsPublished":false,"subscriptionIdentifiers":[]}]', '[]');
INSERT INTO lane VALUES (2, 2, '[{"destination":1,"qos":1,"upgrade":false,"retainAsPublished":false,"subscriptionIdentifiers":[]},{"destination":2,"qos":1,"upgrade":true,"retainAsPublished":false,"subscriptionIdentifiers":[3]}]', '[]');
INSERT INTO cursor VALUES (1, 3, '[5]', 0, 0, 2);
INSERT INTO destination VALUES (1, 'session', 'client-1', 100000000.0, 1000000.0, 9.0e+999, 'drop-oldest', 'acme');
INSERT INTO destination VALUES (2, 'uplink', 'cloud', 100000000.0, 1000000.0, 9.0e+999, 'drop-oldest', '');
INSERT INTO session VALUES (1, 5, 3600, 0, X'77696C6C', 'pump');
INSERT INTO subscription VALUES (1, 'a/#', 1, 0, 1, 1, 3);
INSERT INTO inflight VALUES (1, 7, 5, 1, 2);
INSERT INTO received VALUES (1, 8);
INSERT INTO retained VALUES ('', 'a/1', 1, X'1D000106736974652F61312E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E');
INSERT INTO retained VALUES ('acme', 'a/1', 2, X'1D000106736974652F61312E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E');
INSERT INTO value VALUES ('pulses', 12.0);
PRAGMA user_version = 3;
COMMIT;
