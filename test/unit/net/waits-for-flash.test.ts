// A CONNECT whose old session has to be gone from flash before it is answered, on a disk that takes its time.
import { expect, test } from 'vitest'
import { checkText } from '../../../src/config/load.ts'
import { Gateway } from '../../../src/gateway.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { HandStore } from '../../support/hand-store.ts'
import { until } from '../../support/until.ts'
import { connectPacket, WireClient } from '../../support/wire-client.ts'

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
const CONFIG = 'site: test\nbroker: { listeners: [{ port: 0 }], connectTimeout: 1s, sysInterval: 0s }\n'

test('a client that waits for flash is not taken for one that has sent no CONNECT in time', async () => {
  const clock = new FakeClock()
  const store = new HandStore(clock)
  const checked = checkText(CONFIG, 'test.yaml')
  if ('problems' in checked) throw new Error(checked.problems[0]!.message)
  const gateway = await Gateway.start(checked.config, { log: SILENT, version: 'test', clock, makeStore: () => store, onFatal: (error) => expect(error).toBeNull() })

  const first = await WireClient.open(gateway.ports[0]!, 5)
  first.send(connectPacket(5, { clientId: 'c', clean: true, expirySec: 60 }))
  await first.expect({ cmd: 'connack', sessionPresent: false })
  await store.completeAll()
  await first.cut()
  await until(() => gateway.counters.connectionsNow === 0, 'the first connection to end')

  const waiting = await WireClient.open(gateway.ports[0]!, 5)
  const silent = await WireClient.open(gateway.ports[0]!, 5)
  waiting.send(connectPacket(5, { clientId: 'c', clean: true, expirySec: 60 }))
  await until(() => store.waiting.length > 0 && gateway.counters.connectionsNow === 2, 'the old session to be on its way out')
  await clock.advanceAsync(5000)
  await silent.expectClosed()
  expect(gateway.counters.connectTimeouts).toBe(1)
  await store.completeAll()
  await waiting.expect({ cmd: 'connack', sessionPresent: false })

  const stopped = gateway.stop()
  await store.completeAll()
  await waiting.untilClosed()
  await stopped
})
