// gateway.yaml, `broker.listeners`: where and how clients connect. The descriptions are the reference documentation.
import { BlockList, isIP } from 'node:net'
import { resolve } from 'node:path'
import { keyPairProblem } from '../key-pair.ts'
import type { ListenerConfig, NetworkConfig, PortListenerConfig, SocketListenerConfig, TlsConfig, WebSocketConfig } from './config.ts'
import { limitFields, limitsOf, type Limits } from './limits-schema.ts'
import { clip, type Place } from './place.ts'
import { boolean, choice, integer, tenantName, text } from './scalar.ts'
import { byKey, defaulted, list, object, optional, optionalOf, required, Schema, wordOr } from './schema.ts'
import { readSecretFile } from './secret.ts'

/** What clients ask for by themselves: paho /mqtt, MQTT.js /. */
const WEBSOCKET_PATHS = ['/mqtt', '/']
/** Of `sockaddr_un`, without the zero at its end. */
const SOCKET_PATH_BYTES_MAX = 107

export function host(): Schema<string> {
  return text({ expected: 'a host name or IP address' }).into((name, place) => {
    if (isIP(name) !== 0 || /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/.test(name)) return name
    return place.problem(`${place.name} "${clip(name)}" is not a host name or IP address`, 'write for example 127.0.0.1, ::1 or gateway.local')
  })
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

function isLoopback(name: string): boolean {
  const family = isIP(name)
  return family === 0 ? name === 'localhost' : LOOPBACK.check(name, family === 6 ? 'ipv6' : 'ipv4')
}

function file(): Schema<string> {
  return text({ expected: 'a file' }).into((path, place) => resolve(place.run.folder, path))
}

// ---- TLS

const tls = object({
  key: required('File with the private key (PEM, not encrypted). A relative path starts at the folder of this file.', file()),
  cert: required('File with the certificate and those between it and its authority (PEM). When key and certificate are replaced, new connections get the new ones within 10 s.', file()),
  minVersion: defaulted('Oldest TLS version that is spoken. 1.3 shuts out many microcontrollers.', 1.2, choice([1.2, 1.3], '1.2 or 1.3')),
}).into((t, place): TlsConfig | undefined => {
  const key = readSecretFile(place.key('key'), t.key)
  const cert = readSecretFile(place.key('cert'), t.cert)
  if (key === undefined || cert === undefined) return undefined
  if (key.bytes !== null && cert.bytes !== null && !isUsable(key.bytes, cert.bytes, place)) return undefined
  return { keyFile: t.key, certFile: t.cert, minVersion: t.minVersion === 1.3 ? 'TLSv1.3' : 'TLSv1.2' }
})

/** Where the gateway must come up anyway, a broken pair is a warning: the listener waits for a better one. */
function isUsable(key: Buffer, cert: Buffer, place: Place): boolean {
  const problem = keyPairProblem(key, cert)
  if (problem === null) return true
  const at = place.key(problem.of)
  const hint = 'give the two files that were made together, as PEM'
  if (place.run.secrets.mode === 'require') at.problem(problem.text, hint, 'E_SECRET')
  else at.warning(problem.text, hint, 'E_SECRET')
  return place.run.secrets.mode !== 'require'
}

// ---- WebSocket

const EITHER = 'true or `{ path: /mqtt }`'

const websocketWord = new Schema<WebSocketConfig | null>(EITHER, { type: 'boolean' }, (place) => {
  const { tree } = place
  if (tree.kind !== 'scalar' || typeof tree.value !== 'boolean') return place.wrong(EITHER, 'write `websocket: true`, or give the one path that is to be served')
  return tree.value ? { paths: WEBSOCKET_PATHS } : null
})

const websocketGroup = object({
  path: required('The one path that is served.', text({ expected: 'a path', pattern: /^\/[A-Za-z0-9._~/-]*$/, hint: 'write for example /mqtt' })),
}).into((w): WebSocketConfig => ({ paths: [w.path] }))

// ---- PROXY protocol

function network(): Schema<NetworkConfig> {
  return text({ expected: 'an IP address or a network' }).into((written, place) => {
    const [address = '', bits, ...more] = written.split('/')
    const family = isIP(address)
    const bitsMax = family === 6 ? 128 : 32
    const prefix = bits === undefined ? bitsMax : /^\d{1,3}$/.test(bits) ? Number(bits) : Infinity
    if (family === 0 || more.length > 0 || prefix > bitsMax) return place.problem(`${place.name} "${clip(written)}" is no IP address or network`, 'write for example 10.0.0.7, 10.0.0.0/24 or fd00::/8')
    return { address, prefix, family: family === 6 ? 'ipv6' : 'ipv4' }
  })
}

const proxyProtocol = object({
  from: required('The proxies, as addresses or networks (10.0.0.0/24). They must send the header; nobody else may connect.', list(network(), { min: 1 })),
})

// ---- unix sockets

function mode(): Schema<number> {
  const expected = 'a permission of three octal digits'
  const pattern = /^(0o?)?[0-7]{3}$/
  const json = { anyOf: [{ type: 'string', pattern: pattern.source }, { type: 'integer', minimum: 0, maximum: 777 }] }
  return new Schema(expected, json, (place) => {
    const { tree } = place
    // `0660` is the number 660 in YAML 1.2, and 432 in 1.1: what counts is how it is written.
    const written = tree.kind !== 'scalar' ? '' : typeof tree.value === 'string' ? tree.value : tree.source
    return pattern.test(written) ? Number.parseInt(written.slice(-3), 8) : place.wrong(expected, 'write for example "0660": owner and group may connect')
  })
}

const socketPath = file().into((path, place) => {
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path
  return place.problem(`${place.name} has a path of ${Buffer.byteLength(path)} bytes`, `the system takes ${SOCKET_PATH_BYTES_MAX} at most: choose a shorter one`)
})

// ---- the listener

const common = {
  anonymous: optional('true: clients may connect without user and password. false: only the users under `access`. On 127.0.0.1, ::1 and unix sockets true is the default; elsewhere it must be said.', boolean()),
  tenant: defaulted('Whoever comes by this listener is in this tenant; a client that belongs to another one is refused.', '', tenantName()),
  websocket: optional('MQTT over WebSocket, for browsers (with `tls`: wss://). true serves the paths /mqtt and /.', wordOr(websocketWord, websocketGroup)),
}
const limits = optionalOf(limitFields, "Default: the broker's.")

const portListener = object({
  port: required('TCP port. 1883 is MQTT’s own, 8883 with TLS. 0 takes any free port (for tests).', integer(0, 65_535)),
  host: defaulted('Address to listen on. 127.0.0.1: this machine only; 0.0.0.0: every IPv4 network it is on; ::: every IPv6 and IPv4 network.', '127.0.0.1', host()),
  tls: optional('TLS with this key and certificate.', tls),
  ...common,
  proxyProtocol: optional('Connections come through a proxy that tells the client’s address first (PROXY protocol, version 1 or 2).', proxyProtocol),
  ...limits,
}).into(checkPort)

function checkPort(value: Omit<PortListenerConfig, 'kind' | 'anonymous' | 'limits'> & { anonymous: boolean | null } & Limits, place: Place): PortListenerConfig | undefined {
  const { port, host, tls, websocket, proxyProtocol, anonymous, tenant } = value
  if (anonymous === null && !isLoopback(host)) {
    return place.key('host').problem(
      `listening on ${host} lets everyone on that network connect, publish and read`,
      'add `anonymous: false` and give `access.users`, or `anonymous: true` if that is what you want, or listen on 127.0.0.1',
    )
  }
  return { kind: 'port', port, host, tls, websocket, proxyProtocol, anonymous: anonymous ?? true, tenant, limits: limitsOf(value) }
}

const socketListener = object({
  socket: required('Unix socket, for programs on this machine: /run/sandpiper/mqtt.sock. A relative path starts at the folder of this file.', socketPath),
  mode: defaulted('Who may connect: the permission of the socket, octal.', '0660', mode()),
  ...common,
  ...limits,
}).into((value): SocketListenerConfig => {
  const { socket, mode, websocket, anonymous, tenant } = value
  return { kind: 'socket', path: socket, mode, websocket, anonymous: anonymous ?? true, tenant, limits: limitsOf(value) }
})

const listener: Schema<ListenerConfig> = byKey('a listener', { port: portListener, socket: socketListener })

export const listeners = list(listener, {
  unique: [
    {
      key: 'port',
      of: (l) => (l.kind !== 'port' || l.port === 0 ? null : `${l.host} ${l.port}`),
      message: (address) => `port ${address.split(' ')[1]} on ${address.split(' ')[0]} is taken twice`,
      hint: 'give each listener of a host a port of its own',
    },
    {
      key: 'socket',
      of: (l) => (l.kind === 'socket' ? l.path : null),
      message: (path) => `the socket ${clip(path)} is taken twice`,
      hint: 'give each listener a socket of its own',
    },
  ],
})
