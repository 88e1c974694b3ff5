// What is malformed ends the connection, and is answered where the client can hear it (MQTT 5.0 section 4.13). The rows are
// those of the decoder's own tests; here they come over a socket.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { TestGateway } from '../support/gateway.ts'
import { bytesOf, TABLES } from '../unit/mqtt/malformed.ts'

const broker = { packetBytesMax: 1 << 20, topicAliasMaximum: 4 }
const rowsOf = (first: boolean) => Object.entries(TABLES).filter(([, table]) => table.role === 'server' && (table.first === true) === first)

describe('before CONNECT is accepted', () => {
  test.each(rowsOf(true))('[MQTT-3.1.4-1] [MQTT-3.1.4-2] [MQTT-3.2.2-7] [MQTT-3.14.0-1] %s: closed after one refusing CONNACK at most', async (_name, table) => {
    await using gateway = await TestGateway.start({ broker })
    const surprises: string[] = []
    for (const [version, bytes, reason, why] of table.rows) {
      const client = await gateway.open(version)
      client.send(bytesOf(bytes))
      const answers = (await client.untilClosed()).map(({ raw }) => raw)
      // CONNACK, session present 0 [MQTT-3.2.2-6], the reason code or a return code
      const refuses = (raw: Buffer): boolean => raw[0] === 0x20 && raw[2] === 0 && (raw[3] === Reason[reason] || (raw[3]! > 0 && raw[3]! < 6))
      if (answers.length > 1 || !answers.every(refuses)) surprises.push(`v${version} ${why}: ${answers.map((raw) => raw.toString('hex')).join(' ')}`)
    }
    expect(surprises).toEqual([])
    expect(gateway.counters.connectionsNow).toBe(0)
    expect(gateway.counters.protocolErrors).toBe(table.rows.length)
  })
})

describe('after CONNECT', () => {
  test.each(rowsOf(false))('[MQTT-4.13.1-1] %s: DISCONNECT with the reason in 5.0, then closed', async (_name, table) => {
    await using gateway = await TestGateway.start({ broker })
    const surprises: string[] = []
    for (const [version, bytes, reason, why] of table.rows) {
      const client = await gateway.connect(version, { clientId: 'c' })
      client.send(bytesOf(bytes))
      const answers = await client.untilClosed()
      const said = answers.map((p) => (p.cmd === 'disconnect' ? p.reasonCode : p.cmd)).join(' ')
      if (said !== (version === 5 ? `${Reason[reason]}` : '')) surprises.push(`v${version} ${why}: ${said}`)
    }
    expect(surprises).toEqual([])
    expect(gateway.counters.protocolErrors).toBe(table.rows.length)
  })

  test('[MQTT-3.14.4-1] what follows a mistake in the same chunk is not looked at', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await gateway.connect(5)
    await watcher.subscribe('#')
    const client = await gateway.connect(5)
    client.send('c1 00', { cmd: 'publish', topic: 't', payload: 'x', qos: 0, dup: false, retain: false })
    await client.expect({ cmd: 'disconnect', reasonCode: Reason.malformedPacket })
    await client.expectClosed()
    await watcher.expectNothing()
  })
})
