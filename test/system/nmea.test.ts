// Recorded sentences over a real pseudo terminal with the real driver, and from a real TCP server: readings arrive, and neither a pulled plug nor a
// server that goes is the end.
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { NmeaSensorConfig } from '../../src/config/config.ts'
import { NmeaSource } from '../../src/sensors/nmea/nmea.ts'
import { serialPorts } from '../../src/serial-port.ts'
import { Pty } from '../support/pty.ts'
import { SourceBed } from '../support/source-bed.ts'
import { until } from '../support/until.ts'
import { recorded, sentence } from '../unit/sensors/nmea/log.ts'

const BACK_MS = 15_000
const LAST = { latitude: 47.6619817, longitude: -122.3263935, altitude: 76.5, satellites: 14, hdop: 0.9, speed: 0, course: 286.35, fix: 'gps' }

const opened: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close()
})

function start(line: NmeaSensorConfig['nmea']['line']): SourceBed {
  const bed = new SourceBed(systemClock, 'gps')
  const config: NmeaSensorConfig = { kind: 'nmea', name: 'gps', tenant: '', topic: 'gps', qos: 0, retain: false, reading: null, nmea: { line, setsClock: false } }
  const source = new NmeaSource(config, bed.deps, serialPorts)
  source.start()
  opened.push(() => source.stop())
  return bed
}

describe('serial', () => {
  async function plugged(): Promise<{ readonly pty: Pty; readonly bed: SourceBed }> {
    const pty = await Pty.make()
    opened.push(() => pty.remove())
    await pty.plug()
    const bed = start({ kind: 'serial', serial: { path: pty.path, baud: 9600, dataBits: 8, parity: 'none', stopBits: 1, flowControl: 'none' } })
    await until(() => bed.record.status === 'ok', 'the port to open')
    return { pty, bed }
  }

  test('a recorded log', async () => {
    const { pty, bed } = await plugged()
    await pty.write(recorded('quectel-l76k'))
    await until(() => bed.taken.length === 3, 'three readings')
    expect(bed.last).toEqual(LAST)
  })

  test('bad checksums, garbage and a cut line', async () => {
    const { pty, bed } = await plugged()
    await pty.write('00,A,V*11\r\n$INDPT,9.9,0.0*44\r\n\u00fe\u0000\u0081\r\n$INDPT,2.')
    await pty.write('1,0.0*44\r\n')
    await until(() => bed.taken.length === 1, 'the reading')
    expect(bed.last).toEqual({ depth: 2.1 })
    expect(bed.record.snapshot.skipped).toMatchObject({ 'not-nmea': 2, 'wrong-checksum': 1 })
  })

  test('unplugged, and plugged in again', async () => {
    const { pty, bed } = await plugged()
    await pty.write('$INDPT,2.1,0.0*44\r\n$INDP')
    await until(() => bed.taken.length === 1, 'the first reading')
    await pty.unplug()
    await until(() => bed.record.status === 'gone', 'the port to be gone', BACK_MS)
    await pty.plug()
    await until(() => bed.record.status === 'ok', 'the port to be back', BACK_MS)
    await pty.write('T,9.9,0.0*44\r\n$INDPT,2.2,0.0*47\r\n')
    await until(() => bed.taken.length === 2, 'a reading of the new line')
    expect(bed.taken.map(({ fields }) => fields['depth'])).toEqual([2.1, 2.2])
  }, 2 * BACK_MS + 10_000)
})

describe('TCP', () => {
  async function serve(port = 0): Promise<{ readonly server: Server; readonly port: number; readonly clients: Socket[] }> {
    const clients: Socket[] = []
    const server = createServer((socket) => void clients.push(socket.on('error', () => {})))
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return { server, port: (server.address() as { readonly port: number }).port, clients }
  }

  async function close({ server, clients }: { readonly server: Server; readonly clients: readonly Socket[] }): Promise<void> {
    const closed = once(server, 'close')
    server.close()
    for (const client of clients) client.destroy()
    await closed
  }

  test('a server that goes and comes back is found again', async () => {
    const first = await serve()
    const bed = start({ kind: 'tcp', host: '127.0.0.1', port: first.port })
    await until(() => first.clients.length === 1, 'the connection')
    first.clients[0]!.write(`${sentence('SDDPT,3.5,')}\r\n$SDDPT,7.`)
    await until(() => bed.last?.['depth'] === 3.5, 'the first reading')
    await close(first)
    await until(() => bed.record.status === 'gone', 'the server to be gone')
    const second = await serve(first.port)
    opened.push(() => close(second))
    await until(() => second.clients.length === 1, 'another connection', BACK_MS)
    second.clients[0]!.write(`5,*00\r\n${recorded('quectel-l76k')}`)
    await until(() => bed.last?.['latitude'] !== undefined && bed.taken.length === 4, 'readings of the new connection')
    expect(bed.last).toEqual(LAST)
    expect(bed.statuses).toEqual(['ok', 'gone', 'ok'])
  }, BACK_MS + 10_000)

  test('a server that is not there is gone, and says so', async () => {
    const { server, port, clients } = await serve()
    await close({ server, clients })
    const bed = start({ kind: 'tcp', host: '127.0.0.1', port })
    await until(() => bed.record.status === 'gone', 'the refusal')
    expect(bed.record.snapshot.lastError).toMatch(/refuses the connection/)
  })
})
