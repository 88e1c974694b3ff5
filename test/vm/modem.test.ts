// The real NetworkManager, told by the real nmcli, in the virtual machine: `npm run test:vm`, for it takes a minute. modem/run.sh says what
// stands in the modem's place. The suite has test/unit/uplink/dial/modem.test.ts, whose nmcli answers as this one did.
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareVm, runInVm, VM_TEST_MS_MAX, whyWithoutVm } from './run.ts'
import { Scenes } from './scenes.ts'

const reason = process.env.SANDPIPER_VM === 'required' ? await prepareVm() : 'npm run test:vm runs it'

describe.skipIf(reason !== null)(`NetworkManager${whyWithoutVm(reason)}`, () => {
  let scenes: Scenes

  beforeAll(async () => {
    scenes = new Scenes((await runInVm('test/vm/modem/run.sh')).output)
  }, VM_TEST_MS_MAX)

  test.each(['up and down', 'again'])('%s', (name) => {
    expect(scenes.get(name)).toEqual({ answer: { interface: 'wwan0' }, address: '10.7.0.2', active: 'lte', addressAfter: null, activeAfter: '' })
  })

  test.each([
    ['somebody takes it down', 'has no address'],
    ['the cable is pulled', 'has no carrier'],
  ])('lost: %s', (name, problem) => {
    expect(scenes.get(name)).toEqual({ losses: [`the line is lost: the interface wwan0 ${problem}`], activeAfter: '' })
  })

  test.each([
    ['no d-bus', 'NetworkManager does not run: systemctl enable --now NetworkManager ModemManager'],
    ['no network manager', 'NetworkManager does not run: systemctl enable --now NetworkManager ModemManager'],
    ['no answer', 'the line was not up within 15 s: waited for NetworkManager to bring up deaf, wwan0 is connecting (getting IP configuration); see whether the other end answers, or set a longer dial.timeout'],
    ['no such connection', "there is no connection nothing: correct dial.modem (`nmcli connection show` lists them), or add it with `nmcli connection add type gsm` (it said: Error: unknown connection 'nothing'.)"],
    ['no modem', expect.stringMatching(/^gsm does not come up: see `mmcli -m any` and `journalctl -u NetworkManager -u ModemManager` \(it said: Error: Connection activation failed: No suitable device found/)],
  ])('failed: %s', (name, said) => expect(scenes.get(name)).toMatchObject({ said }))
})
