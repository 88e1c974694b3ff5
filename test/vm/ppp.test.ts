// The real pppd dials over a pair of pseudo terminals, in a virtual machine because most kernels that run tests have no PPP. What happened in
// there is printed as scenes, and judged here. `npm run test:vm` runs it; the suite has one call only (once.test.ts), for emulation takes minutes.
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareVm, runInVm, VM_TEST_MS_MAX, whyWithoutVm } from './run.ts'
import { Scenes } from './scenes.ts'

const reason = process.env.SANDPIPER_VM === 'required' ? await prepareVm() : 'npm run test:vm runs it'
const BUSY = 'the connect script failed: no modem, no SIM, no signal or a busy line; `journalctl -t chat` and /var/log/ppp-connect-errors say more'

describe.skipIf(reason !== null)(`the dialler and pppd${whyWithoutVm(reason)}`, () => {
  let scenes: Scenes
  let output = ''

  beforeAll(async () => {
    ;({ output } = await runInVm('test/vm/ppp/run.sh'))
    scenes = new Scenes(output)
  }, VM_TEST_MS_MAX)

  describe('up and down', () => {
    test.each(['up and down', 'again', 'with a password', 'a peer that wants to go its own way', 'a user of the group dip'])('%s', (name) => {
      expect(scenes.get(name)).toMatchObject({ answer: { interface: 'ppp0' }, address: '10.64.0.2', reached: true, running: 0, interfaceAfter: false })
    })
  })

  describe('lost', () => {
    test.each([
      ['the modem hangs up', 'the modem has hung up: see signal and credit'],
      ['the peer falls silent', 'the peer does not answer any more: see the signal; `lcp-echo-failure` in /etc/ppp/peers/sat says how many answers may be missing'],
    ])('%s', (name, why) => expect(scenes.get(name)).toEqual({ losses: [`the line is lost: ${why}`], running: 0 }))
  })

  describe('failed, and nothing left running', () => {
    test.each([
      ['busy', BUSY],
      ['nobody answers', 'the other end does not speak PPP, or they agreed on nothing: see number and APN, and `journalctl -t pppd` with `debug` in /etc/ppp/peers/silent'],
      ['time is over', 'the line was not up within 2 s: waited for the connect script; see whether the other end answers, or set a longer dial.timeout'],
      ['hung up while it dials', 'it was hung up while it was being dialled'],
      ['with a wrong password', 'the peer refuses the user or the password: correct `user` in /etc/ppp/peers/wrong, and its line in /etc/ppp/pap-secrets or chap-secrets'],
      ['no such peer', 'there is no peer nothing: write /etc/ppp/peers/nothing (`man pppd`, EXAMPLES), readable for the group dip'],
      ['no such port', '/dev/ttyUSB7 is not there: plug the modem in, or correct the device in /etc/ppp/peers/unplugged'],
      ['a mistake in the peer', "pppd does not take its options: correct /etc/ppp/peers/mistaken (it said: pppd: In file /etc/ppp/peers/mistaken: unrecognized option 'frobnicate')"],
      ['a user', 'this user may not start pppd: add it to the group dip (SupplementaryGroups=dip in the unit)'],
      ['no pppd', 'pppd is not there: apt-get install ppp'],
    ])('%s', (name, said) => expect(scenes.get(name)).toMatchObject({ said, running: 0 }))
  })

  test('everything could be ended', () => expect(output).not.toContain('warning'))
})
