// What it costs to come back: from the first packet of a new connection until the remote has taken the session up again.
//
// The remote ends the connection because somebody else connects under the same client identifier: it forgets nothing, so a client that has kept
// a TLS session may resume it. What the end of the old connection costs is not in it: a link that breaks costs nothing there.
import { connect } from 'mqtt'
import { until } from '../../../support/until.ts'
import type { GatewayProcess } from '../../../support/process.ts'
import { Bed } from '../bed.ts'
import { type Case, countedBy, KEEP_ALIVE, type Options, type Outcome, QUIET_MS, RTT_MS, whole } from './case.ts'

interface Cost {
  readonly up: number
  readonly down: number
}

const TIMES = 5

/** The first connection, and the ones after it. */
async function costs(bed: Bed, start: () => Promise<unknown>, times: number): Promise<Cost[]> {
  const list: Cost[] = []
  let before = await bed.bytes()
  const newest = async (): Promise<void> => {
    const after = await bed.silence(QUIET_MS)
    list.push(after.connections?.at(-1) ?? { up: after.up - before.up, down: after.down - before.down })
  }
  await start()
  await until(async () => (await bed.bytes()).down > before.down, 'the first connection', 30_000)
  await newest()
  for (let i = 0; i < times; i++) {
    before = await bed.silence(QUIET_MS)
    const other = connect(bed.cloud.url, { clientId: 'g', protocolVersion: 5, clean: false, reconnectPeriod: 0, properties: { sessionExpiryInterval: 3600 } })
    await until(() => other.connected, 'another client under the same identifier')
    await other.endAsync(true)
    // The end of the old connection is over, and a new one has come.
    await until(async () => (await bed.bytes()).up - before.up > 700, 'the next connection', 60_000)
    await newest()
  }
  return list
}

const median = (list: readonly Cost[]): Cost => list.toSorted((a, b) => a.up + a.down - b.up - b.down)[list.length >> 1]!

async function run({ quick, say }: Options): Promise<Outcome> {
  const times = quick ? 1 : TIMES
  const rows: string[][] = []
  const row = (name: string, { up, down }: Cost, asked: string): void => {
    rows.push([name, whole(up), whole(down), whole(up + down), asked])
    say(`  ${rows.at(-1)!.join(' | ')}`)
  }
  await using bed = await Bed.make({ rttMs: RTT_MS })
  const bridge: { stop?: () => Promise<void> } = {}
  const start = async (): Promise<void> => {
    const broker = await bed.startBridge(['bridge_protocol_version mqttv50', 'restart_timeout 1', 'topic # out 1'])
    bridge.stop = () => broker.stop('SIGKILL')
  }
  row('Mosquitto bridge, MQTT 5.0', median((await costs(bed, start, times)).slice(1)), '')
  await bridge.stop?.()
  await bed.silence(QUIET_MS)
  for (const maxVersion of ['TLSv1.3', 'TLSv1.2']) {
    const uplinks = [{ ...bed.uplink, tls: { ...bed.uplink.tls, maxVersion }, keepAlive: KEEP_ALIVE, backoff: { min: '1s', max: '2s' }, routes: [{ out: '#', qos: 1 }] }]
    let gateway: GatewayProcess | null = null
    const [first, ...later] = await costs(bed, async () => ({ gateway } = await bed.startGateway({ uplinks })), times)
    const name = `Sandpiper, ${maxVersion}`
    row(`${name}, first connection of a process`, first!, '')
    row(`${name}, session resumed`, median(later), '≤ 1,500')
    await gateway!.kill()
    await bed.silence(QUIET_MS)
  }
  return {
    head: ['bytes until the session goes on', 'up', 'down', 'sum', 'asked'],
    rows,
    notes: [
      countedBy(bed.counts),
      `A chain of two P-256 certificates; TLS 1.3 where nothing else is said, with the remote's two session tickets in it. TCP, TLS, CONNECT, CONNACK, ${RTT_MS} ms round trip; medians of ${times}.`,
    ],
    faults: [],
  }
}

export const reconnect: Case = { name: 'reconnect', title: 'bytes of a new connection', run }
