// gateway.yaml, `broker.listeners`: where and how clients connect. The descriptions are the reference documentation.
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import type { NetworkConfig, WebSocketConfig } from './config.ts'
import { limitFields, limitsOf } from './limits-schema.ts'
import type { AskedListener, AskedPortListener, AskedSocketListener } from './listener-access.ts'
import { clip } from './place.ts'
import { boolean, integer, tenantName, text } from './scalar.ts'
import { byKey, defaulted, list, object, optional, optionalOf, required, Schema, wordOr } from './schema.ts'
import { tls } from './tls-schema.ts'

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

function file(): Schema<string> {
  return text({ expected: 'a file' }).into((path, place) => resolve(place.run.folder, path))
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
  anonymous: optional('true: clients may connect that do not say who they are. false: only those that prove it, as `access` says or by a certificate (`tls.clients`). Default: false, on every address, once somebody can: a user with a password, a password file, tokens, or certificates on this listener. Without all of these it is true on 127.0.0.1, ::1 and unix sockets, and elsewhere it must be said.', boolean()),
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
}).into((value): AskedPortListener => {
  const { port, host, tls, websocket, proxyProtocol, anonymous, tenant } = value
  return { kind: 'port', port, host, tls, websocket, proxyProtocol, anonymous, tenant, limits: limitsOf(value) }
})

const socketListener = object({
  socket: required('Unix socket, for programs on this machine: /run/sandpiper/mqtt.sock. A relative path starts at the folder of this file.', socketPath),
  mode: defaulted('Who may connect: the permission of the socket, octal.', '0660', mode()),
  ...common,
  ...limits,
}).into((value): AskedSocketListener => {
  const { socket, mode, websocket, anonymous, tenant } = value
  return { kind: 'socket', path: socket, mode, websocket, anonymous, tenant, limits: limitsOf(value) }
})

const listener: Schema<AskedListener> = byKey('a listener', { port: portListener, socket: socketListener })

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
