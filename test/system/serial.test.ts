// A real pseudo terminal, the real driver: readings arrive, garbage does not, and a pulled plug is no end.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../src/clock.ts'
import type { SerialSensorConfig } from '../../src/config/config.ts'
import type { Sensor } from '../../src/sensors/sensor.ts'
import { Pty } from '../support/pty.ts'
import { SensorBed } from '../support/sensor-bed.ts'
import { until } from '../support/until.ts'

const RECONNECT_MS = 15_000

let pty: Pty
let bed: SensorBed<Clock>
let sensors: Sensor[]

beforeEach(async () => {
  pty = await Pty.make()
  bed = new SensorBed<Clock>(systemClock)
  sensors = []
})

afterEach(async () => {
  for (const sensor of sensors) await sensor.stop()
  await pty.remove()
})

function sensorAt(path: string, config: Partial<SerialSensorConfig> = {}): Sensor {
  const sensor = bed.sensor({
    name: 'tank',
    tenant: '',
    topic: 'site/tank',
    qos: 1,
    retain: true,
    reading: null,
    kind: 'serial',
    serial: { path, baud: 9600, dataBits: 8, parity: 'none', stopBits: 1, flowControl: 'none' },
    frame: { kind: 'line' },
    frameBytesMax: 64,
    checksum: null,
    decode: { kind: 'json' },
    poll: null,
    write: null,
    ...config,
  })
  sensors.push(sensor)
  return sensor
}

async function openAt(config: Partial<SerialSensorConfig> = {}): Promise<Sensor> {
  await pty.plug()
  const sensor = sensorAt(pty.path, config)
  sensor.start()
  await until(() => sensor.state.status === 'ok', 'the port to open')
  return sensor
}

function payloads(): string[] {
  return bed.messages.map((message) => message.payload.toString('utf8'))
}

describe('reading', () => {
  test('readings arrive byte for byte, with the topic, QoS and RETAIN of the configuration', async () => {
    const sensor = await openAt()
    await pty.write('{"level": 2.50}\r\n{"lev')
    await until(() => bed.messages.length === 1, 'the first reading')
    await pty.write('el": 2.51}\n')
    await until(() => bed.messages.length === 2, 'the reading sent in two pieces')
    expect(payloads()).toEqual(['{"level": 2.50}', '{"level": 2.51}'])
    expect(bed.messages[0]).toMatchObject({ qos: 1, retain: true, topic: { name: 'site/tank' } })
    expect(sensor.state).toMatchObject({ status: 'ok', readings: 2, lastError: null })
    // The unit tests say that a gateway without serial sensors does not load the driver; this says that they would see it.
    expect(Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('@serialport'))).toBe(true)
  })

  test('garbage between good lines is counted and skipped, and told once', async () => {
    const sensor = await openAt()
    const bad = Buffer.concat([Buffer.from('el": 2}\n'), Buffer.of(0xff, 0x00, 0x80, 0x0a), Buffer.from(`${'x'.repeat(65)}\n`)])
    await pty.write(Buffer.concat([bad, Buffer.from('{"n":1}\n'), bad, Buffer.from('{"n":2}\n')]))
    await until(() => bed.messages.length === 2, 'the good lines')
    expect(payloads()).toEqual(['{"n":1}', '{"n":2}'])
    expect(sensor.state.skipped).toMatchObject({ 'not-json': 2, 'not-utf8': 2, 'too-long': 2 })
    expect(sensor.state.status).toBe('ok')
    expect(bed.warnings).toHaveLength(1)
  })

  test('binary frames pass through as they are', async () => {
    await openAt({ frame: { kind: 'delimiter', delimiter: Buffer.of(0xc0, 0xc0) }, decode: { kind: 'raw' } })
    await pty.write(Buffer.of(0xc0, 0xc0, 0x00, 0xff, 0x0a, 0x0d, 0x11, 0x13, 0x03, 0xc0, 0x01, 0xc0, 0xc0))
    await until(() => bed.messages.length === 1, 'the frame')
    expect(bed.messages[0]!.payload).toEqual(Buffer.of(0x00, 0xff, 0x0a, 0x0d, 0x11, 0x13, 0x03, 0xc0, 0x01))
  })
})

describe('the plug', () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    test(`unplugged (${signal}) it is lost, plugged in again it reads again`, { timeout: 40_000 }, async () => {
      const sensor = await openAt()
      await pty.write('{"n":1}\n{"n":')
      await until(() => bed.messages.length === 1, 'a reading')
      await pty.unplug(signal)
      await until(() => sensor.state.status === 'gone', 'the loss to be seen')
      await until(() => sensor.state.lastError?.startsWith('no such file'), 'the missing node to be seen')

      await pty.plug()
      await until(() => sensor.state.status === 'ok', 'the port to open again', RECONNECT_MS)
      await pty.write('2}\n{"n":3}\n')
      await until(() => bed.messages.length === 2, 'a reading after the return')
      // "2}" is the rest of a line that began on the other side of the gap: it is not glued to what came before.
      expect(payloads()).toEqual(['{"n":1}', '{"n":3}'])
      expect(sensor.state.skipped['not-json']).toBe(1)
      expect(bed.states.map((state) => state.status).filter((status, i, all) => status !== all[i - 1])).toEqual(['ok', 'gone', 'ok'])
    })
  }

  test('not there at the start, it is waited for', { timeout: 40_000 }, async () => {
    const sensor = sensorAt(pty.path)
    sensor.start()
    await until(() => sensor.state.status === 'gone', 'the first try to fail')
    expect(sensor.state.lastError).toContain(`no such file ${pty.path}: plug the device in`)
    await pty.plug()
    await until(() => sensor.state.status === 'ok', 'the port to open', RECONNECT_MS)
    await pty.write('{"n":1}\n')
    await until(() => bed.messages.length === 1, 'a reading')
  })
})

describe('errors say what to do', () => {
  test('another part of the gateway has the port, whatever path leads to it', async () => {
    await openAt()
    const other = join(pty.folder, 'other-name')
    await symlink(pty.path, other)
    const second = sensorAt(other)
    second.start()
    await until(() => second.state.status === 'gone', 'the second to be refused')
    expect(second.state.lastError).toContain(`${other} and ${pty.path} are the same device, and another part of this gateway has it open`)
    await pty.write('{"n":1}\n')
    await until(() => bed.messages.length === 1, 'the first to read on')
  })

  test('another program holds the port, and is named', async () => {
    await pty.plug()
    const holder = spawn('flock', ['--nonblock', '--no-fork', pty.path, 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] })
    try {
      await until(() => readFileSync(`/proc/${holder.pid}/comm`, 'utf8') === 'cat\n', 'the program to hold it')
      const sensor = sensorAt(pty.path)
      sensor.start()
      await until(() => sensor.state.status === 'gone', 'the port to be refused')
      expect(sensor.state.lastError).toMatch(new RegExp(`^cat \\(process ${holder.pid}\\) holds ${pty.path}: end it.*ModemManager.*getty`))
    } finally {
      holder.kill()
    }
  })

  test('a file is not a serial port', async () => {
    const path = join(pty.folder, 'notes.txt')
    await writeFile(path, 'not a port')
    const sensor = sensorAt(path)
    sensor.start()
    await until(() => sensor.state.status === 'gone', 'the file to be refused')
    expect(sensor.state.lastError).toBe(`${path} is not a serial port: correct serial.path`)
  })
})

describe('stop', () => {
  test('gives the port back at once, so that another can have it', async () => {
    const sensor = await openAt()
    await sensor.stop()
    expect(sensor.state.status).toBe('stopped')
    const next = sensorAt(pty.path)
    next.start()
    // Closed at one end, socat may see its cable end: what counts is that the lock is free.
    await until(() => next.state.status !== 'starting', 'the next to try')
    expect(next.state.lastError ?? '').not.toContain('another program')
  })

  test('while it opens, it closes again', async () => {
    await pty.plug()
    const sensor = sensorAt(pty.path)
    sensor.start()
    await sensor.stop()
    expect(bed.states.map((state) => state.status)).toEqual(['stopped'])
  })
})

test('the cable leaves nothing behind', async () => {
  const sensor = await openAt()
  const pid = pty.pid!
  await sensor.stop()
  await pty.remove()
  expect(existsSync(pty.folder)).toBe(false)
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
})
