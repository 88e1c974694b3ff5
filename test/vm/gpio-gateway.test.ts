// The whole gateway at simulated lines of a real kernel, in a virtual machine: npm run test:gpio. With GPIO_MINUTES=10 a counter has ten minutes of pulses
// instead of ten seconds, which takes a quarter of an hour.
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareVm, runInVm, VM_TEST_MS_MAX, whyWithoutVm } from './run.ts'
import { Scenes } from './scenes.ts'

const reason = process.env.SANDPIPER_VM === 'required' ? await prepareVm() : 'npm run test:gpio runs it'
const LONG_MS_MAX = 1_800_000
const BOTH = <T>(value: T) => ({ device: value, sysfs: value })

describe.skipIf(reason !== null)(`the gateway at its lines${whyWithoutVm(reason)}`, () => {
  let scenes: Scenes

  beforeAll(async () => {
    scenes = new Scenes((await runInVm('test/vm/gpio/whole.sh')).output)
  }, VM_TEST_MS_MAX)

  test('readings come to a client', () => {
    expect(scenes.get('readings')).toEqual(BOTH({ door: [{ level: true }], bell: [{ seconds: expect.closeTo(0.4, 1), long: true }] }))
  })

  test('a command drives the wire, is answered, and the state is told', () => {
    expect(scenes.get('command')).toEqual({ before: BOTH(0), wires: BOTH(1), states: BOTH('on'), answers: BOTH('{"status":"done","value":true} #1') })
  })

  test('the client goes: the output is made safe', () => {
    expect(scenes.get('fail-safe')).toEqual({ warm: BOTH(0), cold: BOTH(1), states: BOTH('off') })
  })

  describe('killed', () => {
    test('what was counted is there again, not more and not less', () => {
      const { counted, kept } = scenes.get('killed') as { counted: { device: number; sysfs: number }; kept: unknown }
      expect(kept).toEqual(counted)
      expect(counted.device).toBe(1000)
    })

    test('the old interface: the line does not move', () => {
      expect(scenes.get('killed')).toMatchObject({ levels: { sysfs: '1' }, states: BOTH('on'), wires: BOTH(1) })
    })

    test('the character device without systemd: the chip lets it fall, and it is put back', () => {
      expect(scenes.get('killed')).toMatchObject({ levels: { device: '101' } })
    })
  })

  describe('stopped and started', () => {
    test('not a pulse is lost or counted twice', () => {
      expect((scenes.get('stopped') as { kept: { device: number } }).kept.device).toBe(2000)
    })

    test('the old interface: the line does not move', () => {
      expect(scenes.get('stopped')).toMatchObject({ levels: { sysfs: '1' }, states: BOTH('on') })
    })
  })

  test('a chip that is unplugged: told, refused, and put back when it returns', () => {
    expect(scenes.get('unplugged')).toEqual({
      refused: BOTH(expect.stringMatching(/^\{"status":"refused","value":null,"why":"its line is gone: .*"\} #1$/)),
      states: BOTH(['on', 'gone', 'on', 'off']),
      wires: BOTH(0),
    })
  })
})

describe.skipIf(reason !== null)(`under a real systemd${whyWithoutVm(reason)}`, () => {
  let scenes: Scenes

  beforeAll(async () => {
    scenes = new Scenes((await runInVm('test/vm/gpio/systemd.sh')).output)
  }, VM_TEST_MS_MAX)

  test.each(['killed', 'restarted'])('the character device, %s: the lines do not move', (name) => {
    expect(scenes.get('running')).toEqual({ wires: [1, 0], stored: '2' })
    expect(scenes.get(name)).toEqual({ levels: ['1', '0'], states: ['on', 'on'], answers: ['done', 'done'], wires: [1, 0], stored: '2' })
  })

  test('when the service is stopped for good, systemd lets go of the lines', () => {
    expect(scenes.get('stopped')).toEqual({ wires: [0, 0] })
  })
})

describe.skipIf(reason !== null)(`1 kHz${whyWithoutVm(reason)}`, () => {
  const isLong = Number(process.env.GPIO_MINUTES ?? 0) >= 10

  test(isLong ? 'ten minutes: 600,000 pulses, none lost' : 'ten seconds: 10,000 pulses, none lost', { timeout: isLong ? LONG_MS_MAX + 20_000 : VM_TEST_MS_MAX }, async () => {
    const { output } = isLong ? await runInVm('test/vm/gpio/count-long.sh', { timeoutMs: LONG_MS_MAX }) : await runInVm('test/vm/gpio/count.sh')
    const { pulses, total, cpuPercent } = new Scenes(output).get('count') as { pulses: number; total: number; cpuPercent: number }
    process.stderr.write(`${total} of ${pulses} pulses counted, ${cpuPercent} % of the processor\n`)
    expect(total).toBe(isLong ? 600_000 : 10_000)
    expect(cpuPercent).toBeLessThan(20)
  })
})
