// One AT command at a time, and every way in which its answer can come or not.
import { describe, expect, test } from 'vitest'
import { type AtAnswer, type AtCommand, AtPort } from '../../../../src/uplink/sbd/at-port.ts'
import * as at from '../../../../src/uplink/sbd/commands.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

function make() {
  const clock = new FakeClock()
  const written: string[] = []
  const unasked: string[] = []
  const answers: AtAnswer[] = []
  const port = new AtPort((bytes) => void written.push(Buffer.from(bytes).toString('latin1')), clock, (line) => void unasked.push(line))
  const run = (command: AtCommand): void => port.run(command, (answer) => void answers.push(answer))
  const say = (text: string): void => port.feed(Buffer.from(text, 'latin1'))
  return { clock, port, written, unasked, answers, run, say }
}

const PLAIN: AtCommand = { text: 'ATE0', information: null, timeoutMs: 5000 }
const ok = (information = '', echoed = false): AtAnswer => ({ kind: 'ok', information, block: null, echoed })

describe('answers', () => {
  test('OK', () => {
    const { run, say, written, answers, clock } = make()
    run(PLAIN)
    expect(written).toEqual(['ATE0\r'])
    say('\r\nO')
    expect(answers).toEqual([])
    say('K\r\n')
    expect(answers).toEqual([ok()])
    expect(clock.pending).toBe(0)
  })

  test('repeated by the modem, and in numbers: one that was not set up', () => {
    const { run, say, answers } = make()
    run(PLAIN)
    say('ATE0\r0\r')
    run(at.signal(true))
    say('AT+CSQ\r+CSQ:2\r\n0\r')
    expect(answers[0]).toEqual(ok('', true))
    expect(answers, '0 is no information here').toHaveLength(1)
    say('\r\nOK\r\n')
    expect(answers[1]).toEqual(ok('+CSQ:2', true))
  })

  test('ERROR, and its number', () => {
    const { run, say, answers } = make()
    run(PLAIN)
    say('\r\nERROR\r\n')
    run(PLAIN)
    say('4\r')
    expect(answers).toEqual([{ kind: 'error' }, { kind: 'error' }])
  })

  test('an information line that is asked for', () => {
    const { run, say, answers } = make()
    run(at.session(false))
    say('\r\n+SBDIX: 0, 23, 0, -1, 0, 0\r\n\r\nOK\r\n')
    expect(answers).toEqual([ok('+SBDIX: 0, 23, 0, -1, 0, 0')])
  })

  test('a block', () => {
    const { run, say, answers } = make()
    run(at.read(19_200))
    say('\x00\x05hello\x02\x14\r\nOK\r\n')
    expect(answers).toEqual([{ kind: 'ok', information: '', block: Buffer.from('hello'), echoed: false }])
  })

  test('a payload goes when the modem is ready for it, once', () => {
    const { run, say, written, answers } = make()
    run(at.write(Buffer.from('hello'), 19_200))
    expect(written).toEqual(['AT+SBDWB=5\r'])
    say('\r\nREADY\r\n')
    say('\r\nREADY\r\n')
    expect(written).toEqual(['AT+SBDWB=5\r', 'hello\x02\x14'])
    say('\r\n0\r\n')
    expect(answers).toEqual([])
    say('\r\nOK\r\n')
    expect(answers).toEqual([ok('0')])
  })

  test('status 1 of +SBDWB has no OK behind it', () => {
    const { run, say, answers } = make()
    run(at.write(Buffer.from('hello'), 19_200))
    say('\r\nREADY\r\n\r\n1\r\n')
    expect(answers).toEqual([ok('1')])
  })

  test('silence, after the time that the command may take', () => {
    const { run, say, answers, clock } = make()
    run(PLAIN)
    clock.advance(4999)
    expect(answers).toEqual([])
    clock.advance(1)
    expect(answers).toEqual([{ kind: 'silence' }])
    say('\r\nOK\r\n')
    expect(answers, 'too late').toHaveLength(1)
  })

  test('none when the port is closed', () => {
    const { run, say, port, answers, clock } = make()
    run(PLAIN)
    port.close()
    say('\r\nOK\r\n')
    clock.advance(60_000)
    expect([answers, clock.pending]).toEqual([[], 0])
  })
})

describe('what is not an answer', () => {
  test('what comes unasked, while a command runs and while none does', () => {
    const { run, say, unasked, answers } = make()
    say('\r\nSBDRING\r\n')
    run(at.signal(true))
    say('\r\n+CIEV:0,4\r\n\r\n+CSQ:4\r\n\r\nSBDRING\r\n\r\nOK\r\n')
    expect(unasked).toEqual(['SBDRING', '+CIEV:0,4', 'SBDRING'])
    expect(answers).toEqual([ok('+CSQ:4')])
  })

  test('the OK of an earlier command: the information is waited for', () => {
    const { run, say, answers } = make()
    run(at.status)
    say('\r\nOK\r\n')
    expect(answers).toEqual([])
    say('\r\n+SBDSX: 0, 1, 0, -1, 0, 0\r\n\r\nOK\r\n')
    expect(answers).toEqual([ok('+SBDSX: 0, 1, 0, -1, 0, 0')])
  })

  test('garbage where the information should be, and OK: damaged at once', () => {
    const { run, say, answers, port } = make()
    run(at.session(false))
    say('\r\n+SBDIX: 0, 2\x80, 0, -1, 0, 0\r\n\r\nOK\r\n')
    expect(answers).toEqual([{ kind: 'damaged' }])
    expect(port.unreadable).toBe(1)
  })

  test('garbage before an answer does no harm', () => {
    const { run, say, answers } = make()
    run(at.status)
    say('\xff\xfe\x00\r\nboot 1.2\r\n\r\n+SBDSX: 1, 7, 1, 3, 1, 2\r\n\r\nOK\r\n')
    expect(answers).toEqual([ok('+SBDSX: 1, 7, 1, 3, 1, 2')])
  })

  test('a block whose sum is wrong is damaged; its OK is not the next one’s', () => {
    const { run, say, answers } = make()
    run(at.read(19_200))
    say('\x00\x05hellp\x02\x14')
    run(at.read(19_200))
    say('\r\nOK\r\n\x00\x05hello\x02\x14\r\nOK\r\n')
    expect(answers.map(({ kind }) => kind)).toEqual(['damaged', 'ok'])
  })
})

describe('what answers say', () => {
  test('sessions and states', () => {
    expect(at.parseSession('+SBDIX:1,65535,2,0,0,12')).toEqual({ moStatus: 1, momsn: 65_535, mtStatus: 2, mtmsn: 0, mtBytes: 0, queued: 12 })
    expect(at.parseStatus('+SBDSX: 1, 7, 0, -1, 1, 2')).toEqual({ momsn: 7, hasMo: true, hasMt: false, mtmsn: -1, rung: true, queued: 2 })
    expect(at.parseSignal('+CSQ: 4')).toBe(4)
    expect([at.parseIndicator('+CIEV:0,3'), at.parseIndicator('+CIEV:1,1'), at.parseIndicator('+CIEV:0,9')]).toEqual([3, null, null])
  })

  test.each([
    ['+SBDIX: 0, 23, 0, -1, 0', 'too few'],
    ['+SBDIX: 0, 23, 0, -1, 0, 0, 0', 'too many'],
    ['SBDIX: 0, 23, 0, -1, 0, 0', 'cut'],
  ])('%s is none: %s numbers', (line) => {
    expect(at.session(false).information!.test(line)).toBe(false)
  })

  test('whether a session and what is held after it agree', () => {
    const result = at.parseSession('+SBDIX: 0, 65535, 1, 9, 4, 0')
    expect(at.contradicts(result, at.parseStatus('+SBDSX: 1, 0, 1, 9, 0, 0'))).toBe(false)
    for (const line of ['1, 65535, 1, 9, 0, 0', '1, 0, 0, -1, 0, 0', '1, 0, 1, 8, 0, 0']) expect(at.contradicts(result, at.parseStatus(`+SBDSX: ${line}`)), line).toBe(true)
    expect(at.contradicts(at.parseSession('+SBDIX: 18, 4, 2, 0, 0, 0'), at.parseStatus('+SBDSX: 1, 4, 0, -1, 0, 0'))).toBe(false)
    expect(at.contradicts(at.parseSession('+SBDIX: 8, 4, 2, 0, 0, 0'), at.parseStatus('+SBDSX: 1, 5, 0, -1, 0, 0'))).toBe(true)
  })
})
