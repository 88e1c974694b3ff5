// What a gateway from the image costs its board, measured on the booted image: seconds to the first CONNACK, memory with 50 clients, and what is written
// to the card in an hour without traffic, the uplink connected, and in a day of 10 QoS 1 messages a second while the link is down.
//
//   npm run bench:image -- [--idle 60] [--busy 60] [--image FILE]      minutes that writes are counted
//
// Seconds are those of an emulated processor; bytes and memory are those of hardware.
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { BOOT_MS_MAX, Machine } from '../../image/machine.ts'
import { prepareImage } from '../../image/prepare.ts'
import { configuration, HOST } from '../../image/scene.ts'
import { MqttClients } from '../../support/mqtt-clients.ts'
import { Mosquitto } from '../../support/mosquitto.ts'

const CLIENTS = 50
const RATE_HZ = 10
const PAYLOAD_BYTES = 100
/** The first start grows the data partition, and the card's status is written: none of it is everyday's. */
const SETTLE_MS = 180_000
const MINUTE_MS = 60_000
/** As long as a quiet time can be saved up for (src/journal/flash-budget.ts): a day is not made of such minutes. */
const SAVED_MS = 12 * MINUTE_MS
const SECTOR_BYTES = 512
const CONNECT = { connectTimeout: 120_000 } as const

const { values } = parseArgs({ options: { idle: { type: 'string', default: '60' }, busy: { type: 'string', default: '60' }, image: { type: 'string' } } })
const [idleMin, busyMin] = [Number(values.idle), Number(values.busy)]
const cloud = await Mosquitto.start()
const uplink = `uplinks: [{ name: cloud, url: "mqtt://${HOST}:${cloud.port}", routes: [{ out: "#", as: "sites/roof/#" }] }]\n`

/** Bytes that the kernel has sent to the card since the start: to its first partition, and to that with the data. */
async function writtenBytes(machine: Machine): Promise<number[]> {
  const lines = await machine.sh("awk '{ print $7 }' /sys/class/block/vda1/stat /sys/class/block/vda4/stat")
  return lines.split('\n').map((sectors) => Number(sectors) * SECTOR_BYTES)
}

/** Bytes a minute while `work` goes on, to both partitions. */
async function bytesPerMinute(machine: Machine, work: () => Promise<void>): Promise<number[]> {
  await machine.sh('sync')
  const [before, began] = [await writtenBytes(machine), performance.now()]
  await work()
  await machine.sh('sync')
  const after = await writtenBytes(machine)
  return after.map((bytes, i) => (bytes - before[i]!) / ((performance.now() - began) / MINUTE_MS))
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

async function publishFor(ms: number, url: string): Promise<number> {
  await using clients = new MqttClients()
  const publisher = await clients.connect(url, CONNECT)
  const payload = 'x'.repeat(PAYLOAD_BYTES)
  const began = performance.now()
  let acknowledged = 0
  let unacknowledged = 0
  for (let number = 0; performance.now() - began < ms; number++) {
    unacknowledged++
    void publisher.publishAsync(`sensors/${number % CLIENTS}`, payload, { qos: 1 }).then(() => {
      acknowledged++
      unacknowledged--
    })
    if (unacknowledged > RATE_HZ * 60) throw new Error('the gateway does not acknowledge any more')
    await pause(Math.max(0, began + (number + 1) * (1000 / RATE_HZ) - performance.now()))
  }
  return acknowledged
}

const image = values.image ?? (await prepareImage('pc'))
await using machine = await Machine.flash(image, { model: 'pc', diskBytes: 2_000_000_000 })
machine.card.write('gateway.yaml', configuration(machine.key, `store: { dailyWrites: 900MB }\n${uplink}`))
const began = performance.now()
await machine.start()
if (!(await machine.answers(BOOT_MS_MAX))) throw new Error(`the broker did not come:\n${machine.serial.slice(-3000)}`)
console.log(`first CONNACK after ${((performance.now() - began) / 1000).toFixed(1)} s (an emulated processor)`)
await machine.untilSsh()
await pause(SETTLE_MS)
console.log(await machine.sh('systemd-analyze time'))
{
  await using clients = new MqttClients()
  for (let number = 0; number < CLIENTS; number++) await clients.connect(machine.url, CONNECT)
  const [total, available] = (await machine.sh('sed -n "s/^Mem\\(Total\\|Available\\): *\\([0-9]*\\) kB/\\2/p" /proc/meminfo')).split('\n').map(Number)
  console.log(`${CLIENTS} clients: ${Math.round((total! - available!) / 1024)} MB used`)
  const idle = await bytesPerMinute(machine, () => pause(idleMin * MINUTE_MS))
  const kb = (perMinute: number): number => Math.round((perMinute * 60) / 1000)
  console.log(`idle for ${idleMin} min, uplink connected: ${kb(sum(idle))} kB an hour (${kb(idle[0]!)} to the first partition)`)
}
await cloud[Symbol.asyncDispose]()
await publishFor(SAVED_MS, machine.url)
let acknowledged = 0
const busy = await bytesPerMinute(machine, async () => void (acknowledged = await publishFor(busyMin * MINUTE_MS, machine.url)))
console.log(`${RATE_HZ} QoS 1 messages a second for ${busyMin} min, link down: ${acknowledged} acknowledged, ${Math.round((sum(busy) * 1440) / 1e6)} MB a day`)
