// Whether a listener lets clients in that do not say who they are.
//
//   `anonymous` said            as it is said; false needs somebody who could come in
//   somebody can prove it       false, on loopback too: a site that has given out passwords does not expect programs without one
//   nobody can, loopback        true: only programs of this machine come by it
//   nobody can, other address   nothing is taken for granted: the file must say it
import { BlockList, isIP } from 'node:net'
import type { AskedAccess } from './access-schema.ts'
import type { ListenerConfig, PortListenerConfig, SocketListenerConfig } from './config.ts'
import type { Place } from './place.ts'

/** As the file says it; null where it does not. */
interface AskedAnonymous {
  readonly anonymous: boolean | null
}
export type AskedPortListener = Omit<PortListenerConfig, 'anonymous'> & AskedAnonymous
export type AskedSocketListener = Omit<SocketListenerConfig, 'anonymous'> & AskedAnonymous
export type AskedListener = AskedPortListener | AskedSocketListener

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** `place` is that of the whole file. `undefined` after a problem was reported. */
export function listenersOf(asked: readonly AskedListener[], access: AskedAccess, place: Place): readonly ListenerConfig[] | undefined {
  const listeners = asked.flatMap((listener, i): ListenerConfig[] => {
    const anonymous = anonymousOf(listener, access, place.key('broker').key('listeners').item(i))
    return anonymous === undefined ? [] : [{ ...listener, anonymous }]
  })
  return listeners.length === asked.length ? listeners : undefined
}

function anonymousOf(listener: AskedListener, access: AskedAccess, place: Place): boolean | undefined {
  const { anonymous } = listener
  const asksForUsers = access.asksForUsers || (listener.kind === 'port' && listener.tls !== null && listener.tls.clients !== null)
  if (asksForUsers) return anonymous ?? false
  if (anonymous === false) {
    return place.key('anonymous').problem(
      '`anonymous: false` needs users, and there are none: nobody could connect',
      'add `access: { users: [{ name: …, password: … }] }` or `access: { passwordFile: … }`, or remove the listener',
    )
  }
  if (anonymous === null && listener.kind === 'port' && !isLoopback(listener.host)) {
    return place.key('host').problem(
      `listening on ${listener.host} lets everyone on that network connect, publish and read`,
      'add users: `access: { users: [{ name: …, password: … }] }` or `access: { passwordFile: … }`; or write `anonymous: true` if that is what you want, or listen on 127.0.0.1',
    )
  }
  return true
}

export function isLoopback(name: string): boolean {
  const family = isIP(name)
  return family === 0 ? name === 'localhost' : LOOPBACK.check(name, family === 6 ? 'ipv6' : 'ipv4')
}
