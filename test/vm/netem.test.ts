// The virtual machine has netem, which most kernels that run tests have not: `npm run test:vm`. What a script needs for it is in netem.sh.
import { expect, test } from 'vitest'
import { prepareVm, runInVm, VM_TEST_MS_MAX, whyWithoutVm } from './run.ts'

const reason = process.env.SANDPIPER_VM === 'required' ? await prepareVm() : 'npm run test:vm runs it'

test.skipIf(reason !== null)(`a wire with delay and loss${whyWithoutVm(reason)}`, { timeout: VM_TEST_MS_MAX }, async () => {
  const { status, output } = await runInVm('test/vm/netem.sh')
  expect(status).toBe(0)
  const [, lost] = /(\d+)% packet loss/.exec(output)!
  const [, fastestMs] = /min\/avg\/max = ([\d.]+)/.exec(output)!
  expect(Number(lost)).toBeGreaterThan(0) // none of 40 at 30 %: once in a million runs
  expect(Number(fastestMs)).toBeGreaterThanOrEqual(300)
})
