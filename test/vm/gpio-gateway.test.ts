// The whole gateway at simulated lines of a real kernel, in a virtual machine: npm run test:gpio. With GPIO_MINUTES=10 a counter has ten minutes of pulses
// too, which takes half an hour.
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareVm, runInVm, VM_TEST_MS_MAX, whyWithoutVm } from './run.ts'
import { Scenes } from './scenes.ts'

const reason = process.env.SANDPIPER_VM === 'required' ? await prepareVm() : 'npm run test:gpio runs it'
const LONG_MS_MAX = 2_700_000
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
      expect(scenes.get('killed')).toMatchObject({ levels: { sysfs: '1' }, states: { sysfs: 'on' }, wires: { sysfs: 1 } })
    })

    // The simulator lets it fall, as some chips do. What was commanded just before a kill need not be on flash, so what the line is goes before.
    test('the character device without systemd: what became of the line is told', () => {
      expect(scenes.get('killed')).toMatchObject({ levels: { device: '10' }, states: { device: 'off' }, wires: { device: 0 } })
    })
  })

  describe('stopped and started', () => {
    test('not a pulse is lost or counted twice', () => {
      expect((scenes.get('stopped') as { kept: { device: number } }).kept.device).toBe(2000)
    })

    test('the old interface: the line does not move', () => {
      expect(scenes.get('stopped')).toMatchObject({ levels: { sysfs: '1' }, states: { sysfs: 'on' } })
    })
  })

  test('a chip that is unplugged: told, refused, and put back when it returns', () => {
    expect(scenes.get('unplugged')).toEqual({
      refused: BOTH(expect.stringMatching(/^\{"status":"refused","value":null,"why":"its line is gone: .*"\} #1$/)),
      states: { device: ['off', 'on', 'gone', 'on', 'off'], sysfs: ['on', 'gone', 'on', 'off'] },
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
  const count = async (script: string, timeoutMs: number) => {
    const counted = new Scenes((await runInVm(script, { timeoutMs })).output).get('count') as { pulses: number; total: number; cpuPercent: number }
    process.stderr.write(`${counted.total} of ${counted.pulses} pulses counted, ${counted.cpuPercent} % of the processor\n`)
    return counted.total
  }

  test('ten seconds: 10,000 pulses, none lost', { timeout: VM_TEST_MS_MAX }, async () => {
    expect(await count('test/vm/gpio/count.sh', VM_TEST_MS_MAX)).toBe(10_000)
  })

  test.skipIf(process.env.GPIO_MINUTES !== '10')('ten minutes: 600,000 pulses, none lost (GPIO_MINUTES=10)', { timeout: LONG_MS_MAX + 20_000 }, async () => {
    expect(await count('test/vm/gpio/count-long.sh', LONG_MS_MAX)).toBe(600_000)
  })
})
