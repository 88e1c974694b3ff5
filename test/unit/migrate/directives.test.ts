// Every directive of Mosquitto 2.0 has a fate, and meets it. The list is that of mosquitto.conf(5); a real Mosquitto is asked in
// test/system/import.test.ts.
import { describe, expect, test } from 'vitest'
import { DIRECTIVES, directiveOf, type Directive } from '../../../src/migrate/directives.ts'
import { imported } from './confs.ts'

/** Of the manual of 2.0.11, with the old names that it still takes. */
const MANUAL = `
  acl_file allow_anonymous allow_duplicate_messages allow_zero_length_clientid auth_opt_ auth_plugin auth_plugin_deny_special_chars auto_id_prefix
  autosave_interval autosave_on_changes check_retain_source clientid_prefixes connection_messages include_dir log_dest log_facility log_timestamp
  log_timestamp_format log_type max_inflight_bytes max_inflight_messages max_keepalive max_packet_size max_queued_bytes max_queued_messages memory_limit
  message_size_limit password_file per_listener_settings persistence persistence_file persistence_location persistent_client_expiration pid_file plugin
  plugin_opt_ psk_file queue_qos0_messages retain_available set_tcp_nodelay sys_interval upgrade_outgoing_qos user
  bind_address bind_interface http_dir listener max_connections max_qos max_topic_alias mount_point port protocol socket_domain use_username_as_clientid
  websockets_log_level websockets_headers_size cafile capath certfile ciphers ciphers_tls1.3 crlfile dhparamfile keyfile require_certificate tls_engine
  tls_engine_kpass_sha1 tls_keyform tls_version use_identity_as_username use_subject_as_username psk_hint
  address addresses bridge_attempt_unsubscribe bridge_bind_address bridge_max_packet_size bridge_outgoing_retain bridge_protocol_version cleansession
  local_cleansession connection keepalive_interval idle_timeout local_clientid local_password local_username notifications notifications_local_only
  notification_topic remote_clientid remote_password remote_username restart_timeout round_robin start_type threshold topic try_private bridge_alpn
  bridge_cafile bridge_capath bridge_certfile bridge_identity bridge_insecure bridge_keyfile bridge_psk bridge_require_ocsp bridge_tls_version
  clientid password username maximum_qos retained_persistence retry_interval
`.trim().split(/\s+/)

/** Something of each kind that is not what the gateway does anyway. */
const VALUES: Readonly<Record<string, string>> = {
  address: 'broker.example.com', addresses: 'broker.example.com', allow_anonymous: 'true', allow_zero_length_clientid: 'false', bridge_outgoing_retain: 'false',
  bridge_protocol_version: 'mqttv50', connection: 'second', include_dir: '.', keepalive_interval: '30', listener: '1999', log_dest: 'syslog', log_timestamp: 'false', log_type: 'error',
  max_qos: '1', maximum_qos: '1', notification_topic: 'bridge/state', notifications: 'false', per_listener_settings: 'true', persistence: 'false', retained_persistence: 'false',
  persistent_client_expiration: '14d', port: '1999', protocol: 'websockets', restart_timeout: '7 70', retain_available: 'false', socket_domain: 'ipv4', start_type: 'lazy', sys_interval: '60',
  tls_keyform: 'engine', tls_version: 'tlsv1.3', topic: 'more/# in 1', bridge_tls_version: 'tlsv1.3', persistence_location: '/var/lib/x', max_packet_size: '5000', message_size_limit: '5000',
  max_queued_bytes: '100000', bind_address: '127.0.0.1', bridge_insecure: 'true', auto_id_prefix: 'dev-',
}

const BOOLEAN = /^(allow_|autosave_on|auth_plugin_deny|check_|connection_messages|queue_|upgrade_|require_|use_|bridge_attempt|bridge_require|cleansession|local_cleansession|notifications|round_robin|try_private|disable_|enable_|proxy_)/
const NUMBER = /(_interval|_timeout|_size|_messages|_bytes|_limit|_alias|_level|_facility|_connections|_keepalive|^threshold|_maximum|_clients|_broker)$/

function valueOf({ name }: Directive): string {
  return VALUES[name] ?? (BOOLEAN.test(name) ? 'true' : NUMBER.test(name) ? '7' : 'something')
}

const nameOf = ({ name }: Directive): string => (name.endsWith('_opt_') ? `${name}x` : name)

/** Where `line` belongs, in a configuration that is complete without it. */
function confWith({ scope, name }: Directive, line: string): string {
  const [broker, listener, bridge] = [scope === 'broker' || scope === 'security' ? line : '', scope === 'listener' ? line : '', scope === 'bridge' ? line : '']
  const address = name.startsWith('address') ? '' : 'address cloud.example.com\n'
  const user = name === 'remote_password' || name === 'password' ? 'remote_username me\n' : ''
  const anonymous = name === 'allow_anonymous' ? '' : 'allow_anonymous true\n'
  return `${broker}\n${anonymous}listener 1883\n${listener}\nconnection first\n${address}${user}topic data/# out 0\n${bridge}\n`
}

const plain = (yaml: string): string => yaml.replaceAll(/(^|\s)# .*$/gm, '')

test('the table knows what the manual knows, and says what later releases have', () => {
  expect(DIRECTIVES.filter((d) => !d.later).map((d) => d.name).sort()).toEqual([...MANUAL].sort())
  expect(new Set(DIRECTIVES.map((d) => d.name)).size).toBe(DIRECTIVES.length)
})

test('every fate is told in words that can stand behind a colon', () => {
  for (const { name, fate } of DIRECTIVES) {
    const words = fate.kind === 'becomes' ? fate.what : fate.why
    expect(words, name).toMatch(/^[^A-Z\s]|^(TLS|TCP|QoS|MQTT|TCP_NODELAY)/)
    expect(words, name).not.toMatch(/[.!]$/)
  }
})

test('options of plugins go on as they like', () => {
  expect(directiveOf('plugin_opt_config_file')?.name).toBe('plugin_opt_')
  expect(directiveOf('auth_opt_db')?.secret).toBe(true)
  expect(directiveOf('plugin_opt_')).toBeNull()
})

describe.each(DIRECTIVES)('$name', (directive) => {
  const { fate, name } = directive
  const line = `${nameOf(directive)} ${valueOf(directive)}`

  test('is honoured, or told', () => {
    const without = imported(confWith(directive, ''))
    const outcome = imported(confWith(directive, name === 'include_dir' ? '' : line))
    const told = outcome.findings.filter((finding) => finding.line.name === nameOf(directive) && finding.line.rest === valueOf(directive))
    if (name === 'include_dir' || fate.kind === 'always') return
    if (fate.kind === 'not') expect(told.map(({ kind, why }) => `${kind}: ${why}`)).toContain(`left out: ${fate.why}`)
    else if (told.length === 0) expect(plain(outcome.text)).not.toBe(plain(without.text))
    expect(outcome.report.join('\n')).not.toMatch(/knows no such directive/)
  })
})

test.each(DIRECTIVES.filter((directive) => directive.secret))('$name keeps its value to itself', (directive) => {
  const outcome = imported(confWith(directive, `${nameOf(directive)} h0rse`))
  expect(`${outcome.text}\n${outcome.report.join('\n')}`).not.toContain('h0rse')
})

test('with the value that the gateway has anyway there is nothing to tell', () => {
  for (const directive of DIRECTIVES) {
    if (directive.fate.kind !== 'not') continue
    for (const value of directive.fate.unless) {
      const outcome = imported(confWith(directive, `${nameOf(directive)} ${value}`))
      expect(outcome.findings.filter((f) => f.line.name === directive.name), directive.name).toEqual([])
      expect(outcome.config.broker.listeners, directive.name).toHaveLength(1)
      expect(outcome.config.uplinks, directive.name).toHaveLength(1)
    }
  }
})
