// The serial sensor in virtual time, at a port that obeys the test. The real port is in test/system/serial.test.ts.
import { describe, expect, test } from 'vitest'
import { explainPortError } from '../../../../src/serial-trouble.ts'
import { make, makeOpen, PATH, rest, seconds } from './bed.ts'

describe('supervision', () => {
  test('nothing happens before start; start and stop may come twice', async () => {
    const { source, record, ports, clock, states } = make()
    await seconds(clock, 3)
    expect([ports.opened, clock.pending, record.snapshot.status]).toEqual([0, 0, 'starting'])
    source.start()
    source.start()
    await rest()
    expect(ports.opened).toBe(1)
    await Promise.all([source.stop(), source.stop()])
    expect([ports.open_, clock.pending]).toEqual([0, 0])
    source.start()
    await rest()
    expect(ports.opened).toBe(1)
    expect(states.map((state) => state.status)).toEqual(['ok'])
  })

  test('stop before start ends it', async () => {
    const { source, ports } = make()
    await source.stop()
    source.start()
    await rest()
    expect(ports.opened).toBe(0)
  })

  test('stop while it opens waits for the port and closes it', async () => {
    const { source, ports, clock } = make()
    source.start()
    await source.stop()
    expect([ports.opened, ports.open_, clock.pending]).toEqual([1, 0, 0])
  })

  test('a port that is refused is tried at 1, 3, 7, 15, 31, 61, 91 s; the log tells it once', async () => {
    const { source, record, ports, clock, log } = make()
    ports.refuse = new Error(`Error: Permission denied, cannot open ${PATH}`)
    source.start()
    const triesAtSec: number[] = []
    for (let sec = 0; sec <= 95; sec++) {
      const before = ports.opened
      await (sec === 0 ? rest() : seconds(clock, 1))
      if (ports.opened > before && sec > 0) triesAtSec.push(sec)
    }
    expect(triesAtSec).toEqual([1, 3, 7, 15, 31, 61, 91])
    expect(log).toHaveLength(1)
    expect(record.snapshot).toMatchObject({ status: 'gone', since: 1000 })
    expect(record.snapshot.lastError).toContain('dialout')
    ports.refuse = null
    await seconds(clock, 30)
    expect(record.snapshot.status).toBe('ok')
    expect(log).toHaveLength(2)
  })

  test('without a node it is not tried; the node comes and it opens', async () => {
    const { source, record, ports, clock, states } = make()
    ports.node = null
    ports.refuse = new Error(`Error: No such file or directory, cannot open ${PATH}`)
    ports.names = ['/dev/serial/by-id/usb-FTDI_1']
    source.start()
    await seconds(clock, 3600)
    expect(ports.opened).toBe(1)
    expect(record.snapshot.lastError).toContain('plugged in are /dev/serial/by-id/usb-FTDI_1')
    ports.node = 'a'
    ports.refuse = null
    await seconds(clock, 1)
    expect([ports.opened, record.snapshot.status]).toEqual([2, 'ok'])
    expect(states.map((state) => state.status)).toEqual(['gone', 'ok'])
  })

  test('a port that says nothing when its node goes is closed', async () => {
    const { record, ports, clock } = await makeOpen()
    await seconds(clock, 5)
    ports.node = null
    await seconds(clock, 1)
    expect([ports.open_, record.snapshot.status]).toEqual([0, 'gone'])
    expect(record.snapshot.lastError).toContain('plug the device in')
    ports.node = 'b'
    await seconds(clock, 1)
    expect([ports.open_, record.snapshot.status]).toEqual([1, 'ok'])
  })

  test('another node at the same path is opened anew', async () => {
    const { record, ports, clock } = await makeOpen()
    await seconds(clock, 2)
    ports.node = 'b'
    await seconds(clock, 3)
    expect([ports.opened, ports.open_, record.snapshot.status]).toEqual([2, 1, 'ok'])
  })

  test('what the operator should do follows what is wrong now', async () => {
    const { source, record, ports, clock } = make()
    ports.refuse = new Error(`Error: Permission denied, cannot open ${PATH}`)
    source.start()
    await rest()
    ports.node = null
    await seconds(clock, 1)
    expect(record.snapshot.lastError).toContain('no such file')
  })
})

describe('readings', () => {
  test('a cut frame does not reach over a lost port, and late data of a lost one is nothing', async () => {
    const { record, ports, clock, send, payloads } = await makeOpen()
    const old = ports.events!
    send('{"n":')
    old.lost('Error: Input/output error')
    old.data(Buffer.from('1}\n'))
    await seconds(clock, 2)
    expect(record.snapshot.status).toBe('ok')
    send('2}\n3\n')
    expect(payloads).toEqual(['3'])
    expect(record.snapshot).toMatchObject({ readings: 1, skipped: { 'not-json': 1 } })
  })

  test('garbage is told at once, then at most every 10 s with its count, and the rest when it stops', async () => {
    const { source, clock, send, log, fields } = await makeOpen()
    log.length = 0
    send('x\u001b[2J\n')
    expect(log).toEqual(['warn sensor "tank" skipped a frame'])
    expect(fields).toEqual([{ sensor: 'tank', skipped: { 'not-json': 1 }, sample: 'x\\x1b[2J' }])
    for (let i = 0; i < 5000; i++) send(i % 2 === 0 ? 'bad\n' : `${'y'.repeat(30)}\n`)
    await seconds(clock, 9)
    expect(log).toHaveLength(1)
    await seconds(clock, 1)
    expect(log.slice(1)).toEqual(['warn sensor "tank" skipped 5000 frames'])
    expect(fields[1]).toEqual({ sensor: 'tank', skipped: { 'not-json': 2500, 'too-long': 2500 }, sample: 'bad' })
    await seconds(clock, 60)
    expect(log, 'silence is not told').toHaveLength(2)
    send('bad\nbad\n')
    await source.stop()
    expect(log.slice(2)).toEqual(['warn sensor "tank" skipped a frame', 'warn sensor "tank" skipped a frame'])
    expect(clock.pending).toBe(0)
  })

  test('a state once read does not change', async () => {
    const { record, send } = await makeOpen()
    const before = record.snapshot
    send('1\nbad\n')
    expect(before).toMatchObject({ readings: 0, skipped: { 'not-json': 0 } })
    expect(record.snapshot).toMatchObject({ readings: 1, skipped: { 'not-json': 1 } })
  })
})

describe('what an error tells the operator', () => {
  const CASES: [message: string, says: RegExp][] = [
    [`Error: No such file or directory, cannot open ${PATH}`, /^no such file .*plug the device in.*no USB serial device/],
    [`Error: Permission denied, cannot open ${PATH}`, /^permission denied .*dialout/],
    ['Error Resource temporarily unavailable Cannot lock port', /^another program holds .*ModemManager.*serial-getty@ttyUSB0/],
    [`Error: Device or resource busy, cannot open ${PATH}`, /^another program holds/],
    ['Error: Inappropriate ioctl for device setting custom baud rate of 9600', /is not a serial port/],
    ['Error: Input/output error setting custom baud rate of 9600', /^no device answers .*UART is not enabled/],
    ['EIO: i/o error, read', /^no device answers/],
    [`Error: No such device or address, cannot open ${PATH}`, /^no device answers/],
    ['something else', /^\/dev\/ttyUSB0: something else$/],
  ]

  test.each(CASES)('%s', (message, says) => {
    expect(explainPortError(message, PATH, [])).toMatch(says)
  })

  test('it names the key that the path stands under', () => {
    expect(explainPortError('ENOENT', PATH, [], 'sbd.port')).toContain('correct sbd.port;')
  })

  test('the name of a device is not taken for an error', () => {
    const path = '/dev/serial/by-id/usb-EIO Permission denied'
    expect(explainPortError(`Error: No such device, cannot open ${path}`, path, [])).toMatch(/^no device answers/)
  })
})
