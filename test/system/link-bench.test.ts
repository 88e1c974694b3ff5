// The instruments of `npm run bench:link`: recordings that repeat, a clock that leaps without losing anything, a wire whose bytes are what was sent.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { Arrivals } from '../bench/link/arrivals.ts'
import { LeapingClock } from '../bench/link/leaping-clock.ts'
import { Noise } from '../bench/link/noise.ts'
import { record, SET_NAMES } from '../bench/link/readings.ts'
import { type Place, Wire } from '../bench/link/wire.ts'
import { endWithUs } from '../support/orphans.ts'

describe('recordings', () => {
  test.each(SET_NAMES)('%s: the same from the same seed, in the order of time, as devices publish', (set) => {
    const { readings, noiseBitsPerReading } = record(set, 2000)
    expect(record(set, 2000).readings).toEqual(readings)
    expect(record(set, 500).readings).toEqual(readings.slice(0, 500))
    expect(record(set, 2000, 1).readings).not.toEqual(readings)
    expect(readings.map((r) => r.atMs)).toEqual(readings.map((r) => r.atMs).toSorted((a, b) => a - b))
    expect(readings.every((r) => Number.isInteger(r.atMs) && r.atMs >= 0)).toBe(true)
    for (const { payload } of readings) if (payload.startsWith('{')) JSON.parse(payload)
    expect(noiseBitsPerReading).toBeGreaterThan(3)
  })

  test('the noise that is counted is the entropy of what was rounded', () => {
    const noise = new Noise(1)
    noise.normal(4, 1)
    expect(noise.bits).toBeCloseTo(Math.log2(4 * Math.sqrt(2 * Math.PI * Math.E)), 2) // of a normal value, where steps are small
    noise.bits = 0
    noise.normal(0, 1)
    noise.chance(1)
    noise.between(0, 100)
    noise.hidden(5)
    expect(noise.bits).toBe(0)
    noise.chance(0.5)
    expect(noise.bits).toBe(1)
  })

  test('what comes out at the cloud is compared with them', () => {
    const readings = [{ atMs: 5, topic: 'a', payload: '1' }, { atMs: 9, topic: 'a', payload: '2' }, { atMs: 9, topic: 'b', payload: '3' }]
    const whole = new Arrivals(readings)
    for (const { topic, payload } of readings) whole.saw(topic, Buffer.from(payload))
    expect(whole.faults()).toEqual([])
    const wrong = new Arrivals(readings)
    for (const payload of ['2', '2', '2']) wrong.saw('a', Buffer.from(payload))
    expect(wrong.faults()).toEqual(['a: 2 instead of 1', 'a has one more than was published', '1 readings did not come'])
  })
})

describe('the clock that leaps', () => {
  test('a day passes in a moment, and every timer fires at its time, in order', async () => {
    const clock = new LeapingClock(Date.UTC(2026, 10, 21), () => true)
    let startMs = 0
    const fired: string[] = []
    const note = (what: string) => () => fired.push(`${what} ${Math.round((clock.now() - startMs) / 1000)}`)
    clock.after(3_600_000, note('once'))
    clock.after(7_200_000, note('cancelled')).cancel()
    const ticks = clock.every(21_600_000, note('every'))
    startMs = clock.now()
    const beganMs = performance.now()
    await clock.holdAt(startMs + 86_400_000)
    expect(fired).toEqual(['once 3600', 'every 21600', 'every 43200', 'every 64800', 'every 86400'])
    expect(clock.now()).toBe(startMs + 86_400_000)
    expect(clock.wall()).toBeGreaterThanOrEqual(Date.UTC(2026, 10, 22))
    expect(performance.now() - beganMs).toBeLessThan(10_000)
    ticks.cancel()
    clock.release()
    expect(clock.now()).toBeGreaterThanOrEqual(startMs + 86_400_000)
  })

  test('it runs like any other as long as something is on the wire', async () => {
    const clock = new LeapingClock(0, () => false)
    const [beganMs, startMs] = [performance.now(), clock.now()]
    await clock.holdAt(startMs + 60)
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(59)
  })

  test('while it is held it stands still', async () => {
    const clock = new LeapingClock(0, () => true)
    const atMs = clock.wholeMs() + 1000
    await clock.holdAt(atMs)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect([clock.now(), clock.wall() - Math.round(clock.wall())]).toEqual([atMs, 0])
  })
})

describe('the wire', () => {
  const why = Wire.missing()

  const run = (place: Place, code: string) => {
    const [command, ...args] = [...place.within, '/usr/bin/python3', '-c', code]
    return endWithUs(spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] }))
  }

  test.skipIf(why !== null)(`counts IP bytes of real packets, and delays them${why === null ? '' : `: ${why}`}`, async () => {
    let namespaces = ''
    {
      await using wire = await Wire.lay({ rttMs: 200 })
      namespaces = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout
      const server = run(wire.cloud, `import socket; s = socket.create_server(('${wire.cloud.address}', 99)); print('up', flush=True); c, _ = s.accept(); c.sendall(c.recv(1000)); c.recv(1)`)
      await once(server.stdout, 'data')
      const client = run(wire.gateway, `import socket, time; t = time.monotonic(); c = socket.create_connection(('${wire.cloud.address}', 99)); c.sendall(b'x' * 300); n = len(c.recv(1000)); print(n, time.monotonic() - t)`)
      const [said] = await Promise.all([text(client.stdout), once(client, 'exit'), once(server, 'exit')])
      const [bytes, sec] = said.split(' ').map(Number)
      expect(bytes).toBe(300)
      expect(sec).toBeGreaterThanOrEqual(0.4) // one round trip for TCP, one for the echo
      const { up, down } = await wire.stats()
      // SYN 60, ACK 52, 300 bytes in 352, then an ACK of the echo and FIN, in one packet or two.
      expect(up.bytes).toBeGreaterThanOrEqual(60 + 52 + 352 + 52)
      expect(up.bytes).toBeLessThanOrEqual(60 + 52 + 352 + 4 * 52)
      expect(down.bytes).toBeGreaterThanOrEqual(60 + 352)
      expect(up.flows).toHaveLength(1)
      expect(up.flows[0]![1]).toBe(up.bytes)
      await wire.down()
      const lost = run(wire.gateway, `import socket; s = socket.socket(); s.settimeout(0.3)\ntry: s.connect(('${wire.cloud.address}', 99))\nexcept TimeoutError: print('nobody')`)
      expect(await text(lost.stdout)).toContain('nobody')
      expect((await wire.stats()).up.dropped).toBeGreaterThan(0)
    }
    const ours = namespaces.split('\n').filter((line) => line.startsWith(`sandpiper-link-${process.pid}-`)).map((line) => line.split(' ')[0]!)
    const after = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout
    expect(ours).toHaveLength(3)
    expect(ours.filter((name) => after.includes(name))).toEqual([])
  })
})
