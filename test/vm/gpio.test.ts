// The two back ends of GPIO at simulated chips of a real kernel: levels, edges, debounce, counters, outputs, chips that go. Edges come from outside, from
// another process and the simulator's own files. It is the slice that the whole suite runs, and takes a minute; where the virtual machine cannot be built, it
// is skipped and says why. gpio-gateway.test.ts has the rest: npm run test:gpio.
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareVm, runInVm, VM_TEST_MS_MAX, whyWithoutVm } from './run.ts'
import { Scenes } from './scenes.ts'

const reason = await prepareVm()

describe.skipIf(reason !== null)(`lines of a real kernel${whyWithoutVm(reason)}`, () => {
  let scenes: Scenes

  beforeAll(async () => {
    scenes = new Scenes((await runInVm('test/vm/gpio/lines.sh')).output)
  }, VM_TEST_MS_MAX)

  describe.each(['cdev', 'sysfs'])('%s', (name) => {
    const of = (scene: string) => scenes.get(`${name}: ${scene}`)

    test('levels and edges, each in its order and at its time', () => {
      expect(of('level')).toEqual({ before: false, told: '101', after: true, inOrder: true, shortcomings: [] })
    })

    test('active low: only becoming active is a rising edge', () => {
      expect(of('active low')).toEqual({ activeAtRest: true, told: '1', after: false })
    })

    test('debounce: a level that does not hold is none', () => {
      expect(of('debounce')).toEqual({ told: '1' })
    })

    test('who holds a line, and which lines and chips there are not, is said', () => {
      expect(of('refusals')).toEqual({
        held: `LineError: rig-${name}:11 is held by "driver": end it, or switch it off in the boot files`,
        noLine: `LineError: rig-${name} has no line 99: its lines are 0 to 11`,
        noChip: expect.stringMatching(/^LineError: there is no GPIO chip "nothing".*: `sandpiper board` lists those that are there$/),
      })
    })

    test('outputs', () => {
      expect(of('output')).toEqual({ opened: 1, written: 0, again: 1, read: true })
      expect(of('output, active low')).toEqual({ off: 1, on: 0, read: true })
    })

    test('a chip that is unplugged is found gone, and works when it is back', () => {
      expect(of('unplugged')).toMatchObject({ read: true, count: true, write: true })
      expect(of('plugged in again')).toEqual({ told: '1' })
    })
  })

  test('pull: the character device switches it, the old interface says that it cannot', () => {
    expect(scenes.get('cdev: pull')).toEqual({ level: true, shortcomings: [] })
    expect(scenes.get('sysfs: pull')).toEqual({ level: false, shortcomings: ['its pull resistor is as the boot files have it: /sys/class/gpio cannot switch it up'] })
  })

  test('2,000 pulses at 1 kHz: the character device counts each, the old interface says that it may not', () => {
    expect(scenes.get('cdev: counter')).toMatchObject({ count: 2000, shortcomings: [] })
    const { count, shortcomings } = scenes.get('sysfs: counter') as { count: number; shortcomings: string[] }
    expect(count).toBeGreaterThan(1000)
    expect(count).toBeLessThanOrEqual(2000)
    expect(shortcomings).toEqual(['pulses may be missed: /sys/class/gpio does not number edges'])
  })

  test('edges that nobody could read in time are counted, and missed', () => {
    const { told, missed, count } = scenes.get('cdev: flood') as { told: number; missed: number; count: number }
    expect([told + missed, count]).toEqual([3000, 3000])
    expect(told).toBeGreaterThanOrEqual(1024)
    expect(missed).toBeGreaterThan(0)
  })

  test('the old interface: an output that is opened again has its level, unless another is asked for', () => {
    expect(scenes.get('sysfs: output, opened again')).toEqual({ asItWas: 1, forced: 0 })
  })

  test('the kernel tells of a chip that goes, where it does', () => {
    expect(scenes.get('cdev: unplugged')).toMatchObject({ lost: 'LineError' })
  })
})
