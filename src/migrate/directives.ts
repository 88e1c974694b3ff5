// Every directive of Mosquitto 2.0's mosquitto.conf (and those known of later releases), and what becomes of it. Data only; the code that
// carries out `becomes` is in broker-settings.ts, listeners.ts, listener-tls.ts, access.ts, bridges.ts and conf-file.ts.
//
// `test/system/import.test.ts` asks a real Mosquitto about each name.

/** Where a directive belongs: to the broker, to who may use a listener (the broker's or a listener's own), to a listener, to a bridge. */
export type Scope = 'broker' | 'security' | 'listener' | 'bridge'

export type Fate =
  /** It is honoured: by this key of gateway.yaml, or this behaviour. */
  | { readonly kind: 'becomes'; readonly what: string }
  /** The gateway does just that, and cannot do otherwise: nothing to write, nothing to tell. */
  | { readonly kind: 'always'; readonly why: string }
  /** It is not honoured. `unless`: with these values it asks for what the gateway does anyway. */
  | { readonly kind: 'not'; readonly why: string; readonly unless: readonly string[] }

export interface Directive {
  readonly name: string
  readonly scope: Scope
  readonly fate: Fate
  /** Without it somebody would get in, see or reach what Mosquitto keeps from them. */
  readonly protects: boolean
  /** May stand more than once in its place. */
  readonly repeats: boolean
  /** Its value is never shown. */
  readonly secret: boolean
  /** Mosquitto 2.0.11 does not know it yet. */
  readonly later: boolean
}

type Row = Fate & { readonly protects?: true; readonly repeats?: true; readonly secret?: true; readonly later?: true }

const becomes = (what: string): Row => ({ kind: 'becomes', what })
const always = (why: string): Row => ({ kind: 'always', why })
const not = (why: string, ...unless: string[]): Row => ({ kind: 'not', why, unless })
const protects = (row: Row): Row => ({ ...row, protects: true })
/** What it is about has to be left out, because it cannot be had without. */
const guard = (why: string, ...unless: string[]): Row => protects(not(why, ...unless))
const repeats = (row: Row): Row => ({ ...row, repeats: true })
const secret = (row: Row): Row => ({ ...row, secret: true })
const later = (row: Row): Row => ({ ...row, later: true })

const NO_PLUGINS = 'there are no plugins'
const NO_PSK = 'there is no TLS with pre-shared keys'
const OWN_CIPHERS = 'TLS uses the ciphers of its library: forward secrecy only, weak ones are not among them'
const NOT_A_CLIENT = 'an uplink is no client of this broker: it needs no name and no password here'
const ALWAYS_UP = 'an uplink is always kept up'

const BROKER: Readonly<Record<string, Row>> = {
  allow_duplicate_messages: not('a client gets a message once, however many of its subscriptions match', 'false'),
  autosave_interval: not('nothing is saved at intervals: what is acknowledged is on the card already'),
  autosave_on_changes: not('nothing is saved at intervals: what is acknowledged is on the card already'),
  check_retain_source: not('a retained message is delivered also when its publisher may not publish any more', 'false', '0'),
  clientid_prefixes: guard('whoever proves its user may connect with any client identifier; rules under `access` can be about what some `clientIds` do'),
  connection_messages: not('who connects and leaves is in the log with `log: { level: debug }` only', 'false'),
  include_dir: protects(repeats(becomes('its files are read where the line stands'))),
  log_dest: repeats(not('the log goes to standard output; systemd keeps it in the journal', 'stdout', 'stderr')),
  log_facility: not('the log goes to standard output; systemd keeps it in the journal'),
  log_timestamp: not('every line of the log has its time', 'true', '1'),
  log_timestamp_format: not('the time in the log has one format'),
  log_type: repeats(becomes('log.level')),
  max_inflight_bytes: not('what is in flight is limited by number: max_inflight_messages', '0'),
  max_inflight_messages: becomes('broker.receiveMaximum, and maxInflight of the uplinks'),
  max_keepalive: becomes('broker.maxKeepAlive'),
  max_packet_size: becomes('broker.maxPacketSize'),
  max_queued_bytes: becomes('broker.sessionQueue.maxSize'),
  max_queued_messages: becomes('broker.sessionQueue.maxMessages'),
  memory_limit: not('memory is bounded by the limits of connections, sessions and retained messages', '0'),
  message_size_limit: becomes('broker.maxPacketSize, with room for the topic'),
  per_listener_settings: protects(becomes('whom the lines about access are for')),
  persistence: becomes('store'),
  persistence_file: not('the files of the store have names of their own'),
  persistence_location: becomes('store.path'),
  persistent_client_expiration: becomes('broker.maxSessionExpiry'),
  pid_file: not('there is no such file: systemd knows the process'),
  queue_qos0_messages: not('QoS 0 does not wait for a client that is away', 'false', '0'),
  retain_available: becomes('broker.retained.maxMessages: 0 when false'),
  retained_persistence: becomes('store: an old name of persistence'),
  retry_interval: not('nothing is sent again on a connection that stands; Mosquitto has given it up too'),
  set_tcp_nodelay: always('TCP_NODELAY is always set'),
  sys_interval: becomes('broker.sysInterval'),
  upgrade_outgoing_qos: not('a message arrives with the QoS it was published with, at most', 'false', '0'),
  user: not('the gateway runs as the user of its systemd unit'),
  websockets_headers_size: not('the headers of a WebSocket have a limit of their own'),
  websockets_log_level: not('`log: { level: … }` is for everything'),

  enable_control_api: later(not('there is no $CONTROL interface', 'false', '0')),
  global_max_clients: later(not('connections are limited by listener and address, sessions by broker.maxSessions')),
  global_max_connections: later(not('connections are limited by listener and address')),
  global_plugin: later(repeats(guard(NO_PLUGINS))),
  packet_buffer_size: later(not('buffers have the size they need')),
  plugin_load: later(repeats(guard(NO_PLUGINS))),
}

const SECURITY: Readonly<Record<string, Row>> = {
  acl_file: protects(becomes('access.aclFile')),
  allow_anonymous: protects(becomes('anonymous of the listener')),
  allow_zero_length_clientid: not('a client without an identifier is given one', 'true', '1'),
  auth_opt_: repeats(secret(not(NO_PLUGINS))),
  auth_plugin: repeats(guard(NO_PLUGINS)),
  auth_plugin_deny_special_chars: not(NO_PLUGINS),
  auto_id_prefix: not('an identifier given by the gateway begins with auto-', 'auto-'),
  password_file: becomes('access.passwordFile'),
  plugin: repeats(guard(NO_PLUGINS)),
  plugin_opt_: repeats(secret(not(NO_PLUGINS))),
  psk_file: not(NO_PSK),

  listener_allow_anonymous: later(guard('it is not known here: write allow_anonymous with per_listener_settings true')),
  listener_auto_id_prefix: later(not('an identifier given by the gateway begins with auto-', 'auto-')),
  plugin_use: later(repeats(guard(NO_PLUGINS))),
}

const LISTENER: Readonly<Record<string, Row>> = {
  bind_address: protects(becomes('host of the default listener')),
  bind_interface: guard('a listener is bound to an address: give it as `host`'),
  cafile: becomes('tls.clients.ca of the listener'),
  capath: not('authorities are read from one file: join those of the folder, and give it as `tls: { clients: { ca: … } }`'),
  certfile: protects(becomes('tls.cert of the listener')),
  ciphers: not(OWN_CIPHERS),
  'ciphers_tls1.3': not(OWN_CIPHERS),
  crlfile: protects(becomes('tls.clients.crl of the listener')),
  dhparamfile: not('key exchange is by elliptic curves, which take no parameters'),
  http_dir: not('no files are served over HTTP'),
  keyfile: protects(becomes('tls.key of the listener')),
  listener: protects(repeats(becomes('broker.listeners'))),
  max_connections: becomes('maxConnections of the listener'),
  max_qos: not('every QoS is taken', '2'),
  max_topic_alias: becomes('topicAliasMaximum of the listener'),
  maximum_qos: not('every QoS is taken', '2'),
  mount_point: guard('no listener puts its clients below a topic; `tenant: NAME` gives them topics of their own, which clients of other listeners do not see at all'),
  port: becomes('port of the default listener'),
  protocol: becomes('websocket of the listener'),
  psk_hint: guard(NO_PSK),
  require_certificate: protects(becomes('tls.clients of the listener')),
  socket_domain: protects(becomes('host of the listener')),
  tls_engine: guard('a key is read from a PEM file only'),
  tls_engine_kpass_sha1: secret(not('a key is read from a PEM file only')),
  tls_keyform: guard('a key is read from a PEM file only', 'pem'),
  tls_version: becomes('tls.minVersion of the listener'),
  use_identity_as_username: protects(becomes('tls.clients.user: cn of the listener')),
  use_subject_as_username: protects(becomes('tls.clients.user: subject of the listener')),
  use_username_as_clientid: guard('a client chooses its identifier; what keeps others from its session is that a session belongs to its user', 'false', '0'),

  accept_protocol_versions: later(not('every version is taken: 3.1, 3.1.1 and 5.0')),
  disable_client_cert_date_checks: later(not('a client certificate is good between its dates only', 'false', '0')),
  max_topic_alias_broker: later(not('a client says itself how many aliases it takes')),
  proxy_protocol_v2: later(guard('give the addresses of the proxies as `proxyProtocol: { from: [ … ] }`', 'false', '0')),
  proxy_protocol_v2_require_tls: later(guard('give the addresses of the proxies as `proxyProtocol: { from: [ … ] }`', 'false', '0')),
  websockets_origin: later(repeats(guard('the origin of a WebSocket is not checked'))),
}

const BRIDGE: Readonly<Record<string, Row>> = {
  address: protects(becomes('url of the uplink')),
  addresses: protects(becomes('url of the uplink')),
  bridge_alpn: becomes('tls.alpn of the uplink'),
  bridge_attempt_unsubscribe: not('what a route no longer fetches is not unsubscribed at the remote: do it there once', 'false', '0'),
  bridge_bind_address: not('the system chooses the local address of a connection'),
  bridge_cafile: protects(becomes('tls.ca of the uplink')),
  bridge_capath: protects(not('authorities are read from one file: give it as `tls: { ca: … }`', '/etc/ssl/certs', '/etc/ssl/certs/')),
  bridge_certfile: protects(becomes('tls.cert of the uplink')),
  bridge_identity: guard(NO_PSK),
  bridge_insecure: not('certificates are always checked; `tls: { servername: … }` when the name in it differs', 'false', '0'),
  bridge_keyfile: protects(becomes('tls.key of the uplink')),
  bridge_max_packet_size: not('the remote says how large a packet may be', '0'),
  bridge_outgoing_retain: becomes('retain of the routes out'),
  bridge_protocol_version: becomes('version of the uplink'),
  bridge_psk: secret(guard(NO_PSK)),
  bridge_require_ocsp: not('the revocation of certificates is not asked for', 'false', '0'),
  bridge_tls_version: not('TLS 1.3 or 1.2 is used, whatever the remote can', 'tlsv1.2'),
  cleansession: not('the session at the remote is always kept, so that nothing is lost while the link is down', 'false', '0'),
  clientid: becomes('clientId of the uplink: an old name of remote_clientid'),
  connection: protects(repeats(becomes('uplinks'))),
  idle_timeout: not(ALWAYS_UP),
  keepalive_interval: becomes('keepAlive of the uplink'),
  local_cleansession: not('what waits for an uplink is always kept', 'false', '0'),
  local_clientid: not(NOT_A_CLIENT),
  local_password: secret(not(NOT_A_CLIENT)),
  local_username: not(NOT_A_CLIENT),
  notification_topic: becomes('stateTopic of the uplink'),
  notifications: becomes('stateTopic of the uplink'),
  notifications_local_only: becomes('stateTopic of the uplink'),
  password: secret(becomes('password of the uplink: an old name of remote_password')),
  remote_clientid: becomes('clientId of the uplink'),
  remote_password: secret(becomes('password of the uplink, in a file of its own')),
  remote_username: becomes('username of the uplink'),
  restart_timeout: becomes('backoff of the uplink'),
  round_robin: not('an uplink has one address', 'false', '0'),
  start_type: not(ALWAYS_UP, 'automatic'),
  threshold: not(ALWAYS_UP),
  topic: repeats(becomes('routes of the uplink')),
  try_private: not('the remote is not told that this is a bridge; MQTT 5 does the same with No Local and Retain As Published', 'false', '0'),
  username: becomes('username of the uplink: an old name of remote_username'),

  bridge_ciphers: later(not(OWN_CIPHERS)),
  'bridge_ciphers_tls1.3': later(not(OWN_CIPHERS)),
  bridge_max_topic_alias: later(not('the remote says how many topic aliases it takes')),
  bridge_receive_maximum: later(not('100 messages may come in unacknowledged')),
  bridge_reload_type: later(not('the configuration is read at the start')),
  bridge_session_expiry_interval: later(not('the remote keeps the session for 30 days')),
  bridge_tcp_keepalive: later(not('keepalive_interval finds a dead link')),
  bridge_tcp_user_timeout: later(not('keepalive_interval finds a dead link')),
}

function rows(scope: Scope, table: Readonly<Record<string, Row>>): Directive[] {
  return Object.entries(table).map(([name, { protects = false, repeats = false, secret = false, later = false, ...fate }]) => ({ name, scope, fate, protects, repeats, secret, later }))
}

export const DIRECTIVES: readonly Directive[] = [...rows('broker', BROKER), ...rows('security', SECURITY), ...rows('listener', LISTENER), ...rows('bridge', BRIDGE)]

const BY_NAME: ReadonlyMap<string, Directive> = new Map(DIRECTIVES.map((directive) => [directive.name, directive]))
/** Their names go on as the plugin likes. */
const OPEN_ENDED = ['auth_opt_', 'plugin_opt_'] as const

/** What a word at the beginning of a line means; null when it is none of Mosquitto's. */
export function directiveOf(word: string): Directive | null {
  const name = OPEN_ENDED.find((prefix) => word.startsWith(prefix) && word !== prefix) ?? word
  return (OPEN_ENDED as readonly string[]).includes(word) ? null : (BY_NAME.get(name) ?? null)
}

/** Why a line is not honoured; null when it is, or asks for what the gateway does anyway. */
export function whyNot({ name, words }: { readonly name: string; readonly words: readonly string[] }): string | null {
  const fate = directiveOf(name)?.fate
  return fate?.kind === 'not' && !fate.unless.includes(words[0] ?? '') ? fate.why : null
}
