// Clients by other people that say who they are: user and password with Mosquitto's tools, SCRAM-SHA-256 with MQTT.js.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type IConnackPacket } from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endWithUs } from '../support/orphans.ts'
import { Site } from '../support/process.ts'
import { ScramClient } from '../support/scram-client.ts'

let site: Site

beforeAll(async () => {
  site = await Site.make()
  await site.configure({
    broker: { listeners: [{ port: site.port, anonymous: false }], sysInterval: '0s' },
    access: { users: [{ name: 'pump', password: 'secret' }] },
  })
  await site.start()
})

afterAll(async () => {
  expect(site.gateway.stdout).not.toContain('secret')
  await site[Symbol.asyncDispose]()
})

async function publish(...args: readonly string[]): Promise<number> {
  const tool = endWithUs(spawn('mosquitto_pub', ['-p', String(site.port), '-t', 't', '-m', 'x', '-q', '1', ...args], { stdio: 'ignore' }))
  const [code] = (await once(tool, 'close')) as [number]
  return code
}

test.each(['mqttv31', 'mqttv311', 'mqttv5'])('mosquitto_pub -V %s', async (version) => {
  expect(await publish('-V', version, '-u', 'pump', '-P', 'secret')).toBe(0)
  expect(await publish('-V', version, '-u', 'pump', '-P', 'wrong')).not.toBe(0)
  expect(await publish('-V', version)).not.toBe(0)
})

test('MQTT.js by SCRAM-SHA-256: it comes in, and both sides have proved it', async () => {
  const scram = new ScramClient('pump', 'secret')
  const properties = { authenticationMethod: 'SCRAM-SHA-256' }
  const client = connect(site.url, { protocolVersion: 5, reconnectPeriod: 0, properties: { ...properties, authenticationData: scram.first } })
  client.handleAuth = (packet, answer) => answer(undefined, { cmd: 'auth', reasonCode: 0x18, properties: { ...properties, authenticationData: scram.final(packet.properties!.authenticationData!) } })
  const [connack] = (await once(client as unknown as NodeJS.EventEmitter, 'connect')) as [IConnackPacket]
  expect(scram.accepts(connack.properties!.authenticationData!)).toBe(true)
  await client.publishAsync('t', 'x', { qos: 1 })
  await client.endAsync()
})

test('MQTT.js by SCRAM-SHA-256 with a wrong password: an error with 0x87', async () => {
  const scram = new ScramClient('pump', 'wrong')
  const properties = { authenticationMethod: 'SCRAM-SHA-256' }
  const client = connect(site.url, { protocolVersion: 5, reconnectPeriod: 0, properties: { ...properties, authenticationData: scram.first } })
  client.handleAuth = (packet, answer) => answer(undefined, { cmd: 'auth', reasonCode: 0x18, properties: { ...properties, authenticationData: scram.final(packet.properties!.authenticationData!) } })
  const [error] = (await once(client as unknown as NodeJS.EventEmitter, 'error')) as [{ code?: number }]
  expect(error.code).toBe(0x87)
  await client.endAsync(true)
})
