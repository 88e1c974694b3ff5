// gateway.yaml, `http:`: the API over HTTP and the page that is made with it. The descriptions are the reference documentation.
import type { AskedAccess } from './access-schema.ts'
import { API_ROLES, type ApiTokenConfig, type HttpConfig, type HttpListenerConfig } from './http-config.ts'
import { isLoopback } from './listener-access.ts'
import { host } from './listener-schema.ts'
import type { Place } from './place.ts'
import { choice, identifier, integer } from './scalar.ts'
import { defaulted, list, object, optional, required, type Schema, wordOr } from './schema.ts'
import { secret } from './secret.ts'
import { ownPair } from './tls-schema.ts'

/** As many characters as a token that nobody guesses has at least (RFC 6750 leaves it open). */
const TOKEN_BYTES_MIN = 16

const OWN_OR_FILES = 'own, or `{ key: FILE, cert: FILE }`'

const listener: Schema<HttpListenerConfig> = object({
  port: required('TCP port. 0 takes any free port (for tests).', integer(0, 65_535)),
  host: defaulted('Address to listen on. 127.0.0.1: this machine only; 0.0.0.0: every IPv4 network it is on; ::: every IPv6 and IPv4 network.', '127.0.0.1', host()),
  tls: optional('own: with a key and a certificate that the gateway makes for itself, which browsers ask about once. Or key and certificate of your own. Needed on every address but this machine’s.', wordOr(choice(['own'], OWN_OR_FILES), ownPair)),
}).into((l) => ({ ...l, isLoopback: isLoopback(l.host) }))

const token = object({
  name: required('What the log calls whoever comes by this token.', identifier('a name')),
  token: required('The token: text, `{ file: … }` or `{ env: NAME }`. `openssl rand -hex 32` makes one.', secret()),
  role: required('viewer looks; operator also publishes, disconnects clients, empties queues and says when links are used; admin also changes the configuration and installs updates.', choice(API_ROLES)),
}).into(({ name, token: { bytes }, role }, place): ApiTokenConfig | undefined => {
  if (bytes === null || bytes.length >= TOKEN_BYTES_MIN) return { name, token: bytes, role }
  return place.key('token').problem(`a token has ${TOKEN_BYTES_MIN} characters at least`, 'make one that nobody guesses: openssl rand -hex 32')
})

export const http: Schema<AskedHttp> = object({
  listeners: defaulted('Where the API is reached over TCP. Programs of this machine have it at a unix socket all the same.', [], list(listener, {
    unique: [{ key: 'port', of: (l) => (l.port === 0 ? null : `${l.host} ${l.port}`), message: (address) => `port ${address.split(' ')[1]} on ${address.split(' ')[0]} is taken twice`, hint: 'give each listener of a host a port of its own' }],
  })),
  tokens: defaulted('Who may come with a token (`Authorization: Bearer …`): Prometheus, programs. Users of `access` with one of the roles viewer, operator and admin may come with their password.', [], list(token, {
    unique: [{ key: 'name', of: (t) => t.name, message: () => 'this name is there twice', hint: 'give each token a name of its own' }],
  })),
  anonymous: optional('What programs of this machine may do over TCP that do not say who they are: viewer, operator, admin or none. Default: viewer; none once there are users or tokens.', choice(['none', ...API_ROLES])),
  maxRequestsPerMinute: defaulted('Requests that one address may make in any minute; more are answered with 429.', 600, integer(1, 1_000_000)),
}).into((h) => ({ listeners: h.listeners, tokens: h.tokens, anonymous: h.anonymous, requestsPerMinuteMax: h.maxRequestsPerMinute }))

/** Whether nobody has to prove anything is decided when the whole file has been read. */
export interface AskedHttp extends Omit<HttpConfig, 'anonymous'> {
  readonly anonymous: HttpConfig['anonymous'] | 'none'
}

/** `place` is that of the whole file. `undefined` after a problem was reported. */
export function httpOf(asked: AskedHttp, access: AskedAccess, place: Place): HttpConfig | undefined {
  let valid = true
  const someone = access.asksForUsers || asked.tokens.length > 0
  asked.listeners.forEach(({ host: address, isLoopback: isOfThisMachine, tls }, i) => {
    if (isOfThisMachine) return
    const at = place.key('http').key('listeners').item(i)
    if (tls === null) {
      at.key('host').problem(`on ${address} passwords and tokens would go over the network in the clear`, 'add `tls: own`, or key and certificate; or listen on 127.0.0.1')
      valid = false
    } else if (!someone) {
      at.key('host').problem(`nobody could come in on ${address}: there are no users and no tokens`, 'add `http: { tokens: [{ name: …, token: …, role: admin }] }`, or users with a role: `access: { users: [{ name: …, password: …, roles: [admin] }] }`')
      valid = false
    }
  })
  const anonymous = asked.anonymous === 'none' ? null : (asked.anonymous ?? (someone ? null : 'viewer'))
  return valid ? { ...asked, anonymous } : undefined
}
