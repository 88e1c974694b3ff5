// What the machine tells: recorded files of boards, and those that updates leave.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MachineHealth } from '../../../src/alarms/health.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FileTree } from '../../support/tree.ts'

let tree: FileTree
let clock: FakeClock

beforeEach(() => {
  tree = new FileTree('/data/store/')
  clock = new FakeClock()
})
afterEach(() => tree[Symbol.dispose]())

const make = (): MachineHealth => new MachineHealth({ root: tree.root, storeFolder: tree.path('/data/store') }, clock)

test('of a machine that tells nothing, nothing is known but its disk', async () => {
  expect(await make().read()).toEqual({ temperatureC: null, isUnderVoltage: null, diskShare: expect.any(Number), failedUpdate: null })
})

test('a disk is between empty and full; one that is not there is not known', async () => {
  const { diskShare } = await make().read()
  expect(diskShare).toBeGreaterThan(0)
  expect(diskShare).toBeLessThanOrEqual(1)
  expect(await new MachineHealth({ root: tree.root, storeFolder: tree.path('/nowhere') }, clock).read()).toMatchObject({ diskShare: null })
})

describe('temperature', () => {
  test.each<[string, string, number | null]>([
    ['of the processor’s thermal zone', '/sys/class/thermal/thermal_zone0/type: pmic\n/sys/class/thermal/thermal_zone0/temp: 30000\n/sys/class/thermal/thermal_zone1/type: cpu-thermal\n/sys/class/thermal/thermal_zone1/temp: 81234', 81.234],
    ['of a monitor, where there is no such zone', '/sys/class/thermal/thermal_zone0/type: acpitz\n/sys/class/thermal/thermal_zone0/temp: 27800\n/sys/class/hwmon/hwmon0/name: nvme\n/sys/class/hwmon/hwmon0/temp1_input: 99000\n/sys/class/hwmon/hwmon1/name: coretemp\n/sys/class/hwmon/hwmon1/temp1_input: 52000', 52],
    ['below zero', '/sys/class/thermal/thermal_zone0/type: cpu-thermal\n/sys/class/thermal/thermal_zone0/temp: -12500', -12.5],
    ['of nobody', '/sys/class/hwmon/hwmon0/name: nvme\n/sys/class/hwmon/hwmon0/temp1_input: 99000', null],
    ['of a zone that tells no number', '/sys/class/thermal/thermal_zone0/type: cpu-thermal\n/sys/class/thermal/thermal_zone0/temp: hot', null],
  ])('%s', async (_, files, temperatureC) => {
    tree.add(files)
    expect(await make().read()).toMatchObject({ temperatureC })
  })

  test('a driver that comes late is found, within a minute; one that goes is not known, and found again', async () => {
    const health = make()
    const now = async () => (await health.read()).temperatureC
    expect(await now()).toBeNull()
    tree.add('/sys/class/thermal/thermal_zone0/type: cpu-thermal\n/sys/class/thermal/thermal_zone0/temp: 40000')
    expect(await now()).toBeNull()
    clock.advance(60_000)
    expect(await now()).toBe(40)
    tree.remove('/sys/class/thermal/thermal_zone0')
    expect(await now()).toBeNull()
    tree.add('/sys/class/thermal/thermal_zone3/type: cpu-thermal\n/sys/class/thermal/thermal_zone3/temp: 41000')
    clock.advance(60_000)
    expect(await now()).toBe(41)
  })
})

describe('supply', () => {
  const throttled = (bits: string): string => `/sys/devices/platform/soc/soc:firmware/get_throttled: ${bits}`

  test.each<[string, string, boolean | null]>([
    ['the monitor of a Raspberry Pi, low', '/sys/class/hwmon/hwmon1/name: rpi_volt\n/sys/class/hwmon/hwmon1/in0_lcrit_alarm: 1', true],
    ['the same, well', '/sys/class/hwmon/hwmon1/name: rpi_volt\n/sys/class/hwmon/hwmon1/in0_lcrit_alarm: 0', false],
    ['a vendor’s kernel, low now', throttled('50005'), true],
    ['a vendor’s kernel, low some time since the start, and not now', throttled('50000'), false],
    ['a vendor’s kernel, throttled for another reason', throttled('80008'), false],
    ['what is no number', throttled('error'), null],
    ['another chip', '/sys/class/hwmon/hwmon1/name: ina219\n/sys/class/hwmon/hwmon1/in0_lcrit_alarm: 1', null],
  ])('%s', async (_, files, isUnderVoltage) => {
    tree.add(files)
    expect(await make().read()).toMatchObject({ isUnderVoltage })
  })
})

describe('updates', () => {
  const last = (more: object): string => `/data/update/last.json: ${JSON.stringify({ outcome: 'installed', kind: 'root', version: '1.3.0', reason: '', atMs: 0, job: 'j', source: null, asker: null, ...more })}`

  test.each<[string, string, string | null]>([
    ['works', last({}), ''],
    ['was undone', last({ outcome: 'rolled-back', reason: 'the broker does not answer' }), '1.3.0 was undone (the broker does not answer)'],
    ['could not be had', last({ outcome: 'failed', version: null, reason: 'no answer' }), 'it could not be installed (no answer)'],
    ['was refused: nothing was to change', last({ outcome: 'refused', reason: 'it is older' }), ''],
    ['was taken back by somebody', last({ outcome: 'rolled-back', reason: 'somebody asked for it' }), ''],
    ['was undone, and another one is asked for', `${last({ outcome: 'rolled-back', reason: 'x' })}\n/data/update/job.json: {}`, ''],
    ['was undone, and another one is on trial', `${last({ outcome: 'rolled-back', reason: 'x' })}\n/data/update/trial.json: {}`, ''],
    ['is told by half a file', '/data/update/last.json: {"outcome":', null],
  ])('the last one %s', async (_, files, failedUpdate) => {
    tree.add(files)
    expect(await make().read()).toMatchObject({ failedUpdate })
  })
})
