// Lines and ports of sensors that somebody else holds, what they say, and what links cost.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { FileTree } from '../../support/tree.ts'
import { DoctorBed, only, viewOfGateway } from './bed.ts'

const BOARD = join(import.meta.dirname, '../board/trees/rpi-4.txt')
const DOOR = 'sensors: [{ name: door, topic: door, gpio: { pin: 11 } }]'
const PUMP = 'outputs: [{ name: pump, gpio: { line: GPIO27 }, command: pump/set, state: pump }]'

describe('GPIO lines', () => {
  test('one that /sys/class/gpio has', async () => {
    using board = FileTree.recorded(BOARD)
    using bed = new DoctorBed(DOOR, { board: 'rpi-4', root: board.root })
    expect(only((await bed.all()).filter(({ verdict }) => verdict === 'fault'))).toEqual({
      name: 'line/pin-11',
      verdict: 'fault',
      what: 'pin 11, the line of sensor door, is held by /sys/class/gpio',
      hint: 'whoever exported it there has to give it back: write its number into /sys/class/gpio/unexport',
    })
  })

  test('one of a driver is a fault; one of the gateway, and one of nobody, are in order', async () => {
    using board = FileTree.recorded(BOARD)
    const held = (consumer: string): void => board.add(`/sys/kernel/debug/gpio: gpiochip0: GPIOs 512-569, parent: platform/fe200000.gpio, pinctrl-bcm2711:\\n gpio-539 (GPIO27              |${consumer.padEnd(20)}) out lo \n`)
    using bed = new DoctorBed(PUMP, { board: 'rpi-4', root: board.root })
    const line = async () => (await bed.all()).find(({ name }) => name === 'line/GPIO27')!
    expect(await line()).toMatchObject({ verdict: 'ok', what: 'nobody else holds GPIO27, the line of output pump' })
    held('sandpiper')
    expect(await line()).toMatchObject({ verdict: 'ok', what: 'the gateway holds GPIO27, the line of output pump' })
    held('w1')
    expect(await line()).toMatchObject({ verdict: 'fault', what: 'GPIO27, the line of output pump, is held by "w1"' })
  })

  test('a chip that is not there', async () => {
    using bed = new DoctorBed('sensors: [{ name: door, topic: door, gpio: { line: "mcp23017:3" } }]', { board: 'rpi-4' })
    expect((await bed.ill()).find(({ name }) => name.startsWith('line/'))).toMatchObject({ name: 'line/mcp23017:3', verdict: 'fault', what: 'sensor door: there is no GPIO chip "mcp23017"' })
  })
})

describe('serial ports', () => {
  const TANK = 'sensors: [{ name: tank, topic: tank, serial: { path: /dev/ttyUSB0, baud: 9600 } }]'
  const ofLine = async (bed: DoctorBed) => only((await bed.all()).filter(({ name }) => name.startsWith('line/')))

  test('one that is not there; what is plugged in is named', async () => {
    using bed = new DoctorBed(TANK, { tree: '/dev/ttyUSB7:\n/dev/serial/by-id/usb-Tank-if00 -> ../../ttyUSB7' })
    expect(await ofLine(bed)).toEqual({ name: 'line/ttyUSB0', verdict: 'fault', what: 'sensor tank: no such file /dev/ttyUSB0', hint: 'plug the device in, or correct serial.path; plugged in are /dev/serial/by-id/usb-Tank-if00' })
  })

  test('one that another process has open; not when that is the gateway', async () => {
    using bed = new DoctorBed(TANK, { tree: '/dev/ttyUSB0:' })
    expect(await ofLine(bed)).toMatchObject({ verdict: 'ok' })
    const holder = spawn('sh', ['-c', `exec 3<'${bed.tree.path('/dev/ttyUSB0')}'; echo; exec sleep 60`], { stdio: ['ignore', 'pipe', 'ignore'] })
    try {
      await once(holder.stdout, 'data')
      bed.tree.link('/proc', '/proc')
      const finding = await ofLine(bed)
      expect(finding).toMatchObject({ name: 'line/ttyUSB0', verdict: 'fault' })
      expect(finding.what).toBe(`sensor tank: sleep (process ${holder.pid}) has /dev/ttyUSB0 open too and may take bytes away`)
      expect(finding.hint).toContain('ModemManager')
      using own = new DoctorBed(TANK, { root: bed.tree.root, gateway: viewOfGateway({ pid: holder.pid! }) })
      expect(await ofLine(own)).toMatchObject({ verdict: 'ok' })
    } finally {
      holder.kill('SIGKILL')
      await once(holder, 'close')
    }
  })

  test('what the gateway has met when it opened it', async () => {
    const lastError = 'another part of this gateway has /dev/ttyUSB0 open: correct serial.path, or give the port to one of them'
    using bed = new DoctorBed(TANK, { tree: '/dev/ttyUSB0:', gateway: viewOfGateway({ sensors: [{ name: 'tank', status: 'gone', readings: 0, skipped: {}, lastError }] }) })
    expect(await ofLine(bed)).toMatchObject({ verdict: 'fault', what: 'sensor tank: another part of this gateway has /dev/ttyUSB0 open', hint: 'correct serial.path, or give the port to one of them' })
  })
})

describe('what devices say', () => {
  const TANK = 'sensors: [{ name: tank, topic: tank, serial: { path: /dev/ttyUSB0, baud: 9600 } }]'
  const METER = 'buses: [{ name: rs485, modbus: { serial: { path: /dev/ttyUSB0, baud: 19200 } } }]\nsensors: [{ name: meter, topic: meter, modbus: { bus: rs485, slave: 3, poll: 1s, read: [{ name: power, input: 0 }] } }]'
  const said = async (yaml: string, name: string, readings: number, skipped: Record<string, number>) => {
    using bed = new DoctorBed(yaml, { tree: '/dev/ttyUSB0:', gateway: viewOfGateway({ sensors: [{ name, status: 'degraded', readings, skipped, lastError: null }] }) })
    return (await bed.all()).find((one) => one.name === `baud/${name}`)!
  }

  test('garbage means a wrong speed', async () => {
    const finding = await said(TANK, 'tank', 1, { 'not-utf8': 80, 'too-long': 19, missed: 4 })
    expect(finding).toMatchObject({ verdict: 'fault', what: 'tank: 99 of 100 frames of /dev/ttyUSB0 at 9600 baud, parity none are garbage (80 not-utf8, 19 too-long)' })
    expect(finding.hint).toContain('set `baud`')
  })

  test('whole frames that are something else mean a wrong decoder', async () => {
    expect((await said(TANK, 'tank', 0, { 'not-json': 50 })).hint).toContain('correct `frame` and `decode`')
  })

  test('some garbage is warned of, the pieces of a start are not', async () => {
    expect(await said(TANK, 'tank', 90, { 'wrong-checksum': 10 })).toMatchObject({ verdict: 'warning' })
    expect(await said(TANK, 'tank', 0, { cut: 2 })).toMatchObject({ verdict: 'ok' })
    expect(await said(TANK, 'tank', 1000, { cut: 10 })).toMatchObject({ verdict: 'ok' })
  })

  test('a Modbus line without any answer', async () => {
    expect(await said(METER, 'meter', 0, { 'no-answer': 12 })).toMatchObject({ verdict: 'fault', what: 'meter: 12 requests on /dev/ttyUSB0 at 19200 baud, parity none, and no answer at all' })
    expect(await said(METER, 'meter', 100, { 'no-answer': 12 })).toMatchObject({ verdict: 'ok' })
  })

  test('without a gateway nobody has counted', async () => {
    using bed = new DoctorBed(TANK, { tree: '/dev/ttyUSB0:' })
    expect(only(await bed.ill())).toMatchObject({ name: 'baud', verdict: 'unknown' })
  })
})

describe('what links cost', () => {
  const UPLINK = 'uplinks: [{ name: cloud, url: mqtt://127.0.0.1, routes: [{ out: "a/#" }], dial: { modem: lte }, budget: { day: 2MB } }]'
  const period = { bytes: 1.9e6, limitBytes: 2e6, warned: true }
  const none = { bytes: 0, limitBytes: null, warned: false }
  const budgeted = async (more: object) => {
    const budgets = [{ link: 'cloud', day: period, month: none, reservedFor: null, exhausted: false, exhaustedUntil: null, ...more }]
    using bed = new DoctorBed(UPLINK, { gateway: viewOfGateway({ uplinks: [{ name: 'cloud', phase: 'up', link: 'cloud', lastError: null, budgets }] }) })
    return (await bed.all()).find(({ name }) => name === 'budget/cloud')!
  }

  test('spent, kept for a class, nearly spent, left', async () => {
    expect(await budgeted({ exhausted: true, exhaustedUntil: '2026-11-23T00:00:00.000Z' })).toMatchObject({ verdict: 'fault', what: 'the budget of cloud is spent (1.90 of 2.00 MB of the day): nothing goes over it until 2026-11-23T00:00:00.000Z' })
    expect(await budgeted({ reservedFor: 'alarm' })).toMatchObject({ verdict: 'warning', what: 'only messages of the class alarm go over cloud until there is new budget (1.90 of 2.00 MB of the day)' })
    expect(await budgeted({})).toMatchObject({ verdict: 'warning' })
    expect(await budgeted({ day: { ...period, warned: false, bytes: 1 } })).toMatchObject({ verdict: 'ok' })
  })

  test('without a gateway it is not known', async () => {
    using bed = new DoctorBed(UPLINK)
    expect((await bed.ill()).find(({ name }) => name === 'budget/cloud')).toMatchObject({ verdict: 'unknown' })
  })
})
