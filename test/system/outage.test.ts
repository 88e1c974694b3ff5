// The link is away for long: the backlog is on flash and not in memory, it outlives the gateway, and it arrives whole.
//
// 20,000 messages in `npm test`; OUTAGE_MESSAGES=100000 (npm run test:outage) for the full figure, which it prints.
import { connect as dial, type Socket } from 'node:net'
import { generate, type Packet, parser } from 'mqtt-packet'
import { connect } from 'mqtt'
import { expect, test } from 'vitest'
import { Mosquitto } from '../support/mosquitto.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'

const COUNT = Number(process.env.OUTAGE_MESSAGES ?? 20_000)
const TOPICS = 5
/** More than V8's own coming and going. What is kept in memory by mistake is 100 bytes and more for each message. */
const GROWTH_MB_MAX = 40
const MB = 1024

/** QoS 1 messages as fast as the gateway acknowledges them, from a socket and prebuilt packets: MQTT.js would be the slow part. */
class Flood {
  acknowledged = 0
  readonly #socket: Socket
  #sent: number
  #stopAt: number

  static async connect(port: number): Promise<Flood> {
    const socket = dial({ port, host: '127.0.0.1', noDelay: true })
    const flood = new Flood(socket)
    socket.write(generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'flood', clean: true, keepalive: 0 }))
    await until(() => flood.#accepted, 'CONNACK')
    return flood
  }

  #accepted = false

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#sent = this.#stopAt = 0
    const packets = parser({ protocolVersion: 4 })
    packets.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connack') this.#accepted = true
      if (packet.cmd === 'puback') this.acknowledged++
    })
    socket.on('error', () => {}) // seen as acknowledgements that do not come
    socket.on('data', (chunk: Buffer) => {
      packets.parse(chunk)
      this.#fill()
    })
  }

  /** Sends numbers `first` to `last`; resolves when the last one is acknowledged. */
  async send(first: number, last: number): Promise<void> {
    const goal = this.acknowledged + last - first + 1
    this.#sent = first - 1
    this.#stopAt = last
    this.#fill()
    await until(() => this.acknowledged === goal, `${goal} acknowledgements (${this.acknowledged} came)`, 60_000)
  }

  end(): void {
    this.#socket.destroy()
  }

  #fill(): void {
    const packets: Buffer[] = []
    while (this.#sent < this.#stopAt && this.#unacknowledged < 1000) {
      const n = ++this.#sent
      this.#flying++
      packets.push(generate({ cmd: 'publish', topic: `data/${n % TOPICS}`, payload: `${n} ${'.'.repeat(80)}`, qos: 1, messageId: (n % 60_000) + 1, dup: false, retain: false }))
    }
    if (packets.length > 0) this.#socket.write(Buffer.concat(packets))
  }

  #flying = 0

  get #unacknowledged(): number {
    return this.#flying - this.acknowledged
  }
}

test(`${COUNT} messages while the cloud is away, over a restart and a kill: all arrive, in order, memory stays flat`, { timeout: 300_000 }, async () => {
  await using cloud = await Mosquitto.start()
  await using site = await Site.make()
  await site.configure({
    uplinks: [{ name: 'cloud', url: cloud.url, clientId: 'gateway', backoff: { min: '100ms', max: '500ms' }, routes: [{ out: 'data/#', as: 'sites/{site}/#', qos: 1 }] }],
  })
  await site.start()
  const isUp = (): boolean => site.gateway.log.some((line) => line.msg === 'uplink is up')
  await until(isUp, 'the uplink')

  const last: number[] = Array.from({ length: TOPICS }, () => 0)
  const disorder: string[] = []
  let arrived = 0
  let repeated = 0
  const watcher = connect(cloud.url, { clientId: 'watcher', clean: false, reconnectPeriod: 50 })
  try {
    watcher.on('error', () => {}) // it tries again
    watcher.on('message', (topic, payload) => {
      const n = Number(payload.toString('latin1', 0, 12).split(' ')[0])
      const before = last[n % TOPICS]!
      if (n <= before) repeated++
      else {
        if (n !== (before === 0 ? n % TOPICS || TOPICS : before + TOPICS)) disorder.push(`${topic}: ${n} after ${before}`)
        last[n % TOPICS] = n
        arrived++
      }
    })
    await until(() => watcher.connected, 'the watcher')
    await watcher.subscribeAsync('sites/test/#', { qos: 1 })

    // Warm: the code is compiled and the heap has its size before anything is measured.
    const warm = Math.round(COUNT / 10 / TOPICS) * TOPICS
    let flood = await Flood.connect(site.port)
    await flood.send(1, warm)
    await until(() => arrived === warm, 'the first tenth', 30_000)
    await cloud.stop()

    const memory: { readonly life: number; readonly at: number; readonly kb: number }[] = []
    const sample = (life: number, at: number): void => void memory.push({ life, at, kb: site.gateway.residentKb })
    const step = (COUNT - warm) / 10
    let sent = warm
    const on = async (life: number, steps: number): Promise<void> => {
      for (let i = 0; i < steps; i++) {
        const to = Math.round(sent + step)
        await flood.send(sent + 1, to)
        sent = to
        sample(life, sent)
      }
    }
    await on(1, 5)
    flood.end()
    expect(await site.gateway.stop()).toMatchObject({ code: 0 })
    await site.start()
    flood = await Flood.connect(site.port)
    await on(2, 3)
    flood.end()
    await site.gateway.kill()
    await site.start()
    flood = await Flood.connect(site.port)
    await on(3, 2)
    flood.end()

    const began = performance.now()
    await cloud.start()
    await until(
      () => {
        if (arrived < sent && arrived > warm && Math.random() < 0.1) sample(3, sent)
        return arrived === sent
      },
      `${sent} messages at the cloud (${arrived} came)`,
      120_000,
    )
    sample(3, sent)
    const drainMs = Math.round(performance.now() - began)

    expect(sent).toBe(COUNT)
    expect(disorder).toEqual([])
    const growth = [1, 2, 3].map((life) => {
      const kbs = memory.filter((m) => m.life === life).map((m) => m.kb)
      return Math.round((Math.max(...kbs) - kbs[0]!) / MB)
    })
    const peak = Math.round(Math.max(...memory.map((m) => m.kb)) / MB)
    if (process.env.OUTAGE_MESSAGES !== undefined) {
      console.log(`${COUNT} messages: ${repeated} came twice (QoS 1), drained in ${drainMs} ms; resident memory at most ${peak} MB, grew by ${growth.join(', ')} MB in the three lives`)
    }
    for (const mb of growth) expect(mb, `resident: ${memory.map((m) => `${m.life}/${m.at} ${Math.round(m.kb / MB)} MB`).join(', ')}`).toBeLessThan(GROWTH_MB_MAX)
  } finally {
    await watcher.endAsync(true)
  }
})
