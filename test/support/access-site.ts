// A gateway with users, rules and tokens, and what its clients hear when they may not do something.
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import type { Counters } from '../../src/counters.ts'
import { TestGateway, type TestGatewayOptions } from './gateway.ts'
import { connectPacket, type ConnectOptions, type Version, type WireClient } from './wire-client.ts'

export interface AccessSite {
  readonly users?: readonly object[]
  readonly rules?: readonly object[]
  readonly tokens?: readonly object[]
  readonly tenants?: readonly object[]
  readonly uplinks?: readonly object[]
  readonly listeners?: readonly object[]
  readonly broker?: object
}

/** A gateway.yaml; JSON is YAML. */
export function accessSite({ users = [], rules = [], tokens = [], listeners = [{ port: 0, anonymous: true }], broker = {}, ...more }: AccessSite): string {
  return JSON.stringify({ site: 'test', broker: { sysInterval: '0s', listeners, ...broker }, access: { users, rules, tokens }, ...more })
}

/** As mosquitto_passwd writes it. */
export function pbkdf2Hash(password: string, iterations = 1000): string {
  const salt = randomBytes(12)
  return `$7$${iterations}$${salt.toString('base64')}$${pbkdf2Sync(password, salt, iterations, 64, 'sha512').toString('base64')}`
}

/** Of all tenants together. */
export function count(gateway: TestGateway, field: keyof Counters): number {
  return gateway.gateway.tenants.counters[field]
}

/** CONNECT that must be refused. */
export async function expectRefused(gateway: TestGateway, version: Version, options: ConnectOptions, reasonCode: number, returnCode: number): Promise<void> {
  const client = await gateway.open(version)
  client.send(connectPacket(version, options))
  await client.expect(refusal(version, reasonCode, returnCode))
  await client.expectClosed()
}

/** The same where the answer may have to wait: too many before have failed. */
export async function expectRefusedLate(gateway: TestGateway, version: Version, options: ConnectOptions, reasonCode: number, returnCode: number): Promise<void> {
  const client = await gateway.open(version)
  client.send(connectPacket(version, options))
  await gateway.passUntil(client.expect(refusal(version, reasonCode, returnCode)))
  await client.expectClosed()
}

/** The gateway ends the connection; one of 5.0 hears why. */
export async function expectEnded(client: WireClient, reasonCode: number): Promise<void> {
  if (client.version === 5) await client.expect({ cmd: 'disconnect', reasonCode })
  await client.expectClosed()
}

/** What SUBACK says to each filter. */
export async function answersTo(client: WireClient, filters: readonly string[]): Promise<readonly unknown[]> {
  client.send({ cmd: 'subscribe', messageId: 999, subscriptions: filters.map((topic) => ({ topic, qos: 0 })) })
  const { granted } = await client.expect({ cmd: 'suback', messageId: 999 })
  return granted
}

function refusal(version: Version, reasonCode: number, returnCode: number) {
  return { cmd: 'connack', sessionPresent: false, ...(version === 5 ? { reasonCode } : { returnCode }) } as const
}

// ---- a site with rules, and who is there

/** A device, somebody who may do everything, and somebody who may nearly nothing. */
export const PUMP = { username: 'pump', password: 'p', clientId: 'p1' }
export const BOSS = { username: 'boss', password: 'b' }
export const EVE = { username: 'eve', password: 'e' }
export const USERS = [
  { name: 'pump', password: 'p', roles: ['device'] },
  { name: 'boss', password: 'b' },
  { name: 'eve', password: 'e' },
]
export const BOSS_ALL = { allow: 'all', topic: '#', users: ['boss'] }
export const RULES = [
  BOSS_ALL,
  { allow: 'publish', topic: 'sensors/{clientId}/#' },
  { allow: 'read', topic: 'news/#' },
  { deny: 'read', topic: 'news/secret/#', users: ['pump'] },
]

export function rightsSite(rules: readonly object[], more: AccessSite = {}): string {
  return accessSite({ users: USERS, rules, ...more })
}

export function startRights(rules: readonly object[] = RULES, more: TestGatewayOptions = {}): Promise<TestGateway> {
  return TestGateway.start({ yaml: rightsSite(rules), ...more })
}
