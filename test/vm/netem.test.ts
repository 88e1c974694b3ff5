// A backlog over a wire that the kernel's netem makes slow, far and bad, which most kernels that run tests have not: `npm run test:vm`. It also
// holds the emulator of test/support, with which all other tests work, against the real thing. Times are the virtual machine's own.
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareVm, runInVm, VM_TEST_MS_MAX, whyWithoutVm } from './run.ts'
import { Scenes } from './scenes.ts'

interface Taken {
  readonly ms: number
  readonly bytes: number
  readonly used: number
}

const reason = process.env.SANDPIPER_VM === 'required' ? await prepareVm() : 'npm run test:vm runs it'

describe.skipIf(reason !== null)(`1 Mbit/s, 600 ms${whyWithoutVm(reason)}`, () => {
  let scenes: Scenes
  const of = (name: string): Record<'gateway' | 'tcp', Taken> => scenes.get(name) as unknown as Record<'gateway' | 'tcp', Taken>

  beforeAll(async () => {
    const { output } = await runInVm('test/vm/netem/run.sh')
    if (process.env.VM_TABLE !== undefined) process.stderr.write(output)
    scenes = new Scenes(output)
  }, VM_TEST_MS_MAX)

  test('the wire delays and loses', () => {
    const { lost, fastestMs } = scenes.get('pings') as { lost: number; fastestMs: number }
    expect(lost).toBeGreaterThan(0) // none of 40 at 30 %, there and back: once in a million runs
    expect(fastestMs).toBeGreaterThanOrEqual(600)
  })

  // From the first message on, so with TCP's own slow start, which takes five round trips.
  test('a backlog fills it nearly as well as TCP alone does', () => {
    const { gateway, tcp } = of('a far wire')
    expect(gateway.ms).toBeLessThan(tcp.ms * 1.35)
    expect(gateway.used).toBeGreaterThan(0.75)
    expect(gateway.used).toBeLessThan(1.02)
  })

  test('the emulator takes as long', () => {
    const ratio = of('the emulator').gateway.ms / of('a far wire').gateway.ms
    expect(ratio).toBeGreaterThan(0.85)
    expect(ratio).toBeLessThan(1.15)
  })

  // Chance decides how long one transfer takes: this finds what is several times worse, not what is a little worse.
  test('1 % lost packets: the better of two backlogs takes no longer than one and a half times the worst of three of TCP alone', () => {
    const { gatewayMs, tcpMs } = scenes.get('a far wire that loses') as { gatewayMs: number[]; tcpMs: number[] }
    expect(Math.min(...gatewayMs)).toBeLessThan(Math.max(...tcpMs) * 1.5)
  })
})
