// The source of NMEA sentences in virtual time, at a port that obeys the test. The real port and TCP are in test/system/nmea.test.ts.
import { describe, expect, test } from 'vitest'
import { RELEASE_DATE_MS } from '../../../../src/clock.ts'
import type { NmeaSensorConfig } from '../../../../src/config/config.ts'
import { QUIET_MS } from '../../../../src/sensors/nmea/epoch.ts'
import { GARBAGE_MAX, NmeaSource, SILENT_MS } from '../../../../src/sensors/nmea/nmea.ts'
import { LOOK_MS } from '../../../../src/sensors/serial/line.ts'
import { FakeClock, settle } from '../../../support/fake-clock.ts'
import { FakePorts } from '../../../support/fake-ports.ts'
import { SourceBed } from '../../../support/source-bed.ts'
import { recorded, rmc, sentence } from './log.ts'

const PATH = '/dev/ttyAMA0'

async function rest(): Promise<void> {
  for (let i = 0; i < 5; i++) await settle()
}

async function makeOpen(setsClock = false) {
  const clock = new FakeClock()
  const ports = new FakePorts()
  const bed = new SourceBed(clock, 'gps')
  const serial = { path: PATH, baud: 9600, dataBits: 8, parity: 'none', stopBits: 1, flowControl: 'none' } as const
  const config: NmeaSensorConfig = { kind: 'nmea', name: 'gps', tenant: '', topic: 'gps', qos: 0, retain: false, reading: null, nmea: { line: { kind: 'serial', serial }, setsClock } }
  const source = new NmeaSource(config, bed.deps, ports)
  source.start()
  await rest()
  const send = (...lines: string[]): void => ports.events!.data(Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1'))
  const quiet = (): void => clock.advance(QUIET_MS)
  return { clock, ports, bed, source, send, quiet }
}

describe('readings', () => {
  test('a recorded log: one reading a moment, whatever the chunks are', async () => {
    for (const size of [1, 7, 4096]) {
      const { bed, ports, quiet, source } = await makeOpen()
      const bytes = Buffer.from(recorded('quectel-l76k'))
      for (let at = 0; at < bytes.length; at += size) ports.events!.data(bytes.subarray(at, at + size))
      quiet()
      expect(bed.taken.map(({ fields }) => fields['longitude'])).toEqual([-122.3263937, -122.3263935, -122.3263935])
      expect(bed.last).toEqual({ latitude: 47.6619817, longitude: -122.3263935, altitude: 76.5, satellites: 14, hdop: 0.9, speed: 0, course: 286.35, fix: 'gps' })
      expect(bed.record.status).toBe('ok')
      expect(bed.record.snapshot.skipped).toMatchObject({ 'unknown-sentence': 1, 'wrong-checksum': 0, 'not-nmea': 0 })
      await source.stop()
    }
  })

  test('position, depth and water of a boat', async () => {
    const { bed, ports, quiet, source } = await makeOpen()
    ports.events!.data(Buffer.from(recorded('humminbird-m37')))
    quiet()
    expect(bed.taken.map(({ fields }) => ({ ...fields }))).toEqual([
      { depth: 2, latitude: 44.4352233, longitude: -71.67593, speed: 2.727, course: 77, fix: 'gps' },
      { latitude: 44.4352300, longitude: -71.6758933, satellites: 10, hdop: 0.9, altitude: 267.9, waterTemperature: 17.9, depth: 2.1, fix: 'dgps' },
      { latitude: 44.4352367, longitude: -71.6758583, speed: 2.727, course: 76.8, fix: 'dgps' },
    ])
    await source.stop()
  })

  test('an instrument has no fix', async () => {
    const { bed, send, quiet, source } = await makeOpen()
    send('$INDPT,2.1,0.0*44', '$INMTW,17.9,C*1B')
    quiet()
    expect(bed.last).toEqual({ depth: 2.1, waterTemperature: 17.9 })
    expect(bed.taken[0]!.units).toMatchObject({ depth: 'm', waterTemperature: '°C', latitude: '°' })
    await source.stop()
  })

  test('a receiver that loses its fix tells no old position, and is degraded until it has one', async () => {
    const { bed, send, quiet, source } = await makeOpen()
    send(rmc('101500', '211126'))
    quiet()
    send('$GPRMC,101501,V,5230.1000,N,01323.2000,E,1.50,90.0,211126,,,N*50'.replace(/\*.*/, ''), sentence('GPRMC,101501,V,5230.1000,N,01323.2000,E,1.50,90.0,211126,,,N'), sentence('GPGGA,101501,,,,,0,02,99.9,,,,,,'))
    quiet()
    expect(bed.last).toEqual({ latitude: null, longitude: null, speed: null, course: null, altitude: null, hdop: null, satellites: 2, fix: 'none' })
    expect(bed.record.snapshot).toMatchObject({ status: 'degraded', lastError: expect.stringMatching(/no fix: its antenna/) as unknown })
    send(rmc('101502', '211126'))
    quiet()
    expect(bed.record.status).toBe('ok')
    expect(bed.statuses).toEqual(['ok', 'degraded', 'ok'])
    await source.stop()
  })
})

describe('what is none', () => {
  test('wrong checksums, garbage, cut lines and endless ones are counted, and what follows is read', async () => {
    const { bed, send, quiet, source, ports } = await makeOpen()
    ports.events!.data(Buffer.from('M,46.9,M,,*4'))
    ports.events!.data(Buffer.from('7\r\n'))
    send('$INDPT,9.9,0.0*44', '\u0000\u00ff\u0081', '', '$', '*', '$*', '$$$$', '$INDPT,2.1,0.0*', '!AIVDM,1,1,,A,14eG;o@034o8sd<L9i:a;WF>062D,0*7D', 'x'.repeat(5000), '$INDPT,2.1,0.0*44')
    quiet()
    expect(bed.last).toEqual({ depth: 2.1 })
    expect(bed.record.snapshot.skipped).toMatchObject({ 'wrong-checksum': 1, 'not-nmea': 7, 'too-long': 1, 'unknown-sentence': 1 })
    expect(bed.record.status).toBe('ok')
    await source.stop()
  })

  test('nothing but garbage is degraded, with what to compare; a sentence ends that', async () => {
    const { bed, send, quiet, source } = await makeOpen()
    for (let i = 0; i < GARBAGE_MAX - 1; i++) send('\u00fe\u00e3\u0083')
    expect(bed.record.status).toBe('ok')
    send('\u00fe\u00e3\u0083')
    expect(bed.record.snapshot).toMatchObject({ status: 'degraded', lastError: expect.stringMatching(/is NMEA 0183 \(not-nmea\): compare baud \(9600\)/) as unknown })
    send('$INDPT,2.1,0.0*44')
    quiet()
    expect(bed.record.status).toBe('ok')
    await source.stop()
  })

  test('silence is degraded', async () => {
    const { bed, clock, send, quiet, source } = await makeOpen()
    send('$INDPT,2.1,0.0*44')
    clock.advance(SILENT_MS)
    expect(bed.record.snapshot).toMatchObject({ status: 'degraded', lastError: expect.stringMatching(/^nothing has come from \/dev\/ttyAMA0 for 30 s/) as unknown })
    send('$INDPT,2.2,0.0*47')
    quiet()
    expect([bed.record.status, bed.taken.length]).toEqual(['ok', 2])
    await source.stop()
  })

  test('what a lost port cut is not put together with what comes after it', async () => {
    const { bed, clock, ports, send, quiet, source } = await makeOpen()
    ports.events!.data(Buffer.from('$INDPT,2.1,'))
    ports.events!.lost('Error: Input/output error')
    expect(bed.record.status).toBe('gone')
    for (let i = 0; i < 3; i++) {
      await clock.advanceAsync(LOOK_MS)
      await rest()
    }
    expect(bed.record.status).toBe('ok')
    send('0.0*44', '$INMTW,17.9,C*1B')
    quiet()
    expect(bed.taken.map(({ fields }) => ({ ...fields }))).toEqual([{ waterTemperature: 17.9 }])
    await source.stop()
    expect(clock.pending).toBe(0)
  })
})

describe('time for the clock', () => {
  const utcMs = Date.UTC(2026, 10, 21, 10, 15, 0)

  test('RMC and ZDA of a receiver with a fix, once for each moment, at the time when the sentence began', async () => {
    const { bed, clock, send, source } = await makeOpen(true)
    send(sentence('GPZDA,101459,21,11,2026,00,00'))
    expect(bed.gpsTimes, 'no fix is known yet').toEqual([])
    clock.advance(1000)
    const nowMs = clock.now()
    send(rmc('101500', '211126'), sentence('GPZDA,101500,21,11,2026,00,00'))
    expect(bed.gpsTimes).toEqual([{ utcMs, atMs: expect.any(Number) as unknown }])
    const characters = rmc('101500', '211126').length
    expect(nowMs - bed.gpsTimes[0]!.atMs).toBeCloseTo((characters * 10_000) / 9600, 0)
    clock.advance(1000)
    send(sentence('GPZDA,101501,21,11,2026,00,00'))
    expect(bed.gpsTimes[1]).toMatchObject({ utcMs: utcMs + 1000 })
    send(rmc('101502', '211126', 'V'), sentence('GPZDA,101503,21,11,2026,00,00'))
    expect(bed.gpsTimes).toHaveLength(2)
    await source.stop()
  })

  test('only where it sets the clock', async () => {
    const { bed, send, source } = await makeOpen(false)
    send(rmc('101500', '211126'))
    expect(bed.gpsTimes).toEqual([])
    await source.stop()
  })

  test('a count of weeks that has rolled over is not believed, and told once', async () => {
    const { bed, send, source } = await makeOpen(true)
    send(rmc('101500', '070407'), rmc('101501', '070407'))
    send(rmc('235959', '311026'))
    expect(bed.gpsTimes).toEqual([])
    expect(bed.log.filter((line) => line.includes('rolled over'))).toEqual([expect.stringMatching(/2007-04-07/)])
    send(rmc('000000', '011126'))
    expect(bed.gpsTimes).toMatchObject([{ utcMs: RELEASE_DATE_MS }])
    await source.stop()
  })
})
