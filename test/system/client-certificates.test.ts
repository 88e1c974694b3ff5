// Certificates of clients by other people's clients: Mosquitto's tools and MQTT.js against a gateway as a process. Who a client is, the log says.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connect, type MqttClient } from 'mqtt'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Authority, type KeyPair } from '../support/certificates.ts'
import { freePort } from '../support/ports.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)

let site: Site
let own: Authority
let devices: Authority
let strangers: Authority
let pump: KeyPair
let lost: KeyPair
const ports = { cn: 0, dns: 0, strangers: 0 }
const open: MqttClient[] = []

beforeAll(async () => {
  own = await Authority.make('Authority of gateways')
  devices = await Authority.make('Authority of devices')
  strangers = await Authority.make('Authority of strangers')
  pump = await devices.issueClient('pump-1', { subject: '/O=Acme/CN=pump-1', names: 'DNS:one.pumps.example' })
  lost = await devices.issueClient('pump-2')
  site = await Site.make()
  const { keyFile, certFile } = await own.issue('gateway')
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort()
  await writeFile(join(site.folder, 'crl.pem'), await devices.crl())
  const listener = (port: number, clients: object) => ({ port, host: '127.0.0.1', tls: { key: keyFile, cert: certFile, clients } })
  await site.configure({
    log: { level: 'debug' },
    broker: {
      listeners: [
        listener(ports.cn, { ca: devices.certFile, crl: 'crl.pem' }),
        listener(ports.dns, { ca: devices.certFile, user: 'dns', map: [{ match: '(?<name>[a-z]+)[.]pumps[.]example', user: 'pump-{name}', roles: ['device'] }] }),
        listener(ports.strangers, { ca: strangers.certFile }),
      ],
    },
  })
  await site.start()
})

afterEach(async () => {
  for (const client of open.splice(0)) await client.endAsync(true)
})

afterAll(async () => {
  await site[Symbol.asyncDispose]()
  for (const authority of [own, devices, strangers]) await authority[Symbol.asyncDispose]()
})

const userOf = (clientId: string): unknown => site.gateway.log.find((line) => line.msg === 'client connected' && line.client === clientId)?.user
const whys = (): unknown[] => site.gateway.log.filter((line) => line.msg === 'connection refused').map((line) => line.why)

/** Exit code of mosquitto_pub. */
async function publishes(port: number, clientId: string, pair: KeyPair | null): Promise<number> {
  const shown = pair === null ? [] : ['--cert', pair.certFile, '--key', pair.keyFile]
  try {
    await run('mosquitto_pub', ['-h', 'localhost', '-p', String(port), '--cafile', own.certFile, ...shown, '-i', clientId, '-t', 't', '-m', 'x', '-q', '1'], { timeout: 10_000 })
    return 0
  } catch (error) {
    return (error as { code: number }).code
  }
}

async function js(port: number, clientId: string, { keyFile, certFile }: KeyPair): Promise<MqttClient> {
  const client = connect(`mqtts://localhost:${port}`, { clientId, protocolVersion: 5, reconnectPeriod: 0, ca: readFileSync(own.certFile), key: readFileSync(keyFile), cert: readFileSync(certFile) })
  open.push(client)
  await until(() => client.connected, 'MQTT.js to connect')
  return client
}

test('mosquitto_pub is who its certificate says', async () => {
  expect(await publishes(ports.cn, 'by-cn', pump)).toBe(0)
  expect(await publishes(ports.dns, 'by-rule', pump)).toBe(0)
  await until(() => userOf('by-rule') !== undefined, 'the log')
  expect([userOf('by-cn'), userOf('by-rule')]).toEqual(['pump-1', 'pump-one'])
})

test('mosquitto_pub without a certificate, with one of another authority, with one that has expired: refused', async () => {
  const before = whys().length
  expect(await publishes(ports.cn, 'none', null)).not.toBe(0)
  expect(await publishes(ports.cn, 'stranger', await strangers.issueClient('pump-1'))).not.toBe(0)
  expect(await publishes(ports.strangers, 'device', pump)).not.toBe(0)
  expect(await publishes(ports.cn, 'old', await devices.issueClient('old', { from: new Date('2020-01-01'), to: new Date('2021-01-01') }))).not.toBe(0)
  await until(() => whys().length === before + 4, 'the refusals')
  const unknown = 'TLS handshake failed: its certificate is of an authority that this listener does not trust, or it does not send those between'
  expect(whys().slice(before)).toEqual(['TLS handshake failed: the client shows no certificate', unknown, unknown, 'TLS handshake failed: its certificate, or one between it and its authority, has expired'])
})

test('MQTT.js: who is revoked while connected is told and disconnected, who is not stays', { timeout: 30_000 }, async () => {
  const kept = await js(ports.cn, 'kept', pump)
  const gone = await js(ports.cn, 'gone', lost)
  const reasons: (number | undefined)[] = []
  gone.on('disconnect', (packet) => reasons.push(packet.reasonCode))
  expect(userOf('gone')).toBe('pump-2')
  await devices.revoke(lost)
  await writeFile(join(site.folder, 'new.pem'), await devices.crl())
  await copyFile(join(site.folder, 'new.pem'), join(site.folder, 'crl.pem'))
  await until(() => !gone.connected, 'the client to be disconnected', 15_000)
  expect(reasons).toEqual([0x98])
  await kept.publishAsync('t', 'still here', { qos: 1 })
  expect(await publishes(ports.cn, 'again', lost)).not.toBe(0)
  expect(await publishes(ports.cn, 'other', pump)).toBe(0)
})

test('nothing was written that is no log', () => expect(site.gateway.stderr).toBe(''))
