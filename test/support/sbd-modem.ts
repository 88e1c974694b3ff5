// A simulated Iridium 9602 at the end of a serial line, as its software sees it. It follows the ISU AT Command Reference (versions 2.45 and 5)
// and the 9602's developer's guide:
//
//   - command lines, echo, answers and stored profiles: at-line.ts
//   - three modes: commands, SBD data (+SBDWB, +SBDWT, 60 s), SBD session (what is sent meanwhile is not heard)
//   - one buffer up and one down, empty after power-up; sending does not clear the one, reading not the other, a session begins by
//     clearing the one for messages down. MOMSN, the ring flag and the registration survive
//   - +SBDWB +SBDWT +SBDRB +SBDRT +SBDD +SBDC +SBDS +SBDSX +SBDTC +SBDIX[A] +SBDMTA +SBDREG +CSQ[F] +CIER +CGSN +CGMM +CGMI +CGMR +GSN
//     +GMM +CULK? +IPR?, &K &D &W &F &Y E Q V Z *R *F
//   - +SBDWB answers OK after its status, but for status 1: so does the real one
//
// Not followed: +SBDI, +SBDDET, +SBDAREG, +SBDDSC, +SBDST, +SBDLOE, +CCLK, +CRIS, -MSSTM, -MSGEO, S registers; the lines beside the data
// lines (RI, DTR, CTS); a baud rate; positions given with +SBDIX are not looked at. What the reference leaves open: a message down
// that is too large gives MO status 1 with MT status 2.
import type { Clock, Timer } from '../../src/clock.ts'
import { AtLine, type Profile } from './at-line.ts'
import type { SbdGround } from './sbd-ground.ts'
import { type Held, SbdRadio, type SessionFault } from './sbd-radio.ts'

export interface SbdModemOptions {
  readonly clock: Clock
  readonly ground: SbdGround
  readonly sessionMs?: number
  /** Of +CSQ. */
  readonly signalMs?: number
  readonly moBytesMax?: number
  readonly mtBytesMax?: number
}

const DATA_MS = 60_000
const IMEI = '300234010753370'
/** What is always the same. */
const ANSWERS: Readonly<Record<string, string>> = {
  '+CGSN': IMEI,
  '+GSN': IMEI,
  '+CGMM': 'IRIDIUM 9600 Family SBD Transceiver',
  '+GMM': 'IRIDIUM 9600 Family SBD Transceiver',
  '+CGMI': 'Iridium',
  '+CGMR': 'Call Processor Version: TA16005',
  '+CULK?': '0',
  '+IPR?': '+IPR:006',
  '+CSQ=?': '+CSQ:(000-005)',
}

export class SbdModem {
  readonly ground: SbdGround
  readonly imei = IMEI
  /** Taken from the front, one for each session. */
  readonly faults: SessionFault[] = []
  /** Asked when there are no more; for faults by chance. */
  nextFault: () => SessionFault | null = () => null
  /** What the line does to what the modem says. */
  line: (bytes: Buffer) => Buffer = (bytes) => bytes
  /** Answers of the next +SBDWBs instead of their own. */
  readonly writeAnswers: number[] = []
  /** So many of the next blocks that are read have a wrong byte. */
  damagedBlocks = 0
  sessions = 0
  mo: Buffer | null = null
  mt: Held | null = null
  readonly #clock: Clock
  readonly #at = new AtLine((commands) => this.#next(commands), (bytes) => this.#send(bytes))
  readonly #options: SbdModemOptions
  readonly #radio: SbdRadio
  #write: (bytes: Buffer) => void = () => {}
  #mode: 'command' | 'binary' | 'text' | 'busy' | 'off' = 'command'
  #data: number[] = []
  #dataBytes = 0
  #timer: Timer | null = null
  #ringAlerts = true
  #indicators = { signal: false, service: false }
  #unasked: Buffer[] = []

  constructor(options: SbdModemOptions) {
    this.#options = options
    this.#clock = options.clock
    this.ground = options.ground
    this.#radio = new SbdRadio(options.clock, options.ground, options.mtBytesMax ?? 270)
    this.ground.onRing(() => this.#onRing())
  }

  /** What it says goes there from now on. */
  connect(write: (bytes: Buffer) => void): void {
    this.#write = write
  }

  /** Number of the next message up. */
  get momsn(): number {
    return this.#radio.momsn
  }

  /** It does something that takes time, and will answer. */
  get isBusy(): boolean {
    return this.#mode === 'busy'
  }

  /** The bars of the signal, 0 to 5. */
  get signal(): number {
    return this.#radio.signal
  }

  set signal(bars: number) {
    const before = this.#radio.signal
    this.#radio.signal = bars
    if (bars !== before && this.#indicators.signal) this.#tell(`+CIEV:0,${bars}`)
    if (bars > 0 !== before > 0 && this.#indicators.service) this.#tell(`+CIEV:1,${bars > 0 ? 1 : 0}`)
  }

  /** Power off, and on again: what is volatile is gone. */
  powerCycle(banner = ''): void {
    this.powerOff()
    this.#mode = 'command'
    if (banner !== '') this.#send(Buffer.from(banner, 'latin1'))
  }

  powerOff(): void {
    this.#timer?.cancel()
    this.#mode = 'off'
    this.#at.restart()
    this.#unasked = []
    this.#indicators = { signal: false, service: false }
    this.#ringAlerts = true
    this.#radio.isOn = true
    this.mo = null
    this.mt = null
  }

  /** As if somebody had typed it and AT&W. */
  store(profile: Partial<Profile>): void {
    this.#at.store(profile)
    this.#at.restart()
  }

  /** Command lines as they came, without their CR. */
  get heard(): readonly string[] {
    return this.#at.heard
  }

  /** Bytes that no modem sends. */
  babble(bytes: Buffer): void {
    this.#send(bytes)
  }

  /** What the software has sent. */
  receive(bytes: Uint8Array): void {
    for (const byte of bytes) this.#onByte(byte)
  }

  // ---- the line

  #onByte(byte: number): void {
    switch (this.#mode) {
      case 'binary':
        this.#data.push(byte)
        if (this.#data.length === this.#dataBytes + 2) this.#onBinary()
        return
      case 'text':
        if (byte === 0x0d) this.#onText()
        else this.#data.push(byte)
        return
      case 'command':
        return this.#at.type(byte)
      default:
    }
  }

  /** Runs the rest of a line; those that take time go on with it themselves. */
  #next(commands: readonly string[] | null): void {
    if (commands === null) return this.#result(false)
    const [first, ...rest] = commands
    if (first === undefined) return this.#result(true)
    const done = this.#command(first, rest)
    if (done === 'later') return
    if (done) this.#next(rest)
    else this.#result(false)
  }

  #send(bytes: Buffer): void {
    if (this.#mode !== 'off') this.#write(this.line(bytes))
  }

  #information(text: string): void {
    this.#at.information(text)
  }

  #result(isOk: boolean): void {
    this.#mode = 'command'
    this.#at.result(isOk)
    this.#flush()
  }

  /** Unasked for: now, or when the line is free again. */
  #tell(text: string): void {
    this.#unasked.push(this.#at.encode(text))
    if (this.#mode === 'command') this.#flush()
  }

  #flush(): void {
    for (const bytes of this.#unasked.splice(0)) this.#send(bytes)
  }

  // ---- commands

  #command(command: string, rest: readonly string[]): boolean | 'later' {
    const [, name, operator = '', argument = ''] = /^(\+?[&*]?[A-Z]+)(=\?|\?|=)?(.*)$/s.exec(command) ?? []
    if (name === undefined) return false
    if (!name.startsWith('+')) return this.#basic(name, argument === '' ? 0 : Number(argument))
    return this.#extended(name, operator, argument, rest)
  }

  #basic(name: string, n: number): boolean | 'later' {
    const { profile } = this.#at
    if (!Number.isInteger(n)) return false
    switch (name) {
      case 'E':
        profile.echo = n === 1
        return n <= 1
      case 'V':
        profile.verbose = n === 1
        return n <= 1
      case 'Q':
        profile.quiet = n === 1
        return n <= 1
      case '&W':
        this.#at.store()
        return n <= 1
      case '&F':
        this.#at.forgetProfile()
        return n <= 1
      case 'Z':
        this.#at.restart()
        return n <= 1
      case '&K':
        return [0, 3, 4, 6].includes(n)
      case '&D':
        return n <= 3
      case '&Y':
        return n <= 1
      case '*R':
        this.#radio.isOn = n === 1
        return n <= 1
      case '*F':
        this.#result(true)
        this.powerOff()
        return 'later'
      default:
        return false
    }
  }

  #extended(name: string, operator: string, argument: string, rest: readonly string[]): boolean | 'later' {
    const say = (text: string): true => {
      this.#information(text)
      return true
    }
    const fixed = ANSWERS[`${name}${operator}`]
    if (fixed !== undefined) return say(fixed)
    switch (`${name}${operator}`) {
      case '+CSQ':
        return this.#busy(this.#options.signalMs ?? 0, () => {
          this.#information(`+CSQ:${this.signal}`)
          this.#next(rest)
        })
      case '+CSQF':
        return say(`+CSQF:${this.signal}`)
      case '+CIER=': {
        const [mode = '0', signal = '0', service = '0'] = argument.split(',')
        this.#indicators = { signal: mode === '1' && signal === '1', service: mode === '1' && service === '1' }
        return /^[01](,[01]){0,4}$/.test(argument)
      }
      case '+CIER?':
        return say(`+CIER:${Number(this.#indicators.signal || this.#indicators.service)},${Number(this.#indicators.signal)},${Number(this.#indicators.service)}`)
      case '+SBDMTA=':
        this.#ringAlerts = argument === '1'
        return /^[01]$/.test(argument)
      case '+SBDMTA?':
        return say(`+SBDMTA:${Number(this.#ringAlerts)}`)
      case '+SBDWB=':
        return this.#writeBinary(Number(argument))
      case '+SBDWT':
        return this.#awaitText()
      case '+SBDWT=':
        if (argument.length > 120) return false
        this.mo = Buffer.from(argument, 'latin1')
        return true
      case '+SBDRB':
        this.#readBinary()
        return true
      case '+SBDRT':
        this.#send(Buffer.concat([Buffer.from('\r\n+SBDRT:\r'), this.mt?.bytes ?? Buffer.alloc(0), Buffer.from('\r\n')]))
        return true
      case '+SBDD':
        if (!/^[012]?$/.test(argument)) return false
        if (argument !== '1') this.mo = null
        if (argument === '1' || argument === '2') this.mt = null
        return say('0')
      case '+SBDC':
        this.#radio.momsn = 0
        return say('0')
      case '+SBDS':
        return say(`+SBDS: ${this.#buffers()}`)
      case '+SBDSX':
        return say(`+SBDSX: ${this.#buffers()}, ${Number(this.#radio.hasRung)}, ${this.#radio.queued}`)
      case '+SBDTC':
        this.mt = this.mo === null ? null : { mtmsn: 0, bytes: this.mo }
        return say(this.mo === null ? '1' : '0')
      case '+SBDIX':
      case '+SBDIX=':
      case '+SBDIXA':
      case '+SBDIXA=':
        return this.#session(rest)
      case '+SBDREG':
        return say(this.#radio.register())
      case '+SBDREG?':
        return say(`+SBDREG:${this.#radio.isRegistered ? 2 : 0}`)
      default:
        return false
    }
  }

  #buffers(): string {
    return `${this.mo === null ? 0 : 1}, ${this.momsn}, ${this.mt === null ? 0 : 1}, ${this.mt?.mtmsn ?? -1}`
  }

  #busy(ms: number, then: () => void): 'later' {
    this.#mode = 'busy'
    this.#timer = this.#clock.after(ms, () => {
      this.#mode = 'command'
      then()
    })
    return 'later'
  }

  // ---- data

  #writeBinary(bytes: number): boolean | 'later' {
    if (!(bytes >= 1 && bytes <= (this.#options.moBytesMax ?? 340))) {
      this.#information('3')
      return true
    }
    this.#information('READY')
    this.#mode = 'binary'
    this.#data = []
    this.#dataBytes = bytes
    this.#timer = this.#clock.after(DATA_MS, () => {
      this.#mode = 'command'
      this.#information('1')
      this.#flush()
    })
    return 'later'
  }

  #onBinary(): void {
    this.#timer?.cancel()
    this.#mode = 'command'
    const all = Buffer.from(this.#data)
    const bytes = all.subarray(0, this.#dataBytes)
    const isRight = all.readUInt16BE(this.#dataBytes) === sum(bytes)
    const answer = this.writeAnswers.shift() ?? (isRight ? 0 : 2)
    if (answer === 0) this.mo = bytes
    this.#information(String(answer))
    if (answer === 1) this.#flush()
    else this.#result(true)
  }

  #awaitText(): 'later' {
    this.#information('READY')
    this.#mode = 'text'
    this.#data = []
    this.#timer = this.#clock.after(DATA_MS, () => {
      this.#mode = 'command'
      this.#information('1')
    })
    return 'later'
  }

  #onText(): void {
    this.#timer?.cancel()
    this.mo = Buffer.from(this.#data)
    this.#information('0')
    this.#result(true)
  }

  #readBinary(): void {
    const bytes = this.mt?.bytes ?? Buffer.alloc(0)
    const block = Buffer.alloc(bytes.length + 4)
    block.writeUInt16BE(bytes.length, 0)
    bytes.copy(block, 2)
    block.writeUInt16BE(sum(bytes), bytes.length + 2)
    if (this.damagedBlocks > 0) {
      this.damagedBlocks--
      block[2]! ^= 1
    }
    this.#send(block)
  }

  // ---- sessions

  #onRing(): void {
    if (this.#mode !== 'off' && this.#radio.ring() && this.#ringAlerts) this.#tell('SBDRING')
  }

  #session(rest: readonly string[]): 'later' {
    this.sessions++
    this.mt = null
    const fault = this.faults.shift() ?? this.nextFault()
    return this.#busy(this.#options.sessionMs ?? 0, () => {
      const exchanged = this.#radio.exchange(this.mo, fault)
      if (exchanged === null) return this.powerCycle()
      this.mt = exchanged.mt
      this.#information(`+SBDIX: ${exchanged.numbers.join(', ')}`)
      this.#next(rest)
    })
  }
}

function sum(bytes: Uint8Array): number {
  return bytes.reduce((total, byte) => total + byte, 0) & 0xffff
}
