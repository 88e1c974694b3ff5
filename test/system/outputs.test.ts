// Outputs of a gateway whose machine has no such lines: what commands, answers and the state are to clients. Lines that there are: test/vm.
import { expect, test } from 'vitest'
import { TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'

const SITE = `
site: vm
broker: { listeners: [{ port: 0, host: 127.0.0.1 }] }
store: { path: /nowhere }
access:
  users: [{ name: any, password: "any-password" }, { name: panel, password: "panel-password" }]
  rules:
    - { allow: all, topic: "#", users: [any] }
    - { allow: publish, topic: pump/set, users: [panel] }
    - { allow: read, topic: answers, users: [panel] }
outputs:
  - { name: pump, command: pump/set, state: pump, gpio: { line: "no-such-chip:3" } }
`
const GONE = 'there is no GPIO chip "no-such-chip"'

test('the state is retained; a command is refused where it asked for it, with its correlation data', async () => {
  await using gateway = await TestGateway.start({ yaml: SITE })
  await until(() => gateway.gateway.tenants.own.router.retained.has('pump'), 'the line to be looked for')
  const client = await gateway.connect(5, { username: 'any', password: 'any-password' })
  await client.subscribe('#', { qos: 1 })
  await client.expect({ cmd: 'publish', topic: 'pump', payload: Buffer.from('gone'), retain: true })
  client.publish('pump/set', 'on', { properties: { responseTopic: 'answers', correlationData: Buffer.from('17') } })
  const [, answer] = await client.expectAll({ cmd: 'publish', topic: 'pump/set' }, { cmd: 'publish', topic: 'answers', qos: 1 })
  const { payload, properties } = answer as unknown as { payload: Buffer; properties: { correlationData: Buffer } }
  expect(JSON.parse(payload.toString())).toEqual({ status: 'refused', value: null, why: expect.stringContaining(GONE) })
  expect(properties.correlationData.toString()).toBe('17')
})

test('an answer goes nowhere that its asker may not publish itself', async () => {
  await using gateway = await TestGateway.start({ yaml: SITE })
  const panel = await gateway.connect(5, { username: 'panel', password: 'panel-password' })
  const other = await gateway.connect(5, { username: 'any', password: 'any-password' })
  await panel.subscribe('answers')
  other.publish('pump/set', 'on', { properties: { responseTopic: 'answers' } })
  await panel.expect({ cmd: 'publish', topic: 'answers' })
  panel.publish('pump/set', 'on', { properties: { responseTopic: 'answers' } })
  await panel.expectNothing()
})
