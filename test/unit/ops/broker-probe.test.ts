// Whether a broker works, asked of real ones: those that take strangers, those that do not, and what is no broker.
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { brokerTrouble, type Door } from '../../../src/ops/broker-probe.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { TestGateway } from '../../support/gateway.ts'

const doorOf = (gateway: TestGateway): Door => ({ port: gateway.port, host: '0.0.0.0', tls: false })

test('a broker that takes strangers: the message comes back', async () => {
  await using gateway = await TestGateway.start()
  expect(await brokerTrouble([doorOf(gateway)], systemClock)).toBeNull()
  expect(gateway.counters.publishReceived).toBe(1)
})

test('a broker that refuses strangers answers too', async () => {
  await using gateway = await TestGateway.start({ users: { device: 'word' }, anonymous: false })
  expect(await brokerTrouble([doorOf(gateway)], systemClock)).toBeNull()
})

test('one door that works is enough', async () => {
  await using gateway = await TestGateway.start()
  expect(await brokerTrouble([{ port: 1, host: '127.0.0.1', tls: false }, doorOf(gateway)], systemClock)).toBeNull()
})

test('nobody there', async () => {
  expect(await brokerTrouble([{ port: 1, host: '127.0.0.1', tls: false }], systemClock)).toBe('it cannot be reached (ECONNREFUSED)')
  expect(await brokerTrouble([{ socket: '/nowhere/mqtt.sock', tls: false }], systemClock)).toBe('it cannot be reached (ENOENT)')
  expect(await brokerTrouble([], systemClock)).toBe('it listens nowhere')
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
  expect(await brokerTrouble([{ port, host: '127.0.0.1', tls: false }], systemClock)).toBe(trouble)
  server.close()
})

test('silence ends after a while', async () => {
  const server = createServer(() => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const clock = new FakeClock()
  const trouble = brokerTrouble([{ port: (server.address() as AddressInfo).port, host: '127.0.0.1', tls: false }], clock)
  await clock.advanceAsync(10_001)
  expect(await trouble).toBe('it does not answer')
  server.close()
})
