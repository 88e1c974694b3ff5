// A real pppd over a pair of pseudo terminals dials for the gateway, and hangs up: the one scene of the virtual machine that the whole suite runs. It
// takes a minute, and two the first time, when the machine is built; where it cannot be, this is skipped and says why. gateway.test.ts has the rest.
import { expect, test } from 'vitest'
import { prepareVm, runInVm, VM_TEST_MS_MAX, whyWithoutVm } from './run.ts'
import { Scenes } from './scenes.ts'

const reason = await prepareVm()

test.skipIf(reason !== null)(`messages that wait have the line dialled, are delivered, and it is hung up${whyWithoutVm(reason)}`, { timeout: VM_TEST_MS_MAX }, async () => {
  const scenes = new Scenes((await runInVm('test/vm/gateway/once.sh')).output)
  expect(scenes.get('too little waits')).toEqual({ running: 0, received: [] })
  expect(scenes.get('enough waits')).toEqual({ received: ['m1', 'm2', 'm3'], running: 0 })
})
