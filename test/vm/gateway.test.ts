// The whole gateway with `dial: { pppd: … }` in the virtual machine: a real pppd over a pair of pseudo terminals, a real pppd that answers, a real
// Mosquitto behind it. Everything that can happen to a call: `npm run test:vm`, for it takes minutes; once.test.ts has one call, for the suite.
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareVm, runInVm, VM_TEST_MS_MAX, whyWithoutVm } from './run.ts'
import { Scenes } from './scenes.ts'

const reason = process.env.SANDPIPER_VM === 'required' ? await prepareVm() : 'npm run test:vm runs it'
const NOT_TAKEN = 'the connect script failed: no modem, no SIM, no signal or a busy line; `journalctl -t chat` and /var/log/ppp-connect-errors say more'

const names = (letter: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${letter}${i + 1}`)

interface Failing {
  readonly waits: readonly { readonly why: string; readonly waitMs: number; readonly queued: number }[]
  readonly queued: number
  readonly lastError: string
  readonly failures: number
  readonly received: number
  readonly running: number
}

interface Cost {
  readonly calls: number
  readonly bytes: number
  readonly budgetBytes: number
}

describe.skipIf(reason !== null)(`the gateway on a line that pppd dials${whyWithoutVm(reason)}`, () => {
  let scenes: Scenes

  beforeAll(async () => {
    scenes = new Scenes((await runInVm('test/vm/gateway/run.sh')).output)
  }, VM_TEST_MS_MAX)

  test('is not dialled while too little waits', () => {
    expect(scenes.get('too little waits')).toEqual({ running: 0, received: [] })
  })

  test.each([
    ['enough waits', 3],
    ['again', 6],
    ['the gateway is started again', 427],
  ])('dialled, drained once and in order, hung up: %s', (name, count) => {
    expect(scenes.get(name)).toEqual({ received: names('m', count), running: 0 })
  })

  describe('a call that fails says why, is tried again later, and loses nothing', () => {
    test.each([
      ['nobody takes the call', 2, 6, NOT_TAKEN],
      ['no carrier', 1, 9, NOT_TAKEN],
      ['the wrong password', 1, 12, 'the peer refuses the user or the password: correct `user` in /etc/ppp/peers/sat, and its line in /etc/ppp/pap-secrets or chap-secrets'],
      ['no such peer', 1, 15, 'there is no peer sat: write /etc/ppp/peers/sat (`man pppd`, EXAMPLES), readable for the group dip'],
      ['no pppd', 1, 18, 'pppd is not there: apt-get install ppp'],
      ['the broker does not answer, and the attempt becomes dear', 1, 21, 'it has cost more than the 20000 bytes that one attempt may (`maxCost`), and the broker has not answered'],
    ])('%s', (name, attempts, before, why) => {
      const { waits, queued, lastError, failures, received } = scenes.get(name) as unknown as Failing
      expect(waits.slice(0, attempts).map((wait) => [wait.why, wait.queued])).toEqual(Array.from({ length: attempts }, () => [why, 3]))
      expect(waits.every(({ waitMs }) => waitMs >= 900 && waitMs <= 4000)).toBe(true)
      expect([queued, lastError, received]).toEqual([3, why, before])
      expect(failures).toBeGreaterThanOrEqual(attempts)
      expect(scenes.get(`after: ${name}`)).toEqual({ received: names('m', before + 3), running: 0 })
    })
  })

  describe('broken in the middle: dialled again, nothing lost, nothing twice, in order', () => {
    test.each([
      ['pppd dies in the middle', 'm', 224],
      ['the modem hangs up in the middle', 'm', 424],
      ['pppd dies in the middle of frames', 'b', 1000],
    ])('%s', (name, letter, count) => {
      const { lastError, wereLeft, received } = scenes.get(name) as { lastError: string; wereLeft: number; received: string[] }
      expect(lastError).toMatch(/^the line is lost: (pppd was ended by SIGKILL|the modem has hung up)/)
      expect(wereLeft).toBeGreaterThan(0)
      expect(received).toEqual(names(letter, count))
    })
  })

  // What an estimate was too high by is not taken back, and used up by what comes after it: a little ahead in each call that was short.
  test.each(['what two calls have cost', 'what all calls have cost'])('the budget shows what the far pppd has counted: %s', (name) => {
    const { calls, bytes, budgetBytes } = scenes.get(name) as unknown as Cost
    expect(budgetBytes - bytes).toBeGreaterThan(-50 * calls)
    expect(budgetBytes - bytes).toBeLessThan(250 * calls + bytes * 0.02)
  })

  test('and never less: what pppd had taken when it died counts, whether the far end got it or not', () => {
    const { bytes, budgetBytes } = scenes.get('with those that broke') as unknown as Cost
    expect(budgetBytes).toBeGreaterThan(bytes * 0.98)
    expect(budgetBytes).toBeLessThan(bytes * 1.5)
  })

  test('stopped while the line is up, it hangs up', () => {
    expect(scenes.get('the gateway is stopped while the line is up')).toEqual({ code: 0, signal: null, running: 0 })
  })
})
