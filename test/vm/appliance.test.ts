// The appliance's programs on real parts, in the virtual machine: `npm run test:vm`, for it takes minutes. appliance/run.sh says what the parts are.
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareVm, runInVm, VM_TEST_MS_MAX, whyWithoutVm } from './run.ts'
import { Scenes } from './scenes.ts'

const reason = process.env.SANDPIPER_VM === 'required' ? await prepareVm() : 'npm run test:vm runs it'

describe.skipIf(reason !== null)(`the appliance${whyWithoutVm(reason)}`, () => {
  let scenes: Scenes

  beforeAll(async () => {
    scenes = new Scenes((await runInVm('test/vm/appliance/run.sh')).output)
  }, VM_TEST_MS_MAX)

  describe('a FAT card that is mounted read-only', () => {
    test('a secret leaves the file, STATUS.txt is there, and the card is read-only again', () => {
      expect(scenes.get('secrets and status')).toMatchObject({
        said: expect.stringContaining('1 of the file'),
        mounted: 'ro',
        files: ['STATUS.txt', 'gateway.yaml'],
        line: 'access: { users: [{ name: device, password: { stored: F } }] }   # ours',
        status: expect.stringMatching(/GATEWAY\.YAML is right, and in use\.\r\n[\s\S]*BROKER: answers at port 1883\.[\s\S]* {2}eth7 {8}10\.7\.0\.3 \(ethernet eth7\)\r\n/),
      })
      expect(scenes.get('secrets and status').kilobytes).toBeLessThan(64)
    })
    test('nothing new: nothing is written', () => expect(scenes.get('nothing new')).toEqual({ said: '', sectors: 0, mounted: 'ro' }))
    test('while another program writes there, ours waits', () => expect(scenes.get('the card is in use')).toEqual({ isHeld: true, waits: true, meanwhile: 'ro', exit: 0, mounted: 'ro' }))
    test('a full card is told of, and the file stays', () => {
      expect(scenes.get('a full card')).toEqual({ said: expect.stringMatching(/^the card cannot be written to \(ENOSPC: .*\): the gateway runs on/), isSame: true, mounted: 'ro' })
    })
    test('a file that a power cut has left without its name gets it before it is looked for', () => {
      expect(scenes.get('a file without its name')).toEqual({ said: '/boot/gateway/gateway.yaml is applied', files: ['gateway.yaml'], mounted: 'ro' })
    })
    test('its file system is sound', () => expect(scenes.get('the file system')).toEqual({ check: [] }))
  })

  describe('NetworkManager', () => {
    test('takes its connections, with names and passwords of any kind', () => {
      expect(scenes.get('applied')).toMatchObject({ hostname: 'pump-7', modes: 4 })
      expect(scenes.get('NetworkManager')).toMatchObject({
        names: ['ethernet eth7', 'lte', 'wifi 1;2;', 'wifi a;b'],
        ssid: 'a;b',
        psk: ' x\\y;#= p ',
        otherSsid: '1;2;',
        pin: '0123',
        password: ' p;\\ ',
        route: expect.stringContaining('default via 10.7.0.1 dev eth7'),
      })
    })
    test('changes an address while it runs', () => expect(scenes.get('another address')).toEqual({ said: '/boot/gateway/gateway.yaml is applied' }))
  })

  test('pppd dials by its peer’s file, and proves who it is with a password of any kind', () => {
    expect(scenes.get('options')).toEqual({ said: [String.raw`user o'b \"x\\ é`] })
    expect(scenes.get('dialled')).toEqual({ said: 'up: {"interface":"ppp0"}', address: '10.64.0.2' })
  })

  test('the kernel blinks by a pattern', () => {
    expect(scenes.get('light')).toEqual({ shown: true, trigger: 'pattern', pattern: '1 200 1 0 0 250 0 0 1 200 1 0 0 1800 0 0', again: true, other: '1 50 1 0 0 2950 0 0' })
  })
})
