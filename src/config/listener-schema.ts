// gateway.yaml, `broker.listeners`: where and how clients connect. The descriptions are the reference documentation.
import { BlockList, isIP } from 'node:net'
import type { ListenerConfig } from './config.ts'
import { limitFields, limitsOf, type Limits } from './limits-schema.ts'
import { clip, type Place } from './place.ts'
import { boolean, integer, text } from './scalar.ts'
import { defaulted, list, object, optional, optionalOf, required, type Schema } from './schema.ts'

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

const listener = object({
  port: required('TCP port. 1883 is MQTT’s own. 0 takes any free port (for tests).', integer(0, 65_535)),
  host: defaulted('Address to listen on. 127.0.0.1: this machine only; 0.0.0.0 or ::: every network it is on.', '127.0.0.1', host()),
  anonymous: optional('true: clients may connect without user and password. false: only the users under `access`. On 127.0.0.1 and ::1 true is the default; elsewhere it must be said.', boolean()),
  ...optionalOf(limitFields, "Default: the broker's."),
}).into(checkListener)

function checkListener(value: { port: number; host: string; anonymous: boolean | null } & Limits, place: Place): ListenerConfig | undefined {
  if (value.anonymous === null && !isLoopback(value.host)) {
    return place.key('host').problem(
      `listening on ${value.host} lets everyone on that network connect, publish and read`,
      'add `anonymous: false` and give `access.users`, or `anonymous: true` if that is what you want, or listen on 127.0.0.1',
    )
  }
  return { port: value.port, host: value.host, anonymous: value.anonymous ?? true, limits: limitsOf(value) }
}

export const listeners = list(listener, {
  unique: [
    {
      key: 'port',
      of: (l) => (l.port === 0 ? null : `${l.host} ${l.port}`),
      message: (address) => `port ${address.split(' ')[1]} on ${address.split(' ')[0]} is taken twice`,
      hint: 'give each listener of a host a port of its own',
    },
  ],
})
