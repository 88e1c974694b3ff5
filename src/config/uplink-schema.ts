// gateway.yaml, `uplinks:`. Each is a remote MQTT broker, what is carried to and from it, and the queue that waits for it.
import { classes, resolveClasses } from './class-schema.ts'
import type { LinkConfig, RouteConfig, UplinkConfig, UplinkTlsConfig } from './config.ts'
import { queue } from './broker-schema.ts'
import { clip, type Place } from './place.ts'
import { LINK_KEYS, linkFields, linkOf, links } from './link-schema.ts'
import { routes } from './route-schema.ts'
import { filtersOverlap } from './routes.ts'
import { boolean, choice, duration, identifier, integer, text, topicName } from './scalar.ts'
import { defaulted, list, object, optional, required, type Schema } from './schema.ts'
import { isKeyPair } from './key-pair-check.ts'
import { keyFile, readSecretFile, secret } from './secret.ts'

const PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883, 'ws:': 80, 'wss:': 443 }
const INFLIGHT_MAX = { 4: 100, 5: 10_000 } as const
/** What the standard's clients ask for (MQTT 5.0 section 6 names none). */
const WEBSOCKET_PATH = '/mqtt'

const tls = object({
  ca: optional('File with the certificate authorities (PEM) to trust instead of the system’s.', text({ expected: 'a file' }).into(readCertificates)),
  cert: optional('File with the gateway’s own certificate and those between it and its authority (PEM), for a remote broker that asks for one.', text({ expected: 'a file' }).into(readCertificates)),
  key: optional('File with the private key of `cert` (PEM, not encrypted).', keyFile()),
  servername: optional('Name the server’s certificate must have, when it is not the host of `url`.', text({ expected: 'a host name' })),
  alpn: optional('Protocol to name in the handshake (ALPN), for remote brokers that tell MQTT from other things at one port by it.', text({ expected: 'the name of a protocol', pattern: /^[\x21-\x7e]{1,255}$/ })),
  maxVersion: defaulted(
    'Newest version of TLS. TLSv1.2 makes a reconnect with a kept session 0.3 to 0.6 kB shorter, and does not renew its keys with it.',
    'TLSv1.3',
    choice(['TLSv1.2', 'TLSv1.3']),
  ),
}).into(({ ca, cert, key, servername, alpn, maxVersion }, place): UplinkTlsConfig | undefined => {
  const given = { ca, servername, alpn, versionMax: maxVersion }
  if (cert === null && key === null) return { ...given, identity: null }
  if (cert === null || key === null) return place.keyProblem(cert === null ? 'key' : 'cert', `\`${cert === null ? 'key' : 'cert'}\` is given alone`, 'give `cert` and `key`: the two files that were made together')
  // Without them the remote turns the gateway away; the site runs.
  if (cert.length === 0 || key.bytes === null) return { ...given, identity: null }
  return isKeyPair(key.bytes, cert, place) ? { ...given, identity: { cert, key: key.bytes } } : undefined
})

function readCertificates(path: string, place: Place): Buffer | undefined {
  const read = readSecretFile(place, path)
  if (read === undefined) return undefined
  // Nothing to trust, so that TLS fails: with null the system's authorities would be trusted, which the site did not ask for.
  if (read.bytes === null) return Buffer.alloc(0)
  if (!read.bytes.includes('-----BEGIN CERTIFICATE-----')) return place.problem(`${clip(path)} holds no PEM certificate`, 'it must have lines -----BEGIN CERTIFICATE-----')
  return read.bytes
}

const url = text({ expected: 'mqtt://HOST:PORT, mqtts://HOST:PORT, ws://HOST:PORT/PATH or wss://HOST:PORT/PATH', secret: true }).into((written, place): URL | undefined => {
  const hint = 'write for example mqtts://broker.example.com:8883'
  const parsed = URL.canParse(written) ? new URL(written) : null
  const scheme = /^([A-Za-z]+):\/\//.exec(written)?.[1]
  if (parsed === null || scheme === undefined || parsed.hostname === '') return place.problem(`${place.name} is not a URL`, hint)
  if (PORTS[parsed.protocol] === undefined) return place.problem(`${place.name} has the scheme ${clip(scheme)}://, which no uplink speaks`, hint)
  if (parsed.username !== '' || parsed.password !== '') return place.problem(`${place.name} holds a user or password`, 'give them as `username:` and `password:`')
  if (parsed.hash !== '') return place.problem(`${place.name} has a # behind the path`, 'a server never sees it: remove it')
  if (!isWebSocket(parsed) && (!/^\/?$/.test(parsed.pathname) || parsed.search !== '')) return place.problem(`${place.name} goes on behind the port`, 'only ws:// and wss:// have a path: remove it')
  if (parsed.port === '0') return place.problem(`${place.name} has the port 0`, hint)
  return parsed
})

function isWebSocket({ protocol }: URL): boolean {
  return protocol === 'ws:' || protocol === 'wss:'
}

/** With its query, which some servers want a token in. */
function websocketPath(remote: URL): string {
  return `${remote.pathname === '/' ? WEBSOCKET_PATH : remote.pathname}${remote.search}`
}

const uplink: Schema<UplinkConfig> = object({
  name: required('Name of the uplink in logs, counters and the store: its queue belongs to this name. Unique.', identifier('an uplink name')),
  url: optional('The remote broker: mqtt://HOST:PORT, or mqtts:// for TLS. The port is 1883, or 8883 with TLS, when left out. Over WebSocket: ws://HOST:PORT/PATH, or wss:// for TLS, with 80, 443 and /mqtt when left out. Not needed where all links are modems for short messages.', url),
  tls: defaulted('TLS, for mqtts:// and wss://. Certificates are always checked.', {}, tls),
  compress: defaulted('Compress messages on a WebSocket, when the server takes it (permessage-deflate): readings that look alike get a third as long, or less.', false, boolean()),
  clientId: defaulted('Client identifier at the remote broker. {site} is replaced.', '{site}', text({ expected: 'a client identifier', placeholders: true })),
  username: optional('User name at the remote broker. {site} is replaced.', text({ expected: 'a user name', placeholders: true })),
  password: optional('Password: text, `{ file: … }` or `{ env: NAME }`.', secret()),
  metered: defaulted('The link costs by the byte, or is slow. Statistics ($SYS topics) are carried only over one that is not: `metered: false`.', true, boolean()),
  version: defaulted('MQTT version: 5, or 4 for MQTT 3.1.1.', 5, choice([4, 5], '5, or 4 for MQTT 3.1.1')),
  connectTimeout: defaulted('Time for name, TCP, TLS and CONNACK together.', '20s', duration(1000, 600_000)),
  maxInflight: optional('Unacknowledged messages on the link at a time; how many bytes, the link itself says. Left out: 10000 with MQTT 5, whose servers tell what they take, and 100 with MQTT 3.1.1.', integer(1, 65_535)),
  backoff: defaulted('Waiting time before the next attempt; it grows from min to max with some chance in it.', {}, object({
    min: defaulted('First waiting time.', '1s', duration(100, 3_600_000)),
    max: defaulted('Longest waiting time; up to 15 minutes where attempts in vain would cost more than a tenth of a link’s budget.', '120s', duration(100, 86_400_000)),
  }).into((b, place) => (b.min <= b.max ? { minMs: b.min, maxMs: b.max } : place.key(place.has('min') ? 'min' : 'max').problem('`min` is longer than `max`', 'swap them, or give both')))),
  stateTopic: optional('Remote topic that says whether this gateway is connected: `online` or `offline`, retained, the second as its will. {site} is replaced.', topicName()),
  ...linkFields,
  links: optional('Several ways to the remote broker, the cheapest first: the first that works is used. Left out: one, with the keys above.', links),
  routes: required('What is carried: `out` to the cloud, `in` from it.', routes),
  classes: defaulted('What messages are worth: ranks, and what is dropped first.', [], classes),
  queue: defaulted('Messages that wait for the link.', {}, queue('the link', '1GB')),
}).into((u, place) => {
  const withTls = u.url?.protocol === 'mqtts:' || u.url?.protocol === 'wss:'
  const overWebSocket = u.url !== null && isWebSocket(u.url)
  let valid = noEcho(u.version, u.routes, place.key('routes'))
  if (u.metered && !noStatistics(u.routes, place.key('routes'))) valid = false
  if (!withTls && place.has('tls')) {
    place.keyProblem('tls', `\`tls\` is set, but \`url\` says ${overWebSocket ? 'ws' : 'mqtt'}:// without TLS`, `write ${overWebSocket ? 'wss' : 'mqtts'}:// in \`url\`, or remove \`tls\``)
    valid = false
  }
  if (u.compress && !overWebSocket) {
    place.keyProblem('compress', '`compress` is for a WebSocket only, and `url` is none', 'write ws:// or wss:// in `url`, or remove `compress`; routes with `batch` compress over any connection')
    valid = false
  }
  if (u.version === 4 && u.password !== null && u.username === null) {
    place.keyProblem('password', 'MQTT 3.1.1 sends no password without a user name', 'add `username:`') // [MQTT-3.1.2-22] of 3.1.1
    valid = false
  }
  const ranks = resolveClasses(u.classes, u.routes, u.queue, place)
  const ways = linksOf(u, place)
  if (!framesAgree(u.routes, place.key('routes'))) valid = false
  if (ranks === undefined || ways === undefined || !classesOfLinksAreThere(ways, ranks.map((c) => c.name), u.routes, place)) return undefined
  if (u.url === null && ways.some((l) => l.sbd === null)) return place.problem('`url` is missing: no remote broker to connect to', 'add for example `url: mqtts://broker.example.com:8883`')
  if (!valid) return undefined
  const { name, url: remote, clientId, username, version, metered, stateTopic, backoff, routes: carried } = u
  return {
    name,
    url: remote,
    host: remote?.hostname.replace(/^\[(.*)\]$/, '$1') ?? '',
    port: remote === null ? 0 : remote.port === '' ? PORTS[remote.protocol]! : Number(remote.port),
    tls: withTls,
    websocketPath: remote !== null && overWebSocket ? websocketPath(remote) : null,
    compress: u.compress,
    metered,
    tlsOptions: u.tls,
    clientId,
    username,
    password: u.password?.bytes ?? null,
    version,
    connectTimeoutMs: u.connectTimeout,
    inflightMax: u.maxInflight ?? INFLIGHT_MAX[u.version],
    stateTopic,
    backoff,
    routes: carried,
    classes: ranks,
    links: ways,
  }
})

type LinksAsked = Parameters<typeof linkOf>[1] & { readonly name: string; readonly links: readonly LinkConfig[] | null }

function linksOf(u: LinksAsked, place: Place): readonly LinkConfig[] | undefined {
  if (u.links === null) {
    const only = linkOf(u.name, u, null, 0, place)
    return only === undefined ? undefined : [only]
  }
  const stray = LINK_KEYS.find((key) => place.has(key))
  if (stray === undefined) return u.links
  return place.keyProblem(stray, `\`${stray}\` belongs to one link, and there are \`links\``, 'move it to the link it is for')
}

function classesOfLinksAreThere(ways: readonly LinkConfig[], names: readonly string[], routes: readonly RouteConfig[], place: Place): boolean {
  let valid = true
  const check = (name: string, at: Place): void => {
    if (names.includes(name)) return
    at.problem(`no route has the class \`${clip(name)}\``, `the classes here are ${names.join(', ')}`)
    valid = false
  }
  for (const [i, link] of ways.entries()) {
    const at = place.has('links') ? place.key('links').item(i) : place
    for (const [n, name] of (link.classes ?? []).entries()) check(name, at.key('classes').item(n))
    const { connect } = link
    if (connect.kind === 'when' && at.has('connect')) for (const [n, name] of connect.classes.entries()) check(name, at.key('connect').key('when').key('class').item(n))
    if (link.budget?.reserve) check(link.budget.reserve.class, at.key('budget').key('reserve').key('class'))
  }
  // The cheapest carries what any does.
  const carried = ways[0]!.classes
  for (const [i, { direction, class: name }] of routes.entries()) {
    if (direction === 'in' || carried === null || carried.includes(name)) continue
    place.key('routes').item(i).problem(`no link carries the class \`${clip(name)}\`: the messages of this route would never leave`, 'add it to `classes` of a link')
    valid = false
  }
  return valid
}

// The $SYS tree says something new at every interval, whether anything has happened or not. Filters that start with a wildcard do not match it.
function noStatistics(routes: readonly RouteConfig[], place: Place): boolean {
  const bad = [...routes.entries()].filter(([, { from }]) => from === '$SYS' || from.startsWith('$SYS/'))
  for (const [i, { direction, from }] of bad) {
    place.item(i).key(direction).problem(
      `the topics of "${clip(from)}" change every few seconds, and this link is taken for a metered one`,
      'add `metered: false` to the uplink to carry them, or remove the route',
    )
  }
  return bad.length === 0
}

// Routes that share their frames have one rhythm.
function framesAgree(routes: readonly RouteConfig[], place: Place): boolean {
  let valid = true
  for (const [i, { batch, class: name }] of routes.entries()) {
    const first = batch === null ? undefined : routes.find((r) => r.batch?.topic === batch.topic && r.class === name)?.batch
    if (!first || (first.everyMs === batch!.everyMs && first.readingsMax === batch!.readingsMax && first.bytesMax === batch!.bytesMax)) continue
    place.item(i).key('batch').problem(`another route of the class \`${name}\` makes frames for the same topic in another rhythm`, 'give both the same `batch`, or this one another `topic`')
    valid = false
  }
  return valid
}

// MQTT 3.1.1 has no No Local: the remote sends us back what we publish into our own subscription, for ever.
function noEcho(version: 4 | 5, routes: readonly RouteConfig[], place: Place): boolean {
  if (version === 5) return true
  let valid = true
  routes.forEach((out, i) => {
    if (out.direction !== 'out') return
    const echo = routes.findIndex((r) => r.direction === 'in' && filtersOverlap(out.to, r.from))
    if (echo < 0) return
    valid = false
    const at = place.item(i)
    at.key(at.has('as') ? 'as' : 'out').problem(
      `what goes out as "${clip(out.to)}" comes back in through \`in: ${clip(routes[echo]!.from)}\`, again and again: MQTT 3.1.1 cannot leave out its own messages`,
      'use `version: 5`, or let the two have different topics at the cloud',
    )
  })
  return valid
}

export const uplinks: Schema<readonly UplinkConfig[]> = list(uplink, {
  unique: [
    { key: 'name', of: (u) => u.name, message: (name) => `the uplink name \`${name}\` is used twice`, hint: 'give each uplink a name of its own: its queue belongs to it' },
    {
      key: 'clientId',
      of: (u) => (u.url === null ? null : `${u.clientId}@${u.host}:${u.port}`),
      message: (id) => `two uplinks connect as ${clip(id)}`,
      hint: 'the remote broker would close one for the other, again and again: give each its own `clientId`',
    },
  ],
})
