// Whether a broker works, asked of real ones: those that take strangers, those that do not, and what is no broker.
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { brokerTrouble, type Door } from '../../../src/ops/broker-probe.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { TestGateway } from '../../support/gateway.ts'
import { MqttClients } from '../../support/mqtt-clients.ts'

const doorOf = (gateway: TestGateway): Door => ({ port: gateway.port, host: '0.0.0.0', tls: false })

test('a broker that takes strangers: the message comes back', async () => {
  await using gateway = await TestGateway.start()
  expect(await brokerTrouble([doorOf(gateway)], null, systemClock)).toBeNull()
  expect(gateway.counters.publishReceived).toBe(1)
})

test('a broker that refuses strangers answers too', async () => {
  await using gateway = await TestGateway.start({ users: { device: 'word' }, anonymous: false })
  expect(await brokerTrouble([doorOf(gateway)], null, systemClock)).toBeNull()
})

test('with the secret it is let in where strangers are not: the message comes back, nobody complains, and that is all it may', async () => {
  await using gateway = await TestGateway.start({ users: { device: 'word' }, anonymous: false })
  const secret = gateway.gateway.status.broker.probe
  expect(await brokerTrouble([doorOf(gateway)], secret, systemClock)).toBeNull()
  expect(gateway.counters.publishReceived).toBe(1)
  expect(gateway.counters.loginsRefused).toBe(0)
  expect(await brokerTrouble([doorOf(gateway)], '0'.repeat(secret.length), systemClock)).toBe('it refuses (reason code 0x86)')
  expect(await brokerTrouble([doorOf(gateway)], '', systemClock)).toBe('it refuses (reason code 0x86)')
  await using clients = new MqttClients()
  const client = await clients.connect(`mqtt://127.0.0.1:${gateway.port}`, { username: '$probe', password: secret })
  await expect(client.publishAsync('valve/set', 'open', { qos: 1 })).rejects.toThrow(/not authori[sz]ed/i)
  expect(await client.subscribeAsync(['#', '$sandpiper/probe/x'], { qos: 1 }).catch((error: Error) => error.message)).toMatch(/not authori[sz]ed/i)
})

test('one door that works is enough', async () => {
  await using gateway = await TestGateway.start()
  expect(await brokerTrouble([{ port: 1, host: '127.0.0.1', tls: false }, doorOf(gateway)], null, systemClock)).toBeNull()
})

test('nobody there', async () => {
  expect(await brokerTrouble([{ port: 1, host: '127.0.0.1', tls: false }], null, systemClock)).toBe('it cannot be reached (ECONNREFUSED)')
  expect(await brokerTrouble([{ socket: '/nowhere/mqtt.sock', tls: false }], null, systemClock)).toBe('it cannot be reached (ENOENT)')
  expect(await brokerTrouble([], null, systemClock)).toBe('it listens nowhere')
})

test.each([
  ['closes', (bytes: Buffer | null) => (bytes === null ? '' : null), 'it closed the connection'],
  ['takes the connection and refuses the message', (bytes: Buffer | null) => ({ 1: '\x20\x03\0\0\0', 8: '\x90\x04\0\x01\0\0', 3: '\x40\x03\0\x01\x97' })[bytes === null ? 0 : bytes[0]! >> 4] ?? '', 'it cannot take messages'],
  ['answers with something else', (bytes: Buffer | null) => (bytes === null ? 'x'.repeat(5000) : ''), 'it answers with something else'],
] as [string, (bytes: Buffer | null) => string | null, string][])('what %s', async (_, answers, trouble) => {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    const say = (answer: string | null): void => void (answer === null ? socket.destroy() : socket.write(answer, 'latin1'))
    say(answers(null))
    socket.on('data', (bytes: Buffer) => say(answers(bytes)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  expect(await brokerTrouble([{ port, host: '127.0.0.1', tls: false }], null, systemClock)).toBe(trouble)
  server.close()
})

test('silence ends after a while', async () => {
  const server = createServer(() => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const clock = new FakeClock()
  const trouble = brokerTrouble([{ port: (server.address() as AddressInfo).port, host: '127.0.0.1', tls: false }], null, clock)
  await clock.advanceAsync(10_001)
  expect(await trouble).toBe('it does not answer')
  server.close()
})
