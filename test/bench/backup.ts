// What a backup does to acknowledgements while 1,000 messages a second pass at QoS 1, each into the queue of a client that is away: every PUBACK waits for flash.
//
//   node test/bench/backup.ts [--mb 200] [--rounds 5]
//
// Rounds with and without a backup take turns: what else the machine does is in both.
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connect, type MqttClient } from 'mqtt'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'

const { values } = parseArgs({ options: { mb: { type: 'string', default: '200' }, rounds: { type: 'string', default: '5' } } })
const PER_TICK = 10
const TICK_MS = 10

const site = await Site.make()
try {
  await site.configure({ broker: { sessionQueue: { maxSize: '2GB', maxMessages: 10_000_000 } }, store: { maxSize: '4GB' } })
  await site.start()
  const away = await client({ clientId: 'away', clean: false, properties: { sessionExpiryInterval: 3600 } })
  await away.subscribeAsync('#', { qos: 1 })
  await away.endAsync()
  const device = await client({})
  for (let mb = 0; mb < Number(values.mb); mb++) await Promise.all(Array.from({ length: 16 }, () => device.publishAsync('fill', randomBytes(65_536), { qos: 1 })))
  await download() // loads the API
  await run('warm-up', device, async () => pause(2000))
  for (let round = 0; round < Number(values.rounds); round++) {
    await run('no backup', device, async () => pause(4000))
    await run('backup', device, () => download())
    await run('backup, read at 10 MB/s', device, () => download(10))
  }
  await device.endAsync(true)
} finally {
  await site[Symbol.asyncDispose]()
}

async function client(options: object): Promise<MqttClient> {
  const made = connect(site.url, { protocolVersion: 5, reconnectPeriod: 0, ...options })
  await until(() => made.connected, 'a client')
  return made
}

async function run(what: string, device: MqttClient, meanwhile: () => Promise<string | void>): Promise<void> {
  const latencies: number[] = []
  const payload = Buffer.alloc(100)
  let waiting = 0
  const timer = setInterval(() => {
    for (let i = 0; i < PER_TICK; i++) {
      const atMs = performance.now()
      waiting++
      device.publish('live', payload, { qos: 1 }, () => {
        waiting--
        latencies.push(performance.now() - atMs)
      })
    }
  }, TICK_MS)
  const began = performance.now()
  const said = await meanwhile()
  clearInterval(timer)
  const seconds = (performance.now() - began) / 1000
  await until(() => waiting === 0, 'the last acknowledgement', 60_000)
  latencies.sort((a, b) => a - b)
  const at = (share: number): string => `${latencies[Math.floor((latencies.length - 1) * share)]!.toFixed(1)} ms`
  process.stdout.write(`${what}: ${Math.round(latencies.length / seconds)} messages/s for ${seconds.toFixed(1)} s; PUBACK p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)}${said === undefined ? '' : `; ${said}`}\n`)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** The backup, thrown away. `mbPerSec`: no faster than that. */
function download(mbPerSec = Infinity): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: join(site.folder, 'data', 'api.sock'), path: '/api/v1/backup' }, (answer) => {
      let bytes = 0
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (mbPerSec === Infinity) return
        answer.pause()
        setTimeout(() => answer.resume(), chunk.length / mbPerSec / 1000)
      })
      answer.on('end', () => resolve(`${(bytes / 1e6).toFixed(0)} MB came`)).on('error', reject)
    })
    asked.on('error', reject).end()
  })
}
