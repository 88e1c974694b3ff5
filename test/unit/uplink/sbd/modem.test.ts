// The simulated modem itself, in the dialogues of the ISU AT Command Reference: what the carrier is tested against must be right.
import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../../support/fake-clock.ts'
import { SbdGround } from '../../../support/sbd-ground.ts'
import { SbdModem, type SbdModemOptions } from '../../../support/sbd-modem.ts'

function make(options: Partial<SbdModemOptions> = {}) {
  const clock = new FakeClock()
  const ground = new SbdGround()
  const modem = new SbdModem({ clock, ground, ...options })
  let said = ''
  modem.connect((bytes) => (said += bytes.toString('latin1')))
  /** Types it, lets `ms` go by, and reads what was said. */
  const type = (text: string, ms = 0): string => {
    said = ''
    modem.receive(Buffer.from(text, 'latin1'))
    clock.advance(ms)
    return said
  }
  return { clock, ground, modem, type, quiet: () => type('ATE0\r') }
}

describe('command lines', () => {
  test('are repeated and answered in words, as it comes from the factory; in numbers; not at all', () => {
    const { type } = make()
    expect(type('AT\r')).toBe('AT\r\r\nOK\r\n')
    expect(type('ATE0V0\r')).toBe('ATE0V0\r0\r')
    expect(type('AT+CSQF\r')).toBe('+CSQF:5\r\n0\r')
    expect(type('AT+NONE\r')).toBe('4\r')
    expect(type('ATQ1\r')).toBe('')
    expect(type('ATQ0V1\r')).toBe('\r\nOK\r\n')
  })

  test('many commands in one, with and without semicolons, in either case; the first that is wrong ends it', () => {
    const { type, quiet } = make()
    quiet()
    expect(type('at+cgsn;+cgmi&k0\r')).toBe('\r\n300234010753370\r\n\r\nIridium\r\n\r\nOK\r\n')
    expect(type('AT+CGMI;+FOO;+CGSN\r')).toBe('\r\nIridium\r\n\r\nERROR\r\n')
  })

  test('what precedes AT is nothing; an empty line too; backspace, Ctrl-X, A/ and the 128 characters', () => {
    const { type, quiet } = make()
    quiet()
    expect(type('\xff\xfenoise AT+CSQF\r')).toBe('\r\n+CSQF:5\r\n\r\nOK\r\n')
    expect(type('\r\r\r')).toBe('')
    expect(type('AT+CSQX\bF\r')).toBe('\r\n+CSQF:5\r\n\r\nOK\r\n')
    expect(type('A/')).toBe('\r\n+CSQF:5\r\n\r\nOK\r\n')
    expect(type('AT+FOO\x18AT\r')).toBe('\r\nOK\r\n')
    expect(type(`AT${'&K0'.repeat(50)}\r`)).toBe('\r\nERROR\r\n')
  })

  test('a stored profile is what it starts with', () => {
    const { type, modem } = make()
    type('ATE0&W\r')
    modem.powerCycle()
    expect(type('AT\r')).toBe('\r\nOK\r\n')
    type('AT&F\r')
    modem.powerCycle()
    expect(type('AT\r'), 'without &W it is not stored').toBe('\r\nOK\r\n')
  })
})

describe('messages', () => {
  test('hello, as in the reference: written, moved to the other buffer, read', () => {
    const { type, quiet } = make()
    quiet()
    expect(type('AT+SBDWB=5\r')).toBe('\r\nREADY\r\n')
    expect(type('hello\x02\x14')).toBe('\r\n0\r\n\r\nOK\r\n')
    expect(type('AT+SBDTC\r')).toBe('\r\n0\r\n\r\nOK\r\n')
    expect(type('AT+SBDRB\r')).toBe('\x00\x05hello\x02\x14\r\nOK\r\n')
    expect(type('AT+SBDRT\r')).toBe('\r\n+SBDRT:\rhello\r\n\r\nOK\r\n')
    expect(type('AT+SBDS\r')).toBe('\r\n+SBDS: 1, 0, 1, 0\r\n\r\nOK\r\n')
    expect(type('AT+SBDD2\r')).toBe('\r\n0\r\n\r\nOK\r\n')
    expect(type('AT+SBDS\r')).toBe('\r\n+SBDS: 0, 0, 0, -1\r\n\r\nOK\r\n')
    expect(type('AT+SBDRB\r')).toBe('\x00\x00\x00\x00\r\nOK\r\n')
  })

  test('a wrong checksum is 2, a wrong size 3, and too slow 1 without an OK', () => {
    const { type, quiet, modem } = make()
    quiet()
    expect(type('AT+SBDWB=5\rhello\x02\x15')).toBe('\r\nREADY\r\n\r\n2\r\n\r\nOK\r\n')
    expect(type('AT+SBDWB=0\r')).toBe('\r\n3\r\n\r\nOK\r\n')
    expect(type('AT+SBDWB=341\r')).toBe('\r\n3\r\n\r\nOK\r\n')
    expect(type('AT+SBDWB=340\rhello', 60_000)).toBe('\r\nREADY\r\n\r\n1\r\n')
    expect(modem.mo).toBeNull()
  })

  test('as text, in the line and after READY', () => {
    const { type, quiet, modem } = make()
    quiet()
    expect(type('AT+SBDWT=Hello; World\r')).toBe('\r\nOK\r\n')
    expect(String(modem.mo)).toBe('Hello; World')
    expect(type('AT+SBDWT\rhi there\r')).toBe('\r\nREADY\r\n\r\n0\r\n\r\nOK\r\n')
    expect(String(modem.mo)).toBe('hi there')
    expect(type(`AT+SBDWT=${'x'.repeat(121)}\r`)).toBe('\r\nERROR\r\n')
  })
})

describe('sessions', () => {
  test('take what is in the buffer and leave it there, fetch the oldest message, and count', () => {
    const { type, quiet, ground } = make({ sessionMs: 12_000 })
    quiet()
    type('AT+SBDWT=up\r')
    ground.queue.push(Buffer.from('one'), Buffer.from('three'))
    expect(type('AT+SBDIX\r', 11_999)).toBe('')
    expect(type('AT\r', 1), 'what is sent meanwhile is not heard').toBe('\r\n+SBDIX: 0, 0, 1, 1, 3, 1\r\n\r\nOK\r\n')
    expect(type('AT+SBDSX\r')).toBe('\r\n+SBDSX: 1, 1, 1, 1, 0, 1\r\n\r\nOK\r\n')
    type('AT+SBDD0\r')
    expect(type('AT+SBDIXA\r', 12_000)).toBe('\r\n+SBDIX: 0, 1, 1, 2, 5, 0\r\n\r\nOK\r\n')
    expect(ground.arrived.map(({ momsn, bytes }) => `${momsn} ${bytes.toString()}`)).toEqual(['0 up'])
  })

  test('begin by clearing the message down, and without a network fail', () => {
    const { type, quiet, ground, modem } = make()
    quiet()
    ground.queue.push(Buffer.from('down'))
    type('AT+SBDIX\r', 0)
    expect(modem.mt).not.toBeNull()
    modem.signal = 0
    expect(type('AT+SBDIX\r', 0)).toBe('\r\n+SBDIX: 32, 1, 2, 0, 0, 0\r\n\r\nOK\r\n')
    expect([modem.mt, modem.momsn]).toEqual([null, 1])
    type('AT*R0\r')
    expect(type('AT+SBDIX\r', 0)).toContain('+SBDIX: 34,')
  })

  test('a ring reaches a registered modem, is reported where that is wanted, and outlives its power', () => {
    const { type, quiet, ground, modem } = make()
    quiet()
    ground.send('nobody hears it')
    expect(type('AT+SBDSX\r')).toContain('0, 0, 0, -1, 0, 0')
    type('AT+SBDIX\r', 0)
    ground.send('down')
    expect(type('')).toBe('')
    modem.powerCycle()
    type('ATE0\r')
    expect(type('AT+SBDSX\r')).toContain(', 1, 0')
    expect(type('AT+SBDIXA;+SBDSX\r', 0)).toContain('+SBDSX: 0, 2, 1, 2, 0, 0')
    type('AT+SBDMTA=0\r')
    let said = ''
    modem.connect((bytes) => (said += bytes.toString()))
    ground.send('x')
    expect(said).toBe('')
    type('AT+SBDMTA=1\r')
    said = ''
    ground.send('y')
    expect(said).toBe('\r\nSBDRING\r\n')
  })

  test('indicators are told when they change, and what changed in a session after it', () => {
    const { type, quiet, modem } = make({ sessionMs: 5000 })
    quiet()
    type('AT+CIER=1,1,1\r')
    let said = ''
    modem.connect((bytes) => (said += bytes.toString()))
    modem.signal = 3
    modem.signal = 3
    modem.signal = 0
    expect(said).toBe('\r\n+CIEV:0,3\r\n\r\n+CIEV:0,0\r\n\r\n+CIEV:1,0\r\n')
    modem.signal = 5
    modem.receive(Buffer.from('AT+SBDIX\r'))
    said = ''
    modem.signal = 4
    expect(said).toBe('')
    type('', 5000)
    expect(said).toMatch(/\+SBDIX: .*OK\r\n\r\n\+CIEV:0,4\r\n$/s)
  })

  test('a message down that is too large stays at the ground', () => {
    const { type, quiet, ground } = make()
    quiet()
    ground.queue.push(Buffer.alloc(271))
    expect(type('AT+SBDIX\r', 0)).toBe('\r\n+SBDIX: 1, 0, 2, 0, 0, 1\r\n\r\nOK\r\n')
    expect(ground.queue).toHaveLength(1)
  })

  test('registration by hand, once in three minutes', () => {
    const { type, quiet, clock } = make()
    quiet()
    expect(type('AT+SBDREG?\r')).toContain('+SBDREG:0')
    expect(type('AT+SBDREG\r')).toContain('+SBDREG:2,0')
    expect(type('AT+SBDREG\r')).toContain('+SBDREG:2,36')
    clock.advance(180_000)
    expect(type('AT+SBDREG\r')).toContain('+SBDREG:2,0')
  })
})
